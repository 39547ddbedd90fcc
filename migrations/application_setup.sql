-- The schema NAME_setup beside the tables' schema NAME: through it setup() of an application passes
-- and changes nothing. application_setup: true makes it, false takes it away, empty leaves it.
-- setup() begins with CREATE TABLE IF NOT EXISTS checkpoint_migrations. PostgreSQL asks for CREATE
-- on the first schema of the search_path before it looks whether that relation is there. So this
-- schema comes first, the application may create in it, and a view in it shows the versions.
-- Sets texts for the file that includes it: setup_body, which goes into checkpoint.setup_body; the
-- query setup_found: what differs, one row each, with the statement that mends it or the obstacle
-- because of which the migration must not begin, a statement may uncover another; and setup_passes,
-- an end for sentences.
\if :{?application_setup} \else \set application_setup ''
\endif

-- As in the layout's file: a text of several lines goes to the server and comes back.
SET LOCAL search_path = pg_catalog, pg_temp \;
SELECT
-- A newer saver's statement on one of the tables fails by itself. One that makes a table passes, in
-- this schema; then the saver records the version.
$body$
DECLARE
    newest integer;
BEGIN
    EXECUTE format('SELECT max(v) FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO newest;
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format(
        'expected a saver for version %s of the checkpoint tables, found one that brings version '
        '%s: run pulumi up with the release of the storage that knows it, then start the saver',
        newest, NEW.v);
END
$body$ AS setup_body,
$found$
WITH setting AS (
    SELECT s.target, s.target || '_setup' AS name, s.app_role, s.login, s.owner, s.wanted,
        'setup() of LangGraph''s savers passes here; made by the migration' AS mark,
        coalesce(nullif(s.owner, ''), s.login) AS worker,
        current_setting('checkpoint.owns_database', true) = 'true' AS owned,
        current_setting('server_version_num')::integer >= 160000 AS separate_admin,
        (SELECT oid FROM pg_database WHERE datname = current_database()) AS database
    FROM (
        SELECT current_setting('checkpoint.schema') AS target,
            current_setting('checkpoint.application_setup') AS wanted,
            coalesce(current_setting('checkpoint.owner', true), '') AS owner,
            coalesce(current_setting('checkpoint.app_role', true), '') AS app_role,
            coalesce(nullif(current_setting('checkpoint.login', true), ''), session_user) AS login
    ) AS s
), app AS (
    SELECT r.oid, r.rolname, r.rolsuper
    FROM pg_roles AS r JOIN setting AS s ON r.rolname = s.app_role
), worker AS (
    SELECT r.oid, r.rolname FROM pg_roles AS r JOIN setting AS s ON r.rolname = s.worker
), schema AS (
    SELECT n.oid, n.nspowner AS owner, n.nspacl AS acl, s.name, s.target, s.wanted, s.mark,
        coalesce(obj_description(n.oid, 'pg_namespace') = s.mark, false) AS marked
    FROM setting AS s JOIN pg_namespace AS n ON n.nspname::text = s.name
), make AS (
    -- OFFSET 0, so that no INSERT reaches the table should the trigger be gone.
    SELECT format('DROP VIEW IF EXISTS %1$I.checkpoint_migrations; '
            'CREATE OR REPLACE FUNCTION %1$I.refuse_newer_saver() RETURNS trigger '
            'LANGUAGE plpgsql AS %4$L; '
            'CREATE VIEW %1$I.checkpoint_migrations AS '
            'SELECT v FROM %2$I.checkpoint_migrations OFFSET 0; '
            'CREATE TRIGGER refuse_newer_saver INSTEAD OF INSERT ON %1$I.checkpoint_migrations '
            'FOR EACH ROW EXECUTE FUNCTION %1$I.refuse_newer_saver(); '
            'GRANT SELECT, INSERT ON %1$I.checkpoint_migrations TO %3$I', s.name, s.target,
            app.rolname, current_setting('checkpoint.setup_body')) AS view,
        format('COMMENT ON SCHEMA %I IS %L', s.name, s.mark) AS comment
    FROM setting AS s CROSS JOIN app
), shown AS (
    SELECT c.oid, c.relkind, c.relowner AS owner, c.relacl AS acl,
        c.relkind = 'v' AND c.relowner = s.owner AND c.reloptions IS NULL
        -- PostgreSQL 16 stopped to write the table's name before the column's.
        AND replace(regexp_replace(pg_get_viewdef(c.oid), '\s+', ' ', 'g'),
                ' checkpoint_migrations.v', ' v')
            = format(' SELECT v FROM %I.checkpoint_migrations OFFSET 0;', s.target)
        AND 1 = (SELECT count(*) FROM pg_rewrite WHERE ev_class = c.oid)
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL)
        AND 1 = (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid)
        AND EXISTS (
            SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
            -- 69: for each row, instead of an INSERT.
            WHERE t.tgrelid = c.oid AND t.tgenabled = 'O' AND t.tgtype = 69 AND t.tgqual IS NULL
                AND p.pronamespace = s.oid AND p.proname = 'refuse_newer_saver'
                AND p.proowner = s.owner AND NOT p.prosecdef AND p.proconfig IS NULL
                AND p.prosrc = current_setting('checkpoint.setup_body')) AS whole
    FROM schema AS s
    JOIN pg_class AS c ON c.relnamespace = s.oid AND c.relname = 'checkpoint_migrations'
), subject AS (
    SELECT format('schema %I', name) AS object, format('SCHEMA %I', name) AS spelling, owner, acl,
        '{USAGE,CREATE}'::text[] AS wanted
    FROM schema
    UNION ALL
    SELECT format('%I.checkpoint_migrations', s.name), format('%I.checkpoint_migrations', s.name),
        v.owner, v.acl, '{SELECT,INSERT}'
    FROM schema AS s CROSS JOIN shown AS v WHERE v.whole
), compared AS (
    SELECT o.object, o.spelling, o.wanted, app.rolname,
        app.oid = o.owner OR o.wanted <@ ARRAY(SELECT a.privilege_type
            FROM aclexplode(o.acl) AS a WHERE a.grantee = app.oid) AS enough,
        (SELECT string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(a.grantee)) END, ', ')
            FROM aclexplode(o.acl) AS a
            WHERE a.grantee <> o.owner AND (a.grantee <> app.oid OR a.is_grantable
                OR a.privilege_type <> ALL (o.wanted))) AS others
    FROM subject AS o CROSS JOIN app
), member AS (
    -- Whatever is in the schema beside the view, its function and the sequences of tables.
    SELECT c.relname, pg_describe_object(d.classid, d.objid, 0) AS what,
        -- What setup() of a newer saver left, and nobody has written to; a size needs no right.
        coalesce(c.relkind = 'r' AND (pg_relation_size(c.oid) = 0
                OR current_setting('checkpoint.allow_data_loss', true) = 'true')
            AND c.relowner IN (SELECT a.grantee FROM aclexplode(s.acl) AS a
                WHERE a.privilege_type = 'CREATE'), false) AS leftover,
        coalesce(c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S'), false) AND EXISTS (
            SELECT FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
            WHERE n.nspname::text = s.target AND t.relname = c.relname) AS hides
    FROM schema AS s
    JOIN pg_depend AS d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
        AND d.deptype = 'n'
    LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    WHERE (c.relname = 'checkpoint_migrations' AND c.relkind = 'v') IS NOT TRUE
        AND (p.proname = 'refuse_newer_saver' AND p.pronargs = 0) IS NOT TRUE
        AND NOT (coalesce(c.relkind = 'S', false) AND EXISTS (
            SELECT FROM pg_depend AS own WHERE own.classid = d.classid AND own.objid = d.objid
                AND own.deptype IN ('a', 'i')))
), path AS (
    -- In the order in which PostgreSQL prefers them; ours is that of the role in the database.
    SELECT p.*, p.found[1:2] = ARRAY[p.name, p.target] AS right_one,
        concat(quote_ident(p.name), ', ', w.without) AS wanted, w.without
    FROM (
        SELECT s.name, s.target, s.login, s.owner, app.rolname, EXISTS (
                SELECT FROM pg_db_role_setting AS r, unnest(r.setconfig) AS c (line)
                WHERE starts_with(c.line, 'search_path=') AND r.setdatabase = s.database
                    AND r.setrole = app.oid) AS here,
            ARRAY(
            SELECT coalesce(replace(m[1], '""', '"'), lower(m[2]))
            FROM regexp_matches(coalesce((
                SELECT substr(c.line, length('search_path=') + 1)
                FROM pg_db_role_setting AS r CROSS JOIN LATERAL unnest(r.setconfig) AS c (line)
                WHERE starts_with(c.line, 'search_path=') AND r.setdatabase IN (0, s.database)
                    AND r.setrole IN (0, app.oid)
                ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1
            ), '"$user", public'), '"((?:[^"]|"")*)"|([^",\s]+)', 'g') WITH ORDINALITY AS e (m, n)
            ORDER BY n) AS found,
            EXISTS (SELECT FROM pg_roles AS l WHERE l.rolname = s.login AND (
                l.rolsuper OR l.oid = app.oid OR l.rolcreaterole AND NOT app.rolsuper
                AND (NOT s.separate_admin
                    OR pg_has_role(l.oid, app.oid, 'MEMBER WITH ADMIN OPTION')))) AS may
        FROM setting AS s CROSS JOIN app
    ) AS p
    CROSS JOIN LATERAL (SELECT array_to_string(quote_ident(p.target) || ARRAY(
        SELECT quote_ident(part) FROM unnest(p.found) WITH ORDINALITY AS u (part, n)
        WHERE part NOT IN (p.name, p.target, '$user') ORDER BY n), ', ')) AS w (without)
), finding (pos, fails, object, what, statement, obstacle) AS (
    SELECT 1, true, format('schema %I', s.name),
        'expected a schema through which setup() passes, found none',
        format('CREATE SCHEMA %1$I; %2$s; GRANT USAGE, CREATE ON SCHEMA %1$I TO %3$I; %4$s', s.name,
            m.comment, s.app_role, m.view),
        CASE WHEN s.app_role = '' THEN
                'expected an application role that is to call setup(), found none: name it'
            WHEN octet_length(s.name) > 63 THEN format('expected at most 57 bytes in the name of '
                'the tables'' schema, found %s: name a shorter one', octet_length(s.target))
            WHEN NOT has_database_privilege(w.oid, s.database, 'CREATE') THEN format(
                'role %1$I may not create schema %2$I: run CREATE SCHEMA %2$I AUTHORIZATION %1$I',
                w.rolname, s.name) END
    FROM setting AS s CROSS JOIN worker AS w LEFT JOIN make AS m ON true
    WHERE s.wanted = 'true' AND NOT EXISTS (SELECT FROM schema)
    UNION ALL
    SELECT 1, true, format('schema %I', s.name),
        format('expected owner %I, found %I', w.rolname, pg_get_userbyid(s.owner)), NULL,
        format('role %1$I may not change schema %2$I, which belongs to role %3$I: run ALTER SCHEMA '
            '%2$I OWNER TO %1$I', w.rolname, s.name, pg_get_userbyid(s.owner))
    FROM schema AS s CROSS JOIN worker AS w WHERE NOT pg_has_role(w.oid, s.owner, 'USAGE')
    UNION ALL
    SELECT 2, true, format('schema %I', s.name), 'expected the migration''s comment, found another',
        m.comment, NULL
    FROM schema AS s CROSS JOIN make AS m WHERE NOT s.marked
    UNION ALL
    SELECT 2, true, format('%I.%I', s.name, o.relname),
        format('expected nothing that hides %I.%I from the application, found %s: drop it',
            s.target, o.relname, o.what),
        CASE WHEN o.leftover THEN format('DROP TABLE %I.%I', s.name, o.relname) END, NULL
    FROM schema AS s CROSS JOIN member AS o WHERE o.hides
    UNION ALL
    SELECT 3, true, format('%I.checkpoint_migrations', s.name),
        CASE WHEN v.oid IS NULL THEN 'expected a view of the versions, found none'
            ELSE 'expected the view of the versions with its trigger, found another' END,
        m.view, NULL
    FROM schema AS s CROSS JOIN make AS m LEFT JOIN shown AS v ON true
    WHERE v.whole IS NOT TRUE AND coalesce(v.relkind = 'v', true)
    UNION ALL
    SELECT 4, true, object, format('expected no other right than %s of role %I, found one of %s',
        array_to_string(wanted, ', '), rolname, others),
        format('REVOKE ALL ON %1$s FROM %2$s; GRANT %3$s ON %1$s TO %4$I', spelling, others,
            array_to_string(wanted, ', '), rolname), NULL
    FROM compared WHERE others IS NOT NULL
    UNION ALL
    SELECT 5, true, object, format('expected %s of role %I, found less',
        array_to_string(wanted, ', '), rolname),
        format('GRANT %s ON %s TO %I', array_to_string(wanted, ', '), spelling, rolname), NULL
    FROM compared WHERE NOT enough
    UNION ALL
    SELECT 6, true, quote_ident(rolname), format('expected search_path %s, found %s', wanted,
        (SELECT string_agg(quote_ident(part), ', ' ORDER BY n)
            FROM unnest(found) WITH ORDINALITY AS u (part, n))),
        -- As the login, which may set what the owner may not.
        format('SET LOCAL ROLE none; ALTER ROLE %I IN DATABASE %I SET search_path = %s; '
            'SET LOCAL ROLE %s', rolname, current_database(), wanted,
            coalesce(quote_ident(nullif(owner, '')), 'none')),
        CASE WHEN NOT may THEN format('role %I may not set the search_path of role %I: run '
            'ALTER ROLE %2$I IN DATABASE %I SET search_path = %s', login, rolname,
            current_database(), wanted) END
    FROM path WHERE NOT right_one AND octet_length(name) <= 63
    UNION ALL
    SELECT 7, false, format('schema %I', s.name), format('expected the view of the versions alone, '
        'found %s', left(string_agg(o.what, ', ' ORDER BY o.what), 200)), NULL, NULL
    FROM schema AS s CROSS JOIN member AS o WHERE NOT o.hides GROUP BY s.name
), taken (fails, object, what, statement, obstacle) AS (
    SELECT true, format('schema %I', s.name),
        'expected none, since setup() is not to pass, found one',
        concat((SELECT 'DROP TABLE ' || string_agg(format('%I.%I', s.name, relname), ', ') || '; '
                FROM member WHERE leftover),
            format('DROP VIEW IF EXISTS %1$I.checkpoint_migrations; '
                'DROP FUNCTION IF EXISTS %1$I.refuse_newer_saver(); DROP SCHEMA %1$I', s.name),
            -- Where the path cannot be set it stays: a schema that is not there is passed over.
            (SELECT format('; SET LOCAL ROLE none; ALTER ROLE %I IN DATABASE %I %s; '
                    'SET LOCAL ROLE %s', p.rolname, current_database(),
                    coalesce('SET search_path = ' || nullif(p.without, 'public'),
                        'RESET search_path'), coalesce(quote_ident(nullif(p.owner, '')), 'none'))
                FROM path AS p WHERE p.may AND p.right_one AND p.here)),
        (SELECT format('refusing to drop schema %I with other objects in it (%s): '
                'drop or move them', s.name, left(string_agg(what, ', ' ORDER BY what), 500))
            FROM member WHERE NOT leftover HAVING count(*) > 0)
    FROM schema AS s WHERE s.marked
)
SELECT pos, fails, object, what, CASE WHEN obstacle IS NULL THEN statement END AS statement,
    -- A role of the program's own gets its path from the program, before the migration.
    obstacle, obstacle IS NULL AND statement IS NOT NULL OR pos = 6 AND s.owned AS mended
FROM finding CROSS JOIN setting AS s WHERE s.wanted = 'true'
UNION ALL
SELECT 8, fails, object, what, CASE WHEN obstacle IS NULL THEN statement END, obstacle,
    obstacle IS NULL
FROM taken CROSS JOIN setting AS s WHERE s.wanted = 'false'
ORDER BY pos
$found$ AS setup_found,
CASE :'application_setup' WHEN 'true' THEN format('; setup() of the application passes through '
    'schema %I', :'schema' || '_setup') ELSE '' END AS setup_passes \gset
