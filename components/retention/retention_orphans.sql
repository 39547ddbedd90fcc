-- Finds what a clean-up of somebody else left of threads that stay: blobs that no checkpoint needs,
-- writes whose checkpoint is not there. Deletes them where it is told to.
-- At most $2 of the next rows of threads ($1) in :table, by its primary key alone; checkpoints are read
-- of threads with orphans only.
PREPARE orphans_:kind (text[], integer, text, text, text, text, integer) AS
WITH part AS MATERIALIZED (
    SELECT r.*
    FROM unnest($1) WITH ORDINALITY AS t (thread_id, number)
    CROSS JOIN LATERAL (
        SELECT c.thread_id, t.number, :key FROM :table AS c
        WHERE c.thread_id = t.thread_id AND (c.thread_id, :key) > :behind AND :paced
        ORDER BY c.thread_id, :key LIMIT $2
    ) AS r
    WHERE t.thread_id >= $3
    LIMIT $2
), orphan AS MATERIALIZED (
    SELECT p.* FROM part AS p
\if :in_blobs
    WHERE (p.thread_id, p.checkpoint_ns, p.channel, p.version) NOT IN (
        SELECT k.thread_id, k.checkpoint_ns, v.key, v.value
        FROM (SELECT DISTINCT thread_id FROM part) AS t
        CROSS JOIN LATERAL (
            SELECT k.thread_id, k.checkpoint_ns, k.checkpoint -> 'channel_versions' AS versions
            FROM checkpoints AS k WHERE k.thread_id = t.thread_id AND :paced LIMIT 501
        ) AS k
        CROSS JOIN LATERAL jsonb_each_text(k.versions) AS v
        WHERE v.value IS NOT NULL
    )
\else
    -- Of a younger one the checkpoint may yet come.
    WHERE p.checkpoint_id LIKE :'uuid6' AND p.checkpoint_id ~ :'hex'
        AND p.checkpoint_id COLLATE "C" < :'keep_before' AND (
            SELECT true FROM checkpoints AS k
            WHERE k.thread_id = p.thread_id AND k.checkpoint_ns = p.checkpoint_ns
                AND k.checkpoint_id = p.checkpoint_id
            LIMIT 1
        ) IS NULL
\endif
), idle_thread AS MATERIALIZED (
    SELECT t.thread_id, k.sends
    FROM (SELECT DISTINCT thread_id FROM orphan) AS t
    CROSS JOIN LATERAL (
        SELECT count(*) AS checkpoints, bool_or(k.delta) AS delta, bool_and(k.timed) AS timed,
            max(k.id COLLATE "C") AS newest, array_agg(k.parent) FILTER (WHERE k.old) AS sends
        FROM (
            SELECT k.checkpoint_id AS id, :delta AS delta, k.parent_checkpoint_id AS parent,
                (k.checkpoint ->> 'v')::integer < 4 AS old,
                k.checkpoint_id LIKE :'uuid6' AND k.checkpoint_id ~ :'hex' AS timed
            FROM checkpoints AS k WHERE k.thread_id = t.thread_id AND :paced LIMIT 501
        ) AS k
    ) AS k
    -- One without a checkpoint is the sweep's; more of them are those of a large thread that was not
    -- pruned, in a dry run.
    WHERE k.checkpoints BETWEEN 1 AND 500 AND NOT k.delta AND k.timed
        AND k.newest < :'keep_before'
), doomed AS MATERIALIZED (
    SELECT o.*
    FROM orphan AS o
    JOIN idle_thread AS i ON i.thread_id = o.thread_id
\if :in_blobs \else
    -- A checkpoint from before v4 reads its pending sends from its parent's writes.
    WHERE o.checkpoint_id <> ALL (coalesce(i.sends, '{}'))
\endif
), deleted AS (
\if :deletes_orphans
    DELETE FROM :table WHERE ctid = ANY (ARRAY(
        SELECT c.place
        FROM doomed AS d
        CROSS JOIN LATERAL (
            -- What somebody holds locked is left to the next run.
            SELECT c.ctid AS place FROM :table AS c WHERE :same_key FOR UPDATE SKIP LOCKED
        ) AS c
    )) AND :paced
    RETURNING true
\else
    SELECT FROM doomed
\endif
)
SELECT (SELECT count(*) FROM deleted) AS found, l.*,
    p.rows = $2 AS more, p.rows AS used, :started AS began
FROM (SELECT count(*) AS rows FROM part) AS p
LEFT JOIN LATERAL (
    SELECT c.thread_id AS thread, :last_key FROM part AS c
    ORDER BY c.number DESC, :key_back LIMIT 1
) AS l ON true;
