-- Compares a schema with that of @{layout} and reports what differs.
-- DRAFT, to be finished by hand.
-- psql -X -f FILE, with the variables of the file that it includes.
\set ON_ERROR_STOP on
\ir session.sql
\if :{?layout}
\else
\ir @{layout}
\endif
@{decisions}\ir @{before}.verify.sql
