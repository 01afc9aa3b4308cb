"""What is on a page: its figures, charts, tables and trees, read from the page's folder."""

import json
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

Format = Literal["hours", "money", "percent", "count", "days"]
Reader = Literal["analyst", "finance"]

_FOLDER: Final = Path(__file__).parent
_RELATION: Final = re.compile(r"\b(?:from|join) (marts|reports|private|billing)\.(\w+)\b(?!\()")
# In the order of the navigation.
PAGE_NAMES: Final = ("month", "contracts", "to_bill", "receivables", "ai", "people", "trust")


@dataclass(frozen=True)
class Query:
    """SQL with a place on a page.

    Attributes:
        name: name of its file, without `.sql`, and of its CSV.
        title: shown above its result.
        computed: one sentence: how it is computed.
        empty: one sentence: what it means that there are no rows.
        sql: with `%(name)s` for each filter; None where the caller brings the rows, which are in no warehouse.
    """

    name: str
    title: str
    computed: str
    empty: str
    sql: str | None


@dataclass(frozen=True)
class Figure:
    """A headline figure.

    Attributes:
        column: column of `figures.sql`.
        title: shown above the figure.
        computed: one sentence: how it is computed.
        format: how the figure is written.
        better: whether a higher or a lower figure is good news; None for neither.
        note: column of `figures.sql` with a fraction to stand beside the figure, as `note_text` says it.
    """

    column: str
    title: str
    computed: str
    format: Format
    better: Literal["higher", "lower"] | None = None
    note: str | None = None
    note_text: str = "{}"


@dataclass(frozen=True)
class Chart:
    """A query, drawn.

    Attributes:
        specification: Vega-Lite without data.
        wide: whether it takes the whole width.
    """

    query: Query
    specification: dict[str, Any] = field(hash=False)
    wide: bool = False


@dataclass(frozen=True)
class Level:
    """One level of a tree: rows that unfold to the rows of the next level.

    Attributes:
        key: column that the next level refers to; None on the last level.
        parent: column with the key of the row above; None on the first level.
    """

    query: Query
    key: str | None = None
    parent: str | None = None


@dataclass(frozen=True)
class Table:
    """A query, written out; with several levels, a row unfolds to those below it."""

    levels: tuple[Level, ...]

    @property
    def query(self) -> Query:
        """The query of the first level."""
        return self.levels[0].query


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: name of its folder, and its path in the address.
        role: as whom its queries run.
        filters: those that its address may hold besides the range of dates.
        figures_query: gives a row for each month (and currency), or one without a month for what is so today.
        blocks: charts and tables in the order in which they are read.
    """

    name: str
    title: str
    lead: str
    role: Reader
    filters: tuple[str, ...]
    figures_query: Query
    figures: tuple[Figure, ...]
    blocks: tuple[Chart | Table, ...]

    def levels(self) -> dict[str, Level]:
        """Every level of every table, by the name of its query."""
        tables = (block for block in self.blocks if isinstance(block, Table))
        return {level.query.name: level for table in tables for level in table.levels}

    def queries(self) -> dict[str, Query]:
        """Every query of the page by name."""
        found = [self.figures_query]
        for block in self.blocks:
            found += [block.query] if isinstance(block, Chart) else [level.query for level in block.levels]
        return {query.name: query for query in found}


def relations() -> set[tuple[str, str]]:
    """The tables and views of the warehouse that pages read: schema and name."""
    sqls = [query.sql for page in pages().values() for query in page.queries().values() if query.sql]
    return {(schema, name) for sql in sqls for schema, name in _RELATION.findall(sql)}


@cache
def pages() -> dict[str, Page]:
    """Every page by name, in the order of the navigation."""
    return {name: _read(_FOLDER / name) for name in PAGE_NAMES if (_FOLDER / name).is_dir()}


def _read(folder: Path) -> Page:
    said = tomllib.loads((folder / "page.toml").read_text(encoding="utf-8"))
    return Page(
        name=folder.name,
        title=said["title"],
        lead=said["lead"],
        role=said["role"],
        filters=tuple(said["filters"]),
        figures_query=_query(folder, {"name": "figures", "title": "Figures", "computed": said["lead"], "empty": ""}),
        figures=tuple(Figure(**one) for one in said["figures"]),
        blocks=tuple(_block(folder, one) for one in said["blocks"]),
    )


def _block(folder: Path, said: dict[str, Any]) -> Chart | Table:
    specification = folder / f"{said['name']}.json"
    if specification.exists():
        return Chart(
            _query(folder, said), json.loads(specification.read_text(encoding="utf-8")), said.get("wide", False)
        )
    levels = [said, *said.get("levels", [])]
    return Table(tuple(Level(_query(folder, one), one.get("key"), one.get("parent")) for one in levels))


def _query(folder: Path, said: dict[str, Any]) -> Query:
    file = folder / f"{said['name']}.sql"
    sql = None if said.get("brought") else file.read_text(encoding="utf-8")
    return Query(said["name"], said["title"], said["computed"], said["empty"], sql)
