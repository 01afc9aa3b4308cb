"""The scripts of others: unchanged, with their licences, and in the form in which a page needs them."""

import hashlib
from pathlib import Path

import pytest

from dashboards.rendering import SCRIPTS, static_file

VENDOR = Path(__file__).resolve().parents[2] / "dashboards" / "static" / "vendor"
# Of the packages vega 6.4.0, vega-lite 6.4.3 and vega-interpreter 2.3.2 of npm, folder `build`.
HASHES = {
    "vega.min.js": "8f6a3587cf8d4f42c7e08120e3eb05d067e746d554e39d2dcf52acc0bd5ba28f",
    "vega-lite.min.js": "35a9821df838825b05a6a73e9414b58747a1b18321583858ed903c66393a5c7e",
    "vega-interpreter.js": "c0bdb735a63f9276f136e8d90d7fdf5d8e9df8031eb069048fc9975c876fd7f9",
}


@pytest.mark.parametrize("name", HASHES)
def test_a_script_is_that_of_its_package(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == HASHES[name]


def test_every_script_of_others_is_listed_and_licensed() -> None:
    assert {Path(name).name for name in SCRIPTS if name.startswith("vendor/")} == set(HASHES)
    licences = (VENDOR / "LICENSES.txt").read_text()
    for package in (
        "vega 6.4.0 (BSD-3-Clause)",
        "vega-lite 6.4.3 (BSD-3-Clause)",
        "vega-interpreter 2.3.2 (BSD",
        "d3-scale",
    ):
        assert package in licences


def test_the_interpreter_is_a_script_and_no_module() -> None:
    text = static_file("vendor/vega-interpreter.js")

    assert "vega.expressionInterpreter = expression" in text
    assert "import " not in text.split("*/")[-1][:200]
    assert "export {" not in text


def test_no_script_of_a_page_holds_the_end_of_a_script() -> None:
    """Within HTML it would end the script, and what follows would be text of the page."""
    for name in SCRIPTS:
        assert "</script" not in static_file(name).lower()
        assert "<!--" not in static_file(name)
