"""CONTRIBUTING.md points at places that exist."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = (PROJECT / "CONTRIBUTING.md").read_text()
ROWS = re.findall(r"^\| (?!question|---)([^|]+) \| ([^|]+) \| `(\w+)` \|$", GUIDE, re.MULTILINE)


def test_six_questions_are_answered() -> None:
    assert len(ROWS) == 6


@pytest.mark.parametrize(("question", "place", "word"), ROWS, ids=[question for question, _, _ in ROWS])
def test_what_the_guide_says_to_look_for_is_there(question: str, place: str, word: str) -> None:
    files = [PROJECT / name for name in re.findall(r"`([^`<*]+\.(?:py|sql))`", place)]
    assert files
    for file in files:
        assert re.search(rf"\b{word}\b", file.read_text()), f"{question}: {file} has no {word}"
    patterns = re.findall(r"`([^`]*\*[^`]*)`", place)
    for pattern in patterns:
        found = list(files[0].parent.glob(pattern))
        assert len(found) > 1
        assert all(word in file.read_text() for file in found), f"{question}: one of {pattern} has no {word}"
