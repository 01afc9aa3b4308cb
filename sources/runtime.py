"""dlt's own behaviour in this process: no telemetry, no chatter. What a source reads does not belong here."""

from functools import cache

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.telemetry import stop_telemetry


@cache
def keep_quiet() -> None:
    """Switch dlt's telemetry off and its log to errors; to be called before the first pipeline is made.

    dlt starts its tracker on the first look at its configuration, so setting the option is not enough: what has begun
    is stopped, and the runtime begins again. Of warnings there is one for each table and load: that JSON travels as
    text within Arrow, which is how it is meant.
    """
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    stop_telemetry()
    Container()[PluggableRunContext].initialize_runtime()
