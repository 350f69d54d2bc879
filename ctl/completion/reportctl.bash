# SPDX-License-Identifier: MIT
# bash completion for reportctl(1)

_reportctl_options() {
	case $1 in
	init) echo --roles ;;
	submit) echo --name --sql --sql-file --prep --prep-file --param --format \
		--path --option --priority --source --type --schedule --time-zone \
		--misfire --timeout --max-retries --wait ;;
	runs) echo --limit --status ;;
	watch) echo --interval ;;
	run) echo --param --wait ;;
	next) echo --zone --count ;;
	export) echo --sql --sql-file --output --format --option --param --source \
		--time-zone ;;
	esac
	echo --config --json --help
}

_reportctl() {
	local cur prev words cword command='' i
	local commands='init submit status runs watch run retry cancel next export
		formats doctor help'

	_init_completion 2>/dev/null || {
		COMPREPLY=()
		cur=${COMP_WORDS[COMP_CWORD]}
		prev=${COMP_WORDS[COMP_CWORD - 1]}
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
	}
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-c | --config) ((++i)) ;;
		-*) ;;
		*)
			command=${words[i]}
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
	--format)
		mapfile -t COMPREPLY < <(compgen -W "$(reportctl formats 2>/dev/null |
			awk 'NR > 1 { print $1 }')" -- "$cur")
		return
		;;
	--status)
		mapfile -t COMPREPLY < <(compgen -W 'PROCESSING COMPLETED FAILED
			CANCELLED RELEASED LOST' -- "$cur")
		return
		;;
	--misfire)
		mapfile -t COMPREPLY < <(compgen -W 'LATEST SKIP ALL' -- "$cur")
		return
		;;
	--priority)
		mapfile -t COMPREPLY < <(compgen -W '1 2 3 4 5' -- "$cur")
		return
		;;
	--zone | --time-zone)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /usr/share/zoneinfo 2>/dev/null &&
			find [A-Z]* -type f)" -- "$cur")
		return
		;;
	--name | --sql | --prep | --param | --option | --path | --source | --type | \
		--schedule | --timeout | --max-retries | --limit | -n | --interval | \
		--count)
		return
		;;
	esac

	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --config --json --help
			--version" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_reportctl_options "$command")" \
			-- "$cur")
	elif [[ $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	fi
}
complete -F _reportctl reportctl
