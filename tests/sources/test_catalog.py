"""The catalogue: every source builds without a setting, and declares what its resources are."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import dlt
import pytest

import sources
from sources.catalog import SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_builds_without_credentials_and_has_one_resource_for_each_table(name: str) -> None:
    spec = SOURCES[name]
    # What to read is asked for when the graph is built, with which credentials only when it is read.
    dlt.config["sources.claude_code.roots"] = "[]"
    built = spec.build()
    assert built.name == name
    assert sorted(built.resources) == sorted(table.name for table in spec.tables)
    assert built.max_table_nesting == 0


@pytest.mark.parametrize("name", SOURCES)
def test_every_table_and_column_is_described(name: str) -> None:
    for table in SOURCES[name].tables:
        assert table.description, table.name
        for column in table.columns:
            assert column.description, f"{table.name}.{column.name}"


@pytest.mark.parametrize("name", SOURCES)
def test_the_settings_are_what_the_source_reads(name: str) -> None:
    dlt.config["sources.claude_code.roots"] = "[]"
    package = import_module(f"sources.{name}.resources")
    resources = SOURCES[name].build().resources.values()
    functions = [getattr(package, name), *(resource._pipe.gen for resource in resources)]
    read = {argument for function in functions for argument in inspect.signature(function).parameters}
    assert read == set(SOURCES[name].settings)


def test_reading_the_catalogue_imports_no_client() -> None:
    program = "import sys, sources.catalog; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"dlt", "pyarrow", "requests", "plaid", "clickhouse_connect"} & set(done.stdout.split())


def test_every_package_of_a_source_is_in_the_catalogue() -> None:
    packages = {module.name for module in iter_modules(sources.__path__) if module.ispkg}
    assert packages - {"kit"} == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_the_three_files_have_the_same_names_in_every_package(name: str) -> None:
    files = {path.name for path in Path(sources.__path__[0], name).glob("*.py")}
    assert files >= {"__init__.py", "__main__.py", "schema.py", "client.py", "resources.py"}


def test_a_spec_refuses_what_it_does_not_declare() -> None:
    spec = SOURCES["tempo"]
    with pytest.raises(ValueError, match="source tempo: worklgs is none of its tables"):
        replace(spec, probe="worklgs")
    with pytest.raises(ValueError, match="source tempo: token is none of its settings"):
        replace(spec, sandbox_settings={"token": "t"})
