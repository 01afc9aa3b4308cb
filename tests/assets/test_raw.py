"""Raw assets: what a load writes and says, and what is left when it is skipped, fails or was killed."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import dlt
import pytest

from assets.checks import Remarks, check_specs, evaluate
from assets.keys import raw_key
from assets.progress import LandedTable
from assets.raw import configured, land, raw_assets
from orchestration.graph.resources import LoggingListener
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.turns import turn_at_raw
from sources.catalog import SOURCES, SourceSpec
from sources.kit.account import ACCOUNT_STATE
from sources.kit.arrow import to_arrow
from sources.kit.errors import SourceError
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.table import QUARANTINE, Column, Table

SHOPS = Table(
    "shops", "Shops of a made-up vendor.", ("id",), (Column("id", "text", "Id."), Column("name", "text", "Name."))
)
VISITS = Table("visits", "Visits that never happen.", ("id",), (Column("id", "text", "Id."),))


@dataclass
class Vendor:
    """A made-up vendor: its records, how it misbehaves, and what it was asked with."""

    shops: list[dict[str, Any]] = field(default_factory=list)
    failure: Exception | None = None
    keys_seen: list[str] = field(default_factory=list)
    cursors_seen: list[Any] = field(default_factory=list)
    accounts_seen: list[Any] = field(default_factory=list)
    table: Table = SHOPS
    when_read: Callable[[], None] = lambda: None

    def spec(self) -> SourceSpec:
        # A name of the model, because the loader may write into the model's schemas alone.
        vendor = self

        class MadeUp(SourceSpec):
            def build(self) -> Any:
                return vendor.build()

        return MadeUp(
            "tempo",
            "The vendor",
            (self.table, VISITS, QUARANTINE),
            owner="team:delivery",
            cron="0 * * * *",
            fresh_within=timedelta(hours=3),
            required_settings=("api_key",),
        )

    def build(self) -> Any:
        vendor = self

        @dlt.source(name="tempo", section="tempo", max_table_nesting=0)
        def made_up() -> Any:
            quarantine = Quarantine("tempo")

            @dlt.resource(**vendor.table.dlt_hints())
            def shops(api_key: str = dlt.secrets.value) -> Iterator[Any]:
                vendor.keys_seen.append(api_key)
                cursor = dlt.current.resource_state()
                vendor.cursors_seen.append(cursor.get("read"))
                cursor["read"] = True
                vendor.accounts_seen.append(dlt.current.source_state().get(ACCOUNT_STATE))
                dlt.current.source_state()[ACCOUNT_STATE] = {"1": "The agency"}
                vendor.when_read()
                dlt.current.resource_metrics()["pages_read"] = 3
                yield to_arrow(vendor.table, vendor.shops, quarantine=quarantine)
                if vendor.failure:
                    raise vendor.failure
                yield from quarantine.flush()

            return shops, quarantined_records()

        return made_up()


@dataclass
class LentPlace:
    """`assets.raw.Landing` on a test's warehouse."""

    warehouse: Warehouse
    folder: Path
    settings: dict[str, Any]
    attended: bool = True
    listener: LoggingListener = field(default_factory=LoggingListener)

    def pipelines_folder(self) -> Path:
        return self.folder

    def destination(self) -> str:
        return self.warehouse.dsn("loader")

    def missing(self, _: SourceSpec) -> str | None:
        return None if self.settings else "set SOURCES__TEMPO__API_KEY"

    def configuration(self, _: SourceSpec) -> Mapping[str, Any]:
        return self.settings

    def alone(self, _: SourceSpec) -> AbstractContextManager[None]:
        return nullcontext()

    def turn(self, spec: SourceSpec) -> AbstractContextManager[Any]:
        return turn_at_raw(self.warehouse, "loader", [spec.schema])


@pytest.fixture
def vendor() -> Vendor:
    return Vendor([{"id": "1", "name": "Bakery"}, {"id": "2", "name": "Books"}])


@pytest.fixture
def landing(fresh_database: Warehouse, tmp_path: Path) -> LentPlace:
    return LentPlace(fresh_database, tmp_path / "dlt", {"api_key": "key-of-the-test"})


def _rows(landing: LentPlace, table: str) -> list[tuple[Any, ...]]:
    with landing.warehouse.connect("loader") as connection:
        return connection.execute(f"select id, name from raw_tempo.{table} order by id").fetchall()


def _tables(landing: LentPlace) -> set[str]:
    query = (
        "select table_name from information_schema.tables where table_schema = 'raw_tempo' and table_name !~ '^_dlt'"
    )
    with landing.warehouse.connect("loader") as connection:
        return {name for (name,) in connection.execute(query)}


def _execute(vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    asset = raw_assets(vendor.spec())
    return dg.materialize([asset], instance=instance, resources={"landing": landing}, raise_on_error=False)


def _failure(result: dg.ExecuteInProcessResult) -> str | None:
    """What the one failed step says."""
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    return failure.description


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def test_a_load_counts_what_was_read_and_what_was_written(vendor: Vendor, landing: LentPlace) -> None:
    landed, _ = land(vendor.spec(), landing)
    assert landed["shops"] == LandedTable(read=2, written=2, counters={"pages_read": 3})
    vendor.shops[1]["name"] = "More books"
    landed, _ = land(vendor.spec(), landing)
    assert (landed["shops"].read, landed["shops"].written) == (2, 1)
    landed, _ = land(vendor.spec(), landing)
    assert (landed["shops"].read, landed["shops"].written) == (2, 0)
    assert _rows(landing, "shops") == [("1", "Bakery"), ("2", "More books")]


def test_a_load_reads_its_vendor_while_a_build_has_the_raw_tables_and_writes_after_it(
    vendor: Vendor, landing: LentPlace
) -> None:
    land(vendor.spec(), landing)
    vendor.shops[1]["name"] = "More books"
    builds, has_begun, may_end = ThreadPoolExecutor(1), threading.Event(), threading.Event()

    def build() -> list[tuple[Any, ...]]:
        with turn_at_raw(landing.warehouse, "transformer", ["raw_tempo"]):
            has_begun.set()
            may_end.wait(30)
            time.sleep(0.5)
            return _rows(landing, "shops")

    with builds:
        seen = builds.submit(build)
        has_begun.wait(30)
        vendor.when_read = may_end.set
        land(vendor.spec(), landing)
    assert seen.result() == [("1", "Bakery"), ("2", "Books")]
    assert _rows(landing, "shops") == [("1", "Bakery"), ("2", "More books")]


def test_every_declared_table_exists_after_a_load_even_one_the_vendor_never_fills(
    vendor: Vendor, landing: LentPlace
) -> None:
    land(vendor.spec(), landing)
    assert _tables(landing) == {"shops", "visits", "quarantined_records"}


def test_settings_handed_over_go_before_the_environment(
    vendor: Vendor, landing: LentPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__TEMPO__API_KEY", "key-of-another-profile")
    land(vendor.spec(), landing)
    assert vendor.keys_seen == ["key-of-the-test"]


def test_a_source_without_credentials_is_skipped_and_says_so_and_its_tables_exist(
    vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance
) -> None:
    landing.settings = {}
    result = _execute(vendor, landing, instance)
    assert result.success
    assert vendor.keys_seen == []
    assert _tables(landing) == {"shops", "visits", "quarantined_records"}
    (materialization,) = result.asset_materializations_for_node("load_tempo")[:1]
    note = materialization.metadata["skipped"].value
    assert note == "The vendor is skipped and its tables stay as they are; to load it, set SOURCES__TEMPO__API_KEY."


def test_a_source_that_gives_up_fails_with_its_own_sentence_and_leaves_rows_and_tables(
    vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance
) -> None:
    land(vendor.spec(), landing)
    vendor.shops.append({"id": "3", "name": "Half a walk"})
    vendor.failure = SourceError("The vendor is down; try again later.")
    result = _execute(vendor, landing, instance)
    assert not result.success
    assert _failure(result) == "The vendor is down; try again later."
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert _rows(landing, "shops") == [("1", "Bakery"), ("2", "Books")]
    vendor.failure = None
    land(vendor.spec(), landing)
    assert len(_rows(landing, "shops")) == 3


def test_a_source_that_fails_at_once_still_leaves_its_tables_for_the_models(
    vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance
) -> None:
    vendor.failure = ValueError("unforeseen")
    result = _execute(vendor, landing, instance)
    assert _failure(result) == "The vendor was not loaded: unforeseen"
    assert _tables(landing) == {"shops", "visits", "quarantined_records"}


def test_what_a_killed_load_left_behind_is_read_again_and_not_loaded_twice(vendor: Vendor, landing: LentPlace) -> None:
    land(vendor.spec(), landing)
    vendor.shops.append({"id": "3", "name": "Bikes"})
    killed = dlt.pipeline(
        "tempo",
        pipelines_dir=str(landing.folder),
        destination=dlt.destinations.postgres(landing.destination()),
        dataset_name="raw_tempo",
    )
    killed.sync_destination()
    batch = to_arrow(SHOPS, vendor.shops, quarantine=Quarantine("tempo"))
    killed.extract(dlt.resource([batch], **SHOPS.dlt_hints()), loader_file_format="csv")
    assert killed.has_pending_data
    landed, _ = land(vendor.spec(), landing)
    assert landed["shops"].written == 1
    assert _rows(landing, "shops") == [("1", "Bakery"), ("2", "Books"), ("3", "Bikes")]


def test_a_source_is_read_again_from_the_beginning_on_request_and_knows_whose_it_is(
    vendor: Vendor, landing: LentPlace
) -> None:
    land(vendor.spec(), landing)
    vendor.shops[0]["name"] = "Bakery and cafe"
    landed, _ = land(vendor.spec(), landing, again=True)
    land(vendor.spec(), landing)

    assert vendor.cursors_seen == [None, None, True]
    assert vendor.accounts_seen == [None, {"1": "The agency"}, {"1": "The agency"}]
    assert (landed["shops"].read, landed["shops"].written) == (2, 1)
    assert _rows(landing, "shops") == [("1", "Bakery and cafe"), ("2", "Books")]


def test_a_lost_folder_of_working_files_loses_nothing(vendor: Vendor, landing: LentPlace, tmp_path: Path) -> None:
    land(vendor.spec(), landing)
    landing.folder = tmp_path / "another"
    landed, _ = land(vendor.spec(), landing)
    assert landed["shops"].written == 0
    assert len(_rows(landing, "shops")) == 2


def test_a_data_version_changes_only_with_rows(
    vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance
) -> None:
    def version() -> str:
        assert _execute(vendor, landing, instance).success
        event = instance.get_latest_materialization_event(raw_key("tempo", "shops"))
        assert event is not None
        assert event.asset_materialization is not None
        return str((event.asset_materialization.tags or {})["dagster/data_version"])

    first = version()
    assert version() == first
    vendor.shops.append({"id": "3", "name": "Bikes"})
    assert version() != first


def test_a_record_that_does_not_fit_is_a_warning_not_a_failure(
    vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance
) -> None:
    vendor.shops.append({"id": None, "name": "Nameless"})
    result = _execute(vendor, landing, instance)
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity, check.metadata["rows"].value) == (False, dg.AssetCheckSeverity.WARN, 1)
    (check,) = _execute(vendor, landing, instance).get_asset_check_evaluations()
    assert check.passed, "the same record is no news"


def test_no_secret_reaches_dlts_files_and_none_of_them_is_left(
    vendor: Vendor, landing: LentPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents: list[bytes] = []
    remove = shutil.rmtree

    def look_and_remove(folder: str, **options: Any) -> None:
        contents.extend(file.read_bytes() for file in Path(folder).rglob("*") if file.is_file())
        remove(folder, **options)

    monkeypatch.setattr("assets.raw.shutil.rmtree", look_and_remove)
    land(vendor.spec(), landing)
    password = landing.warehouse.parameters("loader")["password"]
    assert contents
    for secret in ("key-of-the-test", password):
        assert not [content for content in contents if secret.encode() in content]
    assert [file for file in landing.folder.rglob("*") if file.is_file()] == []


def test_a_load_that_fails_leaves_no_setting_behind() -> None:
    def fail() -> None:
        with configured(SOURCES["clockify"], {"left_behind": "left-behind-key"}):
            assert dlt.secrets["sources.clockify.left_behind"] == "left-behind-key"
            raise SourceError("given up")

    with pytest.raises(SourceError):
        fail()
    assert dlt.secrets.get("sources.clockify.left_behind") is None


def test_a_table_of_an_earlier_version_has_the_newer_columns_before_the_source_looks_at_it(
    vendor: Vendor, landing: LentPlace
) -> None:
    land(vendor.spec(), landing)
    vendor.table = replace(SHOPS, columns=(*SHOPS.columns, Column("city", "text", "City.")))
    vendor.shops = [{"id": "1", "name": "Bakery", "city": "Graz"}]
    cities: list[list[tuple[Any, ...]]] = []
    build = vendor.build

    def look_first() -> Any:
        with landing.warehouse.connect("loader") as connection:
            cities.append(connection.execute("select city from raw_tempo.shops order by id").fetchall())
        return build()

    vendor.build = look_first  # type: ignore[method-assign]
    land(vendor.spec(), landing)
    assert cities == [[(None,), (None,)]]
    with landing.warehouse.connect("loader") as connection:
        rows = connection.execute("select id, city from raw_tempo.shops order by id").fetchall()
    assert rows == [("1", "Graz"), ("2", None)]


@pytest.mark.parametrize("by_hand", ["rename column name to label", "drop column name"])
def test_a_column_that_was_dropped_or_renamed_is_named_and_not_added_again_empty(
    vendor: Vendor, landing: LentPlace, instance: dg.DagsterInstance, by_hand: str
) -> None:
    land(vendor.spec(), landing)
    with landing.warehouse.connect("loader") as connection:
        connection.execute(f"alter table raw_tempo.shops {by_hand}".encode())
    vendor.shops = [{"id": "1", "name": "Bakery of Graz"}]
    failure = _failure(_execute(vendor, landing, instance))
    assert failure is not None
    assert "raw_tempo.shops has no column name any more. Whoever renamed it must rename it back" in failure
    with landing.warehouse.connect("loader") as connection:
        columns = "select column_name from information_schema.columns where table_schema = 'raw_tempo'"
        assert ("name",) not in connection.execute(f"{columns} and table_name = 'shops'".encode()).fetchall()
        if by_hand.startswith("rename"):
            connection.execute("alter table raw_tempo.shops rename column label to name")
            expected = [("1", "Bakery of Graz"), ("2", "Books")]
        else:
            # What the sentence says; the vendor has only one of the shops now.
            connection.execute("drop schema raw_tempo cascade")
            expected = [("1", "Bakery of Graz")]
    land(vendor.spec(), landing)
    assert _rows(landing, "shops") == expected


def test_what_is_missing_in_the_reference_files_is_reported_in_full_once(
    fresh_database: Warehouse, tmp_path: Path
) -> None:
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "agency.csv").write_text("legal_name,currency,timezone\nAda,EUR,UTC\n")
    (folder / "clients.csv").write_text("client,company_name,status\nAcme,Acme,asleep\n")
    spec = SOURCES["reference"]
    landed, remarks = land(spec, LentPlace(fresh_database, tmp_path / "dlt", {"folder": str(folder)}))
    told = {result.check_name: result for result in evaluate(spec, landed, remarks)}
    assert told["no_file_rejected"].description == (
        "clients.csv, row 2, column status: 'asleep' is none of active, inactive, suspended; write one of them"
    )
    rates = told["no_rate_missing"]
    assert (rates.passed, rates.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "has no rate from USD to EUR" in str(rates.description)
    (folder / "fx_rates.csv").write_text("date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.9\n")
    _, remarks = land(spec, LentPlace(fresh_database, tmp_path / "dlt", {"folder": str(folder)}))
    assert remarks.missing_rates == []


def test_what_is_not_visible_is_a_warning_with_its_count(vendor: Vendor, landing: LentPlace) -> None:
    vendor.table = replace(SHOPS, unseen="name = 'Bakery'")
    spec = vendor.spec()
    landed, remarks = land(spec, landing)
    assert remarks.not_visible == {"shops": 1}
    [told] = [result for result in evaluate(spec, landed, remarks) if result.check_name == "everything_visible"]
    assert (told.asset_key, told.passed, told.severity) == (
        raw_key("tempo", "shops"),
        False,
        dg.AssetCheckSeverity.WARN,
    )
    assert str(told.description).startswith("1 row is not visible any more, and stays as it was; ")
    assert "SOURCES__TEMPO__ACCEPT_LOSS" in str(told.description)
    [told] = [result for result in evaluate(spec, {}, Remarks()) if result.check_name == "everything_visible"]
    assert told.passed


def test_every_list_of_a_vendor_tells_what_is_not_visible() -> None:
    checked = {
        name: {check.asset_key.path[-1] for check in check_specs(spec) if check.name == "everything_visible"}
        for name, spec in SOURCES.items()
        if spec.is_vendor
    }
    assert checked == {
        "clickhouse": {"cdm_applications", "cdm_contacts", "cdm_customers"},
        "clockify": {"workspaces", "users", "clients", "projects", "tags", "time_entries"},
        "github": {"repositories"},
        "jira": {"issue_deletions", "fields", "projects", "users"},
        "plaid": {"accounts"},
        "tempo": {"accounts", "worklog_deletions"},
    }
