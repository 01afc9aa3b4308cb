"""The limits of those who only read: analyst, finance and every login that is a member of them.

Postgres lets every session change most limits, so they are defaults; what outlasts them is ended from outside.
"""

from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import sql

from orchestration.warehouse.roles import READERS, ROLES

IDLE_IN_TRANSACTION_SECONDS: Final = 60
TRANSACTION_SECONDS: Final = 600
# Only a superuser can set it, so that no session can raise it.
_FIXED: Final[Mapping[str, str]] = {"temp_file_limit": "2GB"}

# A login that is also a member of another role works with its rights, and with its limits: none.
_READING_LOGINS: Final = """
    select oid, rolname from pg_roles
    where rolcanlogin and not rolsuper
        and pg_has_role(oid, 'analyst', 'member')
        and not pg_has_role(oid, 'loader', 'member')
        and not pg_has_role(oid, 'transformer', 'member')
        and not pg_has_role(oid, 'owner', 'member')
"""


def reader_settings(query_timeout_seconds: float) -> dict[str, str]:
    """Return the settings with which a session of analyst or finance starts.

    Args:
        query_timeout_seconds: 0 means no limit.
    """
    return {
        "statement_timeout": str(round(query_timeout_seconds * 1000)),
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
        "default_transaction_read_only": "on",
        "work_mem": "32MB",
        "timezone": "UTC",
    }


def hold_limits(connection: psycopg.Connection, query_timeout_seconds: float, *, every_role: bool) -> None:
    """Make the settings of roles in this database what they should be, where the connected login may.

    The roles lose whatever else was set for them: Postgres lets every role set defaults for all its sessions. A
    person's login keeps its own settings beside the limits. Then sessions that outlast the limits end.

    Args:
        connection: as superuser, or as a login that may alter the roles.
        query_timeout_seconds: for analyst, finance and the members of them; 0 means no limit.
        every_role: whether roles other than analyst and finance lose their settings, too.
    """
    with connection.transaction():
        _hold_settings(connection, query_timeout_seconds, every_role=every_role)
    end_overlong_sessions(connection, query_timeout_seconds)


def _hold_settings(connection: psycopg.Connection, query_timeout_seconds: float, *, every_role: bool) -> None:
    limits = reader_settings(query_timeout_seconds)
    superuser = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    if superuser == (True,):
        limits |= _FIXED
    found = connection.execute(
        f"""
        select roles.rolname, everywhere.setconfig, here.setconfig
        from pg_roles as roles
        left join pg_db_role_setting as everywhere on everywhere.setrole = roles.oid and everywhere.setdatabase = 0
        left join pg_db_role_setting as here
            on here.setrole = roles.oid
            and here.setdatabase = (select oid from pg_database where datname = current_database())
        where roles.rolname = any(%s) or roles.oid in (select oid from ({_READING_LOGINS}) as logins)
        """,
        [list(ROLES if every_role else READERS)],
    )
    for role, everywhere, here in found.fetchall():
        expected = {} if role in ROLES and role not in READERS else limits
        present = dict(one.split("=", 1) for one in here or [])
        if role in ROLES and not everywhere and present == expected:
            continue
        if role not in ROLES and expected.items() <= present.items():
            continue
        try:
            with connection.transaction():
                _set(connection, role, expected)
        except psycopg.errors.InsufficientPrivilege:
            # A role that an administrator of the server made: what outlasts the limits is still ended.
            continue


def _set(connection: psycopg.Connection, role: str, settings: Mapping[str, str]) -> None:
    # For this database only: roles belong to the whole server, which may have several databases.
    names = {"role": sql.Identifier(role), "here": sql.Identifier(connection.info.dbname)}
    if role in ROLES:
        connection.execute(sql.SQL("alter role {role} reset all").format(**names))
        connection.execute(sql.SQL("alter role {role} in database {here} reset all").format(**names))
    for name, value in settings.items():
        statement = sql.SQL("alter role {role} in database {here} set {name} = {value}")
        connection.execute(statement.format(name=sql.Identifier(name), value=sql.Literal(value), **names))


def end_overlong_sessions(connection: psycopg.Connection, query_timeout_seconds: float) -> list[str]:
    """End the sessions of analyst, finance and the members of them that outlast the limits, whatever they have set.

    Args:
        connection: as superuser, or as a login that has the rights of these roles.
        query_timeout_seconds: of one query; 0 means no limit.

    Returns:
        One sentence for each session that was ended.
    """
    # A second more than the server's own limits, which end a query alone and say more.
    found = connection.execute(
        f"""
        select pid, usename, application_name, case
            when state = 'active' and %(query)s > 0 and now() - query_start > make_interval(secs => %(query)s + 1)
                then format('a query ran for more than %%s s', %(query)s::float)
            when state like 'idle in transaction%%' and now() - state_change > make_interval(secs => %(idle)s + 1)
                then format('it was idle within a transaction for more than %%s s', %(idle)s::float)
            when now() - xact_start > make_interval(secs => %(transaction)s)
                then format('its transaction took more than %%s s', %(transaction)s::float)
        end
        from pg_stat_activity
        where datname = current_database()
            and usesysid in (select oid from ({_READING_LOGINS}) as logins where pg_has_role(oid, 'usage'))
        """,
        {
            "query": query_timeout_seconds,
            "idle": IDLE_IN_TRANSACTION_SECONDS,
            "transaction": TRANSACTION_SECONDS,
        },
    )
    ended = []
    for pid, login, program, reason in found.fetchall():
        if reason and connection.execute("select pg_terminate_backend(%s)", [pid]).fetchone() == (True,):
            ended.append(f"A session of {login}{f' ({program})' if program else ''} was ended: {reason}.")
    return ended
