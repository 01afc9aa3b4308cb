"""What a run needs: values that its resources share, dlt kept quiet, and the command `python -m sources.<name>`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

import click
import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.telemetry import stop_telemetry
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable

from sources.kit import destination
from sources.kit.addresses import has_one_reading
from sources.kit.errors import readable
from sources.kit.spec import SourceSpec

Kept = TypeVar("Kept")


class PerRun(Generic[Kept]):
    """One value for all resources of a run; the next run of the same source makes a new one."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        """Take the function that makes the value; it is called on first use."""
        self._make = make
        self._load_id: str | None = None
        self._kept: Kept | None = None

    def __call__(self) -> Kept:
        """Return the value of the current run."""
        load_id = _load_id()
        if self._kept is None or load_id != self._load_id:
            self._load_id, self._kept = load_id, self._make()
        return self._kept


def _load_id() -> str | None:
    """Return the id of the load package that is being extracted, None outside of a run."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return None


@cache
def keep_quiet() -> None:
    """Switch dlt's telemetry off and its log to errors; call it before the first pipeline is made.

    dlt starts its tracker on the first look at its configuration, so setting the option is not enough: the tracker is
    stopped and the runtime initialized again. At level WARNING dlt would say for each table and load that JSON columns
    are text in Arrow, which is intended.
    """
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    stop_telemetry()
    Container()[PluggableRunContext].initialize_runtime()


def main(spec: SourceSpec) -> None:
    """Land a source in Postgres and print the number of rows; on failure print one sentence and exit with 1."""
    name = spec.name

    @click.command(name, help=f"Land {spec.title} in Postgres. Settings: SOURCES__{name.upper()}__…")
    @click.option("--dsn", required=True, help="Postgres DSN, postgresql://user:password@host:port/database.")
    @click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the source.")
    def command(dsn: str, settings: tuple[str, ...]) -> None:
        if not has_one_reading(dsn):
            raise click.UsageError(
                "--dsn cannot be read: write special characters in user and password as %40 and so on"
            )
        keep_quiet()
        for setting in settings:
            key, separator, value = setting.partition("=")
            if not separator:
                raise click.UsageError(f"--set {setting!r}: expected KEY=VALUE")
            dlt.config[f"sources.{name}.{key}"] = value
        pipeline = destination.pipeline(name, dsn, spec.schema)
        pipeline.drop()  # a killed run is read again from the cursors in the warehouse
        try:
            pipeline.run(spec.build())
        except Exception as failure:
            sentence = readable(failure) or _missing_setting(spec, failure)
            if sentence is None:
                raise
            click.echo(sentence, err=True)
            sys.exit(1)
        trace = pipeline.last_trace
        counts: dict[str, int] = {}
        for steps in trace.last_extract_info.metrics.values() if trace and trace.last_extract_info else ():
            for step in steps:
                for table, metrics in step["table_metrics"].items():
                    counts[table] = counts.get(table, 0) + metrics.items_count
        for table, count in sorted(counts.items()):
            if not table.startswith("_dlt"):
                click.echo(f"{table:32} {count:>10,} rows handed over")

    command()


def _missing_setting(spec: SourceSpec, failure: BaseException | None) -> str | None:
    """Return the sentence for a setting that dlt did not find."""
    while failure is not None:
        if isinstance(failure, ConfigFieldMissingException):
            settings = " and ".join(map(spec.variable, failure.fields))
            return f"{spec.name}: {settings} is not set; set it in the environment or by --set"
        failure = failure.__cause__ or failure.__context__
    return None
