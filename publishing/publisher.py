"""Brings relations of Postgres to ClickHouse: staged beside what is read, compared, and exchanged at the end."""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from publishing.catalogue import Catalogue, Content, DayNumber, Relation
from publishing.errors import PublishingError
from publishing.layout import LARGE_ROWS
from publishing.statements import Postgres, Statements, contents, literal, present, recorded, rows_by_day

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Outcome = Literal["moved", "equal", "unchanged"]
Answer = TypeVar("Answer")

_STAGED: Final = ".new"
_SHOWN: Final = 3
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True)
class Published:
    """What has become of one relation.

    Attributes:
        relation: the relation.
        outcome: `moved` rows; found `equal` when compared; or `unchanged` in Postgres since it was published last.
        rows: that it now has in ClickHouse.
        moved_rows: that were fetched.
        moved_days: of which they are; None if the table was moved whole.
    """

    relation: Relation
    outcome: Outcome
    rows: int
    moved_rows: int = 0
    moved_days: int | None = None


@dataclass(frozen=True)
class Difference:
    """A relation that came out different, and so was not published.

    Attributes:
        relation: the relation.
        sentence: where it differs.
    """

    relation: Relation
    sentence: str


@dataclass
class Result:
    """What a run did. With a difference nothing was exchanged."""

    published: list[Published] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class _Record:
    definition: str
    state: str
    rows: int
    versions: Mapping[str, str]


@dataclass(frozen=True)
class _Staged:
    """A table that waits to be exchanged; without a name, what is read is equal already."""

    published: Published
    definition: str
    versions: Mapping[DayNumber, str]
    name: str | None


class Publisher:
    """Publishes to one ClickHouse. Nobody else may publish to it, or build the warehouse, at the same time."""

    def __init__(
        self,
        catalogue: Catalogue,
        client: "Client",
        postgres: Postgres,
        statements: Statements,
        *,
        large_rows: int = LARGE_ROWS,
    ) -> None:
        """Take both engines.

        Args:
            catalogue: Postgres.
            client: ClickHouse, without a limit of time that a table would outlast.
            postgres: how ClickHouse reaches Postgres.
            statements: for one server or a cluster.
            large_rows: from how many rows on only the changed days of a table are moved.
        """
        self._catalogue = catalogue
        self._client = client
        self._postgres = postgres
        self._statements = statements
        self._large_rows = large_rows

    def publish(
        self,
        chosen: Collection[tuple[str, str]] | None = None,
        *,
        compare_all: bool = False,
    ) -> Result:
        """Publish what has changed.

        Args:
            chosen: schema and name of the relations; None is all, and drops what is published no more.
            compare_all: whether relations are compared, too, that have not changed in Postgres.

        Raises:
            PublishingError: a relation cannot be read or moved; ClickHouse holds what it held before.
        """
        relations = self._catalogue.relations()
        known = {(one.schema, one.name) for one in relations}
        self._prepare({one.schema for one in relations})
        records, tables = self._records(), self._tables()
        result, staged = Result(), list[_Staged]()
        try:
            for relation in relations:
                place = (relation.schema, relation.name)
                if chosen is not None and place not in chosen:
                    continue
                one = self._stage(relation, records.get(place), tables.get(place), compare_all=compare_all)
                if isinstance(one, Difference):
                    result.differences.append(one)
                elif isinstance(one, _Staged):
                    staged.append(one)
                else:
                    result.published.append(one)
            if not result.differences:
                for one in staged:
                    self._take_over(one, exists=(one.published.relation.schema, one.published.relation.name) in tables)
                    result.published.append(one.published)
                if chosen is None:
                    self._drop_unknown(records.keys() - known)
        except PublishingError:
            # The first failure is the one to mend.
            with contextlib.suppress(PublishingError):
                self._drop_staged()
            raise
        self._drop_staged()
        return result

    def _prepare(self, schemas: Collection[str]) -> None:
        for database in sorted({*schemas, "workledger"}):
            self._command(self._statements.create_database(database))
        self._command(self._statements.create_books())
        # What a run left that was killed.
        self._drop_staged()

    def _drop_unknown(self, places: Collection[tuple[str, str]]) -> None:
        for database, name in places:
            self._command(self._statements.drop(database, name))
            self._command(self._statements.forget(database, name))

    def _drop_staged(self) -> None:
        for database, name in self._tables():
            if name.endswith(_STAGED):
                self._command(self._statements.drop(database, name))

    def _records(self) -> dict[tuple[str, str], _Record]:
        return {(database, name): _Record(*rest) for database, name, *rest in self._rows(recorded())}

    def _tables(self) -> dict[tuple[str, str], int]:
        return {(database, name): rows for database, name, rows in self._rows(present())}

    def _stage(
        self, relation: Relation, record: _Record | None, rows: int | None, *, compare_all: bool
    ) -> _Staged | Published | Difference:
        by_day = relation.is_large(self._large_rows)
        create = self._statements.create(relation, f"{relation.name}{_STAGED}", by_day=by_day)
        definition = hashlib.blake2b(create.encode(), digest_size=12).hexdigest()
        if rows is None or record is None or record.definition != definition or record.rows != rows:
            # What is there, if anything, was made by another definition or by somebody else.
            return self._move(relation, create, definition, None)
        if record.state == relation.state and not compare_all:
            return Published(relation, "unchanged", rows)
        if by_day and not compare_all:
            return self._move(relation, create, definition, self._changed_days(relation, record))
        expected = self._catalogue.contents(relation)
        found = self._contents(relation, relation.name)
        differing = {day for day in expected.keys() | found.keys() if expected.get(day) != found.get(day)}
        if not differing:
            versions = self._catalogue.versions(relation) if by_day else {}
            return _Staged(Published(relation, "equal", rows), definition, versions, None)
        return self._move(relation, create, definition, differing if by_day else None)

    def _changed_days(self, relation: Relation, record: _Record) -> set[DayNumber]:
        versions = {str(day): (day, version) for day, version in self._catalogue.versions(relation).items()}
        there = {str(day): (day, rows) for day, rows in self._rows(rows_by_day(relation, relation.name))}
        changed = {
            day
            for text, (day, version) in versions.items()
            if record.versions.get(text) != version or text not in there or not version.startswith(f"{there[text][1]}:")
        }
        return changed | {day for text, (day, _) in there.items() if text not in versions}

    def _move(
        self, relation: Relation, create: str, definition: str, days: Collection[DayNumber] | None
    ) -> _Staged | Difference:
        """Stage a table: all of it, or what is read with some days fetched again; and compare what was fetched."""
        name = f"{relation.name}{_STAGED}"
        self._command(create)
        if days is not None:
            self._command(self._statements.attach_all(relation, name))
            for day in days:
                self._command(self._statements.drop_day(relation, name, day))
        by_day = relation.is_large(self._large_rows)
        # Before the rows: what is written in between is moved once more the next time.
        versions = self._catalogue.versions(relation) if by_day else {}
        expected = self._catalogue.contents(relation, days)
        self._command(self._statements.fetch(relation, name, self._postgres, days, by_day=by_day))
        found = self._contents(relation, name, days)
        if sentence := _difference(relation, expected, found):
            return Difference(relation, sentence)
        moved = sum(one.rows for one in found.values())
        rows = moved if days is None else sum(count for _, count in self._rows(rows_by_day(relation, name)))
        published = Published(relation, "moved", rows, moved, None if days is None else len(days))
        return _Staged(published, definition, versions, name)

    def _take_over(self, one: _Staged, *, exists: bool) -> None:
        relation = one.published.relation
        if one.name is not None:
            take = self._statements.exchange if exists else self._statements.rename
            self._command(take(relation, one.name))
        # A run that is killed before this compares the table again.
        self._command(self._statements.record(relation, one.definition, one.published.rows, one.versions))

    def _contents(
        self, relation: Relation, name: str, days: Collection[DayNumber] | None = None
    ) -> dict[DayNumber, Content]:
        return {
            day: Content(rows, digest, tuple(sums))
            for day, rows, digest, *sums in self._rows(contents(relation, name, days))
        }

    def _rows(self, query: str) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = _told(self._postgres, lambda: self._client.query(query).result_rows)
        return rows

    def _command(self, statement: str) -> None:
        _told(self._postgres, lambda: self._client.command(statement))


def reach(client: "Client", postgres: Postgres) -> str:
    """Say how ClickHouse reaches Postgres, having tried it.

    Args:
        client: ClickHouse.
        postgres: the login that ClickHouse uses.

    Raises:
        PublishingError: it does not, or it reads what is never published.
    """
    asked = postgres.rows_of(
        "select current_user::text as login, to_regnamespace('private') is not null"
        " and has_schema_privilege('private', 'usage') as reads_private"
    )
    [[version, login, reads_private]] = _told(
        postgres, lambda: client.query(f"select version(), login, reads_private from {asked}").result_rows
    )
    if reads_private and login != "owner":
        raise PublishingError(
            f"Login {login} of PUBLISH_WAREHOUSE_DSN also reads schema private, which is never published; "
            "give ClickHouse a login of its own, as docs/production.md says."
        )
    return f"ClickHouse {version} reads the warehouse as {login}"


def _told(postgres: Postgres, tell: Callable[[], Answer]) -> Answer:
    """Tell ClickHouse something; its failure becomes one sentence without the password."""
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    try:
        return tell()
    except DriverError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        # ClickHouse repeats the statement in some of its messages.
        for secret in {postgres.password, literal(postgres.password)[1:-1]} - {""}:
            reason = reason.replace(secret, "…")
        raise PublishingError(
            f"ClickHouse refuses what publishing asks of it ({reason}); look at PUBLISH_CLICKHOUSE_DSN and "
            "PUBLISH_WAREHOUSE_DSN, which `workledger doctor` tries."
        ) from None


def _difference(
    relation: Relation, expected: Mapping[DayNumber, Content], found: Mapping[DayNumber, Content]
) -> str | None:
    """Say where two contents differ; None if they are equal."""
    days = sorted(
        (day for day in expected.keys() | found.keys() if expected.get(day) != found.get(day)),
        key=lambda day: (day is None, day),
    )
    if not days:
        return None
    names = [column.name for column in relation.columns if column.form.sum is not None]
    parts = []
    for day in days[:_SHOWN]:
        here, there = expected.get(day), found.get(day)
        where = "" if relation.day is None else "without a date " if day is None else f"{_EPOCH + timedelta(day)} "
        if here is None or there is None or here.rows != there.rows:
            rows = [one.rows if one else 0 for one in (here, there)]
            parts.append(f"{where}has {rows[0]:,} rows in Postgres and {rows[1]:,} in ClickHouse")
            continue
        sums = zip(names, here.sums, there.sums, strict=True)
        other = [f"{name} adds up to {one} and {two}" for name, one, two in sums if one != two]
        parts.append(f"{where}has other values" + (f" ({'; '.join(other)})" if other else ""))
    more = f", and so on for {len(days) - _SHOWN} more days" if len(days) > _SHOWN else ""
    return (
        f"{relation.place} was not published: {', '.join(parts)}{more}; "
        "publish it again, and if it differs again, report it with its columns' types."
    )
