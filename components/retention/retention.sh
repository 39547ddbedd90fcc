#!/bin/sh
# Deletes old checkpoints: prunes idle threads to their newest ones, drops older threads whole.
# Exit status: 0 done or out of time, 10 refused, 11 credentials or rights, 12 gave up waiting,
# 13 another error, 143 stopped by a signal. Whatever ends it, the next run goes on.
# Environment: CREDENTIALS_DIR SCHEMA OWNER_ROLE KEEP_LATEST_AFTER_DAYS DELETE_THREADS_AFTER_DAYS
# DELETE_ORPHANS DRY_RUN GRACE_SECONDS MOST_AT_ONCE DEADLINE_SECONDS TERMINATION_LOG TMPDIR
set -u

files=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 13
# A Job's folder holds all files, a clone the room of the database beside this one.
login=$files/connection.sh
[ -r "$login" ] || login=$files/../database/connection.sh
# shellcheck source=SCRIPTDIR/../database/connection.sh
. "$login"
# shellcheck source=SCRIPTDIR/retention_steps.sh
. "$files/retention_steps.sh"
# shellcheck source=SCRIPTDIR/retention_session.sh
. "$files/retention_session.sh"
deadline=${DEADLINE_SECONDS:-300}

child=
guard=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$guard" ] || kill "$guard" 2> /dev/null
    if [ -n "$child" ]; then
        # psql answers INT by cancelling its statement on the server.
        kill -"$ending" "$child" 2> /dev/null
        # It goes on with what it is told, and ends when nothing more can come.
        exec 3>&-
        (sleep 2 && kill -KILL "$child") > /dev/null 2>&1 &
        watchdog=$!
        wait "$child" 2> /dev/null
        # It has inherited that TERM is ignored.
        kill -KILL "$watchdog" 2> /dev/null
    fi
    finish 143 "stopped by a signal before the end; the next run goes on"
}

# Sets code to the SQLSTATE of the last error, or to nothing, and text to its sentence.
read_error() {
    last=$(sed -n 's/^psql:[^:]*:[0-9]*: [^:]*:  \([0-9A-Z]\{5\}\): /\1 /p' "$work/stderr" |
        tail -n 1)
    code=
    if [ -n "$last" ] && { [ "$status" -eq 3 ] || [ "$failed" = true ]; }; then
        code=${last%% *}
        text=${last#* }
    else
        text=$(sed -n -e 's/^psql: error: //p' -e '/^connection to server/p' "$work/stderr" |
            tail -n 1)
        text=${text:-${last#* }}
        # Killed, by the guard or, before its time, by somebody else or for its memory.
        if [ "$status" -eq 137 ] && [ "$(date +%s)" -ge $((end + 30)) ]; then
            text="the server took what was sent and never answered"
        elif [ "$status" -eq 137 ]; then
            text="psql was killed, by somebody else or for its memory"
        fi
        text=${text:-psql ended without a message}
    fi
}

# Returns only when another attempt may succeed.
finish_unless_transient() {
    judge "$code"
    case $verdict in
        again | raced) return ;;
        refused) finish 10 "refused: $text" ;;
        rights) finish 11 "credentials or rights: $text" ;;
        error) finish 13 "SQL error $code: $text" ;;
    esac
    ! blames_credentials "$text" || finish 11 "credentials or rights: $text"
    ! lasts_too_long "$text" || finish 12 "gave up after $attempt attempts: $text; $cure"
    case $text in
        *'No such file'* | *'psql: not found'*) finish 13 "psql: $text" ;;
        *) ;;
    esac
}

trap stop TERM INT
# Where psql has ended, what is written to it fails instead of ending this shell.
trap '' PIPE
use_credentials
work=$(mktemp -d) || finish 13 "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -rf "$work"' EXIT
end=$(($(date +%s) + deadline))
attempt=0
while :; do
    attempt=$((attempt + 1))
    left=$((end - $(date +%s)))
    left=$((left > 0 ? left : 0))
    start_psql "$left"
    run_steps "$left"
    end_psql
    [ -z "$sentence" ] || finish 0 "$sentence"
    read_error
    finish_unless_transient
    [ "$(date +%s)" -lt "$end" ] || finish 12 \
        "gave up after $deadline s and $attempt attempts: $text; the next run goes on"
    echo "==> attempt $attempt: $text; again in a moment"
    sleep $((attempt < 5 ? attempt : 5)) &
    child=$! ending=TERM
    wait "$child"
    child=
done
