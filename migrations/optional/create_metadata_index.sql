-- Adds a GIN index for list(filter=...), which otherwise reads every checkpoint there is.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
--
-- May run again, also after it was stopped. Writers go on meanwhile.
\set ON_ERROR_STOP on
\ir preflight.sql

SELECT format('DROP INDEX CONCURRENTLY %I.checkpoints_metadata_idx', :'schema')
FROM pg_index WHERE indexrelid = to_regclass(format('%I.checkpoints_metadata_idx', :'schema'))
    AND NOT (indisvalid AND indisready) \gexec
-- An entry waits in no pending list, which a put() would have to sort in some day and every list()
-- to read meanwhile.
SELECT format('CREATE INDEX CONCURRENTLY checkpoints_metadata_idx ON %I.checkpoints '
    'USING gin (metadata jsonb_path_ops) WITH (fastupdate = off)', :'schema')
WHERE NOT EXISTS (
    SELECT FROM pg_index AS i
    JOIN pg_opclass AS o ON o.oid = i.indclass[0] AND o.opcname = 'jsonb_path_ops'
    WHERE i.indexrelid = to_regclass(format('%I.checkpoints_metadata_idx', :'schema'))
        AND i.indrelid = to_regclass(format('%I.checkpoints', :'schema'))
) \gexec
SELECT format('==> result: %I.checkpoints has an index for metadata filters, %s', :'schema',
    pg_size_pretty(pg_relation_size(format('%I.checkpoints_metadata_idx', :'schema'))));
