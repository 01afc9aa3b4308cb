"""What other systems call our clients, accounts and services: `accounting_codes.csv`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import psycopg

from invoicing.delivery.port import RefusedError
from invoicing.errors import InvoicingError

System = Literal["planfact", "didox"]
Kind = Literal["client", "account", "category", "service"]


@dataclass(frozen=True)
class Codes:
    """The codes of one system, by kind and our own key."""

    system: System
    known: Mapping[tuple[str, str], str] = field(repr=False)

    def code(self, kind: Kind, *keys: str) -> str:
        """The code of the first of these keys that has one.

        Args:
            kind: of what.
            keys: our own names for it, the most particular first.

        Raises:
            RefusedError: none has; names the row to add.
        """
        for key in keys:
            if code := self.known.get((kind, key.casefold())):
                return code
        raise RefusedError(
            f"accounting_codes.csv has no code of {self.system} for {kind} {keys[0]}; "
            f"add a row {self.system},{kind},{keys[0]},CODE"
        )

    def number(self, kind: Kind, *keys: str) -> int:
        """The code as a number, which PlanFact's are.

        Raises:
            RefusedError: none has a code, or it is no number.
        """
        code = self.code(kind, *keys)
        if not code.isascii() or not code.isdigit():
            raise RefusedError(
                f"the code {code} of {self.system} for {kind} {keys[0]} in accounting_codes.csv is no number"
            )
        return int(code)


def read_codes(connection: psycopg.Connection, system: System) -> Codes:
    """The codes of a system as `accounting_codes.csv` has them.

    Args:
        connection: of role owner.
        system: which.

    Raises:
        InvoicingError: the reference files have not been loaded yet.
    """
    try:
        rows = connection.execute(
            "select kind, lower(key), code from raw_reference.accounting_codes where system = %s", (system,)
        ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise InvoicingError("accounting_codes.csv is not loaded yet; run `workledger run` first.") from error
    return Codes(system, {(kind, key): code for kind, key, code in rows})
