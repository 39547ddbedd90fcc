#!/bin/sh
# Dumps LangGraph's tables into a folder: before the rollback drops them, or on a schedule.
# BACKUP_PURPOSE=schedule demands all tables, tries again while the server is away, and removes what
# it dumped more than BACKUP_KEEP_DAYS days ago; empty keeps all. BACKUP_REPORT gets rows and bytes.
# Exit status: 0 complete dump (or, before a rollback, no table there), 10 refused, 143 stopped by a
# signal; on a schedule also 11 credentials or rights, 12 gave up waiting, 13 another error.
# Environment: CREDENTIALS_DIR BACKUP_PURPOSE BACKUP_DIR BACKUP_NAME BACKUP_CLAIM BACKUP_KEEP_DAYS
# BACKUP_REPORT SCHEMA OWNER_ROLE DEADLINE_SECONDS TERMINATION_LOG
set -u
umask 077

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 13
# A Job's folder holds all files, a clone the room of the database beside this one.
login=$scripts/connection.sh
[ -r "$login" ] || login=$scripts/../database/connection.sh
# shellcheck source=SCRIPTDIR/../database/connection.sh
. "$login"
purpose=${BACKUP_PURPOSE:-rollback}
folder=${BACKUP_DIR:-/backup}
place=${BACKUP_CLAIM:+PersistentVolumeClaim $BACKUP_CLAIM}
place=${place:-$folder}
name=${BACKUP_NAME:-checkpoints}
keep_days=${BACKUP_KEEP_DAYS:-}
deadline=${DEADLINE_SECONDS:-300}
# One name for all attempts: what a killed one left does not pile up.
partial=$folder/.$name.part

refuse() { # [STATUS] SENTENCE
    case $purpose in
        rollback) finish 10 "no table was dropped, since there is no complete dump in $place: $2" ;;
        *) finish "$1" "no dump was made in $place: $2" ;;
    esac
}

child=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$child" ] || kill "$child" 2> /dev/null
    case $purpose in
        rollback) then="no table was dropped" ;;
        *) then="the next run makes another" ;;
    esac
    finish 143 "stopped by a signal before the dump was complete; $then"
}

# In the background, since a shell answers a signal only between two commands.
run() {
    "$@" 2> "$partial.errors" &
    child=$!
    kill_after $((end + 5 - $(date +%s))) "$child" &
    guard=$!
    wait "$child"
    status=$?
    child=
    kill "$guard" 2> /dev/null
    return "$status"
}

dump() {
    run pg_dump --format=custom --no-password --lock-wait-timeout=60s --file="$partial" \
        ${OWNER_ROLE:+"--role=$OWNER_ROLE"} \
        --table="\"$schema\".checkpoint_migrations" --table="\"$schema\".checkpoints" \
        --table="\"$schema\".checkpoint_blobs" --table="\"$schema\".checkpoint_writes" \
        --dbname="$connection"
}

# Sets text; a program that was killed leaves none.
read_reason() {
    text=$(grep -v '^Killed$' "$partial.errors" | head -n 2)
    [ "$status" -ne 137 ] || [ "$(date +%s)" -lt "$end" ] ||
        text="it was not done after $deadline s"
    text=${text:-"a program was killed, for want of memory if a row is large: raise backupMemory"}
}

# Returns only where the next attempt may find the trouble gone.
finish_unless_transient() {
    read_reason
    case $text in
        *'server version mismatch'*)
            found=$(sed -n 's/^pg_dump: detail: //p' "$partial.errors")
            advice="set postgresImage to an image of the server's version"
            refuse 10 "expected a pg_dump as new as the server, found $found: $advice"
            ;;
    esac
    case $purpose:$text in
        rollback:*'no matching tables were found'*)
            finish 0 "no checkpoint tables, nothing to dump"
            ;;
        rollback:*) refuse 10 "$text" ;;
        *'no matching tables were found'*)
            refuse 10 "expected the checkpoint tables in schema ${SCHEMA:-public}, found none"
            ;;
    esac
    ! blames_credentials "$text" || refuse 11 "credentials or rights: $text"
    ! lasts_too_long "$text" || refuse 12 "$text; $cure"
    case $text in
        *'connection to server'* | *'could not translate host name'* | *'lock timeout'* | \
            *'closed the connection'* | *'terminating connection'* | *'SSL SYSCALL error'*)
            return
            ;;
        *) refuse 13 "$text" ;;
    esac
}

# Prints the number of rows; reads the dump to its end, which its list of contents would not prove.
# shellcheck disable=SC2329  # called by its name
count_rows() {
    { pg_restore --data-only --file=- "$partial" && echo '==> whole'; } | awk '
        /^\\\.$/ { inside = 0 }
        inside { rows++ }
        /^COPY .* FROM stdin;$/ { inside = 1 }
        { last = $0 }
        END { print rows + 0; exit last != "==> whole" }'
}

# Sets removed and kept. Only names that this script gives, and never what was just made.
remove_older_than() { # DAYS
    removed=0 kept=0
    oldest=$(date -u -d "@$(($(date +%s) - $1 * 86400))" +%Y%m%dT%H%M%SZ)
    for path in "$folder/$name"-[0-9]*Z.dump; do
        stamp=${path#"$folder/$name-"}
        stamp=${stamp%.dump}
        printf '%s' "$stamp" | grep -Eqx '[0-9]{8}T[0-9]{6}Z' || continue
        [ -f "$path" ] && [ ! -L "$path" ] || continue
        if [ "$path" != "$folder/$file" ] && expr "$stamp" '<' "$oldest" > /dev/null; then
            rm -f "$path" && removed=$((removed + 1))
        else
            kept=$((kept + 1))
        fi
    done
}

[ "$purpose" = rollback ] || mkdir -p "$folder" 2> /dev/null
if ! [ -d "$folder" ] || ! [ -w "$folder" ]; then
    refuse 10 "expected a folder that user $(id -u) may write to, found $(ls -ld "$folder" 2>&1)"
fi
end=$(($(date +%s) + deadline))
trap 'rm -f "$partial" "$partial.errors" "$partial.rows"' EXIT
trap stop TERM INT
# Quoted and with its quotes doubled, the name is no pattern.
schema=$(printf '%s' "${SCHEMA:-public}" | sed 's/"/""/g')
echo "==> backup: dumping the checkpoint tables of schema ${SCHEMA:-public} to $place"
use_credentials
until dump; do
    finish_unless_transient
    [ "$(date +%s)" -lt "$end" ] || refuse 12 "gave up after $deadline s: $text"
    echo "==> backup: $text; again in a moment"
    run sleep 2
done
run count_rows > "$partial.rows" || { read_reason && refuse 13 "$text"; }
rows=$(cat "$partial.rows")
tables=$(pg_restore --list "$partial" | grep -c ' TABLE DATA ')
case $purpose:$tables in
    rollback:[1-9] | *:4) ;;
    *) refuse 10 "expected the four checkpoint tables in the dump, found $tables" ;;
esac
bytes=$(wc -c < "$partial")
file=$name-$(date -u +%Y%m%dT%H%M%SZ).dump
run mv "$partial" "$folder/$file" || refuse 13 "$(head -n 1 "$partial.errors")"
sync
[ -z "${BACKUP_REPORT:-}" ] || echo "$rows rows, $bytes bytes" > "$BACKUP_REPORT"
sentence="dumped $tables tables ($rows rows, $bytes bytes) to $file in $place"
if [ -n "$keep_days" ]; then
    remove_older_than "$keep_days"
    sentence="$sentence; removed $removed older than $keep_days days, $kept are there"
fi
finish 0 "$sentence"
