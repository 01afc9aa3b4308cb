"""`workledger run` from nothing to marts on a small made-up agency: embedded server, sandbox, dlt, dbt, Dagster."""

import base64
import contextlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import psycopg
import pytest
from dlt.common.versioned_state import decompress_state
from psycopg import sql
from rich.console import Console

from benchmarks.endurance import Reader
from invoicing.delivery.dispatch import deliver
from invoicing.errors import InvoicingError
from invoicing.issuing import issue
from invoicing.payments import pay
from invoicing.prefills import read_prefill, today_of
from invoicing.records import Invoice
from orchestration.commands.backup import restore as restore_backup
from orchestration.commands.docs import write_docs
from orchestration.commands.expectations import check_expectations
from orchestration.commands.run import run
from orchestration.commands.summary import RunSummary
from orchestration.errors import WorkledgerError
from orchestration.graph.instance import open_instance
from orchestration.inputs.channels import open_channels
from orchestration.inputs.sandbox import stop_sandbox
from orchestration.private_files import make_private
from orchestration.settings import PROJECT_FOLDER, SETTING_NAMES, Settings
from orchestration.warehouse.backup import KEPT_SCHEMAS
from orchestration.warehouse.clickhouse import open_published
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import DATABASE, embedded_server, open_warehouse
from orchestration.warehouse.roles import ROLES
from sources.catalog import SOURCES
from tests.end_to_end import plain_transcripts
from tests.end_to_end.marts_of_transcripts import assert_marts_equal

AS_OF = date(2026, 6, 30)


class World:
    """One home with its runs, in order; each test looks at what the ones before it left."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.output = io.StringIO()

    def run(self, selection: str | None = None) -> RunSummary:
        self.output = io.StringIO()
        return run(self.settings, selection, Console(file=self.output, width=200))

    @property
    def warehouse(self) -> Warehouse:
        return open_warehouse(self.settings)

    def value(self, query: str) -> int:
        with self.warehouse.connect("owner") as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def lines(self, name: str) -> list[dict[str, object]]:
        assert self.settings.sandbox_dir is not None
        return [json.loads(line) for line in (self.settings.sandbox_dir / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # Not pytest's own folder: started by root, the server runs as another user, who may not enter that one.
    with tempfile.TemporaryDirectory(prefix="workledger-end-to-end-") as folder:
        Path(folder).chmod(0o711)
        dataset = Path(folder, "dataset")
        command = [sys.executable, "-m", "sandbox", "generate", str(dataset), "--as-of", str(AS_OF)]
        # As small as holds every kind of record.
        command += ["--scale", "0.1", "--months", "3"]
        subprocess.run(command, cwd=PROJECT_FOLDER, check=True, capture_output=True)
        settings = Settings(profile="sandbox", home=Path(folder, "home"), sandbox_dir=dataset, as_of=AS_OF)
        umask = os.umask(0o022)
        # As the command line and Dagster's processes begin.
        make_private(settings.home)
        try:
            yield World(settings)
        finally:
            os.umask(umask)
            stop_sandbox(settings)
            embedded_server(settings).stop()


@pytest.fixture(scope="module")
def first(world: World) -> RunSummary:
    return world.run()


def test_the_first_run_ends_green(first: RunSummary) -> None:
    assert (first.failures, first.failed_checks) == ([], [])
    assert first.succeeded
    assert first.checks_passed > 0


def test_every_source_lands(first: RunSummary) -> None:
    assert set(first.landed) == set(SOURCES)
    empty = [source for source, tables in first.landed.items() if not sum(table.written for table in tables.values())]
    assert not empty


def test_what_the_vendor_has_is_what_lands(world: World, first: RunSummary) -> None:
    assert first.landed["clockify"]["projects"].written == len(world.lines("clockify/projects.jsonl"))
    entries = {entry["id"] for entry in world.lines("clockify/time_entries.jsonl") if "_sandbox" not in entry}
    with world.warehouse.connect("owner") as connection:
        landed = {key for (key,) in connection.execute("select id from raw_clockify.time_entries where not is_deleted")}
    assert entries <= landed


def test_a_staging_view_or_reports_set_aside_reads_every_raw_table(world: World, first: RunSummary) -> None:
    query = """
        select tables.table_schema || '.' || tables.table_name, array_agg(distinct views.relname::text)
        from information_schema.tables as tables
        left join (
            select pg_depend.refobjid, pg_class.relname
            from pg_depend
            inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
            inner join pg_class on pg_rewrite.ev_class = pg_class.oid
            where pg_depend.classid = 'pg_rewrite'::regclass and (
                pg_class.relnamespace = 'staging'::regnamespace or pg_class.oid = 'reports.set_aside'::regclass
            )
        ) as views on views.refobjid = format('%I.%I', tables.table_schema, tables.table_name)::regclass
        where tables.table_schema ~ '^raw_' and tables.table_schema !~ '_staging$' and tables.table_name !~ '^_dlt_'
        group by 1
    """
    with world.warehouse.connect("owner") as connection:
        readers: dict[str, list[str]] = dict(connection.execute(query).fetchall())
    assert {name.split(".")[0] for name in readers} == {f"raw_{source}" for source in SOURCES}
    assert readers.keys() >= {f"raw_{s}.{table.name}" for s, spec in SOURCES.items() for table in spec.tables}
    assert not [name for name, views in readers.items() if views == [None]]


def test_the_documentation_shows_every_table_and_view(world: World, first: RunSummary) -> None:
    _, _, folder = write_docs(world.settings, lambda _: None)

    documented = json.loads((folder / "catalog.json").read_text())["nodes"].values()
    shown = {(node["metadata"]["schema"], node["metadata"]["name"]) for node in documented}
    with world.warehouse.connect("owner") as connection:
        existing = set(
            connection.execute(
                "select table_schema, table_name from information_schema.tables"
                " where table_schema in ('marts', 'private', 'reports')"
            )
        )
    assert existing <= shown
    assert json.loads((folder / "manifest.json").read_text())["nodes"]
    assert (folder / "index.html").is_file()


def test_the_suites_hold_on_the_sandboxs_rows_and_data_docs_are_built_on_request(
    world: World, first: RunSummary, tmp_path: Path
) -> None:
    # Two of eight, for the seconds that they take: the mirror comes through an engine of its own.
    output = io.StringIO()
    assert check_expectations(world.settings, ["clickhouse", "tempo"], tmp_path, Console(file=output, width=200))
    lines = output.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["✓ ClickHouse mirror", "✓ Tempo"], output.getvalue()
    assert (tmp_path / "clickhouse" / "index.html").exists()
    assert (tmp_path / "tempo" / "index.html").exists()


def test_the_bytes_of_transcripts_are_counted(world: World, first: RunSummary) -> None:
    assert world.settings.sandbox_dir is not None
    files = list((world.settings.sandbox_dir / "claude").rglob("*.jsonl"))
    counted = first.landed["claude_code"]["files"].counters["bytes_read"]
    assert 0 < int(counted) <= sum(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    "mart",
    ["developers", "clients", "projects", "repo_mappings", "time_entries", "claude_sessions", "session_messages"],
)
def test_marts_are_filled(world: World, first: RunSummary, mart: str) -> None:
    assert world.value(f"select count(*) from marts.{mart}") > 0
    assert f"marts.{mart}" in {one.name for one in first.built}


def test_session_marts_equal_a_plain_count_of_the_transcripts(world: World, first: RunSummary) -> None:
    assert world.settings.sandbox_dir is not None
    plain = plain_transcripts.read(world.settings.sandbox_dir / "claude")
    assert len(plain.sessions) > 10
    assert plain.unreadable > 0
    assert sum(plain.naive.values()) > 1.3 * sum(sum(counts[:4]) for counts in plain.sessions.values())
    assert_marts_equal(world.warehouse, plain)


def test_analysts_read_marts_and_no_private_text(world: World, first: RunSummary) -> None:
    with world.warehouse.connect("analyst") as connection:
        connection.execute("select * from marts.developers limit 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from private.session_prompts limit 1")


def test_the_output_says_what_landed_what_was_built_and_where_to_look_next(world: World, first: RunSummary) -> None:
    text = world.output.getvalue()
    for phrase in ("✓ Clockify:", "Landed", "Built", "Checked", "workledger ui", "workledger sql", "workledger dsn"):
        assert phrase in text
    assert "DEBUG" not in text, "the libraries' own log belongs to the file"
    assert (world.settings.home / "logs" / "run.log").stat().st_size > 0


def test_the_ui_shows_the_runs(world: World, first: RunSummary) -> None:
    with open_instance(world.settings) as instance:
        runs = instance.get_runs()
    assert {one.job_name for one in runs} >= {"refresh_sources", "refresh_warehouse"}
    assert all(one.is_success for one in runs)


def _marts(world: World) -> dict[str, tuple[int, str]]:
    """Count and content of every mart, load columns aside (rule 12.2)."""
    content = {}
    query = sql.SQL(
        "select count(*), coalesce(md5(string_agg(r, '|' order by r)), '') "
        "from (select (to_jsonb(t) - 'loaded_at')::text as r from {} as t) as mart"
    )
    with world.warehouse.connect("owner") as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'marts' order by 1").fetchall()
        for (name,) in names:
            content[name] = connection.execute(query.format(sql.Identifier("marts", name))).fetchone()
    return content  # type: ignore[return-value]


def test_a_second_run_reads_nothing_new_and_changes_nothing(world: World, first: RunSummary) -> None:
    before = _marts(world)
    # Nor does it where the vendors were away meanwhile.
    assert stop_sandbox(world.settings)
    second = world.run()
    assert second.succeeded, (second.failures, second.failed_checks)
    written = {
        f"{s}.{t}": one.written for s, tables in second.landed.items() for t, one in tables.items() if one.written
    }
    assert written == {}
    assert second.landed["claude_code"]["files"].counters["bytes_read"] == 0
    assert (second.built, second.up_to_date) == ([], len(first.built))
    after = _marts(world)
    assert [name for name in before if before[name] != after[name]] == []


@pytest.fixture(scope="module")
def paid(world: World, first: RunSummary) -> Invoice:
    """README's sequence: a month's bill, issued, delivered by every way, and paid in part; not built yet."""
    with world.warehouse.connect("owner") as connection:
        # A month that is over, by which warnings stand is not the matter here.
        client, month, currency, warnings = connection.execute(
            "select client_id, invoice_month, currency, warnings from marts.invoice_prefills"
            " where subtotal > 0 and invoice_month = %s order by subtotal desc limit 1",
            (date(AS_OF.year, AS_OF.month - 1, 1),),
        ).fetchall()[0]
        today = today_of(connection, AS_OF)
        codes = [each["code"] for each in warnings]
        invoice = issue(connection, client, month, actor="ada", today=today, currency=currency, accept=codes).invoice
        for channel in open_channels(world.settings, connection, print):
            delivery = deliver(connection, invoice.number, channel, actor="ada")
            assert delivery.state == "delivered", delivery
        return pay(connection, invoice.number, Decimal("100.01"), actor="ada", today=today).invoice


def test_a_bill_is_issued_delivered_and_paid_in_part(world: World, paid: Invoice) -> None:
    assert (paid.status, paid.total - paid.open) == ("partial", Decimal("100.01"))
    assert world.settings.sandbox_dir is not None
    [mail] = (world.settings.sandbox_dir / "mailbox").glob("*.eml")
    assert f"Subject: Invoice {paid.number}" in mail.read_text()
    assert [file.suffix for file in (world.settings.home / "invoices").rglob(f"{paid.number}-*")] == [".pdf"]
    [operation] = world.lines("planfact/operations.jsonl")
    assert (operation["value"], operation["isCommitted"]) == (float(paid.total), False)
    assert [draft["doc_status"] for draft in world.lines("didox/documents.jsonl")] == [0]


def _kept(world: World) -> dict[str, tuple[int, str]]:
    """Count and content of every table that cannot be made again, but for what a build notes about itself."""
    content = {}
    query = sql.SQL(
        "select count(*), coalesce(md5(string_agg(r, '|' order by r)), '') from (select t::text as r from {} t) x"
    )
    with world.warehouse.connect("owner") as connection:
        names = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname = any(%s) and tablename <> 'built_nodes'",
            [list(KEPT_SCHEMAS)],
        ).fetchall()
        for schema, table in names:
            row = connection.execute(query.format(sql.Identifier(schema, table))).fetchone()
            content[f"{schema}.{table}"] = row
    return content  # type: ignore[return-value]


def _issue(world: World) -> str:
    """Issue the largest bill that can be issued; return the invoice's number."""
    with world.warehouse.connect("owner") as connection:
        bills = connection.execute(
            "select client_id, invoice_month, currency from marts.invoice_prefills"
            " where total > 0 and invoice_month < %s order by total desc",
            [AS_OF.replace(day=1)],
        ).fetchall()
        for client, month, currency in bills:
            looked_at = [one.code for one in read_prefill(connection, client, month, currency).warnings]
            with contextlib.suppress(InvoicingError):
                outcome = issue(
                    connection, client, month, actor="ann", today=AS_OF, currency=currency, accept=looked_at
                )
                if outcome.is_new:
                    return str(outcome.invoice.number)
    raise AssertionError("no bill can be issued")


@pytest.fixture
def restored(world: World, paid: Invoice) -> Iterator[World]:
    """Another server, restored by the commands of docs/reliability.md from a backup of the world as it is now."""
    guide = (PROJECT_FOLDER / "docs" / "reliability.md").read_text()
    backup, restore = re.findall(r"```bash\n(# (?:backup|restore).*?)```", guide, re.DOTALL)
    assert world.settings.sandbox_dir is not None
    with tempfile.TemporaryDirectory(prefix="workledger-restored-") as folder:
        Path(folder).chmod(0o711)
        settings = replace(world.settings, home=Path(folder, "home"))
        for script, home in ((backup, world.settings.home), (restore, settings.home)):
            environment = {
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                # Nothing of the developer's own .env.
                **dict.fromkeys(SETTING_NAMES, ""),
                "WORKLEDGER_HOME": str(home),
                "SANDBOX_DIR": str(world.settings.sandbox_dir),
            }
            script = script.replace("/var/backups/workledger", f"{folder}/backups")
            for made in Path(folder).glob("backups/*"):
                script = re.sub(r"workledger-\d{8}T\d{6}Z", made.name, script)
            done = subprocess.run(
                ["bash", "-euc", script], cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
        assert "it has 1 invoice, the last of them" in done.stdout
        # Once more would overwrite what is there.
        with pytest.raises(WorkledgerError, match=r"is not empty \(\w+\.\w+ has rows\)"):
            restore_backup(settings, next(Path(folder).glob("backups/*")), print)
        # Parsed models are a cache.
        shutil.copytree(world.settings.home / "dbt", settings.home / "dbt")
        # The vendors keep their address, which is in their records.
        (settings.home / "sandbox").mkdir()
        shutil.copy(world.settings.home / "sandbox" / "port", settings.home / "sandbox" / "port")
        try:
            yield World(settings)
        finally:
            stop_sandbox(settings)
            embedded_server(settings).stop()


def test_a_restored_warehouse_and_one_with_news_become_the_same(
    world: World, paid: Invoice, restored: World, first: RunSummary
) -> None:
    kept = _kept(world)
    assert kept["billing.invoices"][0] == 1
    assert _kept(restored) == kept
    assert world.settings.sandbox_dir is not None
    transcript = min((world.settings.sandbox_dir / "claude").rglob("*.jsonl"))
    another = transcript.with_name(f"{uuid5(NAMESPACE_OID, transcript.stem)}.jsonl")
    # The same day's work again, in a session and with answers of its own.
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    text = uuid.sub(lambda one: str(uuid5(NAMESPACE_OID, one[0])), transcript.read_text())
    another.write_text(text.replace("msg_", "msg_another_"))
    # Here a build of what has news, there one of everything.
    with Reader(world.warehouse) as reader:
        part = world.run()
    stop_sandbox(world.settings)
    whole = restored.run()
    # Somebody who reads all marts and reports meanwhile misses none of them.
    assert not reader.errors, reader.errors
    assert reader.rounds > 1
    assert (part.succeeded, whole.succeeded) == (True, True), (part.failures, whole.failures)
    assert part.landed["claude_code"]["messages"].written > 0
    for summary in (part, whole):
        written = {source for source, tables in summary.landed.items() if sum(one.written for one in tables.values())}
        assert written == {"claude_code"}
    assert whole.landed["claude_code"]["files"].counters == part.landed["claude_code"]["files"].counters
    marts = _marts(restored)
    assert [name for name, rows in _marts(world).items() if marts[name] != rows] == []
    with restored.warehouse.connect("analyst") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from private.session_prompts limit 1")
    built = {one.name for one in part.built}
    assert {"marts.session_messages", "marts.time_entries", "marts.client_margin"} <= built
    assert not built & {"marts.clients", "marts.commits", "marts.transactions"}
    assert {one.name for one in whole.built} == {one.name for one in first.built}
    # Numbers go on where the backup ends.
    number = re.compile(r"(.*?)(\d+)")
    before, after = (number.fullmatch(one) for one in (paid.number, _issue(restored)))
    assert before is not None
    assert after is not None
    assert (after[1], int(after[2])) == (before[1], int(before[2]) + 1)


def test_the_next_build_shows_the_invoice_in_aging_margin_and_the_waterfall(world: World, paid: Invoice) -> None:
    with world.warehouse.connect("finance") as connection:
        aging = connection.execute(
            "select invoice_number, total, open_amount, bucket from marts.ar_aging where is_latest"
        ).fetchall()
        margin = connection.execute(
            "select sum(invoiced_in_client_currency) from marts.client_margin where client_id = %s", (paid.client_id,)
        ).fetchall()
        waterfall = connection.execute(
            "select invoiced_total, open_amount, paid_amount from reports.invoice_waterfall where invoice_number = %s",
            (paid.number,),
        ).fetchall()
        entries = connection.execute("select count(*) from marts.time_entries where status = 'billed'").fetchall()
    assert aging == [(paid.number, paid.total, paid.open, "current")]
    assert margin == [(paid.subtotal,)]
    assert waterfall == [(paid.total, paid.open, Decimal("100.01"))]
    assert entries[0][0] > 0


def test_a_broken_reference_file_is_named_with_its_place_and_the_rest_is_built(world: World, first: RunSummary) -> None:
    assert world.settings.sandbox_dir is not None
    file = world.settings.sandbox_dir / "reference" / "clients.csv"
    sound = file.read_text()
    header, row, *rest = sound.splitlines()
    position = header.split(",").index("status")
    cells = row.split(",")
    cells[position] = "asleep"
    emptied = file.with_name("contracts.csv")
    signed = emptied.read_text()
    contracts = world.value("select count(*) from marts.contracts where not is_deleted")
    try:
        file.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
        emptied.write_text("")
        broken = world.run("group:reference or group:agreements")
    finally:
        file.write_text(sound)
        emptied.write_text(signed)
    assert not broken.succeeded
    (sentence,) = [one for one in broken.failed_checks if "no_file_rejected" in one]
    for part in ("clients.csv", "row 2", "status", "asleep"):
        assert sentence.count(part) == 1
    assert f"contracts.csv has no rows; {contracts} of {contracts} rows in force" in sentence
    assert world.value("select count(*) from marts.contracts where not is_deleted") == contracts > 0
    assert world.value("select count(*) from marts.clients") > 0
    assert "marts.clients" in {one.name for one in broken.built}
    assert world.run("group:reference").succeeded


def test_a_selection_runs_that_part_alone_and_a_wrong_one_is_named(world: World, first: RunSummary) -> None:
    part = world.run('key:"clockify/users"')
    assert set(part.landed) == {"clockify"}
    assert part.built == []
    for selection, sentence in (
        ("group:nothing_of_that_name", "selects no asset; `workledger ui` shows their names."),
        ("tag:nothing_of_that_name", "selects no asset; `workledger ui` shows their names."),
        ("group:agrements", "selects no asset; perhaps group:agreements is meant."),
        ('+key:"marts/develpers"', 'selects no asset; perhaps key:"marts/developers" is meant.'),
        ("developers", 'cannot be read: it names no asset; perhaps key:"marts/developers" is meant.'),
    ):
        with pytest.raises(WorkledgerError) as refused:
            world.run(selection)
        assert str(refused.value) == f"The selection {selection!r} {sentence}"
    with pytest.raises(WorkledgerError, match="cannot be read"):
        world.run("group:(")


def _credentials(world: World) -> dict[str, bytes]:
    # The superuser's among them.
    file = embedded_server(world.settings).folder / "passwords.json"
    passwords = {f"password of {role}": text for role, text in json.loads(file.read_text()).items()}
    assert passwords.keys() > {f"password of {role}" for role in ROLES}
    vendors = ("sandbox-clockify-key", "sandbox-jira-token", "sandbox-tempo-token", "sandbox-github-token")
    plaid = ("sandbox-plaid-client", "sandbox-plaid-secret", "access-sandbox-")
    # As it travels in a header of Jira's.
    basic = base64.b64encode(b"sandbox@example.com:sandbox-jira-token").decode()
    return {
        **{name: text.encode() for name, text in passwords.items()},
        **{one: one.encode() for one in (*vendors, *plaid, basic)},
    }


def test_marts_are_published_to_clickhouse_where_that_is_set(world: World, first: RunSummary) -> None:
    dsn = f"chdb://{world.settings.home / 'published'}"
    summary = World(replace(world.settings, publish_clickhouse_dsn=dsn)).run("group:clickhouse_marts")
    assert (summary.failures, summary.failed_checks) == ([], [])
    assert len(summary.built) > 60
    assert summary.checks_passed == len(summary.built)
    with open_published(dsn) as client:
        seconds = "select sum(allocated_seconds) from marts.time_entries where is_counted"
        assert int(client.query(seconds).result_rows[0][0]) == world.value(seconds)
        [(databases,)] = client.query(
            "select groupArray(distinct database) from system.tables where engine like '%Merge%'"
        ).result_rows
    assert {"marts", "reports"} <= set(databases) <= {"marts", "reports", "workledger", "system"}


def test_no_credential_is_in_events_logs_or_state(world: World, first: RunSummary) -> None:
    searched, found = 0, []
    credentials = _credentials(world)
    files = [file for folder in ("dagster", "dlt", "dbt", "logs") for file in (world.settings.home / folder).rglob("*")]
    servers = list(world.settings.home.rglob("server.log"))
    assert len(servers) == 2, "those of the warehouse and of the sandbox"
    for file in (*files, *servers):
        if file.is_file():
            searched += 1
            content = file.read_bytes()
            found += [f"{name} in {file}" for name, secret in credentials.items() if secret in content]
    assert searched > 10
    assert not found


def test_nobody_else_can_read_what_a_run_leaves_in_the_home(world: World, first: RunSummary) -> None:
    home = world.settings.home
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*")) if not path.is_symlink()}
    # Where root starts the server, its own user passes through these two, which does not let it list or read them.
    passable = {home, home / "postgres"} if os.geteuid() == 0 else set()
    found = [f"{path} {mode:o}" for path, mode in modes.items() if mode & (0o066 if path in passable else 0o077)]
    assert len(modes) > 100
    assert not found


def test_no_landed_text_is_left_in_the_working_folders(world: World, first: RunSummary, tmp_path: Path) -> None:
    with world.warehouse.connect("owner") as connection:
        texts = [
            text
            for query in (
                "select distinct split_part(prompt_text, chr(10), 1) from raw_claude_code.prompts "
                "where prompt_text is not null",
                "select distinct name from raw_plaid.transactions",
            )
            for (text,) in connection.execute(query).fetchall()
            if len(text) > 20
        ]
    assert len(texts) > 20
    searched = tmp_path / "texts"
    searched.write_text("\n".join(texts) + "\n")
    folders = [world.settings.home / name for name in ("dlt", "dagster", "dbt", "logs")]
    # One pass over each file, however many texts there are. That they are found at all is shown by their own file.
    command = ["grep", "-rlaF", "-f", str(searched), *map(str, folders), str(searched)]
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, [str(searched)], "")


def test_no_credential_is_in_a_table(world: World, first: RunSummary) -> None:
    patterns = [secret.decode() for secret in _credentials(world).values()]
    tables = "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    with world.warehouse.connect("owner") as connection:
        connection.execute("set statement_timeout = 0")
        found = [
            f"{schema}.{table}"
            for schema, table in connection.execute(tables).fetchall()
            if connection.execute(
                sql.SQL("select 1 from {} as t where t::text like any(%s) limit 1").format(
                    sql.Identifier(schema, table)
                ),
                [[f"%{pattern}%" for pattern in patterns]],
            ).fetchone()
        ]
    assert not found


def test_no_credential_is_in_dlts_state_which_its_table_holds_compressed(world: World, first: RunSummary) -> None:
    states = []
    with world.warehouse.connect("owner") as connection:
        for source in SOURCES.values():
            table = sql.SQL("select state from {}").format(sql.Identifier(source.schema, "_dlt_pipeline_state"))
            states += [str(decompress_state(text)) for (text,) in connection.execute(table).fetchall()]
    assert len(states) >= len(SOURCES)
    assert any("read_at" in state for state in states), "Clockify's cursor, as a sign that the text is readable"
    assert not [name for name, secret in _credentials(world).items() for state in states if secret.decode() in state]


def test_a_selection_on_a_new_warehouse_brings_what_it_is_built_from(world: World, first: RunSummary) -> None:
    developers = world.value("select count(*) from marts.developers")
    server = embedded_server(world.settings)
    with psycopg.connect(**server.administrator(DATABASE), autocommit=True) as connection:
        schemas = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
        )
        for (schema,) in schemas.fetchall():
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
    part = world.run('key:"marts/developers"')
    assert part.succeeded, (part.failures, part.failed_checks)
    assert set(part.landed) == {"clockify", "plaid", "reference"}
    assert re.search(
        r'→ key:"marts/developers" is built from what does not exist yet: Clockify, Plaid, Reference files are loaded, '
        r"\d+ tables and views are built as well\.",
        world.output.getvalue(),
    )
    assert world.value("select count(*) from marts.developers") == developers
    assert not {one.name for one in part.built} & {"marts.time_entries", "marts.invoice_prefills"}
    # Now that they exist, it alone is built.
    assert [one.name for one in world.run('key:"marts/developers"').built] == ["marts.developers"]
