-- Drops what failed concurrent builds left behind: an invalid index serves no query, and keeps the
-- disk space that it filled.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
\set QUIET on
\set ON_ERROR_STOP on
\pset tuples_only on
\if :{?schema} \else \set schema public
\endif
\if :{?owner} \else \set owner ''
\endif

SET search_path = pg_catalog, pg_temp \;
SET lock_timeout = '2s' \;
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role,
    pg_try_advisory_lock(1279739699, hashtext(:'schema')) AS locked \gset
-- A build at work is just as invalid as a failed one: only who holds the migration's lock knows.
\if :locked
SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_index AS i ON i.indexrelid = c.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :'schema' AND NOT (i.indisvalid AND i.indisready) AND c.relname IN (
    'checkpoints_thread_id_idx', 'checkpoint_blobs_thread_id_idx', 'checkpoint_writes_thread_id_idx'
) \gexec
\endif
