# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Functions that quickstart, run-tests and the examples share.

# step LOG NAME COMMAND... says NAME, runs COMMAND with its output going to LOG
# and returns its status. Not for `if` and `||`: they switch off -e in COMMAND.
step() {
	local log=$1 name=$2 since=$SECONDS flags=$- status
	shift 2
	printf '%s ... ' "$name"
	printf '\n== %s\n' "$name" >>"$log"
	set +e
	(
		set -e
		"$@"
	) >>"$log" 2>&1 </dev/null
	status=$?
	[[ $flags != *e* ]] || set -e
	((status == 0)) && echo "done ($((SECONDS - since)) s)" ||
		echo "FAILED ($((SECONDS - since)) s)"
	return "$status"
}

# build DIR [CONFIGURE-ARGUMENT...] configures (once) and builds out of tree.
build() {
	local source=$PWD dir=$1
	shift
	[[ -x configure ]] || autoreconf -i
	mkdir -p "$dir"
	cd "$dir"
	[[ -f Makefile ]] || "$source/configure" -q "$@"
	make -j"$(nproc)"
}

# duckdb_library PATH says where DuckDB's library is; nothing when there is none. It looks at
# PATH last; '' is none.
duckdb_library() {
	local path
	for path in "${DUCKDB_LIBRARY:-}" /opt/duckdb/libduckdb.so \
		"$(/sbin/ldconfig -p | sed -n 's/.*libduckdb\.so .*=> //p' | head -n 1)" "$1"; do
		[[ ! -f $path ]] || { echo "$path" && return; }
	done
}
