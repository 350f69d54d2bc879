# SPDX-License-Identifier: MIT
# bash completion for reportctl(1)

_reportctl_options() {
	case $1 in
	submit) echo --name --key --sql --sql-file --prep --prep-file --param --format \
		--path --option --priority --source --type --schedule --time-zone \
		--misfire --timeout --max-retries --notify --notify-failure --wait \
		--result --after --wait-timeout --horizon-overlap --input --inputs ;;
	ingest) echo --to --every --schema --together --watermark --full --exclude --small \
		--key --format --option --time-zone --horizon-overlap --notify-failure \
		--dry-run ;;
	list) echo --limit ;;
	runs) echo --limit --status ;;
	inputs) echo --limit --state --places --release --quarantine --input --url ;;
	watch) echo --interval ;;
	run) echo --param --cascade --wait --from --to ;;
	retry) echo --request --wait ;;
	cancel | why) echo --request ;;
	sources | targets) echo --register --forget ;;
	scale) echo --dry-run ;;
	next) echo --time-zone --count --after ;;
	export) echo --sql --sql-file --output --format --option --param --source \
		--time-zone ;;
	formats) echo --sql ;;
	esac
	echo --config --json --help
}

# Prints the words that an option accepts; false: it accepts any text.
_reportctl_values() {
	case $1 in
	--format) reportctl formats 2>/dev/null | awk '$2 ~ /^\(\./ { print $1 }' ;;
	--status) echo PROCESSING COMPLETED FAILED CANCELLED RELEASED LOST ;;
	--misfire) echo LATEST SKIP ALL ;;
	--priority) echo 1 2 3 4 5 ;;
	--zone | --time-zone)
		cd /usr/share/zoneinfo 2>/dev/null && find [A-Z]* -type f ;;
	--after | --notify | --notify-failure | --name | --key | --request | --from | --to | --forget | --sql | --prep | --param | --option | --path | --source | --type | \
		--result | --wait-timeout | --horizon-overlap | --input | --inputs | --url | --schedule | --every | --schema | --watermark | --full | --exclude | --small | --timeout | --max-retries | --limit | -n | --interval | \
		--count) ;;
	*) return 1 ;;
	esac
}

# Completes reports by name or ID: with the ID if one matches, else with a line for
# each. A blank among these lines leaves them no common beginning, which bash would
# put in place of the typed word.
_reportctl_reports() {
	local lines
	mapfile -t lines < <(reportctl "${conf[@]}" list -n 200 -- "$cur" \
		2>/dev/null | sed '1d; s/^ *//; s/ *$//')
	if [[ ${#lines[@]} = 1 ]]; then
		COMPREPLY=("${lines[0]%% *}")
	elif [[ ${#lines[@]} -gt 1 ]]; then
		COMPREPLY=("${lines[@]}")
		[[ $cur = +([0-9]) ]] || COMPREPLY+=(' ')
		compopt -o nosort 2>/dev/null
	fi
}

_reportctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' words i conf=()
	local commands='init submit list show status why runs inputs inbox watch run retry cancel change pause
		resume delete next export formats sources targets scale doctor'

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config) conf=(-c "${COMP_WORDS[++i]}") ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $prev in
	-c | --config | --sql-file | --prep-file | -o | --output)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if ! words=$(_reportctl_values "$prev"); then
		case $command in
		'') words="$commands help --config --json --help --version" ;;
		help) words=$commands ;;
		show | status | why | runs | inputs | run | retry | cancel | change | pause | resume | delete)
			if [[ $cur != -* ]]; then
				_reportctl_reports
				return
			fi
			words=$(_reportctl_options "$command")
			;;
		*) words=$(_reportctl_options "$command") ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _reportctl reportctl
