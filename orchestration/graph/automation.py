"""The conditions by which new raw data is carried through dbt and checked. Schedules and sensors start loads."""

import dagster as dg

SENSOR_NAME = "carry_new_data"
CHECK_SENSOR_NAME = "check_new_data"
# As often as the busiest source is loaded: transcripts grow every few seconds, and a check costs seconds.
CHECK_INTERVAL_SECONDS = 15 * 60


def carry_new_data() -> dg.AutomationCondition[dg.AssetKey]:
    """Build a model once new rows have come for something that it is built from, or its own SQL has changed.

    A raw table's data version changes only when rows were written, so an idle load builds nothing. What is built from a
    model that is requested goes along in the same tick, so that one tick asks for one run of dbt; that such a model has
    been rebuilt is therefore no news of its own. Nothing is requested while the model or an input of it is under way,
    and what came meanwhile is remembered until then. A failed build is not repeated until something changes again.
    """
    loaded = dg.AssetSelection.kind("dlt")
    changed = (
        dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()).allow(loaded)
        | dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested())
        | dg.AutomationCondition.code_version_changed()
        | dg.AutomationCondition.newly_missing()
    ).with_label("new rows, or new SQL")
    return (
        # "Newly requested" is true one look after the request; what changed between the two is still to be built.
        changed.since(dg.AutomationCondition.newly_requested() & ~changed).with_label("new since it was last requested")
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
    ).with_label("carry new data")


def check_new_data() -> dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]:
    """Hold a raw table to its suite once new rows have come since the last look, and once at the beginning.

    As with `carry_new_data`, an idle load changes no data version. A load under way is no reason to wait: what it
    writes is seen whole or not at all, and is checked after the next look.
    """
    return (
        dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
        | dg.AutomationCondition.initial_evaluation()
    ).with_label("new rows since the last look")
