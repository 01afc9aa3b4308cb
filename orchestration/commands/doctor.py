"""What `workledger doctor` checks: each thing once, for real, and what to do about it. Nothing is changed."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.errors import WorkledgerError
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from orchestration.inputs.configuration import Inputs
    from sources.catalog import SourceSpec
    from sources.reference.losses import InForce


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    subject: str
    sentence: str
    failed: bool = False
    skipped: bool = False
    """Nothing was checked, because nothing is set up; that is no failure."""


def examine() -> Iterator[Finding]:
    """Check settings, home, warehouse, sources, reference files, ClickHouse and printing; none stops another."""
    from orchestration.commands.reference import landed_before
    from orchestration.warehouse.opening import open_warehouse
    from sources.reference.client import NOTHING_IN_FORCE

    try:
        settings = load_settings()
    except WorkledgerError as error:
        yield Finding("settings", str(error), failed=True)
        return
    yield Finding("settings", f"profile {settings.profile}, all known and well-formed")
    home = _home(settings)
    yield home
    if home.failed:
        return
    warehouse = _warehouse(settings)
    yield warehouse
    in_force = NOTHING_IN_FORCE
    if not warehouse.failed:
        yield from _reference_names(settings)
        in_force = landed_before(open_warehouse(settings))
    yield from _sources(settings, in_force)
    yield from _path_globs(settings)
    yield _clickhouse(settings)
    if not warehouse.failed:
        yield _publishing(settings)
    yield _printing(settings)
    yield _dagster(settings)
    yield _alerts(settings)


def try_alerts() -> Iterator[Finding]:
    """Send a trial to everybody who gets alerts."""
    from orchestration.graph.alerts import trial
    from orchestration.graph.notifiers import open_notifiers

    try:
        notifiers = open_notifiers(load_settings())
    except WorkledgerError:
        return  # said where the settings were looked at
    for name, fault in trial(notifiers):
        yield Finding(
            f"alert by {name}", fault or "a trial is sent; see whether it has arrived", failed=fault is not None
        )


def _home(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        sentence = (
            f"{settings.home} cannot be written ({error.strerror}); "
            "fix its permissions or set WORKLEDGER_HOME to a folder of your own."
        )
        return Finding("home", sentence, failed=True)
    return Finding("home", f"{settings.home} can be written")


def _warehouse(settings: Settings) -> Finding:
    from orchestration.warehouse.opening import open_warehouse
    from orchestration.warehouse.roles import ROLES

    said: list[str] = []
    try:
        warehouse = open_warehouse(settings, said.append)
        version = ""
        for role in ROLES:
            with warehouse.connect(role) as connection:
                row = connection.execute("select current_user, current_setting('server_version')").fetchone()
                acting, version = row or ("", "")
                if acting != role:
                    sentence = (
                        f"{warehouse.address} connects as {acting} instead of {role}; look at its connection pooler."
                    )
                    return Finding("warehouse", sentence, failed=True)
    except WorkledgerError as error:
        return Finding("warehouse", str(error), failed=True)
    kind = "embedded " if warehouse.embedded else ""
    return Finding(
        "warehouse", f"{kind}PostgreSQL {version} at {warehouse.address}, all {len(ROLES)} roles in place{_aside(said)}"
    )


def _reference_names(settings: Settings) -> Iterator[Finding]:
    from orchestration.warehouse.opening import open_warehouse
    from orchestration.warehouse.reference_cells import unresolved_cells

    for cell in unresolved_cells(open_warehouse(settings)):
        yield Finding("reference names", str(cell), failed=True)


def _sources(settings: Settings, in_force: "InForce") -> Iterator[Finding]:
    from orchestration.inputs.configuration import open_inputs
    from sources.catalog import SOURCES

    said: list[str] = []
    try:
        inputs = open_inputs(settings, said.append)
    except WorkledgerError as error:
        yield Finding("sources", str(error), failed=True)
        return
    if inputs.dataset_dir is not None:
        yield Finding("sandbox", f"serves {inputs.dataset_dir}")
    yield from _reference_files(inputs, in_force)
    for spec in SOURCES.values():
        if spec.name == "claude_code":
            yield _session_roots(inputs)
            yield from _owners_of_session_roots(inputs)
        elif spec.probe:
            yield _credentials(spec, inputs, settings)


def _reference_files(inputs: "Inputs", in_force: "InForce") -> Iterator[Finding]:
    from sources.kit.errors import SourceError
    from sources.reference.client import read_folder, validate_folder
    from sources.reference.rates import missing_rates

    folder = inputs.reference_dir
    try:
        problems = validate_folder(folder, in_force)
    except SourceError as error:
        yield Finding("reference files", str(error), failed=True)
        return
    for sentence in dict.fromkeys(map(str, problems)):
        yield Finding("reference files", sentence, failed=True)
    if not problems:
        count = sum(1 for _ in folder.glob("*.csv"))
        yield Finding("reference files", f"{count} in {folder}, all well-formed")
    contents = read_folder(folder, in_force)
    for sentence in missing_rates(
        lambda file, columns: (tuple(row.values.get(name) for name in columns) for row in contents[file].rows)
    ):
        # Nothing is refused for it, and what needs no conversion is right.
        yield Finding("exchange rates", f"{sentence}.", skipped=True)


def _session_roots(inputs: "Inputs") -> Finding:
    from sources.catalog import SOURCES
    from sources.claude_code.client import SessionRoot, discover, tool_of
    from sources.claude_code.other_logs import counted

    configuration = inputs.configuration("claude_code")
    roots = configuration.get("roots", [])
    file = inputs.reference_dir / "session_roots.csv"
    if fix := inputs.missing(SOURCES["claude_code"]):
        return Finding("claude_code", f"not set up; {fix} to land them", skipped=True)
    archives: Counter[str] = Counter()
    below = {
        root["path"]: discover(
            [SessionRoot(root["path"], root["host"])], configuration["base_folder"], archives=archives
        )
        for root in roots
    }
    tools = {each.location: tool_of(each.location) for files in below.values() for each in files if not each.fault}
    found = {path: sum(tools.get(each.location) == "" for each in files) for path, files in below.items()}
    set_aside = Counter(tool for tool in tools.values() if tool) + archives
    empty = [path for path, count in found.items() if not count]
    faults = [f"{each.location}: {each.fault}" for files in below.values() for each in files if each.fault]
    if len(empty) == len(found):
        sentence = f"no transcript lies below any of the paths in {file} ({', '.join(empty)}); correct the paths."
        sentence += "".join(f" {fault}." for fault in faults)
        if set_aside:
            sentence += f" What is there is no transcript of Claude Code: {counted(set_aside.items())}."
        return Finding("claude_code", sentence, failed=True)
    aside = f"; none below {', '.join(empty)}, which may be misspelt" if empty else ""
    aside += f"; set aside, since they are no transcripts: {counted(set_aside.items())}" if set_aside else ""
    aside += "".join(f"; {fault}" for fault in faults)
    return Finding("claude_code", f"{sum(found.values()):,} transcripts below {len(found)} session roots{aside}")


def _owners_of_session_roots(inputs: "Inputs") -> Iterator[Finding]:
    """Name each address in session_roots.csv that is a person of its own, because developers.csv names nobody."""
    from sources.reference.client import read_file

    if read_file("developers", inputs.reference_dir).rows:
        return  # the check of reference files names an address that is not there
    for row in read_file("session_roots", inputs.reference_dir).rows:
        sentence = (
            f"{row.values['email']} in session_roots.csv, row {row.number}, is nobody in developers.csv and counts as "
            "a person of its own (rule 3.1); add the row there, or correct the address."
        )
        yield Finding("session_roots.csv", sentence)


def _path_globs(settings: Settings) -> Iterator[Finding]:
    """Name each glob of repo_mappings.csv that matches no directory of any transcript."""
    from orchestration.warehouse.opening import open_warehouse

    try:
        with open_warehouse(settings, lambda _: None).connect("transformer") as connection:
            built = connection.execute("select to_regclass('intermediate.int_sessions__unmatched_globs')").fetchone()
            rows = (
                connection.execute(
                    "select path_glob, repo, client, project from intermediate.int_sessions__unmatched_globs order by 1"
                ).fetchall()
                if built and built[0]
                else []
            )
    except WorkledgerError:
        return  # said where the warehouse was looked at
    for path_glob, *names in rows:
        whose = ", ".join(name for name in names if name)
        sentence = (
            f"{path_glob} ({whose}) matches no directory of any transcript; correct it "
            "(`*` stays within one folder, `**/acme` finds acme in any folder), or leave it if work there is to come."
        )
        yield Finding("repo_mappings.csv", sentence, failed=True)


def _credentials(spec: "SourceSpec", inputs: "Inputs", settings: Settings) -> Finding:
    given = inputs.configuration(spec.name)
    if fix := inputs.missing(spec):
        # In a sandbox nothing is set by hand: what is missing is missing in the dataset.
        if not given.keys() - spec.consents or inputs.dataset_dir is not None:
            return Finding(spec.name, f"not set up; {fix} to land it", skipped=True)
        absent = [spec.variable(name) for name in spec.required_settings if not given.get(name)]
        sentence = f"lacks {' and '.join(absent)}; set what is missing, or unset the other settings of {spec.title}."
        return Finding(spec.name, sentence, failed=True)
    from sources.kit.errors import readable

    try:
        with _what_landed(spec, settings):
            _read_first_rows(spec, given)
    # Whatever a source raises is a finding.
    except Exception as error:  # noqa: BLE001
        sentence = readable(error) or f"cannot be read ({type(error).__name__}: {' '.join(str(error).split())})."
        return Finding(spec.name, sentence, failed=True)
    return Finding(spec.name, f"{spec.title} answers and accepts the credentials")


@contextmanager
def _what_landed(spec: "SourceSpec", settings: Settings) -> Iterator[None]:
    """Let a source see what it remembers of its last load: whose data it was, above all; nothing is loaded."""
    from orchestration.warehouse.opening import open_warehouse
    from sources.kit import destination
    from sources.kit.run import keep_quiet

    try:
        warehouse = open_warehouse(settings, lambda _: None)
    except WorkledgerError:
        yield  # said where the warehouse was looked at
        return
    keep_quiet()
    with tempfile.TemporaryDirectory() as folder:
        pipeline = destination.pipeline(spec.name, warehouse.dsn("loader"), spec.schema, Path(folder))
        try:
            pipeline.sync_destination()
            yield
        finally:
            pipeline.deactivate()


def _read_first_rows(spec: "SourceSpec", configuration: dict[str, Any]) -> None:
    from assets.raw import configured

    with configured(spec, configuration):
        source = spec.build().with_resources(spec.probe)
        # A source may declare a table before it asks for rows: only rows, or the end, show that the vendor answered.
        next((batch for batch in source if getattr(batch, "num_rows", 0)), None)


def _clickhouse(settings: Settings) -> Finding:
    from orchestration.warehouse.clickhouse import clickhouse_dsn, is_embedded, open_clickhouse

    try:
        with open_clickhouse(settings) as client:
            version = client.query("select version()").result_rows[0][0]
    except WorkledgerError as error:
        return Finding("clickhouse", str(error), failed=True)
    kind = "embedded engine" if is_embedded(clickhouse_dsn(settings)) else "server"
    return Finding("clickhouse", f"{kind} {version} answers")


def _publishing(settings: Settings) -> Finding:
    from orchestration.warehouse.clickhouse import open_published, postgres_of
    from orchestration.warehouse.opening import open_warehouse
    from publishing.errors import PublishingError
    from publishing.publisher import reach

    if settings.publish_clickhouse_dsn is None:
        return Finding("publishing", "not set up; set PUBLISH_CLICKHOUSE_DSN to publish to ClickHouse", skipped=True)
    try:
        postgres = postgres_of(settings, open_warehouse(settings, lambda _: None))
        with open_published(settings.publish_clickhouse_dsn) as client:
            sentence = reach(client, postgres)
    except (WorkledgerError, PublishingError) as error:
        return Finding("publishing", str(error), failed=True)
    return Finding("publishing", sentence)


def _printing(settings: Settings) -> Finding:
    from invoicing.errors import InvoicingError
    from invoicing.paper.printing import probe
    from orchestration.inputs.paper import printer

    try:
        return Finding("printing", probe(printer(settings)))
    except InvoicingError as error:
        return Finding("printing", str(error), failed=True)


def _dagster(settings: Settings) -> Finding:
    from orchestration.graph.instance import open_instance

    try:
        with open_instance(settings) as instance:
            count = instance.get_runs_count()
            storage = type(instance.event_log_storage).__name__
    except WorkledgerError as error:
        return Finding("dagster", str(error), failed=True)
    # Whatever the storage raises is a finding.
    except Exception as error:  # noqa: BLE001
        reason = " ".join(str(error).split())
        sentence = f"its storage cannot be read ({type(error).__name__}: {reason}); see DAGSTER_DSN and dagster.yaml."
        return Finding("dagster", sentence, failed=True)
    kind = "Postgres" if storage.startswith("Postgres") else "the home"
    return Finding("dagster", f"keeps its runs in {kind}, {count:,} of them now")


def _alerts(settings: Settings) -> Finding:
    from orchestration.graph.notifiers import open_notifiers

    names = [notifier.name for notifier in open_notifiers(settings)]
    if not names:
        return Finding("alerts", "not set up; set ALERT_MAIL_TO or ALERT_WEBHOOK to be told of failures", skipped=True)
    return Finding("alerts", f"go out by {' and '.join(names)}; `workledger doctor --alert` sends a trial")


def _aside(said: list[str]) -> str:
    return f" ({' '.join(said)})" if said else ""
