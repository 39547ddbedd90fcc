-- DATA LOSS: drops the tables of langgraph-checkpoint-postgres with every checkpoint in them, as
-- @{layout} has them. DRAFT, to be finished by hand.
-- psql -X -f FILE, with the variables of the file that it includes.
\set ON_ERROR_STOP on
\ir session.sql
\if :{?layout}
\else
\ir mark.sql
\ir @{layout}
\endif
@{decisions}\ir @{before}.down.sql
