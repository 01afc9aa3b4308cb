"""Every locked dependency has a licence that Workledger accepts, and the page says which."""

import re

import pytest

from audits import licences


def test_the_page_is_that_of_the_lock_file_and_each_licence_is_accepted() -> None:
    page, lock = licences.PAGE.read_text(), licences.LOCK.read_text()
    names = re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", lock, re.MULTILINE)
    assert sorted(licences.rows(page)) == sorted(set(names))
    assert len(names) > 100
    assert list(licences.findings(page)) == []


@pytest.mark.parametrize(
    ("package", "changed", "finding"),
    [
        ("click", "AGPL-3.0-only", "click has the licence AGPL-3.0-only, which is not accepted"),
        ("win-precise-time", "Elastic-2.0", "win-precise-time has the licence Elastic-2.0, which is not accepted"),
        ("click", "MIT", "docs/licences.md is not that of requirements.lock"),
        ("click", None, "docs/licences.md is not that of requirements.lock"),
    ],
)
def test_a_page_that_is_not_true_or_a_licence_that_is_not_accepted_is_named(
    package: str, changed: str | None, finding: str
) -> None:
    row = rf"^(\| {package} \| \S+ \|) .+ \|\n"
    text = re.sub(row, "" if changed is None else rf"\1 {changed} |\n", licences.PAGE.read_text(), flags=re.MULTILINE)
    assert text != licences.PAGE.read_text()
    assert any(one.startswith(finding) for one in licences.findings(text))


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("MIT", []),
        ("GPL-2.0-or-later OR MIT", []),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", []),
        ("MIT AND GPL-3.0-only", ["GPL-3.0-only"]),
        ("unknown", ["unknown"]),
    ],
)
def test_of_licences_that_may_be_chosen_one_must_be_accepted(expression: str, refused: list[str]) -> None:
    assert licences.refused(expression) == refused
