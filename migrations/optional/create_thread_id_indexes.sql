-- Undoes drop_thread_id_indexes.sql: the migration itself builds the three indexes again.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
\set ON_ERROR_STOP on
\ir preflight.sql

SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS NULL', tbl || '_pkey', :'schema', tbl)
FROM (VALUES ('checkpoints'), ('checkpoint_blobs'), ('checkpoint_writes')) AS t (tbl) \gexec
\ir ../001_create_checkpointer_tables.up.sql
