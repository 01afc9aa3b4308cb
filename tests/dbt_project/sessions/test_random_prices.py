"""Random price lists, multipliers and answers: what the SQL charges is what a plain calculation charges (rule 5.19)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject

Row = dict[str, Any]
SEED = 20261129
ANSWERS = 600
PLAIN = ("claude-opus-7", "claude-sonnet-7", "claude-haiku-7", "glm-9")
SPELLINGS = ("{}", "{}-20260101", "{}[1m]", "{}-fast", "relay/{}", "us.anthropic.{}-v1:0", "global.anthropic.{}-v1:0")
DAYS = (None, date(2026, 3, 1), date(2026, 6, 1), date(2026, 9, 1))
SIZES = (None, 100_000, 200_000)
START = datetime(2026, 2, 1, tzinfo=UTC)


def _plain_name(model: str) -> str:
    name = model.removesuffix("[1m]").removesuffix("-fast").rsplit("/", 1)[-1]
    return name.rsplit("anthropic.", 1)[-1].removesuffix("-v1:0").removesuffix("-20260101")


def _is_regional(model: str) -> bool:
    return model.startswith("us.anthropic.")


def _price(model: str, at: datetime, tokens: int, own: Sequence[Row], catalog: Sequence[Row]) -> Row | None:
    """The row that holds, with `is_family`: whether it is not the model's own but its family's."""
    names = [model]
    if "claude" in model:
        dated = model.removesuffix("[1m]").removesuffix("-fast").rsplit("/", 1)[-1].rsplit("anthropic.", 1)[-1]
        names += [dated.removesuffix("-v1:0"), _plain_name(model)]
    else:
        names += [_plain_name(model)] * 2
    best: tuple[tuple[Any, ...], Row] | None = None
    for rank, name in enumerate(names):
        if name in names[:rank]:
            continue
        for source, rows in enumerate((own, catalog)):
            in_force = [
                row
                for row in rows
                if row["model"] == name
                and (row["valid_from"] is None or at.date() >= row["valid_from"])
                and (row["above_prompt_tokens"] or 0) < max(tokens, 1)
            ]
            if not in_force:
                continue
            row = max(in_force, key=lambda row: (row["valid_from"] or date.min, row["above_prompt_tokens"] or 0))
            is_family = rank > 0 and _is_regional(model)
            order = (is_family, -(row["above_prompt_tokens"] or 0), source, rank)
            if best is None or order < best[0]:
                best = order, row | {"is_family": is_family}
    return best[1] if best else None


def _multiplier(model: str, at: datetime, term: str, value: str | None, rows: Sequence[Row]) -> Decimal:
    name = _plain_name(model)
    found = [
        row
        for row in rows
        if row["term"] == term
        and row["value"] == value
        and (name == row["model"] or (row["model"].endswith("*") and name.startswith(row["model"][:-1])))
        and (row["valid_from"] or date.min) <= at.date() <= (row["valid_to"] or date.max)
    ]
    return max(found, key=lambda row: len(row["model"]))["multiplier"] if found else Decimal(1)


def _lists(random: Random) -> tuple[list[Row], list[Row], list[Row]]:
    own: list[Row] = []
    catalog: list[Row] = []
    for model in PLAIN:
        for rows, spellings in ((own, SPELLINGS[:2]), (catalog, SPELLINGS)):
            for spelling in spellings:
                keys = {(day, size) for day in DAYS for size in SIZES if random.random() < 0.15}
                rows += [
                    {
                        "model": spelling.format(model),
                        "valid_from": day,
                        "above_prompt_tokens": size,
                        "input": Decimal(random.randrange(1, 50)),
                        "output": Decimal(random.randrange(1, 99)),
                        "cache_write_5m": Decimal(1),
                        "cache_write_1h": Decimal(2),
                        "cache_read": Decimal(0),
                    }
                    for day, size in sorted(keys, key=str)
                ]
    multipliers = [
        {"model": pattern, "term": term, "value": value, "valid_from": first, "valid_to": last, "multiplier": factor}
        for pattern, term, value, first, last, factor in (
            ("*", "service_tier", "batch", None, None, Decimal("0.5")),
            ("claude-*", "inference_geo", "us", None, None, Decimal("1.1")),
            ("claude-haiku-7", "inference_geo", "us", None, None, Decimal(1)),
            ("claude-opus-7", "speed", "fast", None, date(2026, 5, 31), Decimal(6)),
            ("claude-opus-7", "speed", "fast", date(2026, 6, 15), None, Decimal(2)),
            ("claude-*", "cloud_region", "regional", None, None, Decimal("1.1")),
        )
    ]
    return own, catalog, multipliers


@pytest.fixture(scope="module")
def priced(dbt_project: DbtProject) -> tuple[dict[str, Decimal | None], dict[str, Decimal | None]]:
    """By message id what the SQL charges and what the plain calculation does."""
    random = Random(SEED)
    own, catalog, multipliers = _lists(random)
    messages, expected = [], {}
    for number in range(ANSWERS):
        name = random.choice(PLAIN)
        # Clouds and fast mode are of the one vendor.
        model = random.choice(SPELLINGS if "claude" in name else SPELLINGS[:3]).format(name)
        at = datetime.combine(START.date() + timedelta(days=random.randrange(300)), time(random.randrange(24)), UTC)
        tokens = random.choice((0, 1, 100_000, 100_001, 200_000, 200_001))
        terms = {
            "speed": random.choice((None, "standard", "fast")),
            "inference_geo": random.choice((None, "us", "global")),
            "service_tier": random.choice((None, "standard", "batch")),
        }
        message_id = f"msg_01{number:020}"
        messages.append(
            {
                "file_id": "f",
                "generation": 0,
                "line_offset": number,
                "record_index": 0,
                "session_id": "s",
                "uuid": f"u{number}",
                "message_id": message_id,
                "answered_at": at,
                "model": model,
                "input_tokens": tokens,
                "output_tokens": 1000,
                **terms,
            }
        )
        price = _price(model, at, tokens, own, catalog)
        cost = None
        if price is not None:
            is_fast = terms["speed"] == "fast" or ("claude" in model and model.endswith("-fast"))
            cost = (tokens * price["input"] + 1000 * price["output"]) / Decimal(10**6)
            for term, value in (*terms.items(), ("cloud_region", "regional" if price["is_family"] else None)):
                cost *= _multiplier(model, at, term, "fast" if term == "speed" and is_fast else value, multipliers)
        expected[message_id] = cost
    dbt_project.load(
        {
            "reference.agency": [{"legal_name": "Agency", "timezone": "UTC"}],
            "reference.model_prices": [row | {"row_key": f"price {number}"} for number, row in enumerate(own)],
            "reference.price_multipliers": [
                row | {"row_key": f"multiplier {number}"} for number, row in enumerate(multipliers)
            ],
            "claude_code.catalog_prices": [
                row
                | {
                    "valid_from": datetime.combine(row["valid_from"] or date(1970, 1, 1), time(), UTC),
                    "above_prompt_tokens": row["above_prompt_tokens"] or 0,
                }
                for row in catalog
            ],
            "claude_code.files": [{"file_id": "f", "path": "/f.jsonl", "root_path": "/", "generation": 0}],
            "claude_code.messages": messages,
            "claude_code.events": [
                {
                    "file_id": "f",
                    "generation": 0,
                    "line_offset": 0,
                    "record_index": 0,
                    "session_id": "s",
                    "occurred_at": START,
                    "kind": "answer",
                }
            ],
        }
    )
    dbt_project.build("+session_messages")
    actual = dbt_project.rows("select message_id, cost_usd from marts.session_messages")
    return {row["message_id"]: row["cost_usd"] for row in actual}, expected


def test_answers_cost_what_the_lists_say(priced: tuple[dict[str, Decimal | None], dict[str, Decimal | None]]) -> None:
    actual, expected = priced
    wrong = {
        message_id: (actual[message_id], cost)
        for message_id, cost in expected.items()
        if (cost is None) != (actual[message_id] is None)
        or (cost is not None and abs(cost - (actual[message_id] or 0)) > Decimal("0.000001"))
    }
    assert wrong == {}
    assert sum(cost is None for cost in expected.values()) < ANSWERS / 2
