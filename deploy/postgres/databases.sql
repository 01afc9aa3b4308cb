-- Run once by an administrator of the server, with psql. One login owns both databases and may create the warehouse's
-- roles; it is no superuser. The password comes from the variable `password`, or from the secret of compose.yaml.
\set ON_ERROR_STOP on
\if :{?password}
\else
\set password `cat /run/secrets/database_password`
\endif
create role workledger login createrole password :'password';
create database workledger owner workledger;
create database dagster owner workledger;
