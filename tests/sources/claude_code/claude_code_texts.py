"""The texts that the reader of transcripts hands to the redactor, gathered instead of redacted."""

from pathlib import Path
from typing import Any

from sources.claude_code.records import Redactor, place_of
from sources.claude_code.transcript import TranscriptReader


def landed_texts(folder: Path) -> list[str]:
    """Every text of the transcripts in a folder that would land, names within tools' inputs included."""
    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        return text

    def keep_all(value: Any) -> Any:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict):
            texts.extend(value)
            for item in value.values():
                keep_all(item)
        elif isinstance(value, list):
            for item in value:
                keep_all(item)
        return value

    reader = TranscriptReader(Redactor(keep, keep_all), "2026-11-21T00:00:00+00:00")
    for path in sorted(folder.rglob("*.jsonl")):
        reader.begin_file(place_of(path.name, 0, str(path)))
        offset = 0
        for line in path.read_bytes().split(b"\n"):
            if line.strip():
                reader.read_line(offset, line)
            offset += len(line) + 1
    return texts
