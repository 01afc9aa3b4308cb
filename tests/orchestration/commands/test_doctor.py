"""The doctor finds what is really wrong, says what to do, and finds nothing where all is well."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from assets.raw import configured
from orchestration.commands.doctor import Finding, examine
from orchestration.inputs.sandbox import RunningSandbox, ensure_sandbox, stop_sandbox
from orchestration.settings import PROJECT_FOLDER, Settings, load_settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from sources.catalog import SOURCES
from sources.kit import destination


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A sandbox that serves one Clockify workspace."""
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "clockify").mkdir()
    (folder / "clockify" / "workspaces.jsonl").write_text('{"id": "64a", "name": "Mine", "currencies": []}\n')
    settings = Settings(profile="sandbox", home=folder / "home", sandbox_dir=folder)
    yield ensure_sandbox(settings, lambda _: None)
    stop_sandbox(settings)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """The project's own templates, with one session root that holds a transcript."""
    folder = tmp_path / "reference"
    shutil.copytree(PROJECT_FOLDER / "reference", folder)
    (folder / "developers.csv").write_text(
        "email,name,clockify_id,github_username,jira_account_id,timezone,status\nada@example.com,Ada,,,,UTC,active\n"
    )
    (folder / "session_roots.csv").write_text(f"path,email,host\n{tmp_path / 'claude'},ada@example.com,\n")
    (tmp_path / "claude" / "a").mkdir(parents=True)
    (tmp_path / "claude" / "a" / "64a0f0aa-0000-4000-8000-000000000000.jsonl").write_text('{"type": "summary"}\n')
    return folder


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sandbox: RunningSandbox,
    reference: Path,
    warehouse: Warehouse,
    server: EmbeddedServer,
) -> pytest.MonkeyPatch:
    """An environment in which all is well: each test spoils one thing of it."""
    values = {
        "WORKLEDGER_PROFILE": "production",
        "WORKLEDGER_HOME": str(tmp_path / "home"),
        "WAREHOUSE_DSN": conninfo_url(server.administrator(warehouse.database)),
        "REFERENCE_DIR": str(reference),
        "SOURCES__CLOCKIFY__BASE_URL": sandbox.source_settings["clockify"]["base_url"],
        "SOURCES__CLOCKIFY__API_KEY": "sandbox-clockify-key",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the `.env` of whoever runs the tests out of them."""
    monkeypatch.setattr("orchestration.commands.doctor.load_settings", partial(load_settings, env_file=None))


def conninfo_url(parameters: dict[str, object]) -> str:
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parameters)


def failures() -> list[Finding]:
    return [finding for finding in examine() if finding.failed]


def only_failure() -> str:
    found = failures()
    assert len(found) == 1, found
    return f"{found[0].subject}: {found[0].sentence}"


def test_nothing_is_found_where_all_is_well(environment: pytest.MonkeyPatch) -> None:
    found = {finding.subject: finding for finding in examine()}
    assert [finding for finding in found.values() if finding.failed] == []
    assert list(found)[:4] == ["settings", "home", "warehouse", "reference files"]
    assert "all 6 roles in place" in found["warehouse"].sentence
    assert found["clockify"].sentence == "Clockify answers and accepts the credentials"
    assert found["claude_code"].sentence == "1 transcripts below 1 session roots"


def test_a_wrong_api_key_is_found_by_asking_the_vendor(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SOURCES__CLOCKIFY__API_KEY", "mistyped")
    sentence = only_failure()
    assert "401" in sentence
    assert "check SOURCES__CLOCKIFY__API_KEY" in sentence
    assert "mistyped" not in sentence


def test_a_misspelt_credential_is_found(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SOURCES__CLOCKIFY__API_KEY")
    environment.setenv("SOURCES__CLOCKIFY__APIKEY", "key")
    assert "did you mean SOURCES__CLOCKIFY__API_KEY?" in only_failure()


def test_a_missing_credential_is_found(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SOURCES__CLOCKIFY__API_KEY")
    assert only_failure() == (
        "clockify: lacks SOURCES__CLOCKIFY__API_KEY; set what is missing, or unset the other settings of Clockify."
    )


def test_an_unreachable_warehouse_is_found(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAREHOUSE_DSN", "postgresql://ada:topsecret@127.0.0.1:1/workledger")
    sentence = only_failure()
    assert sentence.startswith("warehouse: The warehouse at 127.0.0.1:1/workledger cannot be reached")
    assert "check that the server runs and that WAREHOUSE_DSN names" in sentence
    assert "topsecret" not in sentence


def test_a_malformed_reference_file_is_named_with_row_column_and_value(
    environment: pytest.MonkeyPatch, reference: Path
) -> None:
    with (reference / "developers.csv").open("a") as file:
        file.write("bob@example.com,Bob,,,,Europe/Nowhere,active\n")
    sentence = only_failure()
    assert sentence.startswith("reference files: developers.csv, row 3, column timezone: 'Europe/Nowhere'")


def test_a_reference_file_that_has_lost_its_rows_is_found(
    environment: pytest.MonkeyPatch, reference: Path, warehouse: Warehouse
) -> None:
    with warehouse.connect("loader") as connection:
        connection.execute("create table raw_reference.clients as values ('acme'), ('beta')")
        connection.execute("alter table raw_reference.clients rename column1 to row_key")
    try:
        assert only_failure() == (
            "reference files: clients.csv has no rows; 2 of 2 rows in force (client: acme, beta) would go; restore "
            "them, or run `workledger reference accept clients.csv` if they are meant to go"
        )
    finally:
        with warehouse.connect("loader") as connection:
            connection.execute("drop table raw_reference.clients")


def test_an_unwritable_home_is_found(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    environment.setenv("WORKLEDGER_HOME", str(tmp_path / "file" / "home"))
    sentence = only_failure()
    assert "cannot be written" in sentence
    assert "set WORKLEDGER_HOME to a folder of your own" in sentence


def test_a_misspelt_setting_is_found(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WORKLEDGER_PROFIL", "production")
    assert "perhaps WORKLEDGER_PROFILE is meant" in only_failure()


def test_an_unreachable_clickhouse_is_found(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLICKHOUSE_DSN", "http://ada:topsecret@127.0.0.1:1/")
    sentence = only_failure()
    assert sentence.startswith("clickhouse: ClickHouse at 127.0.0.1:1 cannot be opened")
    assert "topsecret" not in sentence


def test_session_roots_that_lead_nowhere_are_found(environment: pytest.MonkeyPatch, reference: Path) -> None:
    (reference / "session_roots.csv").write_text("path,email,host\n/no/such,ada@example.com,\n")
    assert "no transcript lies below any of the paths" in only_failure()


def test_a_transcript_out_of_reach_is_named_beside_the_others(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "claude" / "loop.jsonl").symlink_to("loop.jsonl")
    (sentence,) = (finding.sentence for finding in examine() if finding.subject == "claude_code")
    assert sentence.startswith("1 transcripts below 1 session roots; ")
    assert f"{tmp_path / 'claude' / 'loop.jsonl'}: it cannot be looked at: " in sentence


def test_what_is_not_set_up_is_no_failure(environment: pytest.MonkeyPatch, reference: Path) -> None:
    for name in ("SOURCES__CLOCKIFY__API_KEY", "SOURCES__CLOCKIFY__BASE_URL"):
        environment.delenv(name)
    (reference / "session_roots.csv").unlink()
    found = {finding.subject: finding for finding in examine()}
    assert found["clockify"].skipped
    assert "set SOURCES__CLOCKIFY__API_KEY to land it" in found["clockify"].sentence
    assert found["claude_code"].skipped
    assert not any(finding.failed for finding in found.values())


def test_an_address_that_belongs_to_nobody_is_named_with_the_way_out(
    environment: pytest.MonkeyPatch, reference: Path
) -> None:
    file = reference / "session_roots.csv"
    file.write_text(file.read_text() + "/elsewhere,ida@example.com,\n")
    assert only_failure() == (
        "reference files: session_roots.csv, row 3, column email: 'ida@example.com' is not in developers.csv; "
        "did you mean ada@example.com?"
    )
    # Where nobody is named there, transcripts alone say who people are.
    (reference / "developers.csv").write_text(
        "email,name,clockify_id,github_username,jira_account_id,timezone,status\n"
    )
    assert failures() == []
    assert [each.sentence for each in examine() if each.subject == "session_roots.csv"][1] == (
        "ida@example.com in session_roots.csv, row 3, is nobody in developers.csv and counts as a person of its own "
        "(rule 3.1); add the row there, or correct the address."
    )


def test_other_tools_logs_below_a_session_root_are_counted_by_kind(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(2):
        line = '{"timestamp": "2026-11-10T09:00:00Z", "type": "session_meta", "payload": {}}\n'
        (tmp_path / "claude" / "a" / f"rollout-{number}.jsonl").write_text(line)
    (tmp_path / "claude" / "old.zip").write_bytes(b"PK")
    (finding,) = (each for each in examine() if each.subject == "claude_code")
    assert not finding.failed
    assert finding.sentence == (
        "1 transcripts below 1 session roots; "
        "set aside, since they are no transcripts: 1 .zip archive, 2 Codex rollouts"
    )


def test_the_login_with_which_clickhouse_reads_is_tried(
    environment: pytest.MonkeyPatch, warehouse: Warehouse, tmp_path: Path
) -> None:
    environment.setenv("PUBLISH_CLICKHOUSE_DSN", f"chdb://{tmp_path / 'published'}")
    environment.setenv("PUBLISH_WAREHOUSE_DSN", warehouse.dsn("analyst"))
    (finding,) = (each for each in examine() if each.subject == "publishing")
    assert not finding.failed
    assert finding.sentence.endswith("reads the warehouse as analyst")
    environment.setenv("PUBLISH_WAREHOUSE_DSN", warehouse.dsn("finance"))
    assert "publishing: Login finance of PUBLISH_WAREHOUSE_DSN also reads schema private" in only_failure()
    environment.setenv("PUBLISH_WAREHOUSE_DSN", "postgresql://ada:topsecret@127.0.0.1:1/nowhere")
    sentence = only_failure()
    assert sentence.startswith("publishing: ClickHouse refuses what publishing asks of it")
    assert "topsecret" not in sentence


def test_a_glob_that_matches_no_directory_is_found(environment: pytest.MonkeyPatch, warehouse: Warehouse) -> None:
    columns = "'*/acme' as path_glob, 'acme/api' as repo, 'Acme' as client, null::text as project"
    with warehouse.connect("transformer") as connection:
        connection.execute(f"create view intermediate.int_sessions__unmatched_globs as select {columns}")
    try:
        assert only_failure().startswith(
            "repo_mappings.csv: */acme (acme/api, Acme) matches no directory of any transcript"
        )
    finally:
        with warehouse.connect("transformer") as connection:
            connection.execute("drop view intermediate.int_sessions__unmatched_globs")


def test_an_agency_of_euros_without_a_rate_of_the_dollar_is_reported_with_what_to_write(
    environment: pytest.MonkeyPatch, reference: Path
) -> None:
    (reference / "agency.csv").write_text("legal_name,currency,timezone\nAda,EUR,Europe/Berlin\n")
    found = {finding.subject: finding for finding in examine()}
    assert not found["exchange rates"].failed
    assert "has no rate from USD to EUR" in found["exchange rates"].sentence
    (reference / "fx_rates.csv").write_text("date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.9\n")
    assert "exchange rates" not in {finding.subject for finding in examine()}


def test_another_account_than_the_one_that_has_landed_is_found(
    environment: pytest.MonkeyPatch, sandbox: RunningSandbox, warehouse: Warehouse, tmp_path: Path
) -> None:
    """As it is when somebody goes on from the sandbox to an account of their own, in the same warehouse."""
    spec = SOURCES["clockify"]
    pipeline = destination.pipeline("clockify", warehouse.dsn("loader"), spec.schema, tmp_path / "dlt")
    with configured(spec, sandbox.source_settings["clockify"]):
        pipeline.run(spec.build().with_resources("workspaces"))
    pipeline.deactivate()
    file = sandbox.folder / "clockify" / "workspaces.jsonl"
    made_up = file.read_text()
    try:
        assert failures() == []
        file.write_text('{"id": "64b", "name": "Real"}\n')
        assert "that of workspace Mine (64a), but the settings lead to Real (64b)" in only_failure()
        environment.setenv("SOURCES__CLOCKIFY__ACCEPT_ACCOUNT", "64b")
        assert failures() == []
    finally:
        file.write_text(made_up)
