"""Cells of reference files that name nothing, or several things, as the warehouse last resolved them."""

from dataclasses import dataclass
from typing import Final

from orchestration.warehouse.connection import Warehouse

_SOURCE_PREFIX: Final = "reference."
_MENDS: Final = {
    "client": "write the client's name as Clockify has it now, or its id",
    "project": "write the project's name as Clockify has it now, or its id",
    "contract": "write the contract's number, or its name within the client",
}


@dataclass(frozen=True)
class UnresolvedCell:
    """A cell that resolves to nothing.

    `reason` is as in reports.unresolved; `candidates` are the ids that the name may mean, empty if it means none.
    """

    file: str
    value: str
    reason: str
    candidates: tuple[str, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Whether several clients, projects or contracts have the name."""
        return self.reason.startswith("several_")

    def __str__(self) -> str:
        """One sentence with the file, the value and what to write instead."""
        kind = self.reason.partition("_")[2]
        if self.reason == "no_jira_project":
            return (
                f"{self.file}, column jira_project_key: {self.value!r} is the key of no project in Jira; "
                "write the project's present key"
            )
        if self.is_ambiguous:
            return (
                f"{self.file}: {self.value!r} is the name of several {kind}s, {' and '.join(self.candidates)}; "
                "write one of these ids"
            )
        return f"{self.file}: {self.value!r} names no {kind}; {_MENDS[kind]}"


def unresolved_cells(warehouse: Warehouse) -> list[UnresolvedCell]:
    """Return the cells in the order of their files; none before the warehouse was built."""
    with warehouse.connect("owner") as connection:
        built = connection.execute("select to_regclass('reports.unresolved') is not null").fetchone()
        if not built or not built[0]:
            return []
        rows = connection.execute(
            "select source, native_id, reason, candidates from reports.unresolved"
            " where source like %s order by source, native_id",
            (f"{_SOURCE_PREFIX}%",),
        ).fetchall()
    return [
        UnresolvedCell(
            f"{source.removeprefix(_SOURCE_PREFIX)}.csv",
            value,
            reason,
            tuple(candidates.split(", ")) if candidates else (),
        )
        for source, value, reason, candidates in rows
    ]
