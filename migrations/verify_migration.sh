#!/bin/sh
# Verifies that the checkpoint tables equal those of langgraph-checkpoint-postgres.
# Exit status: 0 they do, 1 they do not or the database cannot be reached.
set -u

usage() {
    cat << 'USAGE'
usage: verify_migration.sh [--json] [--schema NAME] [--owner NAME] [--app-role NAME]
           [--readers NAMES] [--owns-database] [--application-setup true|false] [--help]
           [CONNECTION_STRING]

Compares the tables with those of langgraph-checkpoint-postgres in eight tests, warns of roles that
may do more than they need, and shows rows and sizes. Without CONNECTION_STRING the database is the
one of libpq's environment variables (PGHOST, PGSERVICE, ...).

  --json           print one line of JSON and nothing else
  --schema NAME    the schema that holds the tables (default: public)
  --owner NAME     the role that must own the tables; it is acted as, so that a role will do which
                   may be the owner without having its rights
  --app-role NAME  the role that must hold exactly the application's rights
  --readers NAMES  the roles that may read the rows too, with commas between
  --owns-database  nobody but named roles may enter: PUBLIC must hold no right on the database and
                   the schema, and what would be a warning about a right fails
  --application-setup true|false
                   whether setup() of the application is to pass (setting applicationSetup); without
                   it that is not looked at
  --help           print this text

Exit status: 0 when all eight tests pass, 1 when one fails or the database cannot be reached.
USAGE
}

fail() {
    printf 'verify_migration.sh: %s\n' "$*" >&2
    exit 1
}

format=text
schema=public
owner=
app_role=
readers=
owns_database=false
application_setup=
connection=
while [ $# -gt 0 ]; do
    case $1 in
        --json) format=json ;;
        --schema)
            [ $# -ge 2 ] || fail "expected a name after --schema, found none"
            schema=$2
            shift
            ;;
        --schema=*) schema=${1#--schema=} ;;
        --owner)
            [ $# -ge 2 ] || fail "expected a name after --owner, found none"
            owner=$2
            shift
            ;;
        --owner=*) owner=${1#--owner=} ;;
        --app-role)
            [ $# -ge 2 ] || fail "expected a name after --app-role, found none"
            app_role=$2
            shift
            ;;
        --app-role=*) app_role=${1#--app-role=} ;;
        --readers)
            [ $# -ge 2 ] || fail "expected names after --readers, found none"
            readers=$2
            shift
            ;;
        --readers=*) readers=${1#--readers=} ;;
        --owns-database) owns_database=true ;;
        --application-setup)
            [ $# -ge 2 ] || fail "expected true or false after --application-setup, found nothing"
            application_setup=$2
            shift
            ;;
        --application-setup=*) application_setup=${1#--application-setup=} ;;
        --help)
            usage
            exit 0
            ;;
        -*)
            fail "expected --json, --schema, --owner, --app-role, --readers, --owns-database," \
                "--application-setup or --help, found '$1'"
            ;;
        *)
            [ -z "$connection" ] || fail "expected one connection string, found two"
            connection=$1
            ;;
    esac
    shift
done

directory=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
# The last one is the newest migration's.
for verify in "$directory"/[0-9][0-9][0-9]_*.verify.sql; do :; done
errors=$(mktemp) || fail "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -f "$errors"' EXIT
export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-5}"

set -- -X -w -q -v "schema=$schema" -v "owner=$owner" -v "app_role=$app_role" \
    -v "readers=$readers" -v "owns_database=$owns_database" -v "format=$format" \
    -v "application_setup=$application_setup" -f "$verify"
[ -z "$connection" ] || set -- "$@" -d "$connection"
report=$(psql "$@" 2> "$errors")
status=$?

# psql ends with 3 for a failed check too; only a report tells that it could look at all.
if [ -z "$report" ]; then
    fail "$(sed -e 's/^psql:[^ ]* *//' -e 's/^error: //' -e 's/^ERROR:  //' "$errors" | head -n 1)"
fi
if [ "$format" = text ] && [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    escape=$(printf '\033')
    report=$(printf '%s\n' "$report" | sed -e "s/^PASS/${escape}[32m&${escape}[0m/" \
        -e "s/^FAIL/${escape}[31m&${escape}[0m/" -e "s/^WARN/${escape}[33m&${escape}[0m/")
fi
printf '%s\n' "$report"
[ "$status" -eq 0 ] || exit 1
