"""Roles, schemas and rights: who creates the tables of a schema and who reads them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final, Literal, LiteralString, get_args

import psycopg
from psycopg import sql

from invoicing.errors import InvoicingError
from invoicing.schema import KEEPER, migrate
from orchestration.errors import WarehouseError
from sources.catalog import SOURCES

Role = Literal["loader", "transformer", "analyst", "bi", "finance", "owner"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
READERS: Final[tuple[Role, ...]] = ("analyst", "bi", "finance")

OLDEST_SERVER: Final = 15

# Which role owns a schema, and so creates its tables.
SCHEMA_OWNERS: Final[Mapping[str, str]] = {
    **{spec.schema: "loader" for spec in SOURCES.values()},
    "staging": "transformer",
    "intermediate": "transformer",
    "registry": "transformer",
    "snapshots": "transformer",
    "building": "transformer",
    "marts": "transformer",
    "reports": "transformer",
    "private": "transformer",
    # Its tables, and the rights on them, come by migrations (`invoicing.schema`).
    "billing": KEEPER,
}
# Who reads a schema besides its owner and role `owner`; bi and finance are members of analyst. Source: rule 1.16.
_SCHEMA_READERS: Final[Mapping[str, Role]] = {
    "marts": "analyst",
    "reports": "analyst",
    "private": "finance",
}
_EVERY_ROLE: Final = (*ROLES, KEEPER)
_MAKERS: Final[tuple[Role, ...]] = ("loader", "transformer", "owner")
# Of the connections that a server takes, 100 by default, so that readers leave some to the pipelines.
_READERS_CONNECTIONS: Final = 30
_WAIT_SECONDS: Final = 30


def prepare(connection: psycopg.Connection, *, passwords: Mapping[str, str] | None) -> None:
    """Create roles, schemas and rights in the connected database, all or nothing, unless they are there.

    At every call passwords and attributes of the roles become what they should be, whatever a role has changed of its
    own.

    Args:
        connection: as superuser, or as a login that can create roles and schemas.
        passwords: of the roles, which then can log in; None creates roles without login, to which the connected login
            switches.

    Raises:
        WarehouseError: the server is too old, the login lacks a right, or another session keeps this one waiting; says
            what to do.
    """
    release = connection.info.server_version
    if release < OLDEST_SERVER * 10000:
        raise WarehouseError(
            f"The warehouse's server is PostgreSQL {release // 10000}; Workledger needs {OLDEST_SERVER} or newer."
        )
    statements = _rights(connection.info.dbname, embedded=passwords is not None)
    if _is_superuser(connection):
        statements.append(sql.SQL(_NO_FUNCTIONS))
    fingerprint = _fingerprint(statements)
    with connection.transaction():
        if not _is_prepared(connection, fingerprint):
            _wait_for_others(connection)
            if not _is_prepared(connection, fingerprint):
                _create_roles(connection)
                _execute(connection, statements)
                comment = f"Permanent identifiers. Prepared by Workledger, version {fingerprint}"
                connection.execute(sql.SQL("comment on schema registry is {}").format(sql.Literal(comment)))
        if passwords is not None:
            _hold_logins(connection, passwords)


def prepare_billing(connection: psycopg.Connection) -> None:
    """Bring schema `billing` to its newest version; do nothing if it is there.

    Args:
        connection: that of `prepare`, not in autocommit; what it has done is committed first, with the role.

    Raises:
        WarehouseError: the schema is of a newer Workledger, or a migration fails.
    """
    connection.commit()
    try:
        migrate(connection)
    except InvoicingError as error:
        raise WarehouseError(str(error)) from error


def _fingerprint(statements: list[sql.Composed | sql.SQL]) -> str:
    described = repr((_EVERY_ROLE, [statement.as_string(None) for statement in statements]))
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _is_superuser(connection: psycopg.Connection) -> bool:
    return connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() == (True,)


def _is_prepared(connection: psycopg.Connection, fingerprint: str) -> bool:
    mark = connection.execute("select obj_description(to_regnamespace('registry'), 'pg_namespace')").fetchone()
    if mark is None or mark[0] is None or not mark[0].endswith(fingerprint):
        return False
    # A dump carries the mark, but neither the roles nor the rights on the database itself.
    here = connection.execute(
        """
        select bool_or(rolname = 'loader' and has_database_privilege(oid, current_database(), 'create'))
            and not bool_or(rolname = 'analyst' and has_database_privilege(oid, current_database(), 'temporary'))
            and count(*) = %s
        from pg_roles
        where rolname = any(%s)
        """,
        [len(_EVERY_ROLE), list(_EVERY_ROLE)],
    ).fetchone()
    return here == (True,)


def _wait_for_others(connection: psycopg.Connection) -> None:
    """Let one of several first starts create roles and schemas at a time."""
    lock = "hashtextextended('workledger.prepare', 0)"
    connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{_WAIT_SECONDS}s")))
    try:
        with connection.transaction():
            connection.execute(f"select pg_advisory_xact_lock({lock})")
    except psycopg.errors.LockNotAvailable as error:
        holder = connection.execute(
            f"""
            select pid, usename from pg_locks join pg_stat_activity using (pid)
            where locktype = 'advisory' and granted and objsubid = 1
                and (classid::bigint << 32) + objid::bigint = {lock}
            """
        ).fetchone()
        whose = "another session" if holder is None else f"the session of {holder[1]} with process id {holder[0]}"
        raise WarehouseError(
            f"Roles and schemas cannot be prepared: for {_WAIT_SECONDS} s {whose} has held the lock for that; "
            "try again when it has ended, or have an administrator end it (select pg_terminate_backend(…))."
        ) from error
    connection.execute("set local lock_timeout = default")


def _create_roles(connection: psycopg.Connection) -> None:
    login = connection.info.user
    try:
        found = {
            row[0]
            for row in connection.execute("select rolname from pg_roles where rolname = any(%s)", [list(_EVERY_ROLE)])
        }
        for role in _EVERY_ROLE:
            if role not in found:
                connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
        # Before PostgreSQL 16, membership alone decided whether a login can switch to a role.
        right = "set" if connection.info.server_version >= 160000 else "member"
        missing = connection.execute(
            "select rolname from pg_roles where rolname = any(%s) and not pg_has_role(current_user, oid, %s)",
            [list(_EVERY_ROLE), right],
        )
        for (role,) in missing.fetchall():
            connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))
        for reader in READERS:
            member = connection.execute("select pg_has_role(%s, 'analyst', 'member')", [reader]).fetchone()
            if member != (True,):
                connection.execute(sql.SQL("grant analyst to {}").format(sql.Identifier(reader)))
    except psycopg.errors.InsufficientPrivilege as error:
        names = ", ".join(_EVERY_ROLE)
        raise WarehouseError(
            f"Login {login} of WAREHOUSE_DSN may not create or switch to roles {names} ({error.diag.message_primary}); "
            f"let an administrator run: alter role {login} createrole; or create these roles, "
            f"then: grant analyst to bi, finance; grant {names} to {login}."
        ) from error


def _execute(connection: psycopg.Connection, statements: list[sql.Composed | sql.SQL]) -> None:
    try:
        for statement in statements:
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise WarehouseError(
            f"Login {connection.info.user} of WAREHOUSE_DSN may not prepare database {connection.info.dbname} "
            f"({error.diag.message_primary}); make it the owner: "
            f"alter database {connection.info.dbname} owner to {connection.info.user}."
        ) from error


def _hold_logins(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Give roles back their passwords and attributes: Postgres lets every role change its own password."""
    found = connection.execute(
        """
        select rolname, rolpassword, rolconnlimit,
            rolcanlogin and rolinherit
            and not (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
        from pg_authid
        where rolname = any(%s)
        """,
        [list(ROLES)],
    )
    for role, verifier, most, is_plain in found.fetchall():
        connections = _READERS_CONNECTIONS if role in READERS else -1
        if is_plain and most == connections and _is_verifier_of(passwords[role], verifier):
            continue
        statement = sql.SQL(
            "alter role {} with login inherit nosuperuser nocreaterole nocreatedb noreplication nobypassrls "
            "connection limit {} password {}"
        )
        connection.execute(
            statement.format(sql.Identifier(role), sql.Literal(connections), sql.Literal(passwords[role]))
        )


def _is_verifier_of(password: str, verifier: str | None) -> bool:
    """Whether what the server keeps of a password (RFC 5803) is of this one."""
    if verifier is None or not verifier.startswith("SCRAM-SHA-256$"):
        return False
    parameters, keys = verifier.split("$")[1:]
    iterations, salt = parameters.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return hmac.compare_digest(base64.b64encode(stored).decode(), keys.split(":")[0])


# Functions of Postgres that everybody may call by default, and with which a reader could write (large objects, WAL),
# take the locks of others or end their sessions. They belong to the superuser, who alone can withdraw them.
_NO_FUNCTIONS: Final = """
do $$
declare
    one regprocedure;
begin
    for one in
        select oid from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
            and proname ~ '^(lo_|loread|lowrite|pg_.*advisory|pg_(terminate|cancel)_backend|pg_logical_emit_message)'
    loop
        execute format('revoke execute on function %s from public', one);
        execute format('grant execute on function %s to loader, transformer, owner', one);
    end loop;
end
$$
"""


# Role owner had it before there was anything in it.
_FORMER_SCHEMA_BILLING: Final = """
do $$
begin
    if exists (select 1 from pg_namespace where nspname = 'billing' and nspowner <> 'billing_keeper'::regrole) then
        drop schema billing;
    end if;
end
$$
"""


def _rights(database: str, *, embedded: bool) -> list[sql.Composed | sql.SQL]:
    """Compose the statements that give every role its schemas; each can run any number of times.

    Args:
        database: its name.
        embedded: whether the server is Workledger's alone, so that its other databases are closed, too.
    """
    schemas = {name: sql.Identifier(name) for name in SCHEMA_OWNERS}
    roles = {role: sql.Identifier(role) for role in _EVERY_ROLE}
    here = sql.Identifier(database)
    everyone = sql.SQL(", ").join(roles[role] for role in ROLES)

    def compose(text: LiteralString, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(text).format(**parts)

    makers = sql.SQL(", ").join(roles[role] for role in _MAKERS)
    readers = sql.SQL(", ").join(roles[role] for role in READERS)
    statements: list[sql.Composed | sql.SQL] = [
        compose("revoke create on schema public from public"),
        compose("revoke temporary on database {here} from public, {readers}", here=here, readers=readers),
        compose("grant connect on database {here} to {everyone}", here=here, everyone=everyone),
        compose("grant temporary on database {here} to {makers}", here=here, makers=makers),
        # dlt creates schemas of its own, such as the one it merges from.
        compose("grant create on database {here} to loader", here=here),
        sql.SQL(_FORMER_SCHEMA_BILLING),
    ]
    if embedded:
        databases = sql.SQL(", ").join([here, sql.Identifier("postgres"), sql.Identifier("template1")])
        statements.append(compose("revoke connect on database {databases} from public", databases=databases))
        # So that it can say since when a session holds a lock (dbt_project/macros/materializations).
        statements.append(compose("grant pg_read_all_stats to transformer"))
    statements += [
        compose("create schema if not exists {schema} authorization {role}", schema=schemas[name], role=roles[role])
        for name, role in SCHEMA_OWNERS.items()
    ]
    # What a role creates later, including in schemas that it creates later.
    for maker, others in (("loader", "transformer, owner"), ("transformer", "owner")):
        for kind, right in (("schemas", "usage"), ("tables", "select"), ("sequences", "select")):
            statements.append(
                compose(f"alter default privileges for role {maker} grant {right} on {kind} to {others}"),
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
        if maker == KEEPER:
            continue
        readers_now = {"owner", *(["transformer"] if maker != "transformer" else [])}
        if name in _SCHEMA_READERS:
            readers_now.add(_SCHEMA_READERS[name])
        grantees = sql.SQL(", ").join(sql.Identifier(reader) for reader in sorted(readers_now - {maker}))
        for right in ("usage on schema", "select on all tables in schema"):
            statements.append(
                compose(f"grant {right} {{schema}} to {{grantees}}", schema=schemas[name], grantees=grantees)
            )
    return statements
