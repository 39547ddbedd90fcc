-- The roles and the database that the program makes; names and passwords come from the environment.
\set ON_ERROR_STOP on
\getenv owner OWNER
\getenv migrator MIGRATOR
\getenv migrator_password MIGRATOR_PASSWORD
\getenv application APPLICATION
\getenv application_password APPLICATION_PASSWORD
\getenv database DATABASE
\getenv schema SCHEMA
CREATE ROLE :"owner" NOLOGIN;
CREATE ROLE :"migrator" LOGIN PASSWORD :'migrator_password' IN ROLE :"owner";
ALTER ROLE :"migrator" SET search_path TO :"schema";
CREATE ROLE :"application" LOGIN PASSWORD :'application_password';
ALTER ROLE :"application" SET search_path TO :"schema";
CREATE DATABASE :"database" OWNER :"owner" TEMPLATE template0 ENCODING 'UTF8';
