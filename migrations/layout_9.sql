-- LangGraph's version 9, the tables of langgraph-checkpoint-postgres 2.0.13 to 3.2.0: its number,
-- and the query that knows it. That finds what differs in the schema which checkpoint.schema names,
-- one row each; fix is null where only a human can tell what is right.
\set version 9
\if :{?also} \else \set also ''
\endif

-- psql takes a text of several lines into a variable from the server alone, so it goes there and
-- comes back. LOCAL, since a pooler would hand the setting to the next client.
SET LOCAL search_path = pg_catalog, pg_temp \;
SELECT
:also
$layout$
WITH wanted_table (tbl, key) AS (VALUES
    ('checkpoint_migrations', 'PRIMARY KEY (v)'),
    ('checkpoints', 'PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)'),
    ('checkpoint_blobs', 'PRIMARY KEY (thread_id, checkpoint_ns, channel, version)'),
    ('checkpoint_writes', 'PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)')
), wanted_column (tbl, pos, col, definition) AS (VALUES
    ('checkpoint_migrations', 1, 'v', 'integer not null'),
    ('checkpoints', 1, 'thread_id', 'text not null'),
    ('checkpoints', 2, 'checkpoint_ns', 'text not null default '''''),
    ('checkpoints', 3, 'checkpoint_id', 'text not null'),
    ('checkpoints', 4, 'parent_checkpoint_id', 'text'),
    ('checkpoints', 5, 'type', 'text'),
    ('checkpoints', 6, 'checkpoint', 'jsonb not null'),
    ('checkpoints', 7, 'metadata', 'jsonb not null default ''{}'''),
    ('checkpoint_blobs', 1, 'thread_id', 'text not null'),
    ('checkpoint_blobs', 2, 'checkpoint_ns', 'text not null default '''''),
    ('checkpoint_blobs', 3, 'channel', 'text not null'),
    ('checkpoint_blobs', 4, 'version', 'text not null'),
    ('checkpoint_blobs', 5, 'type', 'text not null'),
    ('checkpoint_blobs', 6, 'blob', 'bytea'),
    ('checkpoint_writes', 1, 'thread_id', 'text not null'),
    ('checkpoint_writes', 2, 'checkpoint_ns', 'text not null default '''''),
    ('checkpoint_writes', 3, 'checkpoint_id', 'text not null'),
    ('checkpoint_writes', 4, 'task_id', 'text not null'),
    ('checkpoint_writes', 5, 'idx', 'integer not null'),
    ('checkpoint_writes', 6, 'channel', 'text not null'),
    ('checkpoint_writes', 7, 'type', 'text'),
    ('checkpoint_writes', 8, 'blob', 'bytea not null'),
    ('checkpoint_writes', 9, 'task_path', 'text not null default ''''')
), later_column (tbl, col) AS (VALUES
    -- What the tables of an earlier version lack.
    ('checkpoint_writes', 'task_path')
), wanted_index (tbl, name, key) AS (VALUES
    ('checkpoints', 'checkpoints_thread_id_idx', 'thread_id'),
    ('checkpoint_blobs', 'checkpoint_blobs_thread_id_idx', 'thread_id'),
    ('checkpoint_writes', 'checkpoint_writes_thread_id_idx', 'thread_id')
), schema AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname = current_setting('checkpoint.schema')
), found_table AS (
    SELECT w.tbl, w.key, c.oid, CASE
            WHEN c.oid IS NULL AND t.oid IS NOT NULL THEN 'a type of this name'
            WHEN c.oid IS NULL THEN 'none'
            WHEN c.relkind = 'r' AND c.relpersistence = 'u' THEN 'an unlogged table'
            WHEN c.relkind = 'r' AND EXISTS (
                SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)
            ) THEN 'a table that inherits or is inherited from'
            WHEN c.relkind = 'r' AND c.reloftype <> 0 THEN 'a table of a composite type'
            WHEN c.relkind = 'r' THEN 'an ordinary table'
            WHEN c.relkind = 'p' THEN 'a partitioned table'
            WHEN c.relkind = 'v' THEN 'a view'
            WHEN c.relkind = 'm' THEN 'a materialized view'
            WHEN c.relkind = 'f' THEN 'a foreign table'
            ELSE 'a relation of kind ' || c.relkind::text
        END AS kind
    FROM wanted_table AS w
    CROSS JOIN schema
    LEFT JOIN pg_class AS c ON c.relname = w.tbl::name AND c.relnamespace = schema.oid
    LEFT JOIN pg_type AS t
        ON t.typname = w.tbl::name AND t.typnamespace = schema.oid AND t.typrelid = 0
), plain AS (
    SELECT tbl, key, oid FROM found_table WHERE kind = 'an ordinary table'
), found_column AS (
    SELECT p.tbl, a.attname::text AS col, a.attnum, a.attnotnull,
        concat(
            t.type,
            CASE WHEN a.attcollation <> y.typcollation THEN ' collate ' || o.collname END,
            CASE WHEN a.attnotnull THEN ' not null' END,
            CASE WHEN a.attidentity <> '' THEN ' identity' END,
            CASE WHEN a.attgenerated <> '' THEN ' generated' END,
            ' default ' || CASE
                WHEN right(e.expr, length(t.type) + 2) = '::' || t.type
                    THEN left(e.expr, - length(t.type) - 2)
                ELSE e.expr
            END
        ) AS definition
    FROM plain AS p
    JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS y ON y.oid = a.atttypid
    LEFT JOIN pg_collation AS o ON o.oid = a.attcollation
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT format_type(a.atttypid, a.atttypmod)) AS t (type)
    CROSS JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid)) AS e (expr)
), both_columns AS (
    SELECT tbl, col, w.definition AS wanted, f.definition AS found, f.attnotnull,
        row_number() OVER (PARTITION BY tbl ORDER BY w.pos) AS wanted_pos,
        row_number() OVER (PARTITION BY tbl ORDER BY f.attnum) AS found_pos
    FROM wanted_column AS w
    JOIN found_column AS f USING (tbl, col)
), found_key AS (
    SELECT p.tbl, k.oid, k.conname, i.indkey, i.indclass, i.indcollation,
        i.indisvalid AND i.indisready AND i.indislive AS usable,
        -- optional/drop_thread_id_indexes.sql says so.
        coalesce(obj_description(k.oid, 'pg_constraint') LIKE 'thread_id index omitted:%', false)
            AS suffices
    FROM plain AS p
    JOIN pg_constraint AS k ON k.conrelid = p.oid AND k.contype = 'p'
    JOIN pg_index AS i ON i.indexrelid = k.conindid
), defined_index AS (
    SELECT w.tbl, w.name, w.key, schema.oid AS schema_oid,
        format('CREATE INDEX %I ON %I.%I USING btree (%s)', w.name, schema.nspname, w.tbl, w.key)
            AS definition
    FROM wanted_index AS w
    JOIN found_table AS f ON f.tbl = w.tbl AND f.kind IN ('an ordinary table', 'none')
    CROSS JOIN schema
), found_index AS (
    SELECT w.name, w.tbl, w.key, w.definition, c.oid, i.indrelid,
        i.indisvalid AND i.indisready AND i.indislive AS usable,
        regexp_replace(pg_get_indexdef(i.indexrelid), ' WITH [(][^()]*[)]$', '') AS found
    FROM defined_index AS w
    LEFT JOIN pg_class AS c ON c.relname = w.name::name AND c.relnamespace = w.schema_oid
    LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
)
SELECT 'tables' AS check_name, tbl AS object,
    'expected an ordinary table, found ' || kind AS what,
    CASE kind WHEN 'none' THEN 'create' END AS fix
FROM found_table WHERE kind <> 'an ordinary table'
UNION ALL
SELECT 'tables', p.tbl, format('expected no %s, found %s', x.kind, x.found), NULL
FROM plain AS p
JOIN pg_class AS c ON c.oid = p.oid
CROSS JOIN LATERAL (
    SELECT 'trigger', quote_ident(tgname) FROM pg_trigger
    WHERE tgrelid = p.oid AND NOT tgisinternal
    UNION ALL
    SELECT 'rule', quote_ident(rulename) FROM pg_rewrite WHERE ev_class = p.oid
    UNION ALL
    SELECT 'policy', quote_ident(polname) FROM pg_policy WHERE polrelid = p.oid
    UNION ALL
    SELECT 'row security', 'it enabled' WHERE c.relrowsecurity
    UNION ALL
    SELECT 'row security', 'it forced' WHERE c.relforcerowsecurity
) AS x (kind, found)
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected %s, found no such column', w.definition),
    CASE WHEN (tbl, col) IN (SELECT l.tbl, l.col FROM later_column AS l) THEN 'add' END
FROM wanted_column AS w JOIN plain USING (tbl) LEFT JOIN found_column AS f USING (tbl, col)
WHERE f.col IS NULL
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected no such column, found %s', f.definition), NULL
FROM found_column AS f LEFT JOIN wanted_column AS w USING (tbl, col) WHERE w.col IS NULL
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected %s, found %s', wanted, found),
    CASE WHEN (tbl, col, found) = ('checkpoint_blobs', 'blob', 'bytea not null')
        THEN 'drop not null' END
FROM both_columns WHERE found <> wanted
UNION ALL
SELECT 'columns', tbl || '.' || col,
    format('expected at position %s, found at %s', wanted_pos, found_pos), NULL
FROM both_columns WHERE found_pos <> wanted_pos
UNION ALL
SELECT 'nullability', tbl || '.' || col,
    CASE WHEN attnotnull THEN 'expected to accept null, found not null'
        ELSE 'expected not null, found that it accepts null' END,
    CASE WHEN (tbl, col) = ('checkpoint_blobs', 'blob') THEN 'drop not null' END
FROM both_columns WHERE attnotnull <> (wanted LIKE '% not null%')
UNION ALL
SELECT 'constraints', p.tbl,
    format('expected no further constraint, found %s %s', k.conname, pg_get_constraintdef(k.oid)),
    NULL
FROM plain AS p JOIN pg_constraint AS k ON k.conrelid = p.oid AND k.contype IN ('c', 'f', 'u', 'x')
UNION ALL
-- PostgreSQL 18 made NOT NULL a constraint with properties of its own.
SELECT 'constraints', p.tbl,
    format('expected a plain NOT NULL, found %s %s', k.conname, pg_get_constraintdef(k.oid)), NULL
FROM plain AS p JOIN pg_constraint AS k ON k.conrelid = p.oid AND k.contype = 'n'
WHERE NOT k.convalidated OR k.connoinherit
UNION ALL
SELECT 'primary_keys', p.tbl,
    format('expected %s, found %s', p.key, coalesce(pg_get_constraintdef(k.oid), 'none')), NULL
FROM plain AS p LEFT JOIN found_key AS k USING (tbl)
WHERE pg_get_constraintdef(k.oid) IS DISTINCT FROM p.key
UNION ALL
SELECT 'primary_keys', p.tbl, format('expected the name %s_pkey, found %s', p.tbl, k.conname), NULL
FROM plain AS p JOIN found_key AS k USING (tbl) WHERE k.conname <> concat(p.tbl, '_pkey')::name
UNION ALL
SELECT 'primary_keys', tbl, 'expected a valid index of the key, found an invalid one', NULL
FROM found_key WHERE NOT usable
UNION ALL
SELECT 'primary_keys', f.tbl,
    format('expected the name %s to be free, found a relation of this name', c.relname), NULL
FROM found_table AS f
CROSS JOIN schema
JOIN pg_class AS c ON c.relname = concat(f.tbl, '_pkey')::name AND c.relnamespace = schema.oid
WHERE f.kind = 'none'
UNION ALL
SELECT 'indexes', name,
    CASE
        WHEN oid IS NULL THEN format('expected an index on %s (%s), found none', tbl, key)
        WHEN indrelid IS NULL
            THEN format('expected an index on %s (%s), found another relation of this name',
                tbl, key)
        WHEN found <> definition THEN format('expected %s, found %s', definition, found)
        ELSE 'expected a valid index, found an invalid one that no query uses'
    END,
    CASE WHEN oid IS NULL THEN 'create'
        -- pg_get_indexdef finds nothing when the index was dropped after this query began
        WHEN indrelid IS NOT NULL AND coalesce(found, definition) = definition THEN 'rebuild' END
FROM found_index AS f
WHERE CASE WHEN oid IS NULL
        THEN NOT EXISTS (SELECT FROM found_key AS k
            WHERE k.tbl = f.tbl AND k.suffices AND f.key = 'thread_id')
        ELSE indrelid IS NULL OR found <> definition OR NOT usable
    END
UNION ALL
SELECT 'indexes', x.relname,
    format('expected no further unique index on %s, found one', p.tbl), NULL
FROM plain AS p
JOIN pg_index AS i ON i.indrelid = p.oid AND i.indisunique
JOIN pg_class AS x ON x.oid = i.indexrelid
LEFT JOIN found_key AS k USING (tbl)
WHERE NOT EXISTS (
    SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = p.oid
)
-- REINDEX CONCURRENTLY makes a second index of the key, which refuses nothing more.
AND (i.indkey, i.indclass, i.indcollation)
    IS DISTINCT FROM (k.indkey, k.indclass, k.indcollation)
$layout$ AS layout \gset
