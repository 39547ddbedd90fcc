-- Takes the next threads in the order of the index and sorts them by what is to be done, until their
-- checkpoints fill one transaction. Reads indexes only: a finished thread costs a few page visits.
\if :{?walk_ready} \else
PREPARE walk (text, integer, integer) AS
WITH RECURSIVE walk (number, thread_id, state, work, upcoming) AS (
    SELECT 0, NULL, NULL, 0::bigint, (
        SELECT thread_id FROM checkpoints
        WHERE thread_id >= $1
        ORDER BY thread_id LIMIT 1
    )
    UNION ALL
    SELECT w.number + 1, w.upcoming, s.state, w.work + s.work, (
        SELECT c.thread_id FROM checkpoints AS c
        WHERE c.thread_id > w.upcoming ORDER BY c.thread_id LIMIT 1
    )
    FROM walk AS w
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT c.checkpoint_id LIKE :'uuid6' AND c.checkpoint_id ~ :'hex'
                AND c.checkpoint_id COLLATE "C" >= :'keep_before'
            FROM checkpoints AS c
            WHERE c.thread_id = w.upcoming AND c.checkpoint_ns = ''
            ORDER BY c.checkpoint_id DESC LIMIT 1
        ), false) AS live
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (
        SELECT count(*) AS checkpoints, count(DISTINCT c.checkpoint_ns) AS namespaces,
            bool_and(c.checkpoint_id LIKE :'uuid6' AND c.checkpoint_id ~ :'hex') AS timed,
            max(c.checkpoint_id COLLATE "C") AS newest
        FROM (
            SELECT checkpoint_ns, checkpoint_id FROM checkpoints
            WHERE thread_id = w.upcoming AND NOT r.live AND :paced LIMIT $3 + 1
        ) AS c
        OFFSET 0
    ) AS f
    CROSS JOIN LATERAL (
        SELECT v.state, CASE WHEN v.state IN ('idle', 'expired', 'large') THEN f.checkpoints ELSE 0
            END AS work
        FROM (
            SELECT CASE
                WHEN r.live THEN 'active'
                WHEN f.checkpoints > $3 THEN 'large'
                WHEN NOT f.timed THEN 'untimed'
                WHEN f.newest >= :'keep_before' THEN 'active'
                WHEN f.newest < :'drop_before' THEN 'expired'
                -- Whoever left a parent's name behind deleted that parent; pruning writes NULL.
                WHEN f.checkpoints = f.namespaces AND (
                    SELECT true FROM checkpoints AS c
                    WHERE c.thread_id = w.upcoming AND c.parent_checkpoint_id IS NOT NULL LIMIT 1
                ) IS NULL THEN 'finished'
                ELSE 'idle'
            END AS state
        ) AS v
    ) AS s
    WHERE w.upcoming IS NOT NULL AND w.number < $2 AND w.work <= $3
), covered AS (
    SELECT * FROM walk WHERE work <= $3
), follower AS (
    SELECT upcoming FROM covered ORDER BY number DESC LIMIT 1
)
SELECT
    coalesce(array_agg(thread_id) FILTER (WHERE state = 'idle'), '{}') AS idle,
    coalesce(array_agg(thread_id) FILTER (WHERE state = 'expired'), '{}') AS expired,
    coalesce(array_agg(thread_id) FILTER (WHERE state IN ('idle', 'finished')), '{}') AS staying,
    count(*) FILTER (WHERE state IN ('idle', 'finished')) > 0 AS any_staying,
    count(*) FILTER (WHERE state = 'idle') > 0 AS any_idle,
    count(*) FILTER (WHERE state = 'expired') > 0 AS any_expired,
    count(*) FILTER (WHERE state = 'active') AS window_active,
    count(*) FILTER (WHERE state = 'untimed') AS window_untimed,
    count(*) FILTER (WHERE state = 'finished') AS window_finished,
    count(state) = 0 AND (SELECT upcoming FROM follower) IS NOT NULL AS any_large,
    coalesce((SELECT upcoming FROM follower), '') AS next_thread,
    (SELECT upcoming FROM follower) IS NULL AS next_is_end,
    encode(convert_to(coalesce((SELECT upcoming FROM follower), ''), 'UTF8'), 'hex')
        AS next_position,
    count(state) AS used, statement_timestamp() AS began
FROM covered;
\if :ERROR \else
    \set walk_ready true
\endif
\endif

\set unit :width
EXECUTE walk(:'from_thread', :width, :size) \gset got_
\ir retention_end.sql
\set width :unit
\if :failed
\elif :got_any_large
    \set step look
\else
    \set step work
\endif
