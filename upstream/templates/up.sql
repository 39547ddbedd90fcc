-- DRAFT, to be finished by hand: creates or completes the tables of langgraph-checkpoint-postgres,
-- as @{layout} has them: with version @{versions}, which its release @{release} brought.
-- psql -X -f FILE, with the variables of the file that it includes.
--
-- That file does what the migrations before this one do, and leaves what follows to do the rest:
-- under its lock and, where the tables are empty, in its transaction.
\set ON_ERROR_STOP on
\ir session.sql
\if :{?layout}
\set newest_@{number} false
\else
\set newest_@{number} true
\ir mark.sql
\ir @{layout}
\endif
@{decisions}\ir @{before}.up.sql
\if :complete
\else
SET lock_timeout = '50ms' \;
SET statement_timeout = 0;
@{steps}
\if :newest_@{number}
\if :live
BEGIN \;
\endif
:prove
COMMIT \;
RESET ROLE \;
:outcome
\gset
\echo '==> verify: 4 tables,' :indexes 'indexes, versions 0 to' :version
\echo :result
\endif
\endif
