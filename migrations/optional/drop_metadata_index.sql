-- Drops the GIN index of create_metadata_index.sql; nothing to drop is a success.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
\set ON_ERROR_STOP on
\ir preflight.sql

SELECT format('DROP INDEX CONCURRENTLY %I.checkpoints_metadata_idx', :'schema')
FROM pg_index AS i
JOIN pg_opclass AS o ON o.oid = i.indclass[0] AND o.opcname = 'jsonb_path_ops'
WHERE i.indexrelid = to_regclass(format('%I.checkpoints_metadata_idx', :'schema')) \gexec
SELECT format('==> result: %I.checkpoints has no index for metadata filters', :'schema');
