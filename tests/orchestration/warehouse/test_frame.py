"""A query as a data frame: what is exact in the warehouse stays exact."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import psycopg
import pytest

from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.frame import frame

QUERY = """
    select * from (values
        (1, 0.10::numeric(14, 2), true, 'Acme', date '2026-03-29', timestamptz '2026-03-29 01:30+01'),
        (null, null, null, null, null, null)
    ) as rows (seconds, amount, billable, client, local_date, start_time)
"""


def test_values_keep_their_meaning(warehouse: Warehouse) -> None:
    rows = frame(QUERY, warehouse=warehouse)

    assert rows.iloc[0].to_dict() == {
        "seconds": 1,
        "amount": Decimal("0.10"),
        "billable": True,
        "client": "Acme",
        "local_date": date(2026, 3, 29),
        "start_time": pd.Timestamp(datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
    }
    assert rows.iloc[1].isna().all()
    assert (str(rows["seconds"].dtype), str(rows["start_time"].dtype)) == ("Int64", "datetime64[us, UTC]")


def test_money_adds_up_exactly(warehouse: Warehouse) -> None:
    rows = frame("select 0.1::numeric(14, 2) as amount from generate_series(1, 30)", warehouse=warehouse)

    assert rows["amount"].sum() == Decimal("3.00")


def test_a_query_without_rows_has_its_columns(warehouse: Warehouse) -> None:
    rows = frame("select 1 as seconds, 'x' as client where false", warehouse=warehouse)

    assert list(rows.columns) == ["seconds", "client"]
    assert rows.empty


def test_parameters_are_bound_and_rights_apply(warehouse: Warehouse) -> None:
    assert frame("select %(name)s as name", {"name": "O'Hara"}, warehouse=warehouse)["name"].tolist() == ["O'Hara"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        frame("select * from registry.built_nodes", warehouse=warehouse)
