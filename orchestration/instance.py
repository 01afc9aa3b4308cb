"""Dagster's own home: where it keeps its runs, and by what limits it starts them. No asset and no schedule here."""

from pathlib import Path
from typing import Final

from orchestration.errors import SettingsError
from orchestration.settings import Settings

_DAGSTER_YAML: Final = """\
# Written by Workledger on every start; changes here do not last.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    # A source and the warehouse's build have a pool each: never two loads of one cursor at a time.
    default_limit: 1
    granularity: op
run_monitoring:
  enabled: true
run_retries:
  enabled: true
  max_retries: 0
retention:
  # The sensor for grown transcripts ticks every 30 seconds.
  sensor:
    purge_after_days: {skipped: 1, success: 30, failure: 30, started: 30}
  schedule:
    purge_after_days: 90
"""


def dagster_home(settings: Settings) -> Path:
    """Return Dagster's home within ours, with its configuration written.

    Raises:
        SettingsError: the home cannot be written.
    """
    home = settings.home / "dagster"
    file = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text() != _DAGSTER_YAML:
            file.write_text(_DAGSTER_YAML)
    except OSError as error:
        raise SettingsError(
            f"Dagster's home {home} cannot be written ({error.strerror}); "
            "mend its permissions or set WORKLEDGER_HOME to a folder of your own."
        ) from error
    return home
