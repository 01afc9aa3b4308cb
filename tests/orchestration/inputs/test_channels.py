"""The channels that settings open, and the codes of other systems as the reference files have them."""

from pathlib import Path

import pytest

from invoicing.delivery.codes import read_codes
from invoicing.delivery.planfact import PlanFactChannel
from invoicing.delivery.storage import StorageChannel
from invoicing.errors import InvoicingError
from orchestration.inputs.channels import open_channels
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from sources.catalog import SOURCES


def _opened(warehouse: Warehouse, **given: str) -> dict[str, object]:
    settings = Settings(profile="production", home=Path("/home"), **given)  # type: ignore[arg-type]
    with warehouse.connect("owner") as connection:
        return {channel.name: channel for channel in open_channels(settings, connection, print)}


def test_a_folder_is_always_there_and_the_rest_as_it_is_set_up(warehouse: Warehouse) -> None:
    assert _opened(warehouse) == {"storage": StorageChannel("/home/invoices")}
    bucket = {"storage_url": "s3://bucket/x", "storage_region": "auto"}
    assert _opened(warehouse, smtp_dsn="smtp://localhost", mail_from="a@b.example", **bucket).keys() == {
        "storage",
        "email",
    }


def test_codes_come_from_the_reference_files(warehouse: Warehouse) -> None:
    with pytest.raises(InvoicingError, match=r"accounting_codes\.csv is not loaded yet"):
        _opened(warehouse, planfact_api_key="key")
    table = f"{SOURCES['reference'].schema}.accounting_codes"
    with warehouse.connect("loader") as connection:
        connection.execute(f"create table {table} (system text, kind text, key text, code text)")
        connection.execute(
            f"insert into {table} values ('planfact', 'account', 'USD', '7'), ('didox', 'account', 'USD', '8')"
        )
    channel = _opened(warehouse, planfact_api_key="key")["accounting"]
    assert isinstance(channel, PlanFactChannel)
    assert channel.codes.number("account", "USD") == 7
    with warehouse.connect("owner") as connection:
        assert read_codes(connection, "didox").code("account", "usd") == "8"
