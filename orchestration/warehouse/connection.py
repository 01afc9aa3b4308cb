"""How to connect to the warehouse as one of its roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import psycopg

from orchestration.errors import WarehouseError
from orchestration.warehouse.readers import reader_settings
from orchestration.warehouse.roles import READERS, ROLES, Role


@dataclass(frozen=True)
class Warehouse:
    """A prepared database and how to connect to it as each role.

    On the embedded server every role logs in with its own password. On a server of the user's own, the login of the DSN
    switches to the role with `-c role=…`, so that no pipeline works with the rights of that login.
    """

    base: Mapping[str, Any] = field(repr=False)
    """libpq parameters without a role: host, port, dbname and, on a server of the user's own, everything in the DSN."""
    passwords: Mapping[Role, str] | None = field(repr=False, default=None)
    """Passwords of the roles; None on a server of the user's own."""
    query_timeout_seconds: float = 5.0

    @property
    def embedded(self) -> bool:
        """Whether the server is the embedded one."""
        return self.passwords is not None

    @property
    def database(self) -> str:
        """Name of the database."""
        return str(self.base["dbname"])

    @property
    def address(self) -> str:
        """Host, port and database, for messages; contains no secret."""
        return f"{self.base['host']}:{self.base['port']}/{self.database}"

    def parameters(self, role: Role) -> dict[str, Any]:
        """Return libpq keyword parameters (host, port, user, password, dbname, …) to connect as a role.

        On a server of the user's own, `options` sets the role; a client without `options` must run `set role` itself.

        Raises:
            WarehouseError: there is no such role.
        """
        if role not in ROLES:
            raise WarehouseError(f"There is no role {role!r} in the warehouse; roles are {', '.join(ROLES)}.")
        if self.passwords is not None:
            return {**self.base, "user": role, "password": self.passwords[role]}
        options = [str(self.base["options"])] if self.base.get("options") else []
        settings = reader_settings(role, self.query_timeout_seconds) if role in READERS else {"timezone": "UTC"}
        options += [f"-c {name}={value.replace(', ', ',')}" for name, value in {"role": role, **settings}.items()]
        return {**self.base, "options": " ".join(options)}

    def client_dsn(self, role: Role) -> str:
        """Return the URL to connect as a role, to be handed out: for psql and BI tools.

        Raises:
            WarehouseError: there is no such role; or the server is one of the user's own, where anyone with the URL
                would have all rights of its login. Says what to create there.
        """
        if self.passwords is None:
            # Limits of a role are not those of its members; `hold_limits` gives them to each.
            limits = "; `workledger doctor` then sets its limits" if role in READERS else ""
            raise WarehouseError(
                "The login of WAREHOUSE_DSN may take on every role, so its address is not handed out. Create a login "
                f"for each person on your server: create role NAME login password '…' in role {role}{limits}. Its "
                f"address is postgresql://NAME:PASSWORD@{self.address}."
            )
        return self.dsn(role)

    def dsn(self, role: Role) -> str:
        """Return the URL to connect as a role, for dlt and others in this process.

        On a server of the user's own it holds the login of WAREHOUSE_DSN, which is not to be handed out: see
        `client_dsn`.

        Raises:
            WarehouseError: there is no such role.
        """
        rest = self.parameters(role)
        user, password = (quote(str(rest.pop(key, "")), safe="") for key in ("user", "password"))
        login = f"{user}:{password}@" if password else f"{user}@" if user else ""
        host, port, database = rest.pop("host"), rest.pop("port"), quote(str(rest.pop("dbname")), safe="")
        bracketed = f"[{host}]" if ":" in str(host) else quote(str(host), safe="")
        query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
        return f"postgresql://{login}{bracketed}:{port}/{database}{query}"

    def connect(self, role: Role, *, autocommit: bool = True) -> psycopg.Connection:
        """Open a connection as a role.

        Raises:
            WarehouseError: the server cannot be reached, or refuses the login.
        """
        return connect(self.parameters(role), self.address, autocommit=autocommit)


def connect(parameters: Mapping[str, Any], address: str, *, autocommit: bool = True) -> psycopg.Connection:
    """Open a connection.

    Args:
        parameters: libpq keyword parameters.
        address: host, port and database, for the message of a failure.
        autocommit: whether each statement is its own transaction.

    Raises:
        WarehouseError: the server cannot be reached, or refuses the login.
    """
    try:
        return psycopg.connect(**{"connect_timeout": 10, **parameters}, autocommit=autocommit)
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise WarehouseError(
            f"The warehouse at {address} cannot be reached ({reason}); check that the server runs and that "
            "WAREHOUSE_DSN names its host, port, database, user and password."
        ) from error
