-- Undoes drop_thread_id_indexes.sql. May run again, also after it was stopped.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
\set ON_ERROR_STOP on
\ir preflight.sql

SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS NULL', tbl || '_pkey', :'schema', tbl)
FROM (VALUES ('checkpoints'), ('checkpoint_blobs'), ('checkpoint_writes')) AS t (tbl) \gexec
SELECT format('DROP INDEX CONCURRENTLY %I.%I', :'schema', c.relname)
FROM (VALUES ('checkpoints'), ('checkpoint_blobs'), ('checkpoint_writes')) AS t (tbl)
JOIN pg_class AS c ON c.oid = to_regclass(format('%I.%I', :'schema', tbl || '_thread_id_idx'))
JOIN pg_index AS i ON i.indexrelid = c.oid AND NOT (i.indisvalid AND i.indisready)
    AND i.indrelid = to_regclass(format('%I.%I', :'schema', tbl)) \gexec
SELECT format('CREATE INDEX CONCURRENTLY IF NOT EXISTS %I ON %I.%I (thread_id)',
    tbl || '_thread_id_idx', :'schema', tbl)
FROM (VALUES ('checkpoints'), ('checkpoint_blobs'), ('checkpoint_writes')) AS t (tbl) \gexec
SELECT format('==> result: the tables of schema %I have an index on thread_id alone', :'schema');
