-- Fills the tables of version 3 with :rows rows each; 100 rows a thread, in the order of writing.
\set ON_ERROR_STOP on
INSERT INTO checkpoints (
    thread_id, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
)
SELECT
    md5((n / 100)::text)::uuid::text,
    lpad(to_hex(n), 12, '0')::text || '-8335-6428-8001-8a1503f9b875',
    lpad(to_hex(n - 1), 12, '0')::text || '-8335-6428-8001-8a1503f9b875',
    NULL,
    jsonb_build_object('v', 4, 'id', to_hex(n), 'channel_versions', jsonb_build_object(
        'messages', lpad(n::text, 32, '0') || '.0.243798848838515'
    )),
    jsonb_build_object('source', 'loop', 'step', n % 100)
FROM generate_series(1, :rows) AS n;

INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)
SELECT
    md5((n / 100)::text)::uuid::text,
    'messages',
    lpad(n::text, 32, '0') || '.0.243798848838515',
    'msgpack',
    decode(repeat(md5(n::text), 3), 'hex')
FROM generate_series(1, :rows) AS n;

INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, type, blob)
SELECT
    md5((n / 100)::text)::uuid::text,
    lpad(to_hex(n / 2), 12, '0')::text || '-8335-6428-8001-8a1503f9b875',
    md5((n / 2)::text)::uuid::text,
    n % 2,
    'messages',
    'msgpack',
    decode(repeat(md5(n::text), 3), 'hex')
FROM generate_series(1, :rows) AS n;

-- Freezing sets what a first reader of each page would otherwise write.
VACUUM (FREEZE, ANALYZE) checkpoints, checkpoint_blobs, checkpoint_writes;
