"""What ClickHouse is told: the text of every statement, for one server or for a cluster of replicas."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from publishing.catalogue import BETWEEN, NULL, DayNumber, Relation, sent
from publishing.layout import SCHEMAS, sorting

BOOKS: Final = "workledger.published"
"""The table of ClickHouse that holds what was published from which state of Postgres."""
_BOOKS_COLUMNS: Final = (
    "database String, name String, definition String, state String, row_count UInt64, versions Map(String, String), "
    "published_at DateTime64(6, 'UTC') default now64(6)"
)
# Rows without a date are in a partition of their own.
_NO_DAY: Final = "toDate32('1900-01-01')"


@dataclass(frozen=True)
class Postgres:
    """How ClickHouse reaches Postgres.

    Attributes:
        host: as the ClickHouse server sees it.
        port: of Postgres.
        database: its name.
        user: a login that reads marts and reports.
        password: its password.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)

    def rows_of(self, query: str) -> str:
        """The table function that runs a query in Postgres."""
        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        login = f"{literal(self.user)}, {literal(self.password)}"
        return f"postgresql({literal(address)}, {literal(self.database)}, query({literal(query)}), {login})"


@dataclass(frozen=True)
class Statements:
    """The statements for one server, or for a cluster of one shard whose replicas hold the same.

    Attributes:
        cluster: the cluster's name; None for one server.
    """

    cluster: str | None = None

    def create_database(self, name: str) -> str:
        """Create a database unless it is there. Tables of this engine can be exchanged."""
        return f"create database if not exists {identifier(name)}{self._on_cluster} engine = Atomic"

    def create_books(self) -> str:
        """Create the table of what was published, unless it is there."""
        return (
            f"create table if not exists {BOOKS}{self._on_cluster} ({_BOOKS_COLUMNS}) "
            f"engine = {self._engine('ReplacingMergeTree', 'published_at')} order by (database, name) "
            "comment 'What Workledger has published, and from which state of Postgres'"
        )

    def create(self, relation: Relation, name: str, *, by_day: bool) -> str:
        """Create an empty table for a relation's rows.

        Args:
            relation: what it is of.
            name: of the table.
            by_day: whether its days can be exchanged one by one.
        """
        columns = ", ".join(
            f"{identifier(column.name)} {column.type} comment {literal(column.comment)}" for column in relation.columns
        )
        partition = f" partition by ifNull({relation.day.clickhouse}, {_NO_DAY})" if by_day and relation.day else ""
        return (
            f"create table {table(relation, name)}{self._on_cluster} ({columns}) "
            f"engine = {self._engine('MergeTree')}{partition} order by ({', '.join(sorting(relation.columns))}) "
            f"settings allow_nullable_key = 1 comment {literal(relation.comment)}"
        )

    def exchange(self, relation: Relation, name: str) -> str:
        """Let a table take the place of the one that is read, in one step."""
        return f"exchange tables {table(relation, name)} and {table(relation)}{self._on_cluster}"

    def rename(self, relation: Relation, name: str) -> str:
        """Let a table be read that takes nobody's place."""
        return f"rename table {table(relation, name)} to {table(relation)}{self._on_cluster}"

    def drop(self, database: str, name: str) -> str:
        """Drop a table at once, if it is there."""
        return f"drop table if exists {identifier(database)}.{identifier(name)}{self._on_cluster} sync"

    def attach_all(self, relation: Relation, name: str) -> str:
        """Let a new table hold all days of the one that is read, without a copy of their rows."""
        return f"alter table {table(relation, name)} attach partition all from {table(relation)}"

    def drop_day(self, relation: Relation, name: str, day: DayNumber) -> str:
        """Take a day out of a table."""
        value = _NO_DAY if day is None else f"toDate32('1970-01-01') + {day}"
        return f"alter table {table(relation, name)} drop partition tuple({value})"

    def fetch(
        self, relation: Relation, name: str, postgres: Postgres, days: Collection[DayNumber] | None, *, by_day: bool
    ) -> str:
        """Fetch the rows of some days, or all, from Postgres.

        Args:
            relation: what they are of.
            name: of the table that takes them.
            postgres: where they are.
            days: only these; None is all.
            by_day: whether the table is cut into days.
        """
        columns = ", ".join(identifier(column.name) for column in relation.columns)
        taken = ", ".join(column.form.taken.format(identifier(column.name)) for column in relation.columns)
        return (
            f"insert into {table(relation, name)} ({columns}) "
            f"settings max_partitions_per_insert_block = 0, external_table_functions_use_nulls = 1 "
            f"select {taken} from {postgres.rows_of(sent(relation, days, by_day=by_day))}"
        )

    def record(self, relation: Relation, definition: str, rows: int, versions: Mapping[DayNumber, str]) -> str:
        """Write down what was published."""
        pairs = ", ".join(f"{literal(str(day))}, {literal(version)}" for day, version in versions.items())
        texts = ", ".join(map(literal, (relation.schema, relation.name, definition, relation.state)))
        return (
            f"insert into {BOOKS} (database, name, definition, state, row_count, versions) "
            f"values ({texts}, {rows}, map({pairs}))"
        )

    def forget(self, database: str, name: str) -> str:
        """Strike out what is published no more."""
        return f"delete from {BOOKS} where database = {literal(database)} and name = {literal(name)}"

    @property
    def _on_cluster(self) -> str:
        return f" on cluster {literal(self.cluster)}" if self.cluster else ""

    def _engine(self, engine: str, *arguments: str) -> str:
        """A table's engine; replicated ones take path and replica from the server's defaults."""
        name = f"Replicated{engine}" if self.cluster else engine
        return f"{name}({', '.join(arguments)})" if arguments else name


def contents(relation: Relation, name: str, days: Collection[DayNumber] | None = None) -> str:
    """Ask what is in each day of a table, as `Catalogue.contents` asks Postgres."""
    between, null = (f"'\\x{ord(one):02x}'" for one in (BETWEEN, NULL))
    texts = (f"ifNull({column.form.text_taken.format(identifier(column.name))}, {null})" for column in relation.columns)
    content = f", {between}, ".join(texts)
    sums = [
        column.form.sum[1].format(identifier(column.name)) for column in relation.columns if column.form.sum is not None
    ]
    number = f"toInt32({relation.day.clickhouse})" if relation.day else "null"
    digest = f"toString(sum(toInt128(reinterpretAsInt64(reverse(substring(MD5(concat('', {content})), 1, 8))))))"
    where = ""
    if days is not None:
        known = ", ".join(str(one) for one in sorted(one for one in days if one is not None))
        parts = [f"_day in ({known})"] if known else []
        parts += ["_day is null"] if None in days else []
        where = f" where {' or '.join(parts) or 'false'}"
    selected = ", ".join([f"{number} as _day", "count()", digest, *sums])
    return (
        f"select {selected} from {table(relation, name)}{where} group by _day "
        "settings output_format_decimal_trailing_zeros = 0"
    )


def rows_by_day(relation: Relation, name: str) -> str:
    """Ask how many rows each day of a table has."""
    number = f"toInt32({relation.day.clickhouse})" if relation.day else "null"
    return f"select {number} as _day, count() from {table(relation, name)} group by _day"


def recorded() -> str:
    """Ask what was published."""
    return f"select database, name, definition, state, row_count, versions from {BOOKS} final"


def present() -> str:
    """Ask which tables there are in the databases that are published to, and how many rows each has."""
    databases = ", ".join(map(literal, SCHEMAS))
    return f"select database, name, ifNull(total_rows, 0) from system.tables where database in ({databases})"


def table(relation: Relation, name: str | None = None) -> str:
    """A table of ClickHouse in the relation's database; by default the one that is read."""
    return f"{identifier(relation.schema)}.{identifier(name or relation.name)}"


def identifier(name: str) -> str:
    """A name as ClickHouse reads it."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def literal(text: str) -> str:
    """A text as ClickHouse reads it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
