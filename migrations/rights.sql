-- Who may do more or less than needed, one row each, for the verification and the plan. fails is
-- false for what only the owner of the database can judge, mended is true for what the up file
-- grants or revokes when it runs.
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
