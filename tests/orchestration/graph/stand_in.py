"""A job that does nothing, where a test needs the run of some job."""

import dagster as dg


@dg.op
def nothing() -> None:
    """Stand in for a load."""


@dg.job
def a_load() -> None:
    nothing()
