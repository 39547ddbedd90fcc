-- Prunes threads ($1) of together at most $2 checkpoints to the newest one of each namespace, as
-- PostgresSaver.prune() does.
-- One statement, hence one snapshot: what a run saves meanwhile is neither seen nor deleted.
-- A large thread is pruned in parts, newest first, subgraph calls before the root. Each part deletes
-- what only its own checkpoints need, so a killed run leaves every remaining checkpoint complete.
\if :large
PREPARE prune_part (text[], integer, text, text) AS
\else
PREPARE prune (text[], integer) AS
\endif
WITH thread AS (
    SELECT unnest($1) AS thread_id
), seen AS MATERIALIZED (
    SELECT t.thread_id, c.*
    FROM thread AS t
    CROSS JOIN LATERAL (
        SELECT k.ctid AS place, k.checkpoint_ns AS ns, k.checkpoint_id AS id,
            k.parent_checkpoint_id AS parent, k.checkpoint -> 'channel_versions' AS versions,
            :delta AS delta
        FROM checkpoints AS k
        WHERE k.thread_id = t.thread_id AND :paced
\if :large
            AND (k.checkpoint_ns, k.checkpoint_id) < ($3, $4)
\endif
        ORDER BY k.checkpoint_ns DESC, k.checkpoint_id DESC LIMIT $2
    ) AS c
-- As in upstream: the newest checkpoint, the parent it reads its pending sends from when it
-- predates v4, and the root graph's checkpoint that its subgraph call started from.
), head AS MATERIALIZED (
    SELECT n.thread_id, n.ns, h.*, s.place AS sends_place, s.parent AS sends_parent,
        s.versions AS sends_versions, array_remove(ARRAY[h.id, p.sends], NULL) AS kept,
        n.ns LIKE '%:%' AND (
            SELECT true FROM checkpoints AS r
            WHERE r.thread_id = n.thread_id AND r.checkpoint_ns = '' AND r.checkpoint_id = h.root
            LIMIT 1
        ) IS NOT NULL AS from_saved
    FROM (
        SELECT thread_id, ns FROM seen
        UNION
        SELECT thread_id, '' FROM seen
    ) AS n
    CROSS JOIN LATERAL (
        SELECT k.ctid AS place, k.checkpoint_id AS id, k.parent_checkpoint_id AS parent,
            k.checkpoint -> 'channel_versions' AS versions, k.metadata -> 'parents' ->> '' AS root,
            (k.checkpoint ->> 'v')::integer < 4 AS old
        FROM checkpoints AS k
        WHERE k.thread_id = n.thread_id AND k.checkpoint_ns = n.ns
        ORDER BY k.checkpoint_id DESC LIMIT 1
    ) AS h
    -- The sends are there for the next run whether their checkpoint is or not.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN h.old AND (
            SELECT true FROM checkpoint_writes AS w
            WHERE w.thread_id = n.thread_id AND w.checkpoint_ns = n.ns
                AND w.checkpoint_id = h.parent AND w.channel = '__pregel_tasks'
            LIMIT 1
        ) THEN h.parent END AS sends
        OFFSET 0
    ) AS p
    LEFT JOIN LATERAL (
        SELECT k.ctid AS place, k.parent_checkpoint_id AS parent,
            k.checkpoint -> 'channel_versions' AS versions
        FROM checkpoints AS k
        WHERE k.thread_id = n.thread_id AND k.checkpoint_ns = n.ns AND k.checkpoint_id = p.sends
        LIMIT 1
    ) AS s ON true
), delta_thread AS MATERIALIZED (
    SELECT DISTINCT thread_id FROM seen WHERE delta
), left_alone AS (
    SELECT thread_id FROM delta_thread
    UNION
    SELECT thread_id FROM head WHERE id COLLATE "C" >= :'keep_before'
), ruled AS MATERIALIZED (
    SELECT row_number() OVER () AS number, h.*, h.from_saved AND h.root <> ALL (coalesce(r.kept, '{}')) AS call
    FROM head AS h
    LEFT JOIN head AS r ON r.thread_id = h.thread_id AND r.ns = ''
    WHERE h.thread_id NOT IN (SELECT thread_id FROM left_alone)
), doomed AS MATERIALIZED (
    SELECT r.number, s.place, s.thread_id, s.ns, s.id, s.parent, s.versions, r.call
    FROM seen AS s
    JOIN ruled AS r ON r.thread_id = s.thread_id AND r.ns = s.ns
    WHERE r.call OR s.id <> ALL (r.kept)
), ended_call AS MATERIALIZED (
    SELECT o.number, o.thread_id, o.ns
    FROM (
        SELECT number, thread_id, ns, min(id) AS id FROM doomed
        WHERE call GROUP BY number, thread_id, ns
    ) AS o
    WHERE (
        SELECT true FROM checkpoints AS k
        WHERE k.thread_id = o.thread_id AND k.checkpoint_ns = o.ns AND k.checkpoint_id < o.id
        LIMIT 1
    ) IS NULL
\if :large
), used AS (
    SELECT d.number, v.key AS channel, v.value AS version
    FROM doomed AS d
    CROSS JOIN LATERAL jsonb_each_text(d.versions) AS v
    WHERE NOT :whole AND :paced
\else
-- Looking up the few channels that have blobs is cheaper than listing the versions of all; they are
-- found by jumping from one to the next in the primary key.
), stored AS MATERIALIZED (
    WITH RECURSIVE jump AS (
        SELECT r.number, r.thread_id, r.ns, (
            SELECT b.channel FROM checkpoint_blobs AS b
            WHERE b.thread_id = r.thread_id AND b.checkpoint_ns = r.ns
            ORDER BY b.channel LIMIT 1
        ) AS channel
        FROM ruled AS r
        UNION ALL
        SELECT j.number, j.thread_id, j.ns, (
            SELECT b.channel FROM checkpoint_blobs AS b
            WHERE b.thread_id = j.thread_id AND b.checkpoint_ns = j.ns AND b.channel > j.channel
            ORDER BY b.channel LIMIT 1
        )
        FROM jump AS j WHERE j.channel IS NOT NULL
    )
    SELECT * FROM jump WHERE channel IS NOT NULL
), used AS (
    SELECT s.thread_id, s.ns, s.channel, d.versions ->> s.channel AS version
    FROM doomed AS d
    JOIN stored AS s ON s.number = d.number
    WHERE NOT :whole AND d.versions ? s.channel AND :paced
\endif
), needed AS (
    SELECT r.number, r.thread_id, r.ns, v.key AS channel, v.value AS version
    FROM ruled AS r
    CROSS JOIN LATERAL (VALUES (r.versions), (r.sends_versions)) AS k (versions)
    CROSS JOIN LATERAL jsonb_each_text(k.versions) AS v
    WHERE NOT r.call
\if :large
    -- An older checkpoint shares a version with these only by way of the parent of one of these.
    UNION ALL
    SELECT d.number, d.thread_id, d.ns, v.key, v.value
    FROM doomed AS d
    CROSS JOIN LATERAL (
        SELECT k.checkpoint -> 'channel_versions' AS versions FROM checkpoints AS k
        WHERE k.thread_id = d.thread_id AND k.checkpoint_ns = d.ns AND k.checkpoint_id = d.parent
            AND NOT EXISTS (SELECT FROM doomed AS o WHERE o.ns = d.ns AND o.id = d.parent)
        LIMIT 1
    ) AS p
    CROSS JOIN LATERAL jsonb_each_text(p.versions) AS v
-- The rows that are looked for; a small thread's are read and deleted in one pass.
), freed AS MATERIALIZED (
    SELECT number, channel, version FROM used
    EXCEPT
    SELECT number, channel, version FROM needed
), garbage AS MATERIALIZED (
    SELECT b.place
    FROM freed AS f
    JOIN ruled AS r ON r.number = f.number
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place FROM checkpoint_blobs AS b
        WHERE b.thread_id = r.thread_id AND b.checkpoint_ns = r.ns
            AND b.channel = f.channel AND b.version = f.version AND :paced
        LIMIT 1
    ) AS b
    UNION ALL
    SELECT b.place
    FROM ended_call AS e
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place FROM checkpoint_blobs AS b
        WHERE b.thread_id = e.thread_id AND b.checkpoint_ns = e.ns AND :paced OFFSET 0
    ) AS b
), spent AS MATERIALIZED (
    SELECT w.place
    FROM doomed AS d
    CROSS JOIN LATERAL (
        SELECT w.ctid AS place FROM checkpoint_writes AS w
        WHERE w.thread_id = d.thread_id AND w.checkpoint_ns = d.ns AND w.checkpoint_id = d.id
            AND :paced
        OFFSET 0
    ) AS w
    WHERE NOT :whole
    UNION ALL
    SELECT w.place
    FROM ended_call AS e
    CROSS JOIN LATERAL (
        SELECT w.ctid AS place FROM checkpoint_writes AS w
        WHERE w.thread_id = e.thread_id AND w.checkpoint_ns = e.ns AND :paced OFFSET 0
    ) AS w
\endif
\if :dry_run \else
), orphaned AS (
    UPDATE checkpoints SET parent_checkpoint_id = NULL
    WHERE ctid = ANY (ARRAY(
        SELECT place FROM ruled WHERE NOT call AND parent <> ALL (kept)
        UNION ALL
        SELECT sends_place FROM ruled WHERE NOT call AND sends_parent <> ALL (kept)
    ))
), deleted_checkpoints AS (
    DELETE FROM checkpoints WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) AND :paced
\endif
), deleted_blobs AS (
    :take checkpoint_blobs AS c
\if :large
    WHERE c.ctid = ANY (ARRAY(SELECT place FROM garbage)) AND :paced
\else
    WHERE c.thread_id = ANY ($1) AND :paced AND (
        (c.thread_id, c.checkpoint_ns, c.channel, c.version) IN (
            SELECT thread_id, ns, channel, version FROM used
        ) AND (c.thread_id, c.checkpoint_ns, c.channel, c.version) NOT IN (
            SELECT thread_id, ns, channel, version FROM needed WHERE version IS NOT NULL
        ) OR (c.thread_id, c.checkpoint_ns) IN (SELECT thread_id, ns FROM ended_call)
    )
\endif
    :taken
), deleted_writes AS (
    :take checkpoint_writes AS c
\if :large
    WHERE c.ctid = ANY (ARRAY(SELECT place FROM spent)) AND :paced
\else
    WHERE c.thread_id = ANY ($1) AND :paced AND (
        (c.thread_id, c.checkpoint_ns, c.checkpoint_id) IN (
            SELECT d.thread_id, d.ns, d.id FROM doomed AS d WHERE NOT :whole
        ) OR (c.thread_id, c.checkpoint_ns) IN (SELECT thread_id, ns FROM ended_call)
    )
\endif
    :taken
)
SELECT (SELECT count(DISTINCT thread_id) FROM doomed) AS deleted_threads,
    (SELECT count(*) FROM delta_thread) AS left_delta,
    c.deleted AS deleted_checkpoints, w.deleted AS deleted_writes, b.deleted AS deleted_blobs,
    w.bytes + b.bytes AS deleted_bytes,
\if :large
    (SELECT ns FROM seen ORDER BY ns, id LIMIT 1) AS below_ns,
    (SELECT id FROM seen ORDER BY ns, id LIMIT 1) AS below_id,
\else
    (SELECT count(*) FROM thread WHERE thread_id NOT IN (
        SELECT thread_id FROM left_alone UNION ALL SELECT thread_id FROM doomed
    )) AS left_finished,
\endif
    s.used = $2 AS more, s.used, :started AS began
FROM (SELECT count(*) AS used FROM seen) AS s
CROSS JOIN (SELECT count(*) AS deleted FROM doomed) AS c
CROSS JOIN (
    SELECT count(*) AS deleted, coalesce(sum(bytes), 0) AS bytes FROM deleted_writes
) AS w
CROSS JOIN (
    SELECT count(*) AS deleted, coalesce(sum(bytes), 0) AS bytes FROM deleted_blobs
) AS b;
