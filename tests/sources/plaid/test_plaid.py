"""The Plaid source against the sandbox: mutations between runs, faults in the middle of a walk, secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.versioned_state import decompress_state
from dlt.pipeline.exceptions import PipelineStepFailed

from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sources.kit import destination
from sources.kit.errors import readable
from sources.plaid.resources import plaid

TOKENS = {"item-one": "access-sandbox-one-11111111", "item-two": "access-sandbox-two-22222222"}


def item(item_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "item_id": item_id,
        "institution_id": "ins_1",
        "institution_name": "First Bank",
        "webhook": None,
        "error": None,
        "available_products": [],
        "billed_products": ["transactions"],
        "consent_expiration_time": None,
        "update_type": "background",
        "_sandbox": {"owner": TOKENS[item_id]},
    } | changes


def account(account_id: str, item_id: str) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "balances": {
            "available": 100.5,
            "current": 110.25,
            "iso_currency_code": "USD",
            "limit": None,
            "unofficial_currency_code": None,
        },
        "mask": "5809",
        "name": "Checking",
        "official_name": None,
        "type": "depository",
        "subtype": "checking",
        "_sandbox": {"owner": TOKENS[item_id]},
    }


def transaction(number: int, account_id: str = "acc-1", **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"t-{number:05d}",
        "account_id": account_id,
        "amount": number + 0.5,
        "iso_currency_code": "USD",
        "unofficial_currency_code": None,
        "date": f"2026-0{1 + number % 9}-1{number % 10}",
        "authorized_date": None,
        "pending": False,
        "pending_transaction_id": None,
        "name": f"PURCHASE {number}",
        "merchant_name": None,
        "payment_channel": "online",
        "personal_finance_category": {"primary": "TRANSPORTATION", "detailed": "TRANSPORTATION_TAXIS"},
    } | changes


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    path = folder / "plaid" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """Two Items, three accounts and 1,210 transactions: three pages for the first Item, one for the second."""
    folder = tmp_path / "dataset"
    write(folder, "items", [item("item-one"), item("item-two")])
    write(
        folder, "accounts", [account("acc-1", "item-one"), account("acc-2", "item-one"), account("acc-3", "item-two")]
    )
    rows = [transaction(number, "acc-1" if number % 2 else "acc-2") for number in range(1200)]
    write(folder, "transactions", [*rows, *(transaction(number, "acc-3") for number in range(2000, 2010))])
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with SandboxServer(folder, remember=False) as server:
        yield server


@pytest.fixture
def land(bank: SandboxServer, fresh_database: Warehouse, tmp_path: Path) -> Callable[..., Any]:
    """A function that runs the source into the test's own warehouse."""

    def run(tokens: str = ",".join(TOKENS.values()), secret: str = "sandbox-plaid-secret", host: str = bank.url) -> Any:
        dlt.secrets["sources.plaid.client_id"] = "sandbox-plaid-client"
        dlt.secrets["sources.plaid.secret"] = secret
        dlt.secrets["sources.plaid.access_tokens"] = tokens
        dlt.config["sources.plaid.host"] = f"{host}/plaid"
        pipeline = destination.pipeline("plaid", fresh_database.dsn("loader"), "raw_plaid", tmp_path / "dlt")
        return pipeline.run(plaid())

    return run


def query(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.connect("loader") as connection:
        return connection.execute(sql).fetchall()


LIVE = """
    select t.transaction_id, t.account_id, t.amount
    from raw_plaid.transactions as t
    inner join raw_plaid.items as i on i.item_id = t.item_id
    left join raw_plaid.transaction_removals as r on r.transaction_id = t.transaction_id
    where coalesce(r.update_number < t.update_number, true) and t.update_number >= i.full_update_number
    order by 1
"""


def truth(bank: SandboxServer) -> list[tuple[Any, ...]]:
    data = bank.data("plaid")
    with data.lock:
        data.refresh()
        return sorted(
            (record.key, record.value["account_id"], Decimal(str(record.value["amount"])))
            for record in data.records("transactions")
        )


def test_a_first_run_lands_every_item_account_and_transaction(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    assert query(fresh_database, LIVE) == truth(bank)
    assert query(fresh_database, "select count(*), count(distinct item_id) from raw_plaid.accounts") == [(3, 2)]
    pages = [json.loads(request.body) for request in bank.requests if request.path == "/transactions/sync"]
    assert len(pages) == 4
    # What the first call of an Item does not ask for, no later one can.
    assert [page["options"].get("days_requested") for page in pages if "cursor" not in page] == [730, 730]
    assert not [page for page in pages if "cursor" in page and "days_requested" in page["options"]]


def test_an_unchanged_run_asks_once_per_item_and_writes_no_row(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    versions = """
        select xmin::text, transaction_id from raw_plaid.transactions
        union all select xmin::text, item_id from raw_plaid.items
        order by 2
    """
    before = query(fresh_database, versions)
    bank.requests.clear()
    land()
    assert query(fresh_database, versions) == before
    assert len(bank.requests) == 6


def test_after_a_dozen_changes_the_tables_equal_the_bank(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    bank.mutate("plaid", "transactions", insert=[transaction(3000, pending=True), transaction(3001, pending=True)])
    land()
    bank.mutate(
        "plaid",
        "transactions",
        insert=[
            transaction(4000, amount=-250.0),  # income
            transaction(4001, amount=0),
            transaction(4002, amount=12.345, iso_currency_code="KWD"),  # three decimals
            transaction(4003, amount=0.00012345, iso_currency_code=None, unofficial_currency_code="BTC"),
            transaction(4004, date="2020-01-31"),  # back-dated
            transaction(4005, date="2031-01-31"),  # future-dated
            transaction(4006, pending_transaction_id="t-03000"),  # posted
            transaction(4007, pending_transaction_id="t-99999"),  # posted, its pending one never seen
            transaction(4008, name=""),
            transaction(4009, merchant_name="NUL \x00 in it"),
        ],
        update={
            "t-00001": {"amount": 99.99},
            "t-00002": {"account_id": "acc-1"},  # moved to another account
            "t-00003": {"personal_finance_category": None},
            "t-02001": {"date": "2026-03-03"},
        },
        delete=["t-03000", "t-03001", "t-00004", "t-02009"],
    )
    land()
    assert query(fresh_database, LIVE) == truth(bank)
    removed = query(fresh_database, "select transaction_id from raw_plaid.transaction_removals order by 1")
    assert removed == [("t-00004",), ("t-02009",), ("t-03000",), ("t-03001",)]
    # A transaction that comes back under its old id is no longer removed.
    bank.mutate("plaid", "transactions", insert=[transaction(4)])
    land()
    assert query(fresh_database, LIVE) == truth(bank)


def test_an_account_that_vanishes_is_marked_and_no_other(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    def gone() -> list[tuple[Any, ...]]:
        return query(fresh_database, "select account_id from raw_plaid.accounts where is_deleted order by 1")

    land()
    nameless = {"kind": "malform", "list_name": "accounts", "unset": ["account_id"], "index": 0}
    bank.faults.add([{"vendor": "plaid", "path": "accounts/get", **nameless}])
    land()
    assert query(fresh_database, "select table_name from raw_plaid.quarantined_records") == [("accounts",)]
    assert gone() == [], "an account that cannot be told by its id is none that is gone"
    problem = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": "sign in"}
    bank.mutate("plaid", "items", update={"item-one": {"error": problem}})
    bank.mutate("plaid", "accounts", delete=["acc-2"])
    land()
    assert gone() == [], "an Item that cannot be read tells nothing of its accounts"
    bank.mutate("plaid", "items", update={"item-one": {"error": None}})
    land()
    assert gone() == [("acc-2",)]
    # It keeps its last balances, and comes to life again where Plaid shows it again.
    assert query(
        fresh_database, "select balance_current, deleted_at is null from raw_plaid.accounts where account_id = 'acc-2'"
    ) == [(Decimal("110.25"), False)]
    assert query(fresh_database, LIVE) == truth(bank)
    bank.mutate("plaid", "accounts", insert=[account("acc-2", "item-one")])
    land()
    assert gone() == []
    assert query(fresh_database, "select count(*) from raw_plaid.accounts") == [(3,)]


def test_a_lost_account_or_a_shrunken_history_deletes_nothing(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    bank.mutate("plaid", "transactions", insert=[transaction(4000, date="2019-05-05")])
    land()
    lost = "select account_id, is_deleted from raw_plaid.accounts where is_deleted or not_visible_since is not null"
    whole_list = {"path": "accounts/get", "body": "^((?!account_ids).)*$"}
    bank.faults.add([{"kind": "drop", **whole_list, "index": 1, "count": 1}])
    land()
    assert query(fresh_database, lost) == []
    refusal = {"error_type": "ITEM_ERROR", "error_code": "NO_ACCOUNTS", "error_message": "no"}
    bank.faults.add([{"kind": "drop", **whole_list, "index": 1, "count": 1}])
    asked = {"path": "accounts/get", "body": "account_ids"}
    bank.faults.add([{"kind": "status", **asked, "status": 400, "answer": refusal}])
    land()
    assert query(fresh_database, lost) == [("acc-2", False)]
    # The history is read again from the beginning, and all of its pages are empty.
    forget = {"_sandbox": {"owner": TOKENS["item-one"], "stale_before": "2099-01-01T00:00:00Z"}}
    bank.mutate("plaid", "items", update={"item-one": forget})
    before = query(fresh_database, LIVE)
    bank.faults.add([{"kind": "drop", "path": "transactions/sync", "list_name": "added", "times": 0}])
    with pytest.raises(PipelineStepFailed) as failure:
        land()
    assert "1,201 of 1,201 transactions of Item item-one are no longer shown" in (readable(failure.value) or "")
    assert query(fresh_database, LIVE) == before
    # It may reach less far back than what landed.
    bank.faults.clear()
    bank.mutate("plaid", "transactions", delete=["t-04000"])
    land()
    assert query(fresh_database, "select item_id, full_update_since::text from raw_plaid.items order by 1") == [
        ("item-one", "2026-01-10"),
        ("item-two", "2026-01-17"),
    ]


def test_an_item_in_trouble_keeps_its_rows_and_does_not_stop_the_others(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    problem = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": "sign in"}
    bank.mutate("plaid", "items", update={"item-one": {"error": problem}})
    bank.mutate("plaid", "transactions", insert=[transaction(5000), transaction(5001, "acc-3")])
    land()
    assert query(fresh_database, "select count(*) from raw_plaid.transactions where item_id = 'item-one'") == [(1200,)]
    assert query(fresh_database, "select count(*) from raw_plaid.transactions where transaction_id = 't-05001'") == [
        (1,)
    ]
    assert query(fresh_database, "select item_id from raw_plaid.items where error_code = 'ITEM_LOGIN_REQUIRED'") == [
        ("item-one",)
    ]
    bank.mutate("plaid", "items", update={"item-one": {"error": None}})
    land()
    assert query(fresh_database, LIVE) == truth(bank)
    assert query(fresh_database, "select count(*) from raw_plaid.items where error_code is not null") == [(0,)]


def test_data_that_changes_between_pages_restarts_the_update_where_it_began(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    changes = [{"collection": "transactions", "update": {"t-00001": {"amount": 1.25}}}]
    again = [{"collection": "transactions", "delete": ["t-00007"], "insert": [transaction(6000)]}]
    bank.faults.add([{"kind": "mutate", "vendor": "plaid", "path": "sync", "nth": 2, "changes": changes}])
    bank.faults.add([{"kind": "mutate", "vendor": "plaid", "path": "sync", "nth": 4, "changes": again}])
    land()
    assert query(fresh_database, LIVE) == truth(bank)
    assert query(fresh_database, "select count(*) from raw_plaid.transaction_removals") == [(0,)]


def test_a_cursor_that_keeps_failing_gives_way_to_a_new_reading_of_the_history(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    marks = {"owner": TOKENS["item-one"], "stale_before": "2100-01-01T00:00:00Z"}
    bank.mutate("plaid", "items", update={"item-one": {"_sandbox": marks}})
    bank.mutate("plaid", "transactions", delete=["t-00011"])
    land()
    assert query(fresh_database, LIVE) == truth(bank)
    assert query(fresh_database, "select full_update_number from raw_plaid.items where item_id = 'item-one'") == [(2,)]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": 1, "answer": {"error_code": "TRANSACTIONS_SYNC_LIMIT"}},
        {"kind": "status", "status": 429, "answer": {"error_code": "RATE_LIMIT_EXCEEDED"}},
        {"kind": "status", "status": 500, "answer": {"error_code": "INTERNAL_SERVER_ERROR"}, "times": 3},
        {"kind": "html", "status": 502},
        {"kind": "html", "status": 200},
        {"kind": "truncate"},
        {"kind": "truncate", "honest": True},
        {"kind": "disconnect"},
    ],
    ids=lambda fault: "-".join(str(fault.get(key)) for key in ("kind", "status", "retry_after", "honest")),
)
def test_a_passing_fault_in_the_middle_of_a_walk_changes_nothing(
    fault: dict[str, Any], bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    bank.faults.add([{"vendor": "plaid", "path": "sync", "nth": 2, **fault}])
    land()
    assert query(fresh_database, LIVE) == truth(bank)


def test_a_malformed_record_is_quarantined_and_its_page_lands(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    spoiled = {"kind": "malform", "list_name": "added", "set": {"amount": "a lot"}, "index": 3}
    bank.faults.add([{"vendor": "plaid", "path": "sync", **spoiled}])
    land()
    assert query(fresh_database, "select count(*) from raw_plaid.transactions") == [(1209,)]
    ((table, reason),) = query(fresh_database, "select table_name, reason from raw_plaid.quarantined_records")
    assert table == "transactions"
    assert "amount" in reason


def test_not_ready_is_no_progress(bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse) -> None:
    marks = {"owner": TOKENS["item-one"]}
    bank.mutate("plaid", "items", update={"item-one": {"_sandbox": {**marks, "not_ready": True}}})
    land()
    assert query(fresh_database, "select cursor from raw_plaid.items where item_id = 'item-one'") == [(None,)]
    bank.mutate("plaid", "items", update={"item-one": {"_sandbox": marks}})
    land()
    assert query(fresh_database, LIVE) == truth(bank)


def test_giving_up_says_so_in_one_sentence_and_leaves_tables_and_cursors(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    before = query(fresh_database, "select item_id, cursor from raw_plaid.items order by 1")
    bank.mutate("plaid", "transactions", insert=[transaction(7000), transaction(7001, "acc-3")])
    bank.faults.add([{"kind": "status", "status": 503, "vendor": "plaid", "path": "sync", "nth": 2, "times": 0}])
    with pytest.raises(PipelineStepFailed) as failure:
        land()
    assert "transactions/sync failed 6 times, the last time with status 503" in str(failure.value)
    assert query(fresh_database, "select count(*) from raw_plaid.transactions") == [(1210,)]
    assert query(fresh_database, "select item_id, cursor from raw_plaid.items order by 1") == before
    bank.faults.clear()
    land()
    assert query(fresh_database, LIVE) == truth(bank)


def test_wrong_credentials_are_named_by_their_setting(bank: SandboxServer, land: Callable[..., Any]) -> None:
    with pytest.raises(PipelineStepFailed, match="SOURCES__PLAID__CLIENT_ID"):
        land(secret="wrong-secret-wrong")


def test_a_dead_token_is_named_by_its_place_and_the_others_go_on(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    land(tokens=f"access-sandbox-dead-000,{TOKENS['item-two']}")
    assert query(fresh_database, "select item_id from raw_plaid.items") == [("item-two",)]
    with pytest.raises(PipelineStepFailed, match="none of the 1 access tokens opens an Item"):
        land(tokens="access-sandbox-dead-000")


def test_no_token_or_secret_is_in_tables_or_state(
    land: Callable[..., Any], fresh_database: Warehouse, tmp_path: Path
) -> None:
    info = land()
    secrets = [*TOKENS.values(), "sandbox-plaid-secret"]
    tables = query(fresh_database, "select tablename from pg_tables where schemaname like 'raw_plaid%'")
    texts = [str(info)]
    for (name,) in tables:
        texts += [str(row) for row in query(fresh_database, f'select t::text from raw_plaid."{name}" as t')]
    (state,) = [row[0] for row in query(fresh_database, "select state from raw_plaid._dlt_pipeline_state")]
    texts.append(str(decompress_state(state)))
    assert "cursor" in texts[-1]
    texts += [path.read_text(errors="replace") for path in (tmp_path / "dlt").rglob("*") if path.is_file()]
    assert len(texts) > 1000
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_another_client_or_environment_is_refused_before_anything_of_it_lands(
    bank: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse, tmp_path: Path
) -> None:
    land()
    bank.mutate("plaid", "transactions", insert=[transaction(5000)])
    elsewhere = bank.url.replace("127.0.0.1", "localhost")
    with pytest.raises(PipelineStepFailed) as failure:
        land(host=elsewhere)
    told = readable(failure.value) or ""
    assert "that of client 127.0.0.1/plaid (" in told
    assert "but the settings lead to localhost/plaid (" in told
    assert "sandbox-plaid-client" not in told
    assert query(fresh_database, "select count(*) from raw_plaid.transactions") == [(1210,)]
    # An earlier version remembered no client: one that has none of the landed Items is another one.
    pipeline = dlt.attach("plaid", pipelines_dir=str(tmp_path / "dlt"))
    with pipeline.managed_state() as state:
        del state["sources"]["plaid"]["account"]
    with fresh_database.connect("loader") as connection:
        connection.execute("update raw_plaid.items set item_id = 'other-' || item_id")
    with pytest.raises(PipelineStepFailed) as failure:
        land()
    assert "that of client First Bank (other-item-one)" in (readable(failure.value) or "")
