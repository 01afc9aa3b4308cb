"""Publishing to ClickHouse: what has changed is moved, what came out different is not, and nothing private ever is."""

import re
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest

from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from publishing.catalogue import Catalogue, Description, Relation
from publishing.columns import Column
from publishing.errors import PublishingError
from publishing.publisher import Publisher, reach
from publishing.statements import Postgres, Statements, contents
from tests.publishing.worlds import World, expected, opened, outcomes, rows

ENTRIES = ("marts", "entries")
HOURS = ("reports", "hours")
DESCRIPTIONS = {
    ENTRIES: Description("One row is a piece of work; it's counted.", {"seconds": "How long\nit took."}),
    HOURS: Description("Hours by day."),
}
DAYS = 12


@pytest.fixture(scope="module")
def engine(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One embedded engine for all of these tests, because to open it takes longer than most of them."""
    with opened(warehouse, tmp_path_factory.mktemp("home")) as one:
        yield one


@pytest.fixture
def world(engine: World, fresh_database: Warehouse) -> World:
    """A table by hand and a view of it; nothing is published yet."""
    for database in ("marts", "reports", "workledger"):
        engine.client.command(f"drop database if exists {database} sync")
    one = World(fresh_database, engine.client, engine.home)
    one.told(
        "create table marts.entries"
        " (id text not null, local_date date, client_id text, seconds bigint, amount numeric(14,2))"
    )
    one.told(
        f"insert into marts.entries select 'e' || n, date '2026-01-01' + n % {DAYS}, 'c' || n % 3, n * 60, n / 7.0"
        " from generate_series(1, 400) as n"
    )
    one.told("insert into marts.entries values ('undated', null, null, 5, 0.01)")
    one.told("analyze marts.entries")
    one.told("create view reports.hours as select local_date, sum(seconds) as seconds from marts.entries group by 1")
    return one


def moved_days(world: World, large_rows: int) -> int | None:
    """Publish, and return how many days of the entries were moved."""
    result = world.publish(DESCRIPTIONS, large_rows=large_rows)
    [entries] = [one for one in result.published if one.relation.name == "entries"]
    assert rows(world) == expected(world)
    assert entries.rows == len(expected(world))
    return entries.moved_days


def test_tables_and_views_have_their_names_columns_and_comments(world: World) -> None:
    assert outcomes(world.publish(DESCRIPTIONS)) == {"entries": "moved", "hours": "moved"}

    assert rows(world) == expected(world)
    assert rows(world, "reports.hours") == expected(world, "reports.hours")
    columns = world.asked(
        "select name, type, comment from system.columns where database = 'marts' and table = 'entries'"
    )
    assert columns == [
        ("id", "String", ""),
        ("local_date", "Nullable(Date32)", ""),
        ("client_id", "Nullable(String)", ""),
        ("seconds", "Nullable(Int64)", "How long it took."),
        ("amount", "Nullable(Decimal(14, 2))", ""),
    ]
    tables = "select comment, sorting_key from system.tables where database = 'marts' and name = 'entries'"
    assert world.asked(tables) == [("One row is a piece of work; it's counted.", "local_date, client_id, id")]


def test_what_has_not_changed_is_left_alone(world: World) -> None:
    world.publish(DESCRIPTIONS)
    made = world.asked("select uuid from system.tables where database in ('marts', 'reports') order by name")

    assert outcomes(world.publish(DESCRIPTIONS)) == {"entries": "unchanged", "hours": "unchanged"}
    assert outcomes(world.publish(DESCRIPTIONS, compare_all=True)) == {"entries": "equal", "hours": "equal"}
    # Written, but to the same values.
    world.told("update marts.entries set seconds = seconds where id = 'e1'")
    assert outcomes(world.publish(DESCRIPTIONS)) == {"entries": "equal", "hours": "equal"}
    assert world.asked("select uuid from system.tables where database in ('marts', 'reports') order by name") == made
    world.told("update marts.entries set amount = amount + 0.01 where id = 'e1'")
    assert outcomes(world.publish(DESCRIPTIONS)) == {"entries": "moved", "hours": "equal"}


def test_of_a_large_table_the_days_that_have_changed_are_moved(world: World) -> None:
    assert moved_days(world, 100) is None
    partitions = (
        "select count(distinct partition) from system.parts where active and database = 'marts' and table = 'entries'"
    )
    assert world.asked(partitions) == [(DAYS + 1,)]

    world.told("update marts.entries set amount = amount + 0.01 where id = 'e1'")
    assert moved_days(world, 100) == 1
    # One row to another day, a day that ends and one that begins, and the rows without a date.
    world.told("update marts.entries set local_date = '2026-01-07' where id = 'e2'")
    world.told("delete from marts.entries where local_date = '2026-01-11'")
    world.told(
        "insert into marts.entries values ('new', '2027-01-01', 'c1', 60, 1), ('later undated', null, 'c1', 60, 1)"
    )
    assert moved_days(world, 100) == 5
    # As many rows go as come.
    world.told("delete from marts.entries where id = 'e9'")
    world.told("insert into marts.entries values ('other', '2026-01-10', 'c1', 60, 1)")
    assert moved_days(world, 100) == 1
    # A table that is large no more is one whole.
    assert moved_days(world, 1000) is None
    assert world.asked(partitions) == [(1,)]


def test_a_table_that_somebody_changed_in_clickhouse_is_made_right(world: World) -> None:
    world.publish(DESCRIPTIONS, large_rows=100)

    world.told("update marts.entries set seconds = 1 where id = 'e7'")
    world.client.command("alter table marts.entries drop partition tuple('2026-01-03')")
    assert moved_days(world, 100) is None
    world.client.command("drop table marts.entries")
    assert outcomes(world.publish(DESCRIPTIONS, large_rows=100)) == {"entries": "moved", "hours": "unchanged"}
    assert rows(world) == expected(world)


def test_a_person_who_asks_for_it_has_everything_compared(world: World) -> None:
    world.publish(DESCRIPTIONS, large_rows=100)
    # As many rows as before, and Postgres knows of nothing.
    world.client.command("alter table marts.entries update seconds = 0 where id = 'e5' settings mutations_sync = 1")

    assert outcomes(world.publish(DESCRIPTIONS, large_rows=100))["entries"] == "unchanged"
    result = world.publish(DESCRIPTIONS, large_rows=100, compare_all=True)

    assert {one.relation.name: one.moved_days for one in result.published} == {"entries": 1, "hours": None}
    assert rows(world) == expected(world)


def test_a_mart_with_another_column_is_made_again_and_one_that_is_gone_leaves(world: World) -> None:
    world.publish(DESCRIPTIONS)
    world.told("drop view reports.hours")
    world.told("alter table marts.entries add column note text")

    assert outcomes(world.publish({ENTRIES: DESCRIPTIONS[ENTRIES]})) == {"entries": "moved"}
    assert rows(world) == expected(world)
    assert world.asked("select name from system.tables where database in ('marts', 'reports')") == [("entries",)]


def test_only_what_is_chosen_is_published(world: World) -> None:
    assert outcomes(world.publish(DESCRIPTIONS, chosen={HOURS})) == {"hours": "moved"}
    assert outcomes(world.publish(DESCRIPTIONS, chosen={ENTRIES})) == {"entries": "moved"}
    assert rows(world, "reports.hours") == expected(world, "reports.hours")


@pytest.mark.parametrize("schema", ["private", "raw_plaid", "billing"])
def test_no_other_schema_is_ever_published(world: World, schema: str) -> None:
    with pytest.raises(PublishingError, match=rf"{schema}\.entries is not published: only marts and reports are"):
        world.publish({**DESCRIPTIONS, (schema, "entries"): Description()})
    assert world.asked("select count() from system.tables where database in ('marts', 'reports')") == [(0,)]


def test_a_mart_that_is_not_built_is_named(world: World) -> None:
    with pytest.raises(PublishingError, match=r"marts\.absent does not exist yet; `workledger run` builds it"):
        world.publish({**DESCRIPTIONS, ("marts", "absent"): Description()})


def test_what_came_out_different_is_not_published_and_says_where(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish(DESCRIPTIONS)
    before = rows(world), rows(world, "reports.hours")
    world.told("update marts.entries set amount = amount + 1 where id = 'e1'")
    world.told("delete from marts.entries where id = 'e3'")
    fetch = Statements.fetch

    def lose_a_cent(self: Statements, relation: Relation, *rest: object, by_day: bool) -> str:
        text = fetch(self, relation, *rest, by_day=by_day)  # type: ignore[arg-type]
        return text.replace("`amount` from", "`amount`::Decimal(14, 2) - if(`id` = 'e2', 0.01::Decimal(14, 2), 0) from")

    monkeypatch.setattr(Statements, "fetch", lose_a_cent)
    result = world.publish(DESCRIPTIONS)

    amount = sum(row[4] for row in expected(world) if str(row[1]) == "2026-01-03")  # type: ignore[misc]
    assert [one.sentence for one in result.differences] == [
        f"marts.entries was not published: 2026-01-03 has other values (amount adds up to {amount} and "
        f"{amount - Decimal('0.01')}); publish it again, and if it differs again, report it with its columns' types."
    ]
    # Of the others nothing either: all tables are of one state.
    assert (rows(world), rows(world, "reports.hours")) == before
    assert world.asked("select name from system.tables where database = 'marts'") == [("entries",)]
    monkeypatch.undo()
    world.publish(DESCRIPTIONS)
    assert rows(world) == expected(world)


def test_a_password_is_in_no_message(world: World) -> None:
    postgres = Postgres("127.0.0.1", 1, "nowhere", "ada", "top'secret\\password")
    with pytest.raises(PublishingError, match="ClickHouse refuses") as failure:
        reach(world.client, postgres)
    assert "secret" not in str(failure.value)
    assert "secret" not in repr(postgres)


def test_a_login_that_reads_what_is_private_is_refused(world: World, fresh_database: Warehouse) -> None:
    def reached(role: str) -> str:
        parameters = fresh_database.parameters(role)  # type: ignore[arg-type]
        login = [str(parameters[name]) for name in ("dbname", "user", "password")]
        return reach(world.client, Postgres("127.0.0.1", int(parameters["port"]), *login))

    assert reached("analyst").endswith("reads the warehouse as analyst")
    # In this process, which knows every password.
    assert reached("owner").endswith("reads the warehouse as owner")
    with pytest.raises(PublishingError, match="Login finance of PUBLISH_WAREHOUSE_DSN also reads schema private"):
        reached("finance")


def test_the_login_of_the_guide_reads_what_is_published_and_nothing_else(world: World, server: EmbeddedServer) -> None:
    guide = (PROJECT_FOLDER / "docs" / "production.md").read_text()
    [statements] = re.findall(r"```sql\n(create role publisher.*?)```", guide, re.DOTALL)
    base = world.warehouse.base
    postgres = Postgres(base["host"], base["port"], base["dbname"], "publisher", "PASSWORD")
    with psycopg.connect(**server.administrator(world.warehouse.database), autocommit=True) as administrator:
        administrator.execute(statements.replace("database workledger", f"database {base['dbname']}").encode())
        try:
            # What a build exchanges is read, too.
            world.told("create table marts.later as select 1::bigint as id")
            descriptions = {**DESCRIPTIONS, ("marts", "later"): Description()}
            with world.warehouse.connect("owner") as connection:
                publisher = Publisher(Catalogue(connection, {}, descriptions), world.client, postgres, Statements())
                assert set(outcomes(publisher.publish()).values()) == {"moved"}
            assert rows(world) == expected(world)
            assert reach(world.client, postgres).endswith("reads the warehouse as publisher")
        finally:
            administrator.execute("drop owned by publisher; drop role publisher")


COLUMNS = (
    Column("id", "text", is_required=True, comment="It's an id."),
    Column("local_date", "date"),
    Column("labels", "text[]"),
    Column("amount", "numeric(14,2)"),
)
RELATION = Relation("marts", "entries", COLUMNS, "One row's a \\ piece.", False, 10**7, "state")


@pytest.mark.parametrize("cluster", [None, "agency", "it's"])
def test_every_statement_is_one_that_clickhouse_reads(world: World, cluster: str | None) -> None:
    """ClickHouse parses each; on a cluster none can be executed here."""
    statements = Statements(cluster)
    postgres = Postgres("::1", 5432, "warehouse", "ada", "pass'word")
    texts = {
        "create database": statements.create_database("marts"),
        "books": statements.create_books(),
        "create": statements.create(RELATION, "entries.new", by_day=True),
        "create whole": statements.create(RELATION, "entries.new", by_day=False),
        "exchange": statements.exchange(RELATION, "entries.new"),
        "rename": statements.rename(RELATION, "entries.new"),
        "drop": statements.drop("marts", "entries.new"),
        "attach": statements.attach_all(RELATION, "entries.new"),
        "drop day": statements.drop_day(RELATION, "entries.new", 20000),
        "drop undated": statements.drop_day(RELATION, "entries.new", None),
        "fetch": statements.fetch(RELATION, "entries.new", postgres, {1, None}, by_day=True),
        "record": statements.record(RELATION, "definition", 3, {1: "a", None: "b"}),
        "forget": statements.forget("marts", "entries"),
        "contents": contents(RELATION, "entries", {1, None}),
    }
    parsed = {
        name: world.client.query("select formatQuerySingleLine({text:String})", parameters={"text": text}).result_rows[
            0
        ][0]
        for name, text in texts.items()
    }

    replicated = {name for name, text in parsed.items() if "Replicated" in text}
    everywhere = {name for name, text in parsed.items() if "ON CLUSTER" in text}
    assert replicated == ({"books", "create", "create whole"} if cluster else set())
    assert everywhere == (
        {"create database", "books", "create", "create whole", "exchange", "rename", "drop"} if cluster else set()
    )
    if cluster == "agency":
        assert parsed["exchange"] == "EXCHANGE TABLES marts.`entries.new` AND marts.entries ON CLUSTER agency"
        assert "ENGINE = ReplicatedMergeTree PARTITION BY" in parsed["create"]


def test_a_view_changes_with_the_tables_below_it(world: World) -> None:
    def state(connection: psycopg.Connection[object], states: dict[tuple[str, str], str]) -> str:
        [relation] = Catalogue(connection, states, {HOURS: Description()}).relations()
        return relation.state

    with world.warehouse.connect("owner") as connection:
        first = state(connection, {ENTRIES: "1"})
        assert state(connection, {ENTRIES: "1", ("marts", "others"): "2"}) == first
        assert state(connection, {ENTRIES: "2"}) != first
        world.told(
            "create or replace view reports.hours as"
            " select local_date, max(seconds)::numeric as seconds from marts.entries group by 1"
        )
        assert state(connection, {ENTRIES: "1"}) != first
