-- Has the first connection leave a mark that ends with it. Behind a pooler that lends a server
-- process for one transaction or statement the process lives on, mark and all, and no session lock
-- would hold. 1279739700 stands for this project: "LGCt" in ASCII.
-- The layout's file sends :also with its own message, so that the mark costs no round trip.
\set also 'pg_backend_pid() AS marked, pg_try_advisory_lock(1279739700, pg_backend_pid()) AS mark,'
\set also :also ' format(''==> connection: PostgreSQL %s, database %s, role %s, %s'','
\set also :also ' split_part(current_setting(''server_version''), '' '', 1), current_database(),'
\set also :also ' session_user, coalesce((SELECT version || '' '' || cipher FROM pg_stat_ssl'
\set also :also ' WHERE pid = pg_backend_pid() AND ssl), ''no TLS'')) AS connection,'
