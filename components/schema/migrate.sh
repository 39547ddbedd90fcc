#!/bin/sh
# migrate.sh up|down: runs the migration with psql, again while the trouble may pass by itself.
# Exit status: 0 done, 10 refused, 11 credentials or rights, 12 gave up waiting, 13 another error,
# 143 stopped by a signal.
# Environment: CREDENTIALS_DIR MIGRATIONS_DIR SCHEMA OWNER_ROLE APP_ROLE READER_ROLES
# APPLICATION_SETUP ALLOW_DATA_LOSS OWNS_DATABASE SERVER_ID DUMP_SETTING DEADLINE_SECONDS
# PROGRESS_SECONDS TERMINATION_LOG TMPDIR
set -u

direction=${1:-}
migrations=${MIGRATIONS_DIR:-/migrations}
scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 13
# A Job's folder holds all files, a clone the room of the database beside this one.
login=$scripts/connection.sh
[ -r "$login" ] || login=$scripts/../database/connection.sh
# shellcheck source=SCRIPTDIR/../database/connection.sh
. "$login"
schema=${SCHEMA:-public}
deadline=${DEADLINE_SECONDS:-300}
progress=${PROGRESS_SECONDS:-30}

child=
watcher=
guard=
client=
stop() {
    trap '' TERM INT
    # The signal may have come while one was started, before its number was kept.
    [ "$child" != new ] || child=${!-}
    [ "$watcher" != new ] || watcher=${!-}
    stop_helpers
    if [ -n "$child" ]; then
        # psql answers INT by cancelling its statement on the server; another signal would leave
        # that running. A background sleep ignores INT and needs TERM.
        kill -"$ending" "$child" 2> /dev/null
        # Once more, for a statement that had not begun yet.
        (for again in "$ending" "$ending" "$ending" KILL; do
            sleep 0.5
            kill -"$again" "$child" || exit
        done) > /dev/null 2>&1 &
        watchdog=$!
        wait "$child" 2> /dev/null
        # It has inherited that TERM is ignored.
        kill -KILL "$watchdog" 2> /dev/null
    fi
    finish 143 "stopped by a signal before the end; the next run completes what is missing"
}

check_arguments() {
    case $direction in
        up | down) ;;
        *) finish 13 "expected up or down as the argument, found '$direction'" ;;
    esac
    find_newest
    [ -z "${DUMP_SETTING:-}" ] || read_client
    use_credentials
}

# Sets migration to the newest one's file, which includes those before it.
find_newest() {
    for migration in "$migrations"/[0-9][0-9][0-9]_*."$direction".sql; do
        [ -r "$migration" ] || finish 13 "expected files such as 001_what.$direction.sql in" \
            "$migrations, found none that can be read"
    done
}

# Sets client to the major version of pg_dump, for check_client.sql.
read_client() {
    client=$(pg_dump --version 2> /dev/null | sed -n 's/^[^0-9]* \([0-9][0-9]*\).*/\1/p')
    [ -n "$client" ] || finish 10 "refused: expected pg_dump in postgresImage for the dumps of" \
        "$DUMP_SETTING, found none: set postgresImage to an image that has it"
}

# A psql of its own: one that sleeps between its looks, in no transaction that a build waits for.
watch_builds() {
    watcher=new
    run_helper show_progress -v "seconds=$progress" 2> /dev/null &
    watcher=$!
}

stop_helpers() {
    for helper in $watcher $guard; do
        # A shell that was just forked may lose any other signal.
        kill -KILL "$helper" 2> /dev/null
    done
    watcher=
    guard=
}

run_helper() {
    name=$1
    shift
    exec psql -X -w -q -v "schema=$schema" "$@" -f "$scripts/$name.sql" "$connection"
}

# Sets blocker to the oldest transaction that holds a lock on a table.
find_blocker() {
    run_helper show_progress > "$work/progress" 2> /dev/null &
    child=$! ending=TERM
    wait "$child"
    child=
    blocker=$(sed -n 's/^==> in the way: //p' "$work/progress" | head -n 1)
}

run_psql() {
    result=
    space=
    rm -f "$work/stdout"
    mkfifo "$work/stdout"
    child=new ending=INT
    psql -X -w -q -v ON_ERROR_STOP=1 -v "schema=$schema" -v "index_timeout=${1}s" \
        -v "owner=${OWNER_ROLE:-}" -v "app_role=${APP_ROLE:-}" \
        -v "readers=${READER_ROLES:-}" -v "allow_data_loss=${ALLOW_DATA_LOSS:-false}" \
        -v "owns_database=${OWNS_DATABASE:-false}" \
        -v "server_id=${SERVER_ID:-}" \
        ${APPLICATION_SETUP:+-v "application_setup=$APPLICATION_SETUP"} \
        ${client:+-v "client=$client" -v "dump_setting=$DUMP_SETTING"} \
        ${client:+-f "$scripts/check_client.sql"} \
        -f "$migration" "$connection" > "$work/stdout" 2> "$work/stderr" &
    child=$!
    kill_after $(($1 + 5)) "$child" &
    guard=$!
    while IFS= read -r line; do
        case $line in
            '==> result: '*)
                result=${line#'==> result: '}
                continue
                ;;
            '==> space: '*)
                space=${line#'==> space: '}
                watch_builds
                ;;
        esac
        printf '%s\n' "$line"
    done < "$work/stdout"
    wait "$child"
    status=$?
    child=
    stop_helpers
    return "$status"
}

# Sets code to the SQLSTATE, or to nothing when the server gave none, and text to the sentence.
read_error() {
    # The word before the SQLSTATE is in the language of the server: ERROR, FATAL, FEHLER.
    first=$(sed -n 's/^psql:[^:]*:[0-9]*: [^:]*:  \([0-9A-Z]\{5\}\): /\1 /p' "$work/stderr" |
        head -n 1)
    if [ -n "$first" ]; then
        code=${first%% *}
        text=${first#* }
    else
        code=
        text=$(sed -n -e 's/^psql:.*error: \\connect: //p' -e 's/^psql: error: //p' \
            -e '/^connection to server/p' "$work/stderr" | tail -n 1)
        [ -n "$text" ] || text=$(sed 's/^psql:[^ ]* *//' "$work/stderr" | head -n 1)
        [ "$status" -ne 137 ] || text="the server took what was sent and never answered"
        text=${text:-psql ended without a message}
    fi
}

newest_layout() {
    last=$(sed -n 's/^[\]ir \(layout_[0-9]*[.]sql\)$/\1/p' "$migration")
    printf '%s/%s\n' "$migrations" "$last"
}

# Another attempt would fill the disk again.
finish_disk_full() {
    run_helper drop_invalid_indexes -v "owner=${OWNER_ROLE:-}" -v "layout_file=$(newest_layout)" \
        > /dev/null 2>&1 &
    child=$! ending=INT
    wait "$child"
    child=
    finish 13 "SQL error 53100: $text${space:+; $space}: free disk space, then run it again"
}

# Returns only when another attempt may succeed.
finish_unless_transient() {
    case $code in
        55P03)
            find_blocker
            text="$text${blocker:+; in the way: $blocker}"
            ;;
        53100) finish_disk_full ;;
        # A standby that is being promoted, where an attempt before had a primary.
        MG001) [ "$attempt" -eq 1 ] || return ;;
        2BP01) text="$text: $(sed -n 's/^DETAIL:  //p' "$work/stderr" | head -n 1)" ;;
    esac
    judge "$code"
    case $verdict in
        # setup() of an application takes no lock.
        again | raced) return ;;
        refused) finish 10 "refused: $text" ;;
        rights) finish 11 "credentials or rights: $text" ;;
        error) finish 13 "SQL error $code: $text" ;;
    esac
    ! blames_credentials "$text" || finish 11 "credentials or rights: $text"
    ! lasts_too_long "$text" || finish 12 "gave up after $attempt attempts: $text; $cure"
    case $text in
        *'no rows returned'* | *'No such file'* | *'psql: not found'*) finish 13 "psql: $text" ;;
        *) ;;
    esac
}

# Anything from 0 to twice the last limit, 0.25 to 2 seconds: pods must not stay in step.
pause_after() {
    longest=$((250 << ($1 < 4 ? $1 - 1 : 3)))
    random=$(od -An -N2 -tu2 /dev/urandom)
    milliseconds=$((random % longest))
    printf '%d.%03d' $((milliseconds / 1000)) $((milliseconds % 1000))
}

trap stop TERM INT
check_arguments
work=$(mktemp -d) || finish 13 "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -rf "$work"' EXIT
end=$(($(date +%s) + deadline))
attempt=0
cure=
said=
while :; do
    attempt=$((attempt + 1))
    left=$((end - $(date +%s)))
    run_psql $((left > 0 ? left : 1)) && finish 0 "$result"
    read_error
    finish_unless_transient
    pause=$(pause_after "$attempt")
    now=$(date +%s)
    [ $((end - now)) -gt "${pause%.*}" ] || finish 12 \
        "gave up after $deadline s and $attempt attempts: $text;" \
        "${cure:-timeoutSeconds sets how long}"
    if [ "$text" != "$said" ] || [ "$now" -ge "$quiet_until" ]; then
        echo "==> attempt $attempt: $text; again in a moment"
        said=$text quiet_until=$((now + progress))
    fi
    sleep "$pause" &
    child=$! ending=TERM
    wait "$child"
    child=
done
