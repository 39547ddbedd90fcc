-- Deletes the checkpoints of threads ($1), at most $2 of them, with their writes. The blobs stay until
-- the sweep, for a run that has read its thread and not saved yet: its next checkpoint needs those of
-- this one.
\if :large
PREPARE drop_part (text[], integer, text, text) AS
\else
PREPARE drop_threads (text[], integer) AS
\endif
WITH thread AS (
    SELECT unnest($1) AS thread_id
), seen AS MATERIALIZED (
    SELECT t.thread_id, c.*
    FROM thread AS t
    CROSS JOIN LATERAL (
        SELECT k.ctid AS place, k.checkpoint_ns AS ns, k.checkpoint_id AS id
        FROM checkpoints AS k
        WHERE k.thread_id = t.thread_id AND :paced
\if :large
            AND (k.checkpoint_ns, k.checkpoint_id) < ($3, $4)
\endif
        ORDER BY k.checkpoint_ns DESC, k.checkpoint_id DESC LIMIT $2
    ) AS c
), left_alone AS (
    SELECT thread_id FROM seen
    WHERE id NOT LIKE :'uuid6' OR id !~ :'hex' OR id COLLATE "C" >= :'drop_before'
    UNION
    SELECT t.thread_id
    FROM thread AS t
    CROSS JOIN LATERAL (
        SELECT k.checkpoint_id FROM checkpoints AS k
        WHERE k.thread_id = t.thread_id AND k.checkpoint_ns = ''
        ORDER BY k.checkpoint_id DESC LIMIT 1
    ) AS r
    WHERE r.checkpoint_id COLLATE "C" >= :'drop_before'
), doomed AS MATERIALIZED (
    SELECT place, thread_id, ns, id FROM seen
    WHERE thread_id NOT IN (SELECT thread_id FROM left_alone)
), spent AS MATERIALIZED (
    SELECT array_agg(w.place) AS places, sum(w.bytes) AS bytes
    FROM doomed AS d
    CROSS JOIN LATERAL (
        SELECT w.ctid AS place, pg_column_size(w.blob) AS bytes FROM checkpoint_writes AS w
        WHERE w.thread_id = d.thread_id AND w.checkpoint_ns = d.ns AND w.checkpoint_id = d.id
            AND :paced
        OFFSET 0
    ) AS w
    -- In a dry run the sweep counts them, with those that no checkpoint has.
    WHERE NOT :'dry_run'
\if :dry_run
), deleted_checkpoints AS (
    SELECT FROM doomed
), deleted_writes AS (
    SELECT unnest(places) FROM spent
\else
), deleted_checkpoints AS (
    DELETE FROM checkpoints WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) AND :paced
    RETURNING true
), deleted_writes AS (
    DELETE FROM checkpoint_writes
    WHERE ctid = ANY ((SELECT places FROM spent)::tid[]) AND :paced
    RETURNING true
\endif
)
SELECT (SELECT count(DISTINCT thread_id) FROM doomed) AS deleted_threads,
    c.deleted AS deleted_checkpoints, w.deleted AS deleted_writes,
    coalesce((SELECT bytes FROM spent), 0) AS deleted_bytes,
\if :large
    (SELECT ns FROM seen ORDER BY ns, id LIMIT 1) AS below_ns,
    (SELECT id FROM seen ORDER BY ns, id LIMIT 1) AS below_id,
\endif
    s.used = $2 AS more, s.used, :started AS began
FROM (SELECT count(*) AS used FROM seen) AS s
CROSS JOIN (SELECT count(*) AS deleted FROM deleted_checkpoints) AS c
CROSS JOIN (SELECT count(*) AS deleted FROM deleted_writes) AS w;
