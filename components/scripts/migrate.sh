#!/bin/sh
# migrate.sh up|down: runs the migration with psql, again while the trouble may pass by itself.
# Exit status: 0 done, 10 refused, 11 credentials or rights, 12 gave up waiting, 13 another error,
# 143 stopped by a signal.
# Environment: CREDENTIALS_DIR MIGRATIONS_DIR SCHEMA OWNER_ROLE APP_ROLE ALLOW_DATA_LOSS
# OWNS_DATABASE DEADLINE_SECONDS TERMINATION_LOG TMPDIR
set -u

direction=${1:-}
credentials=${CREDENTIALS_DIR:-/vault/secrets}
migration=${MIGRATIONS_DIR:-/migrations}/001_create_checkpointer_tables.$direction.sql
schema=${SCHEMA:-public}
deadline=${DEADLINE_SECONDS:-300}
termination_log=${TERMINATION_LOG:-/dev/termination-log}

# The messages of libpq that tell credentials from trouble that passes exist in the C locale only.
export LC_ALL=C
export PGSERVICEFILE="$credentials/pg_service.conf" PGPASSFILE="$credentials/pgpass"
PGAPPNAME=${PGAPPNAME:-$(hostname)}
export PGAPPNAME
# A peer that vanished is noticed after 15 seconds instead of two hours.
connection="service=checkpoint connect_timeout=5 tcp_user_timeout=15000"
connection="$connection keepalives_idle=5 keepalives_interval=5 keepalives_count=2"

# Kubernetes shows what the termination log holds: one sentence there is the container's report.
finish() {
    status=$1
    shift
    sentence=$(printf '%s' "$*" | tr '\n' ' ' | cut -c 1-2000)
    { printf '%s\n' "$sentence" > "$termination_log"; } 2> /dev/null || true
    if [ "$status" -eq 0 ]; then
        printf '==> result: %s\n' "$sentence"
    else
        printf '==> failed: %s\n' "$sentence" >&2
    fi
    exit "$status"
}

child=
stop() {
    trap '' TERM INT
    if [ -n "$child" ]; then
        # psql answers INT by cancelling its statement on the server; another signal would leave
        # that running. A background sleep ignores INT and needs TERM.
        kill -"$ending" "$child" 2> /dev/null
        (sleep 2 && kill -KILL "$child") > /dev/null 2>&1 &
        watchdog=$!
        wait "$child" 2> /dev/null
        kill "$watchdog" 2> /dev/null
    fi
    finish 143 "stopped by a signal before the end; the next run completes what is missing"
}

check_arguments() {
    case $direction in
        up | down) ;;
        *) finish 13 "expected up or down as the argument, found '$direction'" ;;
    esac
    [ -r "$migration" ] || finish 13 "expected the file $migration, found none that can be read"
    for file in "$PGSERVICEFILE" "$PGPASSFILE"; do
        [ -r "$file" ] && [ -s "$file" ] ||
            finish 11 "expected credentials in $file, found no such file or nothing in it"
    done
    echo "==> credential: service checkpoint in $PGSERVICEFILE"
}

run_psql() {
    result=
    rm -f "$work/stdout"
    mkfifo "$work/stdout"
    psql -X -w -q -v ON_ERROR_STOP=1 -v "schema=$schema" -v "index_timeout=${1}s" \
        -v "owner=${OWNER_ROLE:-}" -v "app_role=${APP_ROLE:-}" \
        -v "allow_data_loss=${ALLOW_DATA_LOSS:-false}" \
        -v "owns_database=${OWNS_DATABASE:-false}" \
        -f "$migration" "$connection" > "$work/stdout" 2> "$work/stderr" &
    child=$! ending=INT
    while IFS= read -r line; do
        case $line in
            '==> result: '*) result=${line#'==> result: '} ;;
            *) printf '%s\n' "$line" ;;
        esac
    done < "$work/stdout"
    wait "$child"
    status=$?
    child=
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
        text=$(sed -n -e 's/^psql: error: //p' -e '/^connection to server/p' "$work/stderr" |
            tail -n 1)
        [ -n "$text" ] || text=$(sed 's/^psql:[^ ]* *//' "$work/stderr" | head -n 1)
        text=${text:-psql ended without a message}
    fi
}

# Returns only when another attempt may succeed.
finish_unless_transient() {
    case $code in
        MGBSY | 55P03 | 40P01 | 40001) return ;;
        57014 | 57P01 | 57P02 | 57P03 | 53??? | 08???) return ;;
        # Lost a race: setup() of an application takes no lock, so an object may appear or vanish
        # between two statements; XX000 is what a catalog lookup then says.
        23505 | 42P07 | 42701 | 42710 | 42P01 | 42704 | XX000) return ;;
        MG0??) finish 10 "refused: $text" ;;
        2BP01) finish 10 "refused: $text: $(sed -n 's/^DETAIL:  //p' "$work/stderr" | head -n 1)" ;;
        28??? | 42501 | 3D000) finish 11 "credentials or rights: $text" ;;
        ?????) finish 13 "SQL error $code: $text" ;;
    esac
    case $text in
        *'authentication failed'* | *'no password supplied'* | *'no pg_hba.conf entry'* | \
            *'role "'*'does not exist'* | *'not permitted to log in'* | *'permission denied'* | \
            *'database "'*'does not exist'* | *'certificate'* | *'does not support SSL'* | \
            *'definition of service'* | *'service file'* | *'for connection option'* | \
            *'invalid port'* | *'invalid sslmode'* | *'weak sslmode'*)
            finish 11 "credentials or rights: $text"
            ;;
        *'no rows returned'* | *'No such file'* | *'psql: not found'*) finish 13 "psql: $text" ;;
        *) ;;
    esac
}

# Doubled each time from 0.25 to 5 seconds, then cut by up to a half: pods must not stay in step.
pause_after() {
    longest=$((250 << ($1 < 6 ? $1 - 1 : 5)))
    [ "$longest" -le 5000 ] || longest=5000
    random=$(od -An -N2 -tu2 /dev/urandom)
    milliseconds=$((longest / 2 + random % (longest / 2)))
    printf '%d.%03d' $((milliseconds / 1000)) $((milliseconds % 1000))
}

check_arguments
work=$(mktemp -d) || finish 13 "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -rf "$work"' EXIT
trap stop TERM INT
end=$(($(date +%s) + deadline))
attempt=0
while :; do
    attempt=$((attempt + 1))
    left=$((end - $(date +%s)))
    run_psql $((left > 0 ? left : 1)) && finish 0 "$result"
    read_error
    finish_unless_transient
    pause=$(pause_after "$attempt")
    [ $((end - $(date +%s))) -gt "${pause%.*}" ] ||
        finish 12 "gave up after $deadline s and $attempt attempts: $text"
    echo "==> attempt $attempt: $text; again in $pause s"
    sleep "$pause" &
    child=$! ending=TERM
    wait "$child"
    child=
done
