-- Removes what database.sql made.
\set ON_ERROR_STOP on
\getenv owner OWNER
\getenv migrator MIGRATOR
\getenv application APPLICATION
\getenv database DATABASE
DROP DATABASE IF EXISTS :"database" WITH (FORCE);
DROP ROLE IF EXISTS :"migrator", :"application", :"owner";
