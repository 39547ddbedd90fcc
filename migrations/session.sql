-- How psql and the session behave, for the files beside it: psql's settings, the variables that all
-- of them take, and :session, which each of them sends together with timeouts of its own.
-- They stop at errors by themselves: psql does not see an included file turn that on for its line,
-- and must not pass over one that is missing.
\set QUIET on
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set VERBOSITY verbose
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
\if :{?schema} \else \set schema public
\endif
\if :{?owner} \else \set owner ''
\endif

-- Settings of the role or the database must not change what follows. A variable, since an included
-- file's statements cannot join the message of the file that includes it; \\; stands for \;.
\set session 'SET search_path = pg_catalog, pg_temp'
\set session :session ' \\; SET client_min_messages = error'
\set session :session ' \\; SET standard_conforming_strings = on'
\set session :session ' \\; SET quote_all_identifiers = off'
\set session :session ' \\; SET row_security = off'
\set session :session ' \\; SET default_transaction_isolation = ''read committed'''
\set session :session ' \\; SET default_transaction_deferrable = off'
\set session :session ' \\; SET idle_in_transaction_session_timeout = ''60s'''
-- A lock must not outlive a client that vanished from the network.
\set session :session ' \\; SET tcp_keepalives_idle = 5'
\set session :session ' \\; SET tcp_keepalives_interval = 5'
\set session :session ' \\; SET tcp_keepalives_count = 2'
\set session :session ' \\; SET tcp_user_timeout = ''15s'''
-- PostgreSQL 14 and 17 brought these.
\set session :session ' \\; DO $$ BEGIN PERFORM set_config(name, ''0'', false) FROM pg_settings'
\set session :session ' WHERE name IN (''idle_session_timeout'', ''transaction_timeout''); END $$'
