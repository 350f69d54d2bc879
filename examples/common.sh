# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The steps that the examples share. The script `run` of an example sources this file, defines start()
# and ends with `main`. Its first argument may be a verb: stop, remove, or one of $verbs.
# One that reads files by DuckDB sets needs_duckdb first.
# This file sets:
#
#	example, here, home    name and folder of the example, folder of all that it makes
#	bin, conf, log         reportd's programs, their settings, what the steps said
#	verb                   what was asked for
#	library                path of DuckDB's library, after begin()
#	at                     ` DIR` when it was given, to say how to call the script again
#	secret_arn, redshift, redshift_password, queue, topics
#	                       what start_account() has started, see examples/account
here=$(dirname "$(readlink -f "$0")")
example=${here##*/}
verb=start
[[ " stop remove ${verbs:-} " != *" ${1:- } "* ]] || { verb=$1 && shift; }
home=$(realpath -m "${1:-$here/$example.d}")
# shellcheck disable=SC2034 # for the example
at=${1:+ $(printf %q "$1")}
cd "$here/../.."
bin=${REPORTD_BIN_DIR:-build}
unset "${!PG@}" "${!REPORTD_@}" "${!AWS_@}" "${!REDSHIFT_@}"
. scripts/steps.sh

conf=$home/reportd.conf
log=$home/run.log
own_duckdb=$home/duckdb/libduckdb.so duckdb_version=1.5.6-r.1
doing='' daemon='' began='' children=()
endpoint='' key='' secret='' secret_arn='' redshift='' redshift_password='' queue='' topics=''

run() {
	doing=$1
	step "$log" "$@"
}

# now WHAT names what is done next, where it is no step of its own.
now() {
	doing=$1
	printf '\n== %s\n' "$doing" >>"$log"
}

# Ends what was started in the background. The last line says how it went, whatever happens.
finish() {
	local status=$? i
	for ((i = ${#children[@]} - 1; i >= 0; i--)); do
		{ kill "${children[i]}" && wait "${children[i]}"; } 2>/dev/null || true
	done
	if ((status != 0)); then
		sed "1,/^== $doing\$/d; s/^/    /" "$log" | tail -n 15
		echo "$example: failed while $doing; all of the log: $log"
	fi
	exit "$status"
}

# Makes the folder, reportd if need be, and a private PostgreSQL server. DuckDB is looked for, and
# fetched, before minutes are spent on the rest.
begin() {
	mkdir -p "$home"
	: >"$log"
	trap finish EXIT
	[[ -z ${needs_duckdb:-} ]] || find_duckdb
	[[ -x $bin/reportd ]] || {
		run 'installing what is missing' scripts/install-deps build server
		run 'building reportd' build "$bin"
	}
	run 'starting a private PostgreSQL server' scripts/cluster start "$home" fsync=off
	eval "$(scripts/cluster env "$home")"
}

# Fetches DuckDB's library by npm, as the manual says, into the folder of the example.
fetch_duckdb() {
	local to=$home/duckdb package=@duckdb/node-bindings-linux-x64
	[[ $(uname -m) != aarch64 ]] || package=${package%x64}arm64
	rm -rf "$to"
	mkdir -p "$to"
	if scripts/install-deps duckdb && npm pack --pack-destination "$to" "$package@$duckdb_version" &&
		tar -xf "$to"/*.tgz -C "$to" package/libduckdb.so; then
		mv "$to/package/libduckdb.so" "$own_duckdb"
		rm -r "$to/package" "$to"/*.tgz
		return
	fi
	cat <<-END
		DuckDB's library is missing, and could not be fetched. Where npm works it is got by:
		  npm pack $package && tar -xzf duckdb-node-bindings-linux-*.tgz
		  export DUCKDB_LIBRARY=\$PWD/package/libduckdb.so
		Without npm: docs/duckdb.md, "The library". Then run this script again.
	END
	return 1
}

find_duckdb() {
	[[ -n $(duckdb_library "$own_duckdb") ]] ||
		run "fetching DuckDB's library by npm, 24 MB" fetch_duckdb
	# shellcheck disable=SC2034 # for the example
	library=$(duckdb_library "$own_duckdb")
}

make_database() {
	[[ -n $(psql -XAtc "select 1 from pg_database where datname = '$1'") ]] || createdb "$1"
}

# Fails, with the ends of the logs, when the process has ended.
alive() {
	kill -0 "$1" 2>/dev/null || {
		find "$home" -maxdepth 1 -name '*.log' ! -name run.log -exec tail -n 5 {} +
		return 1
	}
}

# await PID WHAT COMMAND... waits until COMMAND succeeds. Fails when the process ends
# meanwhile, and after two minutes.
await() {
	local pid=$1 what=$2 deadline=$((SECONDS + 120))
	shift 2
	until "$@"; do
		alive "$pid" || return
		((SECONDS < deadline)) || { echo "still waiting for $what" && return 1; }
		sleep 0.1
	done
}

finds() {
	[[ -n $(psql -XAtc "$1") ]]
}

# start_account [OPTION...] LOGIN BUCKETS starts what an AWS account is elsewhere, and sets
# what each program in AWS has; elsewhere nobody sets an endpoint.
start_account() {
	rm -f "$home/account"
	examples/account "$@" "$home/account" 2>"$home/account.log" &
	local account=$!
	children+=("$account")
	await "$account" 'the stand-ins for AWS' test -f "$home/account"
	# shellcheck source=/dev/null
	. "$home/account"
	# shellcheck disable=SC2034 # for the example
	readonly secret_arn redshift redshift_password queue topics
	export AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret
	export REPORTD_AWS_ENDPOINT=$endpoint REPORTD_S3_ENDPOINT=$endpoint
}

start_daemon() {
	# Reports that failed earlier are no failure of this run.
	began=$(psql -XAtc 'select now()')
	"$bin/reportd" -c "$conf" 2>>"$home/reportd.log" &
	daemon=$!
	children+=("$daemon")
	await "$daemon" 'the daemon' finds 'select 1 from reportd.report_worker'
}

# Waits until nothing runs or waits that was asked for. What waits for a new file, because
# a schedule has taken those that are there, waits for the next round. Fails with what has FAILED since the
# daemon began, when those who are to be told have been told: others may wait for it much
# longer.
settle() {
	local open failed deadline=$((SECONDS + 120))
	while :; do
		alive "$daemon" || return
		# In this order: what ends in between is found by the second question.
		open=$(psql -XAtc "select report_key, status, waits_for from reportd.v_requests
			where status in ('QUEUED', 'PENDING', 'PROCESSING')
				or status = 'WAITING' and waits_for !~ 'a whole new file'
			union all select 'notice', state, null from reportd.v_notifications
			where state in ('PENDING', 'SENDING')")
		failed=$(psql -XAtc "select report_key, error_message from reportd.v_requests
			where status = 'FAILED' and ended_at >= '$began' and not exists (
				select from reportd.v_notifications where state in ('PENDING', 'SENDING'))
			union all select 'notice', last_error from reportd.v_notifications
			where state = 'FAILED' and created_at >= '$began'")
		[[ -z $failed ]] || { echo "$failed" && return 1; }
		[[ -n $open ]] || break
		((SECONDS < deadline)) || { echo "still waiting: $open" && return 1; }
		sleep 0.1
	done
}

# Stops the programs that an example has started beside the server and leaves running like it.
stop_others() {
	:
}

main() {
	case $verb in
	stop) stop_others && scripts/cluster stop "$home" && echo "$example: the server is stopped" ;;
	remove)
		stop_others
		scripts/cluster remove "$home"
		rm -rf "$home"
		echo "$example: all that it has made is deleted"
		;;
	*) "$verb" ;;
	esac
}
