"""Runs one source alone: `python -m sources.<name>`. Schedules, profiles, the embedded warehouse are not its matter."""

from __future__ import annotations

import sys

import click
import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException

from sources import destination
from sources.catalog import SOURCES
from sources.errors import readable
from sources.runtime import keep_quiet


def main(name: str) -> None:
    """Land the source `name` in Postgres and print what arrived; on failure print one sentence and end with 1."""

    @click.command(name, help=f"Land {SOURCES[name].title} in Postgres. Settings: SOURCES__{name.upper()}__…")
    @click.option("--dsn", required=True, help="Postgres DSN, postgresql://user:password@host:port/database.")
    @click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the source.")
    def command(dsn: str, settings: tuple[str, ...]) -> None:
        keep_quiet()
        for setting in settings:
            key, separator, value = setting.partition("=")
            if not separator:
                raise click.UsageError(f"--set {setting!r}: expected KEY=VALUE")
            dlt.config[f"sources.{name}.{key}"] = value
        pipeline = destination.pipeline(name, dsn, f"raw_{name}")
        pipeline.drop()  # what a killed run left behind is read again from the cursors that the warehouse holds
        try:
            pipeline.run(SOURCES[name].build())
        except Exception as failure:
            sentence = readable(failure) or _missing_setting(name, failure)
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


def _missing_setting(name: str, failure: BaseException | None) -> str | None:
    """The sentence for a setting that dlt looked for in vain."""
    while failure is not None:
        if isinstance(failure, ConfigFieldMissingException):
            settings = " and ".join(f"SOURCES__{name.upper()}__{field.upper()}" for field in failure.fields)
            return f"{name}: {settings} is not set; set it in the environment or by --set"
        failure = failure.__cause__ or failure.__context__
    return None
