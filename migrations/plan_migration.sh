#!/bin/sh
# Says in words what the migration would do to a database: create, upgrade, nothing or refuse.
# Exit status: 0 said, also where no database can be read; 10 the migration would refuse.
set -u

usage() {
    cat << 'USAGE'
usage: plan_migration.sh [--schema NAME] [--owner NAME] [--login NAME] [--app-role NAME]
           [--readers NAMES] [--owns-database] [--application-setup true|false] [--help]
           [CONNECTION_STRING]

Reads the catalog and the version rows and writes nothing. Without CONNECTION_STRING the database is
the one of libpq's environment variables (PGHOST, PGSERVICE, ...); where these name none, or it
cannot be read, it says what the migration would do from nothing. A role that may use the schema and
read checkpoint_migrations will do.

  --schema NAME     the schema that holds the tables (default: public)
  --owner NAME      the role that is to own the tables
  --login NAME      the role that migrates, so that it is not named among those who may read
  --app-role NAME   the role that is to hold the application's rights
  --readers NAMES   the roles that are to read the rows, with commas between
  --owns-database   the database is the program's own (setting manageDatabase)
  --application-setup true|false
                    whether setup() of the application is to pass (setting applicationSetup);
                    without it that stays as it is
  --help            print this text
USAGE
}

fail() {
    printf 'plan_migration.sh: %s\n' "$*" >&2
    exit 2
}

schema=public
owner=
login=
app_role=
readers=
owns_database=false
application_setup=
connection=
while [ $# -gt 0 ]; do
    case $1 in
        --schema | --owner | --login | --app-role | --readers | --application-setup)
            [ $# -ge 2 ] || fail "expected a name after $1, found none"
            case $1 in
                --schema) schema=$2 ;;
                --owner) owner=$2 ;;
                --login) login=$2 ;;
                --app-role) app_role=$2 ;;
                --application-setup) application_setup=$2 ;;
                *) readers=$2 ;;
            esac
            shift
            ;;
        --owns-database) owns_database=true ;;
        --help)
            usage
            exit 0
            ;;
        -*)
            fail "expected --schema, --owner, --login, --app-role, --readers, --owns-database," \
                "--application-setup or --help, found '$1'"
            ;;
        *)
            [ -z "$connection" ] || fail "expected one connection string, found two"
            connection=$1
            ;;
    esac
    shift
done

directory=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
# The last one is the newest migration's, which includes the others.
for up in "$directory"/[0-9][0-9][0-9]_*.up.sql; do :; done
layout=$(sed -n 's/^[\\]ir \(layout_[0-9]*[.]sql\)$/\1/p' "$up")

all_up_files() {
    cat "$directory"/[0-9][0-9][0-9]_*.up.sql
}

from_nothing() {
    printf 'unknown: %s; from nothing it would\n' "$1"
    # Somebody else's database has its schema, and every database has this one.
    [ "$owns_database" != true ] || [ "$schema" = public ] ||
        printf '  create schema %s\n' "$schema"
    # The order is that of plan.sql.
    all_up_files | sed -n 's/^CREATE TABLE IF NOT EXISTS \([a-z_]*\) (.*/  create table \1/p' |
        LC_ALL=C sort
    all_up_files | sed -n 's/^CREATE INDEX IF NOT EXISTS \([a-z_]*\).*/  create index \1/p' |
        LC_ALL=C sort
    sed -n 's/^[\\]set version /  record versions 0 to /p' "$directory/$layout"
    [ "$application_setup" != true ] ||
        printf '  create schema %s_setup, through which %s\n' "$schema" \
            'setup() of the application passes'
}

[ -n "$connection${PGHOST:-}${PGHOSTADDR:-}${PGSERVICE:-}${PGDATABASE:-}" ] || {
    from_nothing 'no database was named'
    exit 0
}

# The very texts by which the up file decides, so that they cannot come to differ.
grants=$(all_up_files |
    sed -n '/checkpoint[.]grants.* [$]grants[$]$/,/^[$]grants[$]/p' | sed '1d;$d')
add_setup=$(all_up_files | sed -n '/^DO [$]setup[$]$/,/^[$]setup[$]/p' | sed '$s/ *\\;$//')
inspect=$(all_up_files |
    sed -n '/^DO [$]inspect[$]$/,/^[$]inspect[$]/p' | sed '$s/ *\\;$//')
errors=$(mktemp) || fail "expected a writable directory ${TMPDIR:-/tmp}, found none"
trap 'rm -f "$errors"' EXIT
export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-5}"
set -- -X -w -q -v "schema=$schema" -v "owner=$owner" -v "login=$login" -v "app_role=$app_role" \
    -v "readers=$readers" -v "owns_database=$owns_database" -v "layout_file=$layout" \
    -v "grants=$grants" -v "add_setup=$add_setup" -v "inspect=$inspect" \
    -v "application_setup=$application_setup" -f "$directory/plan/plan.sql"
[ -z "$connection" ] || set -- "$@" -d "$connection"
if plan=$(psql "$@" 2> "$errors"); then
    printf '%s\n' "$plan"
    exit 0
fi
# The word before the SQLSTATE is in the language of the server.
reason=$(sed -n 's/^psql:[^:]*:[0-9]*: [^:]*:  [0-9A-Z]\{5\}: //p' "$errors" | head -n 1)
if grep -q '^psql:[^:]*:[0-9]*: [^:]*:  MG0[0-9][0-9]: ' "$errors"; then
    printf 'refused: %s\n' "$reason"
    exit 10
fi
[ -n "$reason" ] || reason=$(sed -e 's/^psql: *//' -e 's/^error: //' "$errors" | head -n 1)
from_nothing "the database cannot be read ($reason)"
