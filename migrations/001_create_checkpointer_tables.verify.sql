-- Compares a schema with version 9 of langgraph-checkpoint-postgres and reports what differs.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v app_role=ROLE] [-v readers=ROLE,ROLE]
--     [-v owns_database=false] [-v format=text|json]
--
-- Eight checks, warnings, then rows and sizes; json is one line of at most 4000 bytes. Ends with
-- SQLSTATE MG030 when a check fails. What the round trip writes is always rolled back. The owner
-- and the application's rights are compared where their roles are named. What others may do fails
-- the check where the database is the environment's own, and is a warning in somebody else's.
\set QUIET on
\set ON_ERROR_STOP on
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set VERBOSITY verbose
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
\encoding UTF8
\if :{?schema} \else \set schema public
\endif
\if :{?owner} \else \set owner ''
\endif
\if :{?app_role} \else \set app_role ''
\endif
\if :{?readers} \else \set readers ''
\endif
\if :{?owns_database} \else \set owns_database false
\endif
\if :{?format} \else \set format text
\endif

-- Settings of the role or the database must not change what follows.
SET search_path = pg_catalog, pg_temp;
SET lock_timeout = '2s';
SET statement_timeout = 0;
SET client_min_messages = error;
SET standard_conforming_strings = on;
SET quote_all_identifiers = off;
SET row_security = off;
SET default_transaction_isolation = 'read committed';
SET default_transaction_deferrable = off;
SET idle_in_transaction_session_timeout = '60s';
-- 14 and 17 brought these.
SELECT count(set_config(name, '0', false)) AS timeouts FROM pg_settings
WHERE name IN ('idle_session_timeout', 'transaction_timeout') \gset
SELECT set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.owner', :'owner', false) AS owner,
    set_config('checkpoint.login', session_user, false) AS login,
    set_config('checkpoint.app_role', :'app_role', false) AS app_role,
    set_config('checkpoint.readers', :'readers', false) AS readers,
    set_config('checkpoint.owns_database', :'owns_database', false) AS owns_database,
    set_config('application_name', CASE WHEN current_setting('application_name') IN ('', 'psql')
        THEN 'langgraph-checkpoint-verification' ELSE current_setting('application_name') END,
        false) AS application,
    :'format' = 'json' AS json \gset
-- A role that may act as the owner need not hold the owner's rights itself.
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset

-- What differs from LangGraph's version 9, one row each; fix is null where only a human can tell
-- what is right. The same text stands in the up, down and verify files: each must work by itself.
SELECT set_config('checkpoint.layout', $layout$
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
        coalesce(obj_description(k.oid, 'pg_constraint') LIKE 'no thread_id index:%', false)
            AS without_index
    FROM plain AS p
    JOIN pg_constraint AS k ON k.conrelid = p.oid AND k.contype = 'p'
    JOIN pg_index AS i ON i.indexrelid = k.conindid
), wanted_index AS (
    SELECT f.tbl, f.tbl || '_thread_id_idx' AS name, schema.oid AS schema_oid,
        format('CREATE INDEX %I ON %I.%I USING btree (thread_id)',
            f.tbl || '_thread_id_idx', schema.nspname, f.tbl) AS definition
    FROM found_table AS f
    CROSS JOIN schema
    WHERE f.tbl <> 'checkpoint_migrations' AND f.kind IN ('an ordinary table', 'none')
), found_index AS (
    SELECT w.name, w.tbl, w.definition, c.oid, i.indrelid,
        i.indisvalid AND i.indisready AND i.indislive AS usable,
        regexp_replace(pg_get_indexdef(i.indexrelid), ' WITH [(][^()]*[)]$', '') AS found
    FROM wanted_index AS w
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
    CASE w.col WHEN 'task_path' THEN 'add' END
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
        WHEN oid IS NULL THEN format('expected an index on %s (thread_id), found none', tbl)
        WHEN indrelid IS NULL
            THEN format('expected an index on %s (thread_id), found another relation of this name',
                tbl)
        WHEN found <> definition THEN format('expected %s, found %s', definition, found)
        ELSE 'expected a valid index, found an invalid one that no query uses'
    END,
    CASE WHEN oid IS NULL THEN 'create'
        -- pg_get_indexdef finds nothing when the index was dropped after this query began
        WHEN indrelid IS NOT NULL AND coalesce(found, definition) = definition THEN 'rebuild' END
FROM found_index AS f
WHERE CASE WHEN oid IS NULL
        THEN NOT EXISTS (SELECT FROM found_key AS k WHERE k.tbl = f.tbl AND k.without_index)
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
$layout$, false) AS layout \gset
-- Who may do more or less than needed, one row each. fails is false for what only the owner of the
-- database can judge, mended is true for what the up file grants or revokes when it runs. The plan
-- reads this very text.
SELECT set_config('checkpoint.access', $access$
WITH setting AS (
    SELECT current_setting('checkpoint.owns_database') = 'true' AS owned,
        current_setting('checkpoint.owner') AS owner,
        current_setting('checkpoint.app_role') AS app_role,
        current_setting('checkpoint.login') AS login,
        current_setting('server_version_num')::integer >= 160000 AS separate_set
), app AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolcanlogin
    FROM pg_roles AS r JOIN setting AS s ON r.rolname = s.app_role
), reader AS (
    SELECT r.oid, trim(n.name) AS name
    FROM unnest(string_to_array(current_setting('checkpoint.readers'), ',')) AS n (name)
    LEFT JOIN pg_roles AS r ON r.rolname = trim(n.name)
), known_reader AS (
    SELECT * FROM reader WHERE oid IS NOT NULL
), worker AS (
    -- The migration acts as the owner where one is named.
    SELECT r.oid, r.rolname
    FROM pg_roles AS r JOIN setting AS s ON r.rolname = coalesce(nullif(s.owner, ''), s.login)
), subject AS (
    SELECT c.oid, c.relname AS name, 'r'::"char" AS kind, c.relowner AS owner, c.relacl AS acl,
        CASE WHEN c.relname <> 'checkpoint_migrations'
            THEN '{SELECT,INSERT,UPDATE,DELETE}'::text[] END AS wanted
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_setting('checkpoint.schema') AND c.relkind IN ('r', 'p')
        AND c.relname IN (
            'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes'
        )
    UNION ALL
    SELECT oid, 'schema ' || quote_ident(nspname), 'n', nspowner, nspacl, '{USAGE}'
    FROM pg_namespace WHERE nspname = current_setting('checkpoint.schema')
), tbl AS (
    SELECT * FROM subject WHERE kind = 'r'
), granted AS (
    SELECT t.name, t.owner, g.grantee, g.privilege_type AS kind, g.is_grantable,
        g.privilege_type AS privilege, false AS of_column
    FROM tbl AS t CROSS JOIN LATERAL aclexplode(t.acl) AS g
    UNION ALL
    SELECT t.name, t.owner, g.grantee, g.privilege_type, g.is_grantable,
        format('%s (%I)', g.privilege_type, a.attname), true
    FROM tbl AS t JOIN pg_attribute AS a ON a.attrelid = t.oid
    CROSS JOIN LATERAL aclexplode(a.attacl) AS g
), limited AS (
    -- A superuser and a member of the owner may do everything, whatever is granted to them.
    SELECT * FROM app WHERE NOT rolsuper
        AND NOT EXISTS (SELECT FROM tbl WHERE pg_has_role(app.oid, tbl.owner, 'MEMBER'))
), held AS (
    -- As they work, also by way of other roles; acldefault has every right this server knows.
    SELECT s.name, s.wanted, l.rolname, array_agg(r.name
        ORDER BY array_position(s.wanted, g.privilege_type), r.name) AS rights
    FROM subject AS s
    CROSS JOIN limited AS l
    CROSS JOIN LATERAL aclexplode(acldefault(s.kind, s.owner)) AS g
    CROSS JOIN LATERAL (VALUES
        (g.privilege_type, g.privilege_type),
        (g.privilege_type || ' with grant option', g.privilege_type || ' WITH GRANT OPTION')
    ) AS r (name, spelling)
    WHERE CASE s.kind WHEN 'n' THEN has_schema_privilege(l.oid, s.oid, r.spelling)
        ELSE has_table_privilege(l.oid, s.oid, r.spelling) END
    GROUP BY s.name, s.wanted, l.rolname
), compared AS (
    SELECT s.name, coalesce(h.rights, '{}') @> coalesce(s.wanted, '{}') AS enough,
        coalesce(h.rights, '{}') <@ coalesce(s.wanted, '{}') AS no_more,
        format('expected %s of role %I, found %s',
            coalesce(array_to_string(s.wanted, ', '), 'no right'), l.rolname,
            coalesce(array_to_string(h.rights, ', '), 'none')) AS what
    FROM subject AS s CROSS JOIN limited AS l LEFT JOIN held AS h USING (name)
), own AS (
    SELECT t.name, w.rolname, n.needed, n.belongs,
        array(SELECT p FROM unnest(n.needed) AS p WHERE has_table_privilege(w.oid, t.oid, p)) AS has
    FROM tbl AS t CROSS JOIN worker AS w
    CROSS JOIN LATERAL (SELECT pg_has_role(w.oid, t.owner, 'USAGE') AS belongs) AS b
    CROSS JOIN LATERAL (SELECT b.belongs,
        -- Whoever does not own the versions need not write them.
        coalesce(t.wanted, CASE WHEN b.belongs THEN '{SELECT,INSERT}'::text[] END) AS needed) AS n
), entering AS (
    SELECT oid, rolname FROM app CROSS JOIN setting AS s WHERE s.owned OR rolcanlogin
    UNION ALL
    SELECT r.oid, r.name FROM known_reader AS r CROSS JOIN setting AS s WHERE s.owned
), other AS (
    SELECT g.name, g.grantee,
        concat(string_agg(g.privilege, ', ' ORDER BY array_position(
                '{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}', g.kind), g.privilege),
            CASE WHEN g.is_grantable THEN ' with grant option' END) AS rights,
        -- Numbers of versions and of steps are nobody's data.
        NOT g.is_grantable AND bool_and((g.name, g.privilege) IN (
            ('checkpoint_migrations', 'SELECT'), ('checkpoint_migrations', 'SELECT (v)'),
            ('checkpoints', 'SELECT (checkpoint_id)'), ('checkpoints', 'SELECT (ctid)')
        )) AS harmless
    FROM granted AS g
    CROSS JOIN setting AS s
    JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE g.grantee <> g.owner AND r.rolname NOT IN (s.owner, s.login, s.app_role, session_user)
        AND NOT (g.kind = 'SELECT' AND NOT g.is_grantable
            AND g.grantee IN (SELECT oid FROM known_reader))
    GROUP BY g.name, g.grantee, g.is_grantable
), powerful AS (
    SELECT r.oid, r.rolname FROM pg_roles AS r
    WHERE r.oid IN (SELECT owner FROM tbl UNION ALL SELECT oid FROM app)
        OR r.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_maintain')
), member AS (
    SELECT p.rolname, m.rolname AS name
    FROM powerful AS p
    CROSS JOIN setting AS s
    JOIN pg_roles AS m ON m.oid <> p.oid AND NOT m.rolsuper
        AND m.rolname NOT IN (s.owner, s.login, s.app_role, session_user)
        AND m.oid NOT IN (SELECT owner FROM tbl)
    WHERE m.oid IN (SELECT a.member FROM pg_auth_members AS a)
        -- 16 tells who may act as a role from who may hand it on.
        AND (pg_has_role(m.oid, p.oid, 'USAGE')
            OR pg_has_role(m.oid, p.oid, CASE WHEN s.separate_set THEN 'SET' ELSE 'MEMBER' END))
        AND has_database_privilege(m.oid, current_database(), 'CONNECT')
        AND NOT (p.rolname = 'pg_read_all_data'
            AND m.oid IN (SELECT oid FROM known_reader))
)
SELECT true AS fails, false AS mended, name AS object,
    format('expected owner %I, found %I', s.owner, pg_get_userbyid(t.owner)) AS what
FROM tbl AS t CROSS JOIN setting AS s WHERE s.owner NOT IN ('', pg_get_userbyid(t.owner)::text)
UNION ALL
SELECT true, false, name, format('expected no right of PUBLIC, found %s',
    string_agg(privilege, ', '))
FROM granted WHERE grantee = 0 GROUP BY name
UNION ALL
SELECT true, true, name, format('expected no right of PUBLIC, found %s',
    string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type))
FROM (
    SELECT name, acl FROM subject WHERE kind = 'n'
    UNION ALL
    -- An empty list stands for the defaults, which let PUBLIC in.
    SELECT 'database ' || quote_ident(datname), coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
) AS own CROSS JOIN LATERAL aclexplode(own.acl) AS g CROSS JOIN setting AS s
WHERE s.owned AND g.grantee = 0 GROUP BY name
UNION ALL
SELECT true, false, quote_ident(s.app_role), 'expected an application role, found no such role'
FROM setting AS s WHERE s.app_role <> '' AND NOT EXISTS (SELECT FROM app)
UNION ALL
SELECT true, false, quote_ident(name), 'expected a role that may read, found no such role'
FROM reader WHERE oid IS NULL
UNION ALL
SELECT s.owned, false, quote_ident(rolname), CASE
    WHEN rolsuper THEN 'expected a role with the application''s rights, found a superuser'
    ELSE 'expected another role than the owner of the tables, found it or a member of it' END
FROM app CROSS JOIN setting AS s WHERE NOT EXISTS (SELECT FROM limited)
UNION ALL
SELECT true, true, name, what FROM compared WHERE NOT enough
UNION ALL
SELECT s.owned, false, name, what FROM compared CROSS JOIN setting AS s WHERE NOT no_more
UNION ALL
SELECT s.owned, false, g.name, format('expected no right of role %I on a column, found %s',
    l.rolname, string_agg(g.privilege, ', '))
FROM granted AS g JOIN limited AS l ON pg_has_role(l.oid, g.grantee, 'USAGE')
CROSS JOIN setting AS s
WHERE g.of_column AND g.grantee <> 0 GROUP BY s.owned, g.name, l.rolname
UNION ALL
SELECT true, belongs, name, format('expected %s of role %I, found %s',
    array_to_string(needed, ', '), rolname, CASE has WHEN '{}' THEN 'none'
        ELSE array_to_string(has, ', ') END)
FROM own WHERE needed <> has
UNION ALL
SELECT true, true, s.name, format('expected %s of role %I, found none',
    CASE s.kind WHEN 'n' THEN 'USAGE' ELSE 'SELECT' END, r.name)
FROM subject AS s CROSS JOIN known_reader AS r
WHERE s.wanted IS NOT NULL
    AND NOT CASE s.kind WHEN 'n' THEN has_schema_privilege(r.oid, s.oid, 'USAGE')
        ELSE has_table_privilege(r.oid, s.oid, 'SELECT') END
UNION ALL
SELECT true, s.owned, 'database ' || quote_ident(current_database()),
    format('expected CONNECT of role %I, found none', e.rolname)
FROM entering AS e CROSS JOIN setting AS s
WHERE NOT has_database_privilege(e.oid, current_database(), 'CONNECT')
UNION ALL
SELECT s.owned AND NOT o.harmless, false, quote_ident(pg_get_userbyid(o.grantee)),
    -- One line for all tables: the names of all such roles should find room in the report.
    format('expected no right on the tables, found %s on %s', o.rights,
        string_agg(o.name, ', ' ORDER BY o.name))
FROM other AS o CROSS JOIN setting AS s GROUP BY s.owned, o.harmless, o.grantee, o.rights
UNION ALL
SELECT false, false, quote_ident(rolname), 'expected no other role that may act as it, found '
    || string_agg(quote_ident(name), ', ' ORDER BY name)
FROM member GROUP BY rolname
$access$, false) AS access \gset

BEGIN;
DO $inspect$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    problems text[];
    versions integer[];
    tbl record;
    counted bigint;
    tables text := '';
BEGIN
    EXECUTE format($$SELECT coalesce(
            array_agg(name || ': ' || object || ': ' || what ORDER BY name, object), '{}')
        FROM (
            SELECT replace(check_name, 'constraints', 'nullability') AS name, object, what
            FROM (%s) AS l
        ) AS f$$, current_setting('checkpoint.layout')) INTO problems;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        problems := problems || format('tables: %I: expected a schema, found none', target);
    END IF;

    -- Sizes come before the round trip, which makes the files of empty tables grow.
    FOR tbl IN SELECT w.name, c.oid, greatest(c.reltuples, 100001)::bigint AS estimate
        FROM (VALUES
            (1, 'checkpoint_migrations'), (2, 'checkpoints'), (3, 'checkpoint_blobs'),
            (4, 'checkpoint_writes')
        ) AS w (n, name)
        LEFT JOIN pg_namespace AS n ON n.nspname = target
        LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name::name
            AND c.relkind IN ('r', 'p')
        ORDER BY w.n
    LOOP
        counted := NULL;
        BEGIN
            -- Exact up to 100000 rows, then the planner's estimate: a large table is never read to
            -- its end.
            IF tbl.oid IS NOT NULL THEN
                EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.%I LIMIT 100001) AS r',
                    target, tbl.name) INTO counted;
            END IF;
            IF tbl.oid IS NOT NULL AND tbl.name = 'checkpoint_migrations' THEN
                EXECUTE format('SELECT array_agg(v ORDER BY v) FROM %I.%I', target, tbl.name)
                    INTO versions;
            END IF;
        EXCEPTION WHEN insufficient_privilege OR undefined_column OR datatype_mismatch THEN
            problems := problems || format('%s: %s: %s',
                CASE tbl.name WHEN 'checkpoint_migrations' THEN 'version' ELSE 'round_trip' END,
                tbl.name, SQLERRM);
        END;
        tables := tables || CASE WHEN tables = '' THEN '' ELSE ',' END
            || format('"%s":{"rows":%s,"bytes":%s%s}', tbl.name,
                coalesce(CASE WHEN counted > 100000 THEN tbl.estimate ELSE counted END::text,
                    'null'),
                coalesce(pg_total_relation_size(tbl.oid)::text, 'null'),
                CASE WHEN counted > 100000 THEN ',"estimated":true' END);
    END LOOP;
    IF versions IS DISTINCT FROM ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 8, 9] THEN
        problems := problems || format(
            'version: checkpoint_migrations: expected versions 0 to 9, found %s',
            coalesce(left(array_to_string(versions, ' '), 100), 'none'));
    END IF;
    PERFORM set_config('checkpoint.problems', to_json(problems)::text, true),
        set_config('checkpoint.tables', tables, true),
        set_config('checkpoint.version',
            coalesce(versions[array_upper(versions, 1)]::text, ''), true);
END
$inspect$;

DO $rights$
DECLARE
    failures json;
    warnings json;
BEGIN
    EXECUTE format($$SELECT
            coalesce(json_agg(line ORDER BY line) FILTER (WHERE fails), '[]'),
            coalesce(json_agg(line ORDER BY line) FILTER (WHERE NOT fails), '[]')
        FROM (
            SELECT DISTINCT fails, format('rights: %%s: %%s', object, what) AS line FROM (%s) AS a
        ) AS f$$, current_setting('checkpoint.access')) INTO failures, warnings;
    PERFORM set_config('checkpoint.rights', failures::text, true),
        set_config('checkpoint.warnings', warnings::text, true);
END
$rights$;

DO $round_trip$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    thread constant text := 'langgraph-checkpoint-verification-' || gen_random_uuid();
    problems text[];
    same boolean;
BEGIN
    -- What PostgresSaver 3.2.0 sends, and LangGraph.js, which never names task_path.
    EXECUTE format($$INSERT INTO %I.checkpoint_blobs
            (thread_id, checkpoint_ns, channel, version, type, blob)
        VALUES ($1, '', 'full', '1', 'bytes', '\x00ff'), ($1, '', 'gone', '1', 'empty', NULL)
        ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING$$, target) USING thread;
    FOR attempt IN 1..2 LOOP
        EXECUTE format($$INSERT INTO %I.checkpoints (thread_id, checkpoint_ns, checkpoint_id,
                parent_checkpoint_id, checkpoint, metadata)
            VALUES ($1, '', '1', NULL, '{"v": 4}', '{"emoji": "\ud83d\ude00"}')
            ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE
            SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata$$, target)
            USING thread;
        EXECUTE format($$INSERT INTO %I.checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id,
                task_id, task_path, idx, channel, type, blob)
            VALUES ($1, '', '1', 'python', 'path', 0, 'channel', NULL, '\x00ff')
            ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE
            SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob$$, target)
            USING thread;
    END LOOP;
    EXECUTE format($$INSERT INTO %I.checkpoint_writes
            (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob)
        VALUES ($1, '', '1', 'js', 0, 'channel', 'json', '\x7b7d')$$, target) USING thread;
    EXECUTE format($$SELECT
            (SELECT array_agg(blob ORDER BY channel) = ARRAY['\x00ff'::bytea, NULL]
                FROM %1$I.checkpoint_blobs WHERE thread_id = $1)
            AND (SELECT array_agg(metadata) = ARRAY['{"emoji": "\ud83d\ude00"}'::jsonb]
                FROM %1$I.checkpoints WHERE thread_id = $1)
            AND (SELECT array_agg(concat(task_id, '/', task_path, '/', type) ORDER BY task_id)
                    = ARRAY['js//json', 'python/path/']
                FROM %1$I.checkpoint_writes WHERE thread_id = $1)$$, target) INTO same USING thread;
    IF same IS NOT TRUE THEN
        RAISE EXCEPTION 'expected to read what was written, found something else';
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        -- Trouble that passes by itself says nothing about the schema.
        IF SQLSTATE = '55P03' OR left(SQLSTATE, 2) IN ('08', '40', '53', '57') THEN
            RAISE;
        END IF;
        problems := ARRAY(
            SELECT json_array_elements_text(current_setting('checkpoint.problems')::json));
        PERFORM set_config('checkpoint.problems',
            to_json(problems || ('round_trip: ' || SQLERRM))::text, true);
END
$round_trip$;

WITH line AS (
    SELECT p.line, split_part(p.line, ':', 1) AS name, p.fails,
        row_number() OVER told AS n,
        -- A pod's termination message ends after 4096 bytes.
        sum(octet_length(to_json(left(p.line, 300))::text) + 1) OVER told <= 2000 AS fits
    FROM (
        SELECT l.line, true, l.n FROM jsonb_array_elements_text(
            current_setting('checkpoint.problems')::jsonb
            || current_setting('checkpoint.rights')::jsonb) WITH ORDINALITY AS l (line, n)
        UNION ALL
        SELECT l.line, false, l.n FROM jsonb_array_elements_text(
            current_setting('checkpoint.warnings')::jsonb) WITH ORDINALITY AS l (line, n)
    ) AS p (line, fails, n)
    WINDOW told AS (ORDER BY p.fails DESC, p.n)
), problem AS (
    SELECT * FROM line WHERE fails
), told (fails, lines) AS (
    SELECT f.fails, array_to_json(
        ARRAY(SELECT left(l.line, 300) FROM line AS l
            WHERE l.fails = f.fails AND l.fits ORDER BY l.n)
        || ARRAY(SELECT format('… and %s more', count(*)) FROM line AS l
            WHERE l.fails = f.fails AND NOT l.fits HAVING count(*) > 0))
    FROM (VALUES (true), (false)) AS f (fails)
), checks AS (
    SELECT 'version' <> ALL (names) AS version,
        'tables' <> ALL (names) AS tables,
        'columns' <> ALL (names) AND seen AS columns,
        'indexes' <> ALL (names) AND seen AS indexes,
        'primary_keys' <> ALL (names) AND seen AS primary_keys,
        'nullability' <> ALL (names) AND seen AS nullability,
        'round_trip' <> ALL (names) AS round_trip,
        'rights' <> ALL (names) AND seen AS rights
    FROM (
        -- What is no table at all has no columns to look at.
        SELECT coalesce(array_agg(name), '{}') AS names,
            coalesce(bool_and(line NOT LIKE 'tables: %: expected a%'), true) AS seen
        FROM problem
    ) AS p
), report AS (
    SELECT NOT EXISTS (SELECT FROM problem) AS ok,
        nullif(current_setting('checkpoint.version'), '')::integer AS version,
        current_setting('checkpoint.schema') AS schema,
        current_database() AS database,
        split_part(current_setting('server_version'), ' ', 1) AS server,
        session_user AS role,
        (SELECT row_to_json(checks) FROM checks) AS checks,
        (SELECT lines FROM told WHERE NOT fails) AS warnings,
        (SELECT lines FROM told WHERE fails) AS problems,
        ('{' || current_setting('checkpoint.tables') || '}')::json AS tables
)
SELECT row_to_json(report) AS report, NOT report.ok AS failed FROM report \gset
ROLLBACK;

\if :json
SELECT :'report';
\else
SELECT format('schema %s, database %s, PostgreSQL %s, role %s, version %s', r ->> 'schema',
    r ->> 'database', r ->> 'server', r ->> 'role', coalesce(r ->> 'version', 'none'))
FROM (SELECT :'report'::json) AS t (r);
SELECT format('%s  %s  %s', CASE c.passed WHEN 'true' THEN 'PASS' ELSE 'FAIL' END, rpad(c.name, 12),
    CASE c.passed WHEN 'true' THEN w.expectation ELSE coalesce((
        SELECT string_agg(substr(p, length(c.name) + 3), '; ')
        FROM json_array_elements_text(:'report'::json -> 'problems') AS p
        WHERE starts_with(p, c.name || ': ')
    ), 'see the other checks') END)
FROM json_each_text(:'report'::json -> 'checks') WITH ORDINALITY AS c (name, passed, n)
JOIN (VALUES
    ('version', '0 to 9 are recorded'),
    ('tables', '4 ordinary tables without triggers, rules or policies'),
    ('columns', 'names, types, defaults and order'),
    ('indexes', (
        SELECT format('%s on thread_id, all valid', count(*))
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'
        WHERE c.relkind = 'i' AND c.relname IN (
            'checkpoints_thread_id_idx', 'checkpoint_blobs_thread_id_idx',
            'checkpoint_writes_thread_id_idx'
        )
    )),
    ('primary_keys', '4 keys'),
    ('nullability', 'null only where LangGraph writes it'),
    ('round_trip', 'written, read and rolled back'),
    ('rights', concat('none for PUBLIC', CASE
        WHEN json_array_length(:'report'::json -> 'warnings') > 0
            THEN ', for others more than needed'
        ELSE concat(', rows only for ' || nullif(:'app_role', ''),
            ', reading for ' || nullif(:'readers', '')) END))
) AS w (name, expectation) USING (name)
ORDER BY c.n;
SELECT p FROM json_array_elements_text(:'report'::json -> 'problems') AS p WHERE p LIKE '… and %';
SELECT format('WARN  %s  %s', rpad('rights', 12), regexp_replace(w, '^rights: ', ''))
FROM json_array_elements_text(:'report'::json -> 'warnings') AS w;
SELECT format('%s  %s rows  %s', rpad(t.name, 21), lpad(concat(
    CASE WHEN t.facts -> 'estimated' IS NOT NULL THEN 'about ' END,
    coalesce(t.facts ->> 'rows', '?')), 12),
    coalesce(pg_size_pretty((t.facts ->> 'bytes')::bigint), 'no table'))
FROM json_each(:'report'::json -> 'tables') AS t (name, facts);
\endif
\if :failed
DO $failed$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'MG030', MESSAGE = format(
        'expected schema %I to equal version 9, found the differences above',
        current_setting('checkpoint.schema'));
END
$failed$;
\endif
