#!/bin/sh
# restore_drill.sh [FILE|FOLDER]: restores a dump, of a folder the newest, into a scratch database
# that it makes and drops, and verifies what came back as the verification Job does. BACKUP_NAME leaves
# out the dumps of other environments.
# The server is the one of libpq's environment variables (PGHOST, PGUSER, ... or PGSERVICE); in its
# Job that of the credential. The role must be allowed to create databases, none is changed.
# Exit status: 0 restored and verified, 10 no dump to restore, 11 credentials or rights, 12 the
# server is away, 13 not restored or not verified, 143 stopped by a signal.
# Environment: CREDENTIALS_DIR BACKUP_DIR BACKUP_NAME MIGRATIONS_DIR SCHEMA TERMINATION_LOG TMPDIR
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 13
# A Job's folder holds all files, a clone the room of the database beside this one.
login=$here/connection.sh
[ -r "$login" ] || login=$here/../database/connection.sh
# shellcheck source=SCRIPTDIR/../database/connection.sh
. "$login"
source=${1:-${BACKUP_DIR:-/backup}}
migrations=${MIGRATIONS_DIR:-$here/../../migrations}
schema=${SCHEMA:-public}

child=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$child" ] || kill "$child" 2> /dev/null
    finish 143 "stopped by a signal before the end; nothing but the scratch database was written to"
}

# In the background, since a shell answers a signal only between two commands.
run() {
    "$@" > "$work/output" 2> "$work/errors" &
    child=$!
    wait "$child"
    status=$?
    child=
    return "$status"
}

on_server() {
    run psql -X -w -q -v ON_ERROR_STOP=1 "$@"
}

# psql takes the end of what it reads for the end of a table's rows.
# shellcheck disable=SC2329  # called by its name
restore() {
    { sh "$here/restore_sql.sh" --no-owner --no-privileges "$dump" && : > "$work/whole"; } |
        psql -X -w -q -v ON_ERROR_STOP=1 -d "dbname=$scratch" && [ -e "$work/whole" ]
}

# FORCE, since the server may still be at the last statement of a restore that was stopped.
drop_scratch() {
    [ -z "$scratch" ] || on_server -c "DROP DATABASE IF EXISTS $scratch WITH (FORCE)"
}

# shellcheck disable=SC2329  # the trap below calls it
clean_up() {
    ending=$?
    trap - EXIT
    drop_scratch
    rm -rf "$work"
    exit "$ending"
}

# The division of verify.sh, in short: what a human mends, what passes, what the dump is to blame for.
fail() {
    text=$(grep -v '^pg_restore: while\|^pg_restore: from' "$work/errors" |
        sed 's/^psql:[^:]*:[0-9]*: //' | head -n 2)
    case $text in
        *'permission denied to create database'*)
            finish 11 "credentials or rights: $text; run ALTER ROLE ... CREATEDB for the drill's role"
            ;;
    esac
    ! blames_credentials "$text" || finish 11 "credentials or rights: $text"
    case $text in
        *'connection to server'* | *'could not translate host name'*) finish 12 "server away: $text" ;;
        *) finish 13 "$1: $text" ;;
    esac
}

refuse_dump() {
    text=$(head -n 1 "$work/errors")
    case $text in
        *'unsupported version'*) finish 10 "expected a dump of this pg_restore's version or older," \
            "found $dump: $text; set postgresImage to the version that made it" ;;
        *) finish 10 "$dump is no dump: $text" ;;
    esac
}

newest_dump() {
    for path in "$source"/*-[0-9]*Z.dump; do
        # The time at the end of the name, since several environments may share a folder.
        stamp=${path##*-}
        [ -f "$path" ] || continue
        [ -z "${BACKUP_NAME:-}" ] || [ "$path" = "$source/$BACKUP_NAME-$stamp" ] || continue
        printf '%s %s\n' "$stamp" "$path"
    done | sort | tail -n 1 | cut -d ' ' -f 2-
}

export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-5}"
if [ -n "${CREDENTIALS_DIR:-}" ]; then
    use_credentials
    export PGSERVICE=checkpoint
fi
work=$(mktemp -d) || finish 13 "expected a writable directory ${TMPDIR:-/tmp}, found none"
scratch=
trap clean_up EXIT
trap stop TERM INT
dump=$source
[ ! -d "$source" ] || dump=$(newest_dump)
[ -f "$dump" ] || finish 10 "expected a dump such as NAME-20260102T030405Z.dump in $source, found none"
run pg_restore --list "$dump" || refuse_dump

began=$(date +%s)
on_server -f "$here/drop_leftover_drills.sql" || fail "looking for what a killed drill left"
name=restore_drill_$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
echo "==> restore drill: ${dump##*/} into scratch database $name"
on_server -c "CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8'" || fail "creating $name"
scratch=$name
on_server -c "COMMENT ON DATABASE $name IS 'scratch database of a restore drill'" ||
    fail "marking $name"
quoted=$(printf '%s' "$schema" | sed 's/"/""/g')
on_server -d "dbname=$scratch" -c "CREATE SCHEMA IF NOT EXISTS \"$quoted\"" || fail "creating the schema"
run restore || fail "$dump was not restored"
run sh "$migrations/verify_migration.sh" --schema "$schema" "dbname=$scratch"
verified=$?
cat "$work/output"
[ "$verified" -eq 0 ] || finish 13 "restored ${dump##*/}, but it is not verified:" \
    "$(grep '^FAIL' "$work/output" | head -n 3) $(head -n 1 "$work/errors")"
passed=$(grep -c '^PASS' "$work/output")
drop_scratch || fail "dropping $scratch"
scratch=
finish 0 "restored ${dump##*/} ($(wc -c < "$dump") bytes) and verified it in" \
    "$(($(date +%s) - began)) s: $passed checks passed; the scratch database is dropped"
