-- Drops LangGraph's three indexes on thread_id, the first column of the primary keys.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
--
-- A comment on each primary key tells the migration and the verifier, here and in a restored dump,
-- that its table goes without. May run again, also after it was stopped.
\set ON_ERROR_STOP on
\ir preflight.sql

-- Before the drop: a database that has lost an index must say why.
SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', tbl || '_pkey', :'schema', tbl,
    'thread_id index omitted: the primary key begins with thread_id')
FROM (VALUES ('checkpoints'), ('checkpoint_blobs'), ('checkpoint_writes')) AS t (tbl) \gexec
SELECT format('DROP INDEX CONCURRENTLY %I.%I', :'schema', c.relname)
FROM (VALUES ('checkpoints'), ('checkpoint_blobs'), ('checkpoint_writes')) AS t (tbl)
JOIN pg_class AS c ON c.oid = to_regclass(format('%I.%I', :'schema', tbl || '_thread_id_idx'))
JOIN pg_index AS i ON i.indexrelid = c.oid AND i.indnatts = 1 AND NOT i.indisunique
    AND i.indrelid = to_regclass(format('%I.%I', :'schema', tbl)) \gexec
SELECT format('==> result: the tables of schema %I have no index on thread_id alone', :'schema');
