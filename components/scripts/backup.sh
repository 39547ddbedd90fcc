#!/bin/sh
# Dumps LangGraph's tables into a volume before the rollback drops them.
# Exit status: 0 complete dump or no table there, 10 no complete dump, 143 stopped by a signal.
# Environment: CREDENTIALS_DIR BACKUP_DIR BACKUP_NAME BACKUP_CLAIM SCHEMA OWNER_ROLE TERMINATION_LOG
set -u
umask 077

credentials=${CREDENTIALS_DIR:-/vault/secrets}
folder=${BACKUP_DIR:-/backup}
claim=${BACKUP_CLAIM:-$folder}
termination_log=${TERMINATION_LOG:-/dev/termination-log}
name=${BACKUP_NAME:-checkpoints}
file=$name-$(date -u +%Y%m%dT%H%M%SZ).dump
# One name for all attempts: what a killed one left does not pile up.
partial=$folder/.$name.partial
# The one message of pg_dump that is no failure is known in the C locale only.
export LC_ALL=C
export PGSERVICEFILE="$credentials/pg_service.conf" PGPASSFILE="$credentials/pgpass"
PGAPPNAME=${PGAPPNAME:-$(hostname)}
export PGAPPNAME

finish() {
    status=$1
    shift
    sentence=$(printf '%s' "$*" | tr '\n' ' ' | cut -c 1-2000)
    { printf '%s\n' "$sentence" > "$termination_log"; } 2> /dev/null || true
    printf '==> backup: %s\n' "$sentence"
    exit "$status"
}

refuse() {
    finish 10 "no table was dropped, since there is no complete dump in $claim: $*"
}

child=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$child" ] || kill "$child" 2> /dev/null
    finish 143 "stopped by a signal before the dump was complete; no table was dropped"
}

# In the background, since a shell answers a signal only between two commands.
run() {
    "$@" 2> "$partial.errors" &
    child=$!
    wait "$child"
    status=$?
    child=
    return "$status"
}

dump() {
    run pg_dump --format=custom --no-password --lock-wait-timeout=60s --file="$partial" \
        ${OWNER_ROLE:+"--role=$OWNER_ROLE"} \
        --table="\"$schema\".checkpoint_migrations" --table="\"$schema\".checkpoints" \
        --table="\"$schema\".checkpoint_blobs" --table="\"$schema\".checkpoint_writes" \
        --dbname="service=checkpoint connect_timeout=5 tcp_user_timeout=15000"
}

if ! [ -d "$folder" ] || ! [ -w "$folder" ]; then
    refuse "expected a folder that user $(id -u) may write to, found $(ls -ld "$folder" 2>&1)"
fi
trap 'rm -f "$partial" "$partial.errors"' EXIT
trap stop TERM INT
# Quoted and with its quotes doubled, the name is no pattern.
schema=$(printf '%s' "${SCHEMA:-public}" | sed 's/"/""/g')
echo "==> backup: dumping the checkpoint tables of schema ${SCHEMA:-public} to $file in $claim"
if ! dump; then
    case $(cat "$partial.errors") in
        *'no matching tables were found'*) finish 0 "no checkpoint tables, nothing to dump" ;;
    esac
    refuse "$(head -n 2 "$partial.errors")"
fi
# Reads the dump to its end, which its table of contents alone would not prove.
run pg_restore --file=/dev/null "$partial" || refuse "$(head -n 2 "$partial.errors")"
tables=$(pg_restore --list "$partial" | grep -c ' TABLE DATA ')
[ "$tables" -gt 0 ] || refuse "expected tables in the dump, found none"
bytes=$(wc -c < "$partial")
run mv "$partial" "$folder/$file" || refuse "$(head -n 1 "$partial.errors")"
sync
finish 0 "dumped $tables tables ($bytes bytes) to $file in PersistentVolumeClaim $claim"
