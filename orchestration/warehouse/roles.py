"""Roles, schemas and rights: who creates the tables of a schema and who reads them."""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, LiteralString, get_args

import psycopg
from psycopg import sql

from orchestration.errors import WarehouseError
from sources.catalog import SOURCES

Role = Literal["loader", "transformer", "analyst", "finance", "owner"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

OLDEST_SERVER: Final = 15

# Which role owns a schema, and so creates its tables.
SCHEMA_OWNERS: Final[Mapping[str, Role]] = {
    **{spec.schema: "loader" for spec in SOURCES.values()},
    "staging": "transformer",
    "intermediate": "transformer",
    "registry": "transformer",
    "snapshots": "transformer",
    "marts": "transformer",
    "reports": "transformer",
    "private": "transformer",
    "billing": "owner",
}
# Who reads a schema besides its owner and role `owner`; finance is a member of analyst. Source: rule 1.16.
_SCHEMA_READERS: Final[Mapping[str, Role]] = {
    "marts": "analyst",
    "reports": "analyst",
    "private": "finance",
    "billing": "finance",
}
TIMED_ROLES: Final[tuple[Role, ...]] = ("analyst", "finance")


def prepare(
    connection: psycopg.Connection, *, passwords: Mapping[str, str] | None, query_timeout_seconds: float
) -> None:
    """Create roles, schemas and rights in the connected database, all or nothing; do nothing if they are there.

    Args:
        connection: as superuser, or as a login that can create roles and schemas.
        passwords: of the roles, which then can log in; None creates roles without login, to which the connected login
            switches.
        query_timeout_seconds: for roles analyst and finance; 0 means no limit.

    Raises:
        WarehouseError: the server is too old, or the login lacks a right; says what to do.
    """
    release = connection.info.server_version
    if release < OLDEST_SERVER * 10000:
        raise WarehouseError(
            f"The warehouse's server is PostgreSQL {release // 10000}; Workledger needs {OLDEST_SERVER} or newer."
        )
    fingerprint = _fingerprint(passwords, query_timeout_seconds)
    with connection.transaction():
        # Two first starts at once would otherwise create the same roles and schemas.
        connection.execute("select pg_advisory_xact_lock(hashtextextended('workledger.prepare', 0))")
        mark = connection.execute("select obj_description(to_regnamespace('registry'), 'pg_namespace')").fetchone()
        if mark is not None and mark[0] is not None and mark[0].endswith(fingerprint):
            return
        _prepare_roles(connection, passwords, query_timeout_seconds)
        try:
            for statement in _rights(connection.info.dbname):
                connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            raise WarehouseError(
                f"Login {connection.info.user} of WAREHOUSE_DSN may not prepare database {connection.info.dbname} "
                f"({error.diag.message_primary}); make it the owner: "
                f"alter database {connection.info.dbname} owner to {connection.info.user}."
            ) from error
        comment = f"Permanent identifiers. Prepared by Workledger, version {fingerprint}"
        connection.execute(sql.SQL("comment on schema registry is {}").format(sql.Literal(comment)))


def _fingerprint(passwords: Mapping[str, str] | None, query_timeout_seconds: float) -> str:
    described = repr((ROLES, sorted(SCHEMA_OWNERS.items()), sorted(_SCHEMA_READERS.items()), query_timeout_seconds))
    statements = [statement.as_string(None) for statement in _rights("any")]
    logins = sorted((passwords or {}).items())
    return hashlib.sha256(repr((described, statements, logins)).encode()).hexdigest()[:16]


def _prepare_roles(
    connection: psycopg.Connection, passwords: Mapping[str, str] | None, query_timeout_seconds: float
) -> None:
    found = {
        row[0] for row in connection.execute("select rolname from pg_roles where rolname = any(%s)", [list(ROLES)])
    }
    login = connection.info.user
    try:
        for role in ROLES:
            name = sql.Identifier(role)
            if role not in found:
                connection.execute(sql.SQL("create role {} nologin").format(name))
            if passwords is not None:
                connection.execute(
                    sql.SQL("alter role {} login password {}").format(name, sql.Literal(passwords[role]))
                )
                if role in TIMED_ROLES:
                    # For this database only: the roles belong to the whole server, which may have several databases.
                    limit = sql.Literal(round(query_timeout_seconds * 1000))
                    here = sql.Identifier(connection.info.dbname)
                    statement = sql.SQL("alter role {} in database {} set statement_timeout = {}")
                    connection.execute(statement.format(name, here, limit))
        if passwords is not None:
            # So that it can say since when a session holds a lock (dbt_project/macros/materializations).
            connection.execute("grant pg_read_all_stats to transformer")
        # Before PostgreSQL 16, membership alone decided whether a login can switch to a role.
        right = "set" if connection.info.server_version >= 160000 else "member"
        missing = connection.execute(
            "select rolname from pg_roles where rolname = any(%s) and not pg_has_role(current_user, oid, %s)",
            [list(ROLES), right],
        )
        for (role,) in missing.fetchall():
            connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))
        member = connection.execute("select pg_has_role('finance', 'analyst', 'member')").fetchone()
        if member != (True,):
            connection.execute("grant analyst to finance")
    except psycopg.errors.InsufficientPrivilege as error:
        names = ", ".join(ROLES)
        raise WarehouseError(
            f"Login {login} of WAREHOUSE_DSN may not create or switch to roles {names} ({error.diag.message_primary}); "
            f"let an administrator run: alter role {login} createrole; or create these roles, "
            f"then: grant analyst to finance; grant {names} to {login}."
        ) from error


def _rights(database: str) -> list[sql.Composed]:
    """Compose the statements that give every role its schemas; each can run any number of times."""
    schemas = {name: sql.Identifier(name) for name in SCHEMA_OWNERS}
    roles = {role: sql.Identifier(role) for role in ROLES}
    here = sql.Identifier(database)
    everyone = sql.SQL(", ").join(roles.values())

    def compose(text: LiteralString, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(text).format(**parts)

    statements = [
        compose("revoke create on schema public from public"),
        compose("grant connect, temporary on database {here} to {everyone}", here=here, everyone=everyone),
        # dlt creates schemas of its own, such as the one it merges from.
        compose("grant create on database {here} to loader", here=here),
    ]
    statements += [
        compose("create schema if not exists {schema} authorization {role}", schema=schemas[name], role=roles[role])
        for name, role in SCHEMA_OWNERS.items()
    ]
    # What a role creates later, including in schemas that it creates later.
    for maker, readers in (("loader", "transformer, owner"), ("transformer", "owner")):
        for kind, right in (("schemas", "usage"), ("tables", "select"), ("sequences", "select")):
            statements.append(
                compose(f"alter default privileges for role {maker} grant {right} on {kind} to {readers}"),
            )
    statements.append(
        compose(
            "alter default privileges for role owner in schema billing grant select on tables to transformer, finance"
        )
    )
    statements += [
        compose(
            "alter default privileges for role transformer in schema {schema} grant select on tables to {role}",
            schema=schemas[name],
            role=roles[reader],
        )
        for name, reader in _SCHEMA_READERS.items()
        if SCHEMA_OWNERS[name] == "transformer"
    ]
    # What exists already.
    for name, maker in SCHEMA_OWNERS.items():
        readers_now = {"owner", *(["transformer"] if maker != "transformer" else [])}
        if name in _SCHEMA_READERS:
            readers_now.add(_SCHEMA_READERS[name])
        grantees = sql.SQL(", ").join(sql.Identifier(reader) for reader in sorted(readers_now - {maker}))
        for right in ("usage on schema", "select on all tables in schema"):
            statements.append(
                compose(f"grant {right} {{schema}} to {{grantees}}", schema=schemas[name], grantees=grantees)
            )
    return statements
