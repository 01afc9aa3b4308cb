"""The one condition that carries new raw data through dbt. What starts a load belongs to schedules and sensors."""

import dagster as dg

SENSOR_NAME = "carry_new_data"


def carry_new_data() -> dg.AutomationCondition[dg.AssetKey]:
    """Build a model once something that it is built from has changed, or when its own SQL has.

    A raw asset's data version changes only when rows were written, so an idle load builds nothing. A model whose input
    is requested in the same tick goes along: one tick requests one run of dbt. Nothing is requested while the model or
    an input of it is under way, and what changed meanwhile is remembered until then. A failed build is not repeated
    until something changes again.
    """
    changed = (
        dg.AutomationCondition.any_deps_match(
            dg.AutomationCondition.data_version_changed() | dg.AutomationCondition.will_be_requested()
        )
        | dg.AutomationCondition.code_version_changed()
        | dg.AutomationCondition.newly_missing()
    ).with_label("an input or the model itself has changed")
    return (
        changed.since(dg.AutomationCondition.newly_requested()).with_label("changed since it was last requested")
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
    ).with_label("carry new data")
