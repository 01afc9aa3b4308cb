"""The conditions under which new raw data starts a build or a check; loads are started by schedules and sensors."""

import dagster as dg

SENSOR_NAME = "carry_new_data"
CHECK_SENSOR_NAME = "check_new_data"
# People wait for new rows; a look costs a second or two of one core.
INTERVAL_SECONDS = 20
# As often as the busiest source is loaded: transcripts grow every few seconds, and a check costs seconds.
CHECK_INTERVAL_SECONDS = 15 * 60


def carry_new_data() -> dg.AutomationCondition[dg.AssetKey]:
    """Build a model when new rows have landed for something that it is built from, or its own SQL has changed.

    A raw table's data version changes only when rows were written, so a load without new rows builds nothing. Whatever
    is built from a requested model is requested in the same tick, so that one tick starts one run of dbt; that such a
    model was rebuilt therefore does not count as a change of its own. Nothing is requested while the model or one of
    its inputs is in progress; what lands meanwhile is requested afterwards. A failed build is not repeated until
    something changes again.
    """
    loaded = dg.AssetSelection.kind("dlt")
    changed = (
        dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()).allow(loaded)
        | dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested())
        | dg.AutomationCondition.code_version_changed()
        | dg.AutomationCondition.newly_missing()
    ).with_label("new rows, or new SQL")
    return (
        # "Newly requested" is true one tick after the request; what changed between the two is still to be built.
        changed.since(dg.AutomationCondition.newly_requested() & ~changed).with_label("new since it was last requested")
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
    ).with_label("carry new data")


def check_new_data() -> dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]:
    """Check a raw table against its suite when new rows have landed since the last tick, and once at the beginning.

    As with `carry_new_data`, a load without new rows changes no data version. A load in progress is no reason to wait:
    what it writes is visible completely or not at all, and is checked after the next tick.
    """
    return (
        dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
        | dg.AutomationCondition.initial_evaluation()
    ).with_label("new rows since the last tick")
