-- Takes the next threads in the order of the index and sorts them by what is to be done, until their
-- checkpoints fill one transaction. Reads indexes only: a finished thread costs a few page visits.
PREPARE walk (text, integer, integer, integer) AS
WITH RECURSIVE walk (number, thread_id, state, work, upcoming) AS (
    SELECT 0, NULL, NULL, 0::bigint, CASE
        WHEN $1 IS NULL THEN (SELECT thread_id FROM checkpoints ORDER BY thread_id LIMIT 1)
        ELSE (SELECT thread_id FROM checkpoints WHERE thread_id > $1 ORDER BY thread_id LIMIT 1)
    END
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
            WHERE thread_id = w.upcoming AND NOT r.live AND :paced LIMIT $4 + 1
        ) AS c
        OFFSET 0
    ) AS f
    CROSS JOIN LATERAL (
        SELECT v.state, CASE WHEN v.state IN ('idle', 'expired', 'large') THEN f.checkpoints ELSE 0
            END AS work
        FROM (
            SELECT CASE
                WHEN r.live THEN 'active'
                WHEN f.checkpoints > $4 THEN 'large'
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
    SELECT * FROM walk WHERE work <= $3 OR number = 1 AND state <> 'large'
), last AS (
    SELECT * FROM covered ORDER BY number DESC LIMIT 1
)
SELECT
    array_agg(thread_id) FILTER (WHERE state = 'idle') AS idle_threads,
    array_agg(thread_id) FILTER (WHERE state = 'expired') AS expired_threads,
    array_agg(thread_id) FILTER (WHERE state IN ('idle', 'finished')) AS staying_threads,
    count(*) FILTER (WHERE state = 'idle') AS idle,
    count(*) FILTER (WHERE state = 'expired') AS expired,
    count(*) FILTER (WHERE state = 'active') AS walked_active,
    count(*) FILTER (WHERE state = 'untimed') AS walked_untimed,
    count(*) FILTER (WHERE state = 'finished') AS walked_finished,
    (SELECT upcoming IS NULL FROM last) AS is_end,
    count(state) = 0 AND (SELECT upcoming IS NOT NULL FROM last) AS is_large,
    -- Bytes, in hexadecimal: a thread's id may hold any character. Of a large thread, its own; past
    -- the last thread, where the walk began: after a lost connection it goes on there.
    (SELECT concat('\x', encode(
        convert_to(coalesce(thread_id, upcoming, $1, ''), 'UTF8'), 'hex')) FROM last) AS place,
    count(state) AS used, :started AS began
FROM covered;
