# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What quickstart and run-tests share.

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
