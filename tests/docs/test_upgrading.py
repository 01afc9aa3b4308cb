"""docs/upgrading.md names every inner part of Dagster, dlt and dbt that the code relies on, and tests that exist."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = PROJECT / "docs" / "upgrading.md"
# Public doors of the three libraries; everything below other modules is their inner structure.
PUBLIC = frozenset({"dagster", "dagster_dbt", "dlt", "dlt.destinations", "dlt.destinations.exceptions", "dbt.cli.main"})


def _inner_names() -> Iterator[tuple[str, str]]:
    for package in ("sources", "assets", "orchestration"):
        for file in sorted((PROJECT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module and node.module not in PUBLIC:
                    top = node.module.split(".")[0]
                    if top in ("dagster", "dagster_dbt", "dagster_postgres", "dlt", "dbt", "dbt_common"):
                        for name in node.names:
                            yield f"{node.module}.{name.name}", str(file.relative_to(PROJECT))


def _listed() -> set[tuple[str, str]]:
    rows = re.findall(r"^\| `((?:dagster|dlt|dbt)[\w.]+)` \| (.+) \|$", GUIDE.read_text(), re.MULTILINE)
    return {(name, file) for name, files in rows for file in re.findall(r"`([^`]+)`", files)}


def test_every_inner_name_is_listed_where_it_is_used() -> None:
    assert _listed() == set(_inner_names())


@pytest.mark.parametrize("name", sorted({name for name, _ in _listed()}))
def test_an_inner_name_still_exists(name: str) -> None:
    module, attribute = name.rsplit(".", 1)
    assert hasattr(import_module(module), attribute)


def test_files_that_the_guide_names_exist() -> None:
    named = set(re.findall(r"`([\w/]+\.(?:py|sql|md|toml|lock))`", GUIDE.read_text()))
    missing = sorted(file for file in named if not (PROJECT / file).exists())
    assert missing == []
