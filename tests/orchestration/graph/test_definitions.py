"""The definitions as a whole: they load with nothing at hand, and raw tables, dbt and policies fit together."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.keys import CLICKHOUSE_GROUP, clickhouse_key, job_name, pages_key, raw_key
from assets.nodes import AUTOMATIC_TAG, BUILT_NODES, FAILURES, SELECTED_TAG, UP_TO_DATE
from assets.progress import Glimpse
from orchestration.commands.summary import RunSummary, collect
from orchestration.graph.automation import SENSOR_NAME
from orchestration.graph.build import build_definitions
from orchestration.graph.code import code_references, page_address
from orchestration.graph.instance import ALONE_TAG
from orchestration.graph.pages import JOB as PAGES_JOB
from orchestration.graph.policies import with_policies
from orchestration.graph.resources import LoggingListener
from orchestration.graph.schedules import BUILD_JOB, BUILD_TAGS
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import DATABASE
from sources.catalog import SOURCES

RAW_TABLES = [(source, table.name) for source, spec in SOURCES.items() for table in spec.tables]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(parsed_home / "dbt", home / "dbt")
    return home


@pytest.fixture(scope="module")
def definitions(home: Path) -> dg.Definitions:
    return build_definitions(Settings(profile="production", home=home, reference_dir=home / "reference"))


@pytest.fixture(scope="module")
def manifest(home: Path, definitions: dg.Definitions) -> dict[str, Any]:
    return prepare_manifest(home, DATABASE).read()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def test_definitions_load_with_an_empty_environment_and_start_nothing(home: Path) -> None:
    program = (
        "import dagster as dg\n"
        "from orchestration.definitions import definitions\n"
        "dg.Definitions.validate_loadable(definitions)\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "WORKLEDGER_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        # A bound for a process that hangs: with eight others on two cores it has taken a minute, and Python may have to
        # compile its packages first.
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (home / "postgres").exists()
    assert not (home / "sandbox").exists()


def test_the_manifest_is_made_once_for_one_content(home: Path, definitions: dg.Definitions) -> None:
    first = prepare_manifest(home, DATABASE)
    before = (first.folder / "manifest.json").stat().st_mtime_ns
    assert prepare_manifest(home, DATABASE) == first
    assert (first.folder / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(("source", "table"), RAW_TABLES)
def test_every_raw_table_is_declared_to_dbt_and_staged(manifest: dict[str, Any], source: str, table: str) -> None:
    unique_id = f"source.workledger.{source}.{table}"
    assert manifest["sources"][unique_id]["schema"] == f"raw_{source}"
    readers = [manifest["nodes"][one] for one in manifest["child_map"][unique_id] if one.startswith("model.")]
    if table == "quarantined_records":
        # Nothing is built from what fits no table; one report shows it.
        assert [one["name"] for one in readers] == ["set_aside"]
        return
    staged = [one for one in readers if one["name"].startswith(f"stg_{source}__")]
    assert staged, f"no staging model reads raw_{source}.{table}"
    assert all(one["description"] for one in staged)
    untested = {
        one["name"]
        for one in staged
        if not any(child.startswith("test.") for child in manifest["child_map"][one["unique_id"]])
    }
    # The key of a reference file is tested once, in the rows of all files.
    excused = {f"stg_reference__{table}"} if source == "reference" else set()
    # Some rows of stg_claude_code__events, which is tested.
    excused |= {"stg_claude_code__turns"} if (source, table) == ("claude_code", "events") else set()
    assert untested <= excused, "a staging model has no test"
    assert {one["config"]["materialized"] for one in staged} == {"view"}


def test_every_raw_table_of_dbt_is_an_asset_so_lineage_joins_by_equal_keys(
    manifest: dict[str, Any], specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    declared = {raw_key(one["source_name"], one["name"]) for one in manifest["sources"].values()}
    invoicing = {key for key in specs if key.path[0] == "invoicing"}
    assert invoicing == {key for key in declared if key.path[0] == "invoicing"}
    assert declared - invoicing == {raw_key(source, table) for source, table in RAW_TABLES}
    parents = {dep.asset_key for spec in specs.values() for dep in spec.deps}
    assert parents <= set(specs), "a model is built from something that is no asset"


def test_every_asset_has_group_owner_and_description(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    bare = [
        key.to_user_string()
        for key, spec in specs.items()
        if not (spec.group_name and spec.owners and spec.description)
    ]
    assert not bare


def test_raw_tables_and_the_record_of_builds_have_a_freshness(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    # A model that is up to date has no event: whether it is fresh is said by that of the whole build.
    fresh = {key for key, spec in specs.items() if spec.freshness_policy}
    assert fresh == {raw_key(*table) for table in RAW_TABLES} | {BUILT_NODES}


def test_raw_tables_and_marts_show_their_columns(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    shown = [spec for key, spec in specs.items() if key.path[0] in ("marts", *SOURCES)]
    without = [spec.key.to_user_string() for spec in shown if not spec.metadata["dagster/column_schema"].columns]
    assert shown
    assert not without


def test_columns_of_marts_say_keys_references_and_units(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    spec = specs[dg.AssetKey(["marts", "time_entries"])]
    columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
    assert spec.metadata["dagster/table_name"] == "marts.time_entries"
    assert columns["id"].constraints.other == ["primary key"]
    assert (columns["id"].constraints.nullable, columns["id"].constraints.unique) == (False, True)
    assert columns["client_id"].tags == {"references": "marts.clients.id"}
    assert columns["allocated_seconds"].tags == {"unit": "seconds"}


def test_every_asset_names_files_that_exist(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    named = {
        key: [
            one.file_path
            for one in spec.metadata["dagster/code_references"].code_references
            if hasattr(one, "file_path")
        ]
        for key, spec in specs.items()
    }
    assert not [key for key, files in named.items() if not files or not all(Path(file).is_file() for file in files)]
    assert named[dg.AssetKey(["marts", "clients"])] == [
        str(PROJECT_FOLDER / f"dbt_project/models/agreements/clients.{ending}") for ending in ("sql", "yml")
    ]


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:agency/warehouse.git", "https://github.com/agency/warehouse/blob/c0ffee"),
        ("https://ada:secret@gitlab.example.com/a/b/c.git", "https://gitlab.example.com/a/b/c/-/blob/c0ffee"),
        ("ssh://git@github.com:22/agency/warehouse", "https://github.com/agency/warehouse/blob/c0ffee"),
        ("/srv/git/warehouse.git", None),
    ],
)
def test_a_page_at_the_remote_holds_no_credentials(remote: str, address: str | None) -> None:
    assert page_address(remote, "c0ffee") == address


def test_every_asset_has_its_layer_and_who_reads_it(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    sensitivities = {(spec.tags["layer"], spec.tags["sensitivity"]) for spec in specs.values()}
    assert sensitivities >= {("raw", "restricted"), ("marts", "internal"), ("private", "confidential")}
    assert {layer for layer, sensitivity in sensitivities if sensitivity == "internal"} == {"marts", "reports"}


def test_what_is_published_to_clickhouse_names_its_code_and_is_read_by_analysts(manifest: dict[str, Any]) -> None:
    published = dg.AssetSpec(clickhouse_key("marts", "clients"), group_name=CLICKHOUSE_GROUP)
    with warnings.catch_warnings():
        # The terminal of `workledger ui` would show one for every asset.
        warnings.simplefilter("error", dg.BetaWarning)
        spec = with_policies(code_references(manifest)(published))
    named = [
        Path(one.file_path)
        for one in spec.metadata["dagster/code_references"].code_references
        if isinstance(one, dg.LocalFileCodeReference)
    ]
    assert [file.parent.name for file in named] == ["graph", "publishing"]
    assert all(file.is_file() for file in named)
    assert (spec.tags["sensitivity"], spec.owners) == ("internal", ["team:engineering"])


def test_selections_of_the_readme_find_assets(definitions: dg.Definitions) -> None:
    readme = (PROJECT_FOLDER / "README.md").read_text()
    selections = re.findall(
        r"^\| `([^`]+)` \|", readme.partition("| selection | shows |")[2].partition("\n\n")[0], re.MULTILINE
    )
    graph = definitions.resolve_asset_graph()
    found = {one: len(dg.AssetSelection.from_string(one).resolve(graph)) for one in selections}
    assert len(found) == 3
    assert all(1 < count < len(graph.get_all_asset_keys()) for count in found.values()), found


def test_kinds_name_tool_and_vendor(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert specs[raw_key("clockify", "time_entries")].kinds == {"dlt", "postgres", "clockify"}
    assert "dbt" in specs[dg.AssetKey(["marts", "developers"])].kinds


def test_every_dbt_test_is_an_asset_check(definitions: dg.Definitions, manifest: dict[str, Any]) -> None:
    graph = definitions.resolve_asset_graph()
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert tests - {key.name for key in graph.asset_check_keys} == set()


def test_each_source_has_a_step_a_job_and_a_schedule(definitions: dg.Definitions) -> None:
    for source, spec in SOURCES.items():
        asset = definitions.resolve_assets_def(raw_key(source, spec.tables[0].name))
        assert asset.op.name == f"load_{source}"
        schedule = definitions.resolve_schedule_def(f"{source}_schedule")
        assert schedule.cron_schedule == spec.cron
        assert schedule.job_name == f"refresh_{source}"
        assert {
            key.path[0] for key in definitions.resolve_job_def(schedule.job_name).asset_layer.selected_asset_keys
        } == {source}


def test_what_runs_has_a_time_limit_a_bound_of_retries_and_no_twin(definitions: dg.Definitions) -> None:
    jobs = {name: definitions.resolve_job_def(name).tags for name in (BUILD_JOB, PAGES_JOB, *map(job_name, SOURCES))}
    for tags in jobs.values():
        assert 0 < int(tags["dagster/max_runtime"]) <= 3 * 3600
        assert tags["dagster/max_retries"] == "1"
    assert len({tags[ALONE_TAG] for tags in jobs.values()}) == len(jobs)
    # The condition's builds are builds like any other.
    carrying = definitions.resolve_sensor_def(SENSOR_NAME)
    assert isinstance(carrying, dg.AutomationConditionSensorDefinition)
    assert carrying.run_tags.items() >= BUILD_TAGS.items()


def test_a_whole_build_comes_by_the_clock_so_that_a_new_day_comes_without_new_rows(
    definitions: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    schedule = definitions.resolve_schedule_def("warehouse_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert isinstance(schedule.cron_schedule, str)
    minutes, hours, *_ = schedule.cron_schedule.split()
    # Most zones are whole or half hours apart, and the day changes in each at midnight.
    assert (len(minutes.split(",")), hours) == (2, "*")
    built = definitions.resolve_job_def(schedule.job_name).asset_layer.selected_asset_keys
    assert set(built) == {key for key in specs if key.path[0] not in (*SOURCES, "invoicing")} - {
        BUILT_NODES,
        pages_key(),
    }


def test_pages_are_written_by_the_clock_from_what_dbt_builds(
    definitions: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    schedule = definitions.resolve_schedule_def("pages_schedule")
    assert set(definitions.resolve_job_def(schedule.job_name).asset_layer.selected_asset_keys) == {pages_key()}
    read = {dep.asset_key for dep in specs[pages_key()].deps}
    assert dg.AssetKey(["marts", "agency_kpis"]) in read
    assert read <= {key for key, spec in specs.items() if "dbt" in spec.kinds}


def test_only_what_dbt_builds_is_carried_by_the_condition(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    carried = {key for key, spec in specs.items() if spec.automation_condition}
    assert carried == {key for key in specs if key.path[0] not in (*SOURCES, "invoicing")} - {BUILT_NODES, pages_key()}


def test_a_resource_can_be_replaced_through_the_same_door(home: Path) -> None:
    settings = Settings(profile="production", home=home)
    replaced = build_definitions(settings, {"landing": "another"})
    assert replaced.resources is not None
    assert replaced.resources["landing"] == "another"
    assert set(replaced.resources) == {"landing", "transformer", "decisions", "page_writer", "marts_publisher"}


def test_arrows_between_the_boxes_of_the_asset_graph_go_one_way(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for spec in specs.values():
        for dep in spec.deps:
            upstream = specs[dep.asset_key].group_name
            if upstream != spec.group_name:
                sorter.add(str(spec.group_name), str(upstream))
    # Raises with the circle; assets.keys.node_group says which box a step belongs to.
    sorter.prepare()


class OneBuild:
    """`assets.warehouse.Transformer` and its build: dbt ends at once, with this outcome."""

    listener = LoggingListener()
    is_whole = True

    def __init__(self, up_to_date: list[str], failures: list[str]) -> None:
        self._up_to_date = up_to_date
        self._failures = failures

    def build(self, _: Any, chosen: Collection[str] | None) -> "OneBuild":
        self.chosen = chosen
        return self

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def glimpses(self) -> AbstractContextManager[Callable[..., Glimpse]]:
        return nullcontext(lambda *_: Glimpse(None, []))

    def events(self) -> Iterator[dict[str, Any]]:
        return iter(())

    def up_to_date(self) -> list[str]:
        return self._up_to_date

    def failures(self) -> list[str]:
        return self._failures


def _built(
    home: Path, build: OneBuild, tags: dict[str, str] | None = None, selection: list[dg.AssetKey] | None = None
) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(Settings(profile="production", home=home), {"transformer": build})
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def(BUILD_JOB).execute_in_process(
            instance=instance, raise_on_error=False, tags=tags, asset_selection=selection
        )


def test_all_that_is_up_to_date_is_one_event(home: Path, manifest: dict[str, Any]) -> None:
    models = [name for name, node in manifest["nodes"].items() if node["resource_type"] in ("model", "snapshot")]
    result = _built(home, OneBuild(models, []))
    assert result.success
    [event] = result.get_asset_materialization_events()
    materialization = event.step_materialization_data.materialization
    assert materialization.asset_key == BUILT_NODES
    assert materialization.metadata[UP_TO_DATE].value == len(models)
    summary = RunSummary()
    collect(summary, result)
    assert (summary.built, summary.up_to_date) == ([], len(models))


def test_what_finds_nothing_to_build_imports_no_dbt_and_no_vendors_package() -> None:
    program = "import sys\nimport orchestration.commands.run\nprint(*sorted(sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_FOLDER, capture_output=True, text=True)
    imported = set(done.stdout.split())
    assert "dagster" in imported, done.stderr[-2000:]
    assert not imported & {"dagster_dbt", "dbt", "great_expectations", "plaid", "clickhouse_connect", "pandas"}
    assert not imported & {"dashboards", "invoicing.delivery", "invoicing.paper", "orchestration.graph.build"}


def test_what_is_selected_is_chosen_and_everything_is_what_is_stale(home: Path, manifest: dict[str, Any]) -> None:
    models = {name for name, node in manifest["nodes"].items() if node["resource_type"] in ("model", "snapshot")}
    for tags, selection, chosen in (
        (None, None, None),
        (None, [dg.AssetKey(["marts", "developers"])], {"model.workledger.developers"}),
        # As `workledger run --select kind:dbt` does.
        ({SELECTED_TAG: "true"}, None, models),
        # As the sensor does that carries new data on.
        ({AUTOMATIC_TAG: "true"}, [dg.AssetKey(["marts", "developers"])], None),
    ):
        build = OneBuild([], [])
        assert _built(home, build, tags, selection).success
        assert build.chosen == chosen


def test_a_failed_build_says_what_failed_and_calls_no_view_on_it_up_to_date(home: Path) -> None:
    # A view on an incremental table stays as it is when the build of the table fails.
    result = _built(home, OneBuild(["model.workledger.work_logs"], ["The model time_entries failed."]))
    [failure] = result.filter_events(lambda one: one.is_step_failure)
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert data.description == "1 models or tests failed, the first with: The model time_entries failed."
    assert data.metadata[FAILURES].value == ["The model time_entries failed."]
    assert not result.get_asset_materialization_events()
