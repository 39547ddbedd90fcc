#!/bin/sh
# restore_sql.sh [OPTION...] FILE: prints a dump as the SQL that pg_restore makes of it with these
# options, without the SET of what the server of libpq's environment variables does not know.
# pg_restore of 17 and newer sets transaction_timeout, which 15 and 16 refuse.
# Exit status: 0 printed whole, 1 not.
set -u

# The settings of the beginning, line by line; what holds rows goes through whole.
pass_on() {
    while IFS= read -r line; do
        case $line in
            'SET '*)
                name=${line#SET }
                case $known in *" ${name%% *} "*) ;; *) continue ;; esac
                ;;
            '' | --* | \\* | 'SELECT pg_catalog.set_config('*) ;;
            *)
                printf '%s\n' "$line"
                break
                ;;
        esac
        printf '%s\n' "$line"
    done
    cat
}

known=" $(psql -X -w -q -A -t -R ' ' -c 'SELECT name FROM pg_catalog.pg_settings') " || exit 1
exec 4>&1
failed=$({ { pg_restore --file=- "$@" || echo failed >&3; } | pass_on >&4; } 3>&1) || exit 1
[ -z "$failed" ]
