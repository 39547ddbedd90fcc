-- Fills the tables with :threads idle threads of :steps checkpoints, in the order of writing: :writes
-- writes a checkpoint, a blob each, another one every second time, two values inline.
\set ON_ERROR_STOP on
CREATE TEMPORARY TABLE step AS
SELECT t.number AS thread, s.number AS step, 'idle-' || md5(:steps || '/' || t.number) AS thread_id,
    substr(i.hex, 1, 8) || '-' || substr(i.hex, 9, 4) || '-6' || substr(i.hex, 13, 3) || '-8000-'
        || lpad(to_hex(t.number), 12, '0') AS id,
    lpad(s.number::text, 32, '0') || '.0.243798848838515' AS version,
    lpad((s.number - s.number % 2)::text, 32, '0') || '.0.343798848838515' AS document
FROM generate_series(0, :steps) AS s (number)
CROSS JOIN generate_series(1, :threads) AS t (number)
-- 2025-01-01 and seconds later, in 100 ns since 1582.
CROSS JOIN LATERAL (
    SELECT lpad(to_hex(139548927999990000 + s.number::bigint * 10000000 + t.number), 15, '0') AS hex
) AS i
ORDER BY s.number, t.number;

INSERT INTO checkpoints (thread_id, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
SELECT n.thread_id, n.id, p.id,
    jsonb_build_object(
        'v', 4, 'id', n.id, 'ts', '2025-01-01T00:00:00+00:00',
        'channel_values', jsonb_build_object('branch:to:agent', NULL, 'count', n.step),
        'channel_versions', jsonb_build_object(
            'messages', n.version, 'documents', n.document, 'branch:to:agent', n.version,
            'count', n.version
        ),
        'versions_seen', jsonb_build_object('agent', jsonb_build_object('count', n.version))
    ),
    jsonb_build_object('source', 'loop', 'step', n.step, 'parents', '{}'::jsonb)
FROM step AS n
JOIN step AS p ON p.thread = n.thread AND p.step = n.step - 1
WHERE n.step > 0
ORDER BY n.step, n.thread;

INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)
SELECT thread_id, 'messages', version, 'msgpack', decode(repeat(md5(version), 15), 'hex')
FROM step WHERE step > 0 ORDER BY step, thread;

INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)
SELECT thread_id, 'documents', document, 'msgpack', decode(repeat(md5(document), 15), 'hex')
FROM step WHERE step % 2 = 0 ORDER BY step, thread;

INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, type, blob)
SELECT s.thread_id, s.id, md5(s.id)::uuid::text, i.number, 'messages', 'msgpack',
    decode(repeat(md5(s.id), 12), 'hex')
FROM step AS s
CROSS JOIN generate_series(1, :writes) AS i (number)
WHERE s.step > 0 ORDER BY s.step, s.thread;

DROP TABLE step;
VACUUM (FREEZE, ANALYZE) checkpoints, checkpoint_blobs, checkpoint_writes;
