-- Looks for what is left of threads without a checkpoint: blobs, then writes of a former time.
-- A saver commits blobs with their checkpoint, but writes in the background, some before theirs.
\if :{?sweep_ready} \else
PREPARE :sweep (text, integer, integer) AS
WITH RECURSIVE walk (number, thread_id, gone, work, upcoming) AS (
    SELECT 0, NULL, NULL::boolean, 0::bigint, (
        SELECT thread_id FROM :table
        WHERE thread_id >= $1
        ORDER BY thread_id LIMIT 1
    )
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
), follower AS (
    SELECT upcoming FROM covered ORDER BY number DESC LIMIT 1
)
SELECT
    coalesce(array_agg(thread_id) FILTER (WHERE gone), '{}') AS cleared,
    count(gone) = 0 AND (SELECT upcoming FROM follower) IS NOT NULL AS any_large,
    coalesce((SELECT upcoming FROM follower), '') AS next_thread,
    (SELECT upcoming FROM follower) IS NULL AS next_is_end,
    encode(convert_to(coalesce((SELECT upcoming FROM follower), ''), 'UTF8'), 'hex')
        AS next_position,
    coalesce(bool_or(gone), false) OR count(gone) = 0 AND (SELECT upcoming FROM follower) IS NOT NULL
        AS any_rows,
    count(gone) AS used,
    statement_timestamp() AS began
FROM covered;
\if :ERROR \else
    \set sweep_ready true
\endif
\endif

\set unit :width
EXECUTE :sweep(:'from_thread', :width, :rows) \gset got_
\ir retention_end.sql
\set width :unit
SELECT clock_timestamp() < :'sweep_after' AND NOT :'dry_run' AS early \gset
\if :failed
\elif :got_any_rows
    \if :early
        -- Waits outside of a transaction, then looks again: a thread may be in use by then.
        \! sleep 1
    \else
        \set threads :got_cleared
        \if :got_any_large
            SELECT ARRAY[:'got_next_thread']::text AS threads \gset
        \endif
        \set step clear
    \endif
\else
    \ir retention_swept.sql
\endif
