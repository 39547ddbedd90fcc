# shellcheck shell=sh
# What the scripts that talk to the database share: each reads it with the dot command.
# Environment: CREDENTIALS_DIR TERMINATION_LOG BRIEF_SECONDS
credentials=${CREDENTIALS_DIR:-/vault/secrets}
termination_log=${TERMINATION_LOG:-/dev/termination-log}

# The messages of libpq that tell credentials from trouble that passes exist in the C locale only.
export LC_ALL=C
PGAPPNAME=${PGAPPNAME:-$(hostname)}
export PGAPPNAME
# A peer that vanished is noticed after 15 seconds instead of two hours.
connection="service=checkpoint connect_timeout=5 tcp_user_timeout=15000"
# shellcheck disable=SC2034  # for the scripts that read this file
connection="$connection keepalives_idle=5 keepalives_interval=5 keepalives_count=2"

# Kubernetes shows what the termination log holds: one sentence there is the container's report.
finish() { # STATUS SENTENCE
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

use_credentials() {
    export PGSERVICEFILE="$credentials/pg_service.conf" PGPASSFILE="$credentials/pgpass"
    for file in "$PGSERVICEFILE" "$PGPASSFILE"; do
        [ -r "$file" ] && [ -s "$file" ] ||
            finish 11 "expected credentials in $file, found no such file or nothing in it"
    done
    # libpq would look it up as a name, again and again. Not shown: a URL may hold a password.
    ! sed -n 's/^host=//p' "$PGSERVICEFILE" | tr ',' '\n' |
        grep -Eq '://|^\[|^[^:/]*:[0-9]*$' ||
        finish 11 "expected a host name or an address in the secret's field host, found a URL," \
            "a port or brackets in it; write the host alone, and the port into the field port"
    echo "==> credential: service checkpoint in $PGSERVICEFILE"
}

# libpq gives no SQLSTATE for what goes wrong before the session begins, only a sentence.
blames_credentials() { # TEXT
    case $1 in
        *'authentication failed'* | *'no password supplied'* | *'no pg_hba.conf entry'* | \
            *'role "'*'does not exist'* | *'not permitted to log in'* | *'permission denied'* | \
            *'database "'*'does not exist'* | *'certificate'* | *'does not support SSL'* | \
            *'definition of service'* | *'service file'* | *'for connection option'* | \
            *'invalid port'* | *'invalid sslmode'* | *'weak sslmode'*)
            return 0
            ;;
    esac
    return 1
}

# Sets verdict to what an SQLSTATE asks for, for all scripts; empty where the server gave none. The
# names are those of PostgreSQL's manual, Appendix A, "PostgreSQL Error Codes"; MG is this project's
# own. What SQL itself tells apart stands in the verify file.
#   again    passes by itself
#   raced    somebody made or dropped the same object between two statements: the next look sees it
#   refused  nothing was changed, a human decides
#   rights   credentials or rights
#   error    any other
# shellcheck disable=SC2034  # for the scripts that read this file
judge() { # SQLSTATE
    case $1 in
        MGBSY) verdict=again ;; # another migration or retention run is at work
        08???) verdict=again ;; # connection_exception
        25006) verdict=again ;; # read_only_sql_transaction: for a moment, while a server fails over
        40???) verdict=again ;; # transaction_rollback: serialization_failure, deadlock_detected
        53???) verdict=again ;; # insufficient_resources
        55P03) verdict=again ;; # lock_not_available: lock_timeout
        57???) verdict=again ;; # operator_intervention: query_canceled, admin_shutdown, …
        # unique_violation, duplicate_table, duplicate_column, duplicate_object
        23505 | 42P07 | 42701 | 42710) verdict=raced ;;
        # undefined_table, undefined_object, internal_error, which a look at the catalog then says
        42P01 | 42704 | XX000) verdict=raced ;;
        MG0??) verdict=refused ;;
        2BP01) verdict=refused ;; # dependent_objects_still_exist
        # invalid_authorization_specification, insufficient_privilege, invalid_catalog_name
        28??? | 42501 | 3D000) verdict=rights ;;
        [0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]) verdict=error ;;
        *) verdict= ;;
    esac
}

# Sets verdict to what a failed statement means to a session that has more of them to run.
# shellcheck disable=SC2034  # for the scripts that read this file
judge_statement() { # SQLSTATE
    case $1 in
        57014) verdict=late ;; # query_canceled: by statement_timeout
        # lock_not_available, serialization_failure, deadlock_detected
        55P03 | 40001 | 40P01) verdict=held ;;
        *) verdict=lost ;;
    esac
}

# Trouble that passes within seconds or not at all: a name that DNS does not know yet, a connection
# of others that is about to end. Sets cure, and is true once it has lasted for BRIEF_SECONDS.
lasts_too_long() { # TEXT
    case $1 in
        *'could not translate host name'*'Temporary failure'* | \
            *'could not translate host name'*'Try again'*)
            cure=
            ;;
        *'could not translate host name'*) cure="correct the secret's field host" ;;
        *'too many connections for role'*)
            cure="raise the CONNECTION LIMIT of the role in the secret's field username to 5"
            ;;
        *'too many connections for database'*)
            cure="raise the CONNECTION LIMIT of the database in the secret's field database"
            ;;
        *'too many clients already'* | *'remaining connection slots are reserved'*)
            cure="end connections of others to the server in the secret's field host, or raise its"
            cure="$cure max_connections"
            ;;
        *) cure= ;;
    esac
    if [ -z "$cure" ]; then
        lasting_since=
        return 1
    fi
    lasting_since=${lasting_since:-$(date +%s)}
    [ $(($(date +%s) - lasting_since)) -ge "${BRIEF_SECONDS:-20}" ]
}
lasting_since=

# A server, or something between, that takes what is sent and never answers would hold a client
# for ever; acknowledged keepalives hide it from libpq.
kill_after() { # SECONDS PROCESS
    last=$(($(date +%s) + $1))
    while [ "$(date +%s)" -lt "$last" ]; do
        sleep 1
        kill -0 "$2" || return
    done
    kill -KILL "$2"
} < /dev/null > /dev/null 2>&1
