"""The limits of those who only read: analyst, bi, finance and every login that is a member of them.

Postgres lets every session change most limits, so they are defaults; what outlasts them is ended from outside.
"""

from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import sql

from orchestration.warehouse.roles import READERS, ROLES, Role

IDLE_IN_TRANSACTION_SECONDS: Final = 60
TRANSACTION_SECONDS: Final = 600
# Of role bi: a tool scans a table for a chart that many people look at.
BI_QUERY_SECONDS: Final = 60
# Where a name without a schema is looked for; a name is in one of them alone.
_SEARCH_PATHS: Final[Mapping[Role, str]] = {
    "analyst": "marts, reports",
    "bi": "marts, reports",
    "finance": "marts, reports, private",
}
# Only a superuser can set it, so that no session can raise it.
_FIXED: Final[Mapping[str, str]] = {"temp_file_limit": "2GB"}

# A login that is also a member of another role works with its rights, and with its limits: none.
_READING_LOGINS: Final = """
    select
        oid,
        rolname,
        case
            when pg_has_role(oid, 'finance', 'member') then 'finance'
            when pg_has_role(oid, bi, 'member') then 'bi'
            else 'analyst'
        end as reader
    from pg_roles
    -- Not there yet in a warehouse that an earlier version prepared last.
    cross join (select max(oid) as bi from pg_roles where rolname = 'bi') as tools
    where rolcanlogin and not rolsuper
        and pg_has_role(oid, 'analyst', 'member')
        and not pg_has_role(oid, 'loader', 'member')
        and not pg_has_role(oid, 'transformer', 'member')
        and not pg_has_role(oid, 'owner', 'member')
"""


def query_seconds(role: Role, query_timeout_seconds: float) -> float:
    """Return the seconds after which a query of a reader ends.

    Args:
        role: a reader.
        query_timeout_seconds: of analyst and finance; 0 means no limit, for bi too.
    """
    is_longer = role == "bi" and 0 < query_timeout_seconds < BI_QUERY_SECONDS
    return BI_QUERY_SECONDS if is_longer else query_timeout_seconds


def reader_settings(role: Role, query_timeout_seconds: float) -> dict[str, str]:
    """Return the settings with which a session of a reader starts; those that are lists have ", " between the values.

    Args:
        role: a reader.
        query_timeout_seconds: of analyst and finance; 0 means no limit.
    """
    return {
        "search_path": _SEARCH_PATHS[role],
        "statement_timeout": str(round(query_seconds(role, query_timeout_seconds) * 1000)),
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
        every_role: whether roles other than readers lose their settings, too.
    """
    with connection.transaction():
        _hold_settings(connection, query_timeout_seconds, every_role=every_role)
    end_overlong_sessions(connection, query_timeout_seconds)


def _hold_settings(connection: psycopg.Connection, query_timeout_seconds: float, *, every_role: bool) -> None:
    superuser = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    fixed = dict(_FIXED) if superuser == (True,) else {}
    found = connection.execute(
        f"""
        select roles.rolname, logins.reader, everywhere.setconfig, here.setconfig
        from pg_roles as roles
        left join ({_READING_LOGINS}) as logins on roles.oid = logins.oid
        left join pg_db_role_setting as everywhere on everywhere.setrole = roles.oid and everywhere.setdatabase = 0
        left join pg_db_role_setting as here
            on here.setrole = roles.oid
            and here.setdatabase = (select oid from pg_database where datname = current_database())
        where roles.rolname = any(%s) or logins.oid is not null
        """,
        [list(ROLES if every_role else READERS)],
    )
    for role, reader, everywhere, here in found.fetchall():
        # On a server of the user's own, the roles themselves do not log in.
        reader = role if role in READERS else reader
        expected = {**reader_settings(reader, query_timeout_seconds), **fixed} if reader else {}
        present = dict(one.split("=", 1) for one in here or [])
        if role in ROLES and not everywhere and present == expected:
            continue
        if role not in ROLES:
            if "search_path" in present:
                # A person's own choice.
                del expected["search_path"]
            if expected.items() <= present.items():
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
        statement = sql.SQL("alter role {role} in database {here} set {name} = {values}")
        values = sql.SQL(", ").join(map(sql.Literal, value.split(", ")))
        connection.execute(statement.format(name=sql.Identifier(name), values=values, **names))


def end_overlong_sessions(connection: psycopg.Connection, query_timeout_seconds: float) -> list[str]:
    """End the sessions of readers and the members of them that outlast the limits, whatever they have set.

    Args:
        connection: as superuser, or as a login that has the rights of these roles.
        query_timeout_seconds: of one query of analyst and finance; 0 means no limit.

    Returns:
        One sentence for each session that was ended.
    """
    # A second more than the server's own limits, which end a query alone and say more.
    found = connection.execute(
        f"""
        select pid, usename, application_name, case
            when state = 'active' and seconds > 0 and now() - query_start > make_interval(secs => seconds + 1)
                then format('a query ran for more than %%s s', seconds)
            when state like 'idle in transaction%%' and now() - state_change > make_interval(secs => %(idle)s + 1)
                then format('it was idle within a transaction for more than %%s s', %(idle)s::float)
            when now() - xact_start > make_interval(secs => %(transaction)s)
                then format('its transaction took more than %%s s', %(transaction)s::float)
        end
        from pg_stat_activity
        inner join ({_READING_LOGINS}) as logins on usesysid = logins.oid and pg_has_role(logins.oid, 'usage')
        cross join lateral (
            select case reader when 'bi' then %(bi)s::float else %(query)s::float end as seconds
        ) as limits
        where datname = current_database()
        """,
        {
            "query": query_timeout_seconds,
            "bi": query_seconds("bi", query_timeout_seconds),
            "idle": IDLE_IN_TRANSACTION_SECONDS,
            "transaction": TRANSACTION_SECONDS,
        },
    )
    ended = []
    for pid, login, program, reason in found.fetchall():
        # Until it is gone, so that it is said once.
        if reason and connection.execute("select pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,):
            ended.append(f"A session of {login}{f' ({program})' if program else ''} was ended: {reason}.")
    return ended
