"""A query's result as a pandas data frame, for notebooks and whatever shows a table to a person."""

from typing import TYPE_CHECKING, Any, LiteralString

from orchestration.settings import load_settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.roles import Role

if TYPE_CHECKING:
    import pandas as pd


def frame(
    query: LiteralString,
    parameters: dict[str, Any] | None = None,
    *,
    role: Role = "analyst",
    warehouse: Warehouse | None = None,
) -> "pd.DataFrame":
    """Run a query and return its rows.

    Values keep the meaning that they have in the warehouse: money is exact (`decimal.Decimal`), whole numbers stay
    whole where some are missing (`Int64`), timestamps are in UTC, dates are `datetime.date`, and a missing value is
    `pd.NA` or None.

    Args:
        query: one SQL statement with `%(name)s` for each parameter.
        parameters: values by name.
        role: as whom the query runs; its rights and its time-out apply.
        warehouse: which one; by default that of the environment's settings.

    Raises:
        WarehouseError: the warehouse cannot be reached.
        psycopg.Error: the query is refused.
    """
    import pandas as pd

    with (warehouse or open_warehouse(load_settings())).connect(role) as connection:
        cursor = connection.execute(query, parameters)
        columns = cursor.description or []
        rows = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in columns], dtype=object)
    kinds: dict[str, pd.api.extensions.ExtensionDtype] = {
        **dict.fromkeys(("int2", "int4", "int8"), pd.Int64Dtype()),
        "bool": pd.BooleanDtype(),
        "timestamptz": pd.DatetimeTZDtype("us", "UTC"),
    }
    for column in columns:
        if (kind := kinds.get(column.type_display)) is not None:
            rows[column.name] = rows[column.name].astype(kind)
    return rows
