#!/bin/sh
# Runs verify_migration.sh in the verification Job. The termination message of a verified schema is
# the JSON report, otherwise a sentence. Exit status: 0 verified, 1 a check failed, 11 credentials
# or rights, 12 gave up waiting, 13 another error, 143 stopped by a signal.
# Environment: CREDENTIALS_DIR MIGRATIONS_DIR SCHEMA OWNER_ROLE APP_ROLE READER_ROLES
# OWNS_DATABASE APPLICATION_SETUP DEADLINE_SECONDS TERMINATION_LOG TMPDIR
set -u

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 13
# A Job's folder holds all files, a clone the room of the database beside this one.
login=$scripts/connection.sh
[ -r "$login" ] || login=$scripts/../database/connection.sh
# shellcheck source=SCRIPTDIR/../database/connection.sh
. "$login"
migrations=${MIGRATIONS_DIR:-/migrations}
schema=${SCHEMA:-public}
deadline=${DEADLINE_SECONDS:-300}

child=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$child" ] || kill "$child" 2> /dev/null
    finish 143 "stopped by a signal before the end; verification may be run again at any time"
}

verify() { # SECONDS
    # A server that takes what is sent and never answers would hold psql for ever.
    set -- timeout -s KILL "$1" sh "$migrations/verify_migration.sh" --json --schema "$schema" \
        --owner "${OWNER_ROLE:-}" --app-role "${APP_ROLE:-}" --readers "${READER_ROLES:-}"
    [ "${OWNS_DATABASE:-false}" = true ] && set -- "$@" --owns-database
    [ -z "${APPLICATION_SETUP:-}" ] || set -- "$@" --application-setup "$APPLICATION_SETUP"
    TMPDIR=$work "$@" "$connection" > "$work/report" 2> "$work/error" &
    child=$!
    wait "$child"
    status=$?
    child=
    return "$status"
}

finish_unless_transient() {
    text=$(sed -n 's/^verify_migration.sh: //p' "$work/error" | head -n 1)
    text=${text:-$(head -n 1 "$work/error")}
    [ "$status" -ne 137 ] || text="the server took what was sent and never answered"
    judge "${text%%:*}"
    case $verdict in
        again | raced) return ;;
        rights) finish 11 "credentials or rights: ${text#*: }" ;;
        refused | error) finish 13 "SQL error $text" ;;
    esac
    ! blames_credentials "$text" || finish 11 "credentials or rights: $text"
    ! lasts_too_long "$text" || finish 12 "gave up after $attempt attempts: $text; $cure"
    case $text in
        *'No such file'* | *'psql: not found'*) finish 13 "$text" ;;
        *) ;;
    esac
}

use_credentials
work=$(mktemp -d) || finish 13 "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -rf "$work"' EXIT
trap stop TERM INT
end=$(($(date +%s) + deadline))
attempt=0
while :; do
    attempt=$((attempt + 1))
    left=$((end - $(date +%s)))
    verify $((left > 0 ? left + 5 : 5))
    status=$?
    [ ! -s "$work/report" ] || break
    finish_unless_transient
    [ "$(date +%s)" -lt "$end" ] ||
        finish 12 "gave up after $deadline s and $attempt attempts: $text"
    echo "==> attempt $attempt: $text; again in a moment"
    sleep $((attempt < 5 ? attempt : 5)) &
    child=$!
    wait "$child"
    child=
done
echo "==> verify: schema $schema, eight checks"
cat "$work/report"
if [ "$status" -ne 0 ]; then
    problems=$(sed -e 's/.*"problems":\["\(.*\)"\].*/\1/' -e 's/","/; /g' -e 's/\\"/"/g' \
        "$work/report" | cut -c 1-1500)
    version=$(sed -n 's/^[\]set version //p' "$migrations"/layout_*.sql | sort -n | tail -n 1)
    finish 1 "expected schema $schema to equal version $version, found: $problems;" \
        "docs/drift.md says what repairs it"
fi
{ cat "$work/report" > "$termination_log"; } 2> /dev/null || true
echo "==> result: verified"
