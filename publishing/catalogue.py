"""What Postgres holds: the relations that are published, whether they have changed, and what is in them."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from publishing.columns import Column
from publishing.errors import PublishingError
from publishing.layout import LARGE_ROWS, SCHEMAS, Day, day_of

DayNumber = int | None
"""Days since 1970; None for the rows whose day is null, and for all rows of a relation without days."""

# Between two values of a row, and in place of a null; neither occurs in what vendors send.
BETWEEN: Final = "\x1f"
NULL: Final = "\x1e"


@dataclass(frozen=True)
class Content:
    """What is in one day of a relation, in a form that both engines can compute.

    Attributes:
        rows: how many.
        digest: the sum of a hash of each row.
        sums: the exact sum of each column of numbers as text, None where all of its values are null.
    """

    rows: int
    digest: str
    sums: tuple[str | None, ...]


@dataclass(frozen=True)
class Relation:
    """A table or view of Postgres that is published.

    Attributes:
        schema: marts or reports; the database of ClickHouse has the same name.
        name: the same in both engines.
        columns: in order.
        comment: what one row is.
        is_view: whether Postgres computes it when it is read.
        rows: how many there are by Postgres' own estimate; 0 for a view.
        state: a text that changes whenever its rows may have changed.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    comment: str
    is_view: bool
    rows: int
    state: str

    @property
    def place(self) -> str:
        """Schema and name, for people."""
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        """Schema and name in SQL of Postgres."""
        return f'"{self.schema}"."{self.name}"'

    @property
    def day(self) -> Day | None:
        """The day of its rows; None if nothing says when they were."""
        return day_of(self.columns)

    def is_large(self, large_rows: int = LARGE_ROWS) -> bool:
        """Whether it is moved by the days that have changed. Only a table says which these are."""
        return not self.is_view and self.day is not None and self.rows >= large_rows


@dataclass(frozen=True)
class Description:
    """What the project says about a relation.

    Attributes:
        comment: what one row is.
        columns: what each column means, by its name.
    """

    comment: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


class Catalogue:
    """Postgres as the publisher sees it."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        states: Mapping[tuple[str, str], str],
        descriptions: Mapping[tuple[str, str], Description],
    ) -> None:
        """Take what is known of it.

        Args:
            connection: in autocommit, as a role that reads the schemas without a limit of time.
            states: a text for each relation of any schema that changes whenever its rows do.
            descriptions: of the relations that are to be published, by schema and name.
        """
        self._connection = connection
        self._states = states
        self._descriptions = descriptions

    def relations(self) -> list[Relation]:
        """Return what is to be published, in alphabetical order.

        Raises:
            PublishingError: one of them does not exist yet, or has a column that ClickHouse cannot hold.
        """
        found = []
        for (schema, name), description in sorted(self._descriptions.items()):
            if schema not in SCHEMAS:
                raise PublishingError(f"{schema}.{name} is not published: only {' and '.join(SCHEMAS)} are.")
            found.append(self._relation(schema, name, description))
        return found

    def _relation(self, schema: str, name: str, description: Description) -> Relation:
        row = self._connection.execute(
            "select pg_class.oid, relkind = 'v', greatest(reltuples, 0)::bigint, pg_get_viewdef(pg_class.oid)"
            " from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname = %s and relname = %s and relkind in ('r', 'v')",
            (schema, name),
        ).fetchone()
        if row is None:
            raise PublishingError(f"{schema}.{name} does not exist yet; `workledger run` builds it.")
        oid, is_view, rows, definition = row
        meanings = description.columns
        columns = tuple(
            Column(column, data_type, is_required, " ".join(meanings.get(column, "").split()))
            for column, data_type, is_required in self._connection.execute(
                "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
                " where attrelid = %s and attnum > 0 and not attisdropped order by attnum",
                (oid,),
            )
        )
        for column in columns:
            try:
                _ = column.form
            except PublishingError as error:
                raise PublishingError(f"{schema}.{name} cannot be published. {error}") from None
        state = self._state(oid, definition if is_view else "")
        return Relation(schema, name, columns, " ".join(description.comment.split()), is_view, rows, state)

    def _state(self, oid: int, definition: str) -> str:
        """The state of a table, or of a view's text and all tables below it."""
        bases = self._connection.execute(
            """
            with recursive read as (
                select %s::oid as oid
                union
                select refobjid
                from read
                inner join pg_rewrite on ev_class = read.oid
                inner join pg_depend
                    on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
                    and refclassid = 'pg_class'::regclass
            )
            select nspname, relname
            from read
            inner join pg_class on pg_class.oid = read.oid
            inner join pg_namespace on pg_namespace.oid = relnamespace
            order by 1, 2
            """,
            (oid,),
        ).fetchall()
        digest = hashlib.blake2b(definition.encode(), digest_size=12)
        for schema, name in bases:
            digest.update(f"\0{schema}.{name} {self._states.get((schema, name))}".encode())
        return digest.hexdigest()

    def versions(self, relation: Relation) -> dict[DayNumber, str]:
        """Return a text for each day of a table that changes whenever a row of that day is written or deleted.

        It is the number of rows and the sum of the transactions that wrote them. As many rows may come as go, but a
        new one has a later transaction than every old one.
        """
        query = f"select {_number(relation)}, count(*), sum(xmin::text::bigint) from {relation.quoted} group by 1"
        return {number: f"{rows}:{transactions}" for number, rows, transactions in self._select(relation, query)}

    def contents(self, relation: Relation, days: Collection[DayNumber] | None = None) -> dict[DayNumber, Content]:
        """Return what is in each day of a relation.

        Args:
            relation: the relation.
            days: only these; None is all.
        """
        texts = (f"coalesce({column.form.text.format(_identifier(column))}, e'\\x1e')" for column in relation.columns)
        sums = [
            column.form.sum[0].format(_identifier(column)) for column in relation.columns if column.form.sum is not None
        ]
        content = " || e'\\x1f' || ".join(texts)
        selected = ", ".join(["_day", "count(*)", "sum(('x' || left(_hash, 16))::bit(64)::bigint)::text", *sums])
        rows = self._select(
            relation,
            f"select {selected} from (select *, {_number(relation)} as _day, md5({content}) as _hash"
            f" from {relation.quoted} {condition(relation, days)}) as hashed group by _day",
        )
        return {number: Content(count, digest, tuple(sums)) for number, count, digest, *sums in rows}

    def _select(self, relation: Relation, query: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query.encode())
        except psycopg.Error as error:
            reason = error.diag.message_primary or type(error).__name__
            raise PublishingError(f"{relation.place} cannot be read as it would be published ({reason}).") from None


def condition(relation: Relation, days: Collection[DayNumber] | None) -> str:
    """The condition of Postgres that a row is of these days; empty for all."""
    if days is None or relation.day is None:
        return ""
    dates = ", ".join(f"date '1970-01-01' + {number}" for number in sorted(one for one in days if one is not None))
    parts = [f"{relation.day.postgres} in ({dates})"] if dates else []
    parts += [f"{relation.day.postgres} is null"] if None in days else []
    return f"where {' or '.join(parts) or 'false'}"


def sent(relation: Relation, days: Collection[DayNumber] | None, *, by_day: bool) -> str:
    """The query of Postgres whose rows ClickHouse fetches.

    Args:
        relation: the relation.
        days: only these; None is all.
        by_day: whether rows of one day come together, so that ClickHouse writes each day in few parts.
    """
    order = f" order by {relation.day.postgres}" if by_day and relation.day else ""
    columns = ", ".join(
        f"{column.form.sent.format(_identifier(column))} as {_identifier(column)}" for column in relation.columns
    )
    return f"select {columns} from {relation.quoted} {condition(relation, days)}".rstrip() + order


def _identifier(column: Column) -> str:
    return f'"{column.name}"'


def _number(relation: Relation) -> str:
    """The day of a row in SQL of Postgres, in days since 1970."""
    return f"{relation.day.postgres} - date '1970-01-01'" if relation.day else "null::integer"
