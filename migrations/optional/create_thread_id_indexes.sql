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
-- IF NOT EXISTS looks at the name alone.
DO $check$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    tbl text;
BEGIN
    FOREACH tbl IN ARRAY ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_index AS i
            JOIN pg_class AS c ON c.oid = i.indexrelid
            JOIN pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indexrelid = to_regclass(format('%I.%I', target, tbl || '_thread_id_idx'))
                AND i.indrelid = to_regclass(format('%I.%I', target, tbl))
                AND i.indisvalid AND i.indisready AND i.indpred IS NULL AND i.indnatts = 1
                AND a.attname = 'thread_id'
        ) THEN
            RAISE EXCEPTION USING ERRCODE = 'MG010', MESSAGE = format(
                'expected %I as a valid index on %I.%I (thread_id) alone, found another relation '
                'of that name: rename or drop that, then run this again',
                tbl || '_thread_id_idx', target, tbl);
        END IF;
    END LOOP;
END
$check$;
SELECT format('==> result: the tables of schema %I have an index on thread_id alone', :'schema');
