"""Citations of docs/: each leads to a heading, each rule names a proof that exists, no other document is cited."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_ENDINGS = {".py", ".sql", ".yml", ".yaml", ".md", ".csv", ".toml", ".txt", ".example"}
_FOLDERS_OF_OTHERS = {"target", "logs", "dbt_packages", "node_modules", "build", "dist", "__pycache__"}

_NUMBERS = r"\d+\.\d+(?:(?:,|[\s#-]+and|[\s#-]+to|[\s#-]+or)[\s#-]+\d+\.\d+)*"
_CITATION = re.compile(rf"\b(rule|vendor)s?[\s#-]+({_NUMBERS})\b", re.IGNORECASE)
_CHAPTER = re.compile(r"\b(rule|vendor)s,[\s#-]+chapters?[\s#-]+(\d+(?:(?:,|[\s#-]+and)[\s#-]+\d+)*)", re.IGNORECASE)
_DECISION = re.compile(r"\bdecisions?[\s#-]+(\d+(?:(?:,|[\s#-]+and|[\s#-]+to)[\s#-]+\d+)*)\b", re.IGNORECASE)
_HEADING = re.compile(r"^(#{2,3}) (\d+(?:\.\d+)?) ", re.MULTILINE)
_RANGE = re.compile(r"(\d+)\.(\d+)[\s#-]+to[\s#-]+(\d+)\.(\d+)")

# Documents that the project began from; what they say is in docs/ now.
_OUTSIDE = re.compile(
    r"fine print|\bapi_facts\b|\bmodel_details\b|\bmodel\.md\b|\bdesign\.md\b|\bhouse\.md\b|\bDECISIONS\.md\b"
    r"|\((?:model|design),? (?:sections?\b|\d|Transcripts|Tickets|Price|Performance|Engines)",
    re.IGNORECASE,
)


@cache
def _texts() -> dict[str, str]:
    """Every text file of the repository but this one, by its path from the root."""
    texts = {}
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and name not in _FOLDERS_OF_OTHERS]
        for path in (Path(folder, name) for name in names):
            if path.suffix in _ENDINGS and path != Path(__file__).resolve():
                texts[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    return texts


@cache
def _headings(name: str) -> set[str]:
    """Numbers of a document's chapters and sections: "7" and "7.12"."""
    return {number for _, number in _HEADING.findall((DOCS / name).read_text(encoding="utf-8"))}


def _decisions() -> set[int]:
    return {int(path.name[:4]) for path in (DOCS / "decisions").glob("[0-9]*.md")}


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _sections(kind: str, cited: str) -> Iterator[str]:
    """The numbers that a citation names; of a range its ends and everything between them."""
    yield from re.findall(r"\d+\.\d+", cited)
    for chapter, first, last_chapter, last in _RANGE.findall(cited):
        assert chapter == last_chapter, f"{kind} {cited} is no range within a chapter"
        yield from (f"{chapter}.{number}" for number in range(int(first), int(last)))


def _unresolved(text: str) -> Iterator[tuple[int, str]]:
    for match in _CITATION.finditer(text):
        known = _headings(f"{match[1].lower()}s.md")
        yield from (
            (match.start(), f"{match[1]} {number}") for number in _sections(match[1], match[2]) if number not in known
        )
    for match in _CHAPTER.finditer(text):
        known = _headings(f"{match[1].lower()}s.md")
        yield from (
            (match.start(), f"{match[1]}s, chapter {number}")
            for number in re.findall(r"\d+", match[2])
            if number not in known
        )
    for match in _DECISION.finditer(text):
        yield from (
            (match.start(), f"decision {number}")
            for number in re.findall(r"\d+", match[1])
            if int(number) not in _decisions()
        )


def test_every_citation_leads_to_a_heading() -> None:
    unresolved = [
        f"{path}:{_line(text, position)}: {cited}"
        for path, text in _texts().items()
        for position, cited in _unresolved(text)
    ]

    assert not unresolved, "\n".join(unresolved)


def test_citations_are_found_in_every_form() -> None:
    text = (
        "(rule 99.1) -- rules 1.6, 99.2 and\n-- 99.3 # vendors\n# 99.4; Rules 7.98 to 7.99. "
        "rules, chapter 99, decisions 22 and 990"
    )

    assert {cited.lower() for _, cited in _unresolved(text)} == {
        *(f"rule {number}" for number in ("99.1", "99.2", "99.3", "7.98", "7.99")),
        "vendor 99.4",
        "rules, chapter 99",
        "decision 990",
    }


def test_numbers_appear_once_in_order_and_under_their_anchor() -> None:
    for name in ("rules.md", "vendors.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        numbers = [tuple(map(int, number.split("."))) for _, number in _HEADING.findall(text)]

        assert numbers == sorted(set(numbers)), name
        assert re.findall(r'<a id="([\d.]+)"></a>\n\n### ([\d.]+) ', text) == [
            (f"{chapter}.{section}",) * 2 for chapter, section in (number for number in numbers if len(number) > 1)
        ], name


def test_no_document_outside_the_repository_is_cited() -> None:
    cited = [
        f"{path}:{_line(text, match.start())}: {match[0]}"
        for path, text in _texts().items()
        for match in _OUTSIDE.finditer(text)
    ]
    # What reads the folder of origin documents names it; nothing else does.
    cited += [
        f"{path}: ../shared"
        for path, text in _texts().items()
        if "../shared" in text and not path.startswith(("tests/", "benchmarks/"))
    ]

    assert not cited, "\n".join(cited)


def _rules() -> dict[str, str]:
    """The text of each rule by its number."""
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    parts = re.split(r"^### (\d+\.\d+) ", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _tests() -> set[str]:
    """Names of all dbt unit tests, dbt data tests and pytest functions."""
    names: set[str] = set()
    for path, text in _texts().items():
        if path.startswith("dbt_project/") and path.endswith(".yml") and "unit_tests:" in text:
            names |= set(re.findall(r"^  - name: (\w+)", text.partition("\nunit_tests:")[2], re.MULTILINE))
        elif path.startswith("dbt_project/tests/") and path.endswith(".sql"):
            names |= {Path(path).stem, *re.findall(r"{%-? test (\w+)", text)}
        elif path.startswith("tests/") and path.endswith(".py"):
            names |= set(re.findall(r"^ *def (test_\w+)", text, re.MULTILINE))
    return names


def test_every_rule_has_a_source_and_a_proof_that_exists() -> None:
    tests = _tests()
    faults = []
    for number, rule in _rules().items():
        proof = re.search(r"Proof:(.*?)(?:\n\n|\Z)", rule, re.DOTALL)
        named = re.findall(r"`(\w+)`", proof[1]) if proof else []
        faults += [f"rule {number}: no test is named {name}" for name in named if name not in tests]
        if "Source:" not in rule:
            faults.append(f"rule {number} names no source")
        if not named and not (proof and proof[1].strip() == "none"):
            faults.append(f"rule {number} names no proof and does not say that it has none")
        if not named and "Example:" in rule and "Not built" not in rule:
            faults.append(f"rule {number} has an example, so it touches time or money, and no proof")

    assert not faults, "\n".join(faults)


def test_every_decision_has_a_status_a_date_and_a_row_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        status = re.search(r"^- Status: (?:accepted|proposed|superseded by decision \d+)$", text, re.MULTILINE)

        assert re.match(rf"# {int(path.name[:4])}\. ", text), path.name
        assert status, path.name
        assert re.search(r"^- Date: \d{4}-\d\d-\d\d\b", text, re.MULTILINE), path.name
        assert f"]({path.name})" in index, path.name
    assert sorted(_decisions()) == list(range(1, len(_decisions()) + 1))
