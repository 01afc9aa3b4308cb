"""docs/changes.md names only files, models and incremental strategies that exist."""

import re

import pytest

from orchestration.settings import PROJECT_FOLDER

_NAMES = sorted(set(re.findall(r"`([\w/.]+)`", (PROJECT_FOLDER / "docs" / "changes.md").read_text())))
_FILES = [name for name in _NAMES if re.search(r"/.*(\.\w+|/)$", name)]
_MODELS = [name for name in _NAMES if name.startswith("int_")]
_MACROS = "".join(file.read_text() for file in (PROJECT_FOLDER / "dbt_project" / "macros").rglob("*.sql"))


def test_the_page_names_files_and_models() -> None:
    assert len(_FILES) >= 8
    assert len(_MODELS) >= 8


@pytest.mark.parametrize("file", _FILES)
def test_a_file_that_the_page_names_exists(file: str) -> None:
    assert (PROJECT_FOLDER / file).exists()


@pytest.mark.parametrize("model", _MODELS)
def test_a_model_that_the_page_names_exists(model: str) -> None:
    assert list((PROJECT_FOLDER / "dbt_project" / "models").rglob(f"{model}.sql"))


@pytest.mark.parametrize("strategy", [name for name in _NAMES if re.fullmatch(r"(changed|given)_\w+", name)])
def test_an_incremental_strategy_that_the_page_names_exists(strategy: str) -> None:
    assert f"macro get_incremental_{strategy}_sql(" in _MACROS
