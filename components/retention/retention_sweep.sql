-- Looks for what is left of threads without a checkpoint: blobs, then writes of a former time.
-- A saver commits blobs with their checkpoint, but writes in the background, some before theirs.
PREPARE sweep_:kind (text, integer, integer) AS
WITH RECURSIVE walk (number, thread_id, gone, work, upcoming) AS (
    SELECT 0, NULL, NULL::boolean, 0::bigint, CASE
        WHEN $1 IS NULL THEN (SELECT thread_id FROM :table ORDER BY thread_id LIMIT 1)
        ELSE (SELECT thread_id FROM :table WHERE thread_id > $1 ORDER BY thread_id LIMIT 1)
    END
    UNION ALL
    SELECT w.number + 1, w.upcoming, g.gone, w.work + f.rows, (
        SELECT c.thread_id FROM :table AS c
        WHERE c.thread_id > w.upcoming ORDER BY c.thread_id LIMIT 1
    )
    FROM walk AS w
    CROSS JOIN LATERAL (
\if :dry_run
        -- What the run would have dropped by now.
        SELECT CASE WHEN r.live THEN false ELSE (
            SELECT true FROM (
                SELECT k.checkpoint_id FROM checkpoints AS k
                WHERE k.thread_id = w.upcoming LIMIT 5000
            ) AS k
            WHERE NOT (k.checkpoint_id LIKE :'uuid6' AND k.checkpoint_id ~ :'hex'
                AND k.checkpoint_id COLLATE "C" < :'drop_before')
            LIMIT 1
        ) IS NULL END AS gone
        FROM (
            SELECT (
                SELECT k.checkpoint_id COLLATE "C" >= :'drop_before' FROM checkpoints AS k
                WHERE k.thread_id = w.upcoming AND k.checkpoint_ns = ''
                ORDER BY k.checkpoint_id DESC LIMIT 1
            ) AS live
        ) AS r
\else
        SELECT (
            SELECT true FROM checkpoints AS k WHERE k.thread_id = w.upcoming LIMIT 1
        ) IS NULL AS gone
\endif
        OFFSET 0
    ) AS g
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows
        FROM (
            SELECT FROM :table AS c WHERE g.gone AND c.thread_id = w.upcoming AND :paced
            LIMIT $3 + 1
        ) AS c
    ) AS f
    WHERE w.upcoming IS NOT NULL AND w.number < $2 AND w.work <= $3
), covered AS (
    SELECT * FROM walk WHERE work <= $3
), last AS (
    SELECT * FROM covered ORDER BY number DESC LIMIT 1
)
SELECT
    CASE WHEN count(gone) > 0 THEN array_agg(thread_id) FILTER (WHERE gone)
        ELSE (SELECT ARRAY[upcoming] FROM last) END AS bare_threads,
    (SELECT upcoming IS NULL FROM last) AS is_end,
    count(gone) = 0 AND (SELECT upcoming IS NOT NULL FROM last) AS is_large,
    -- Bytes, in hexadecimal: a thread's id may hold any character. Of a large thread, its own.
    (SELECT concat('\x', encode(convert_to(coalesce(thread_id, upcoming, ''), 'UTF8'), 'hex'))
        FROM last) AS place,
    count(*) FILTER (WHERE gone) AS bare,
    count(gone) AS used, :started AS began
FROM covered;
