# bash completion of the jitorigin command                                  -*- shell-script -*-

_jitorigin() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} options files

    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'inspect ism check get dump package audit --help --version' -- "$cur")
        return
    fi
    case $command:$prev in
    package:-f | package:--format)
        mapfile -t COMPREPLY < <(compgen -W 'hls dash smooth' -- "$cur")
        return ;;
    get:-w | get:--with)
        mapfile -t COMPREPLY < <(compgen -W 'sample-entry=source url-style=cmaf url-version clip=exact manifest-filter query-options progressive' -- "$cur")
        return ;;
    package:-o | package:--output | check:--root)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return ;;
    esac
    case $command in
    inspect) options='--json --help' files='*.@(mp4|m4v|m4a|mov|cmfv|cmfa|cmft|ismv|isma|ismt)' ;;
    ism) options='--output --help' files='*.@(mp4|m4v|m4a|mov|cmfv|cmfa|cmft|ismv|isma|ismt)' ;;
    check) options='--root --strict --json --help' files='*.@(ism|isml)' ;;
    get) options='--include --with --help' files='*.@(ism|isml|mp4)' ;;
    dump) options='--help' files='*' ;;
    package) options='--output --format --cmaf --force --quiet --help' files='*.@(ism|isml|mp4|mov|cmfv|ismv)' ;;
    audit) options='--segments --timeout --strict --json --help' files='' ;;
    *) return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif [ -n "$files" ]; then
        # a file of the right kind, or a folder on the way to one
        mapfile -t COMPREPLY < <(shopt -s extglob; compgen -f -X "!$files" -- "$cur"; compgen -d -S / -- "$cur")
    fi
}

complete -o filenames -F _jitorigin jitorigin
