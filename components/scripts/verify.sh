#!/bin/sh
# Runs verify_migration.sh in the verification Job; its JSON becomes the termination message.
# Exit status: 0 verified, 1 a check failed, 11 credentials or rights, 12 gave up waiting,
# 13 another error, 143 stopped by a signal.
# Environment: CREDENTIALS_DIR MIGRATIONS_DIR SCHEMA OWNER_ROLE APP_ROLE DEADLINE_SECONDS
# TERMINATION_LOG TMPDIR
set -u

credentials=${CREDENTIALS_DIR:-/vault/secrets}
migrations=${MIGRATIONS_DIR:-/migrations}
schema=${SCHEMA:-public}
deadline=${DEADLINE_SECONDS:-300}
termination_log=${TERMINATION_LOG:-/dev/termination-log}
export LC_ALL=C
export PGSERVICEFILE="$credentials/pg_service.conf" PGPASSFILE="$credentials/pgpass"
PGAPPNAME=${PGAPPNAME:-$(hostname)}
export PGAPPNAME

finish() {
    status=$1
    shift
    sentence=$(printf '%s' "$*" | tr '\n' ' ' | cut -c 1-2000)
    { printf '%s\n' "$sentence" > "$termination_log"; } 2> /dev/null || true
    printf '==> failed: %s\n' "$sentence" >&2
    exit "$status"
}

child=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$child" ] || kill "$child" 2> /dev/null
    finish 143 "stopped by a signal before the end; verification may be run again at any time"
}

verify() {
    sh "$migrations/verify_migration.sh" --json --schema "$schema" \
        --owner "${OWNER_ROLE:-}" --app-role "${APP_ROLE:-}" \
        "service=checkpoint connect_timeout=5 tcp_user_timeout=15000" \
        > "$work/report" 2> "$work/error" &
    child=$!
    wait "$child"
    status=$?
    child=
    return "$status"
}

# The same division as in migrate.sh; each script must work alone in its container.
finish_unless_transient() {
    text=$(sed -n 's/^verify_migration.sh: //p' "$work/error" | head -n 1)
    text=${text:-$(head -n 1 "$work/error")}
    case $text in
        55P03:* | 40???:* | 53???:* | 57???:* | 08???:* | XX000:*) return ;;
        28???:* | 42501:* | 3D000:*) finish 11 "credentials or rights: ${text#*: }" ;;
        [0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]:*) finish 13 "SQL error $text" ;;
        *'authentication failed'* | *'no password supplied'* | *'no pg_hba.conf entry'* | \
            *'role "'*'does not exist'* | *'not permitted to log in'* | *'permission denied'* | \
            *'database "'*'does not exist'* | *'certificate'* | *'does not support SSL'* | \
            *'definition of service'* | *'service file'* | *'for connection option'* | \
            *'invalid port'* | *'invalid sslmode'* | *'weak sslmode'*)
            finish 11 "credentials or rights: $text"
            ;;
        *'No such file'* | *'psql: not found'*) finish 13 "$text" ;;
        *) ;;
    esac
}

for file in "$PGSERVICEFILE" "$PGPASSFILE"; do
    [ -r "$file" ] && [ -s "$file" ] ||
        finish 11 "expected credentials in $file, found no such file or nothing in it"
done
echo "==> credential: service checkpoint in $PGSERVICEFILE"
work=$(mktemp -d) || finish 13 "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -rf "$work"' EXIT
trap stop TERM INT
end=$(($(date +%s) + deadline))
attempt=0
while :; do
    attempt=$((attempt + 1))
    verify
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
{ cat "$work/report" > "$termination_log"; } 2> /dev/null || true
cat "$work/report"
if [ "$status" -eq 0 ]; then
    echo "==> result: verified"
else
    echo "==> failed: the schema is not version 9, see problems above" >&2
fi
exit "$status"
