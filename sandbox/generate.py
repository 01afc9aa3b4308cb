"""Writes a dataset folder: every vendor's collections, transcripts and reference files of one agency."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import orjson

from sandbox import reference, transcripts
from sandbox.agency import Agency, tell_story
from sandbox.dataset import STATE_FOLDER, write_lines
from sandbox.vendors import VENDORS, load_vendor

RECEIPT = "generated.json"
"""The file with a folder's generator arguments; a folder without it was not generated."""


def generate(
    folder: Path,
    *,
    scale: float = 1.0,
    seed: int = 1,
    as_of: date,
    months: int = 6,
    say: Callable[[str], None] = lambda _: None,
) -> Agency:
    """Generate a dataset; the same arguments give the same bytes.

    Files of an earlier generation are replaced; a folder with anything else is not touched.

    Args:
        folder: where to write; created if it does not exist.
        scale: 1 is the size that the seed documents state.
        seed: each seed gives another agency.
        as_of: the day before which everything happened.
        months: how many months the work goes back.
        say: called with a sentence for each step.

    Raises:
        ValueError: an argument is out of range, or the folder has files that were not generated.
        OSError: the folder cannot be written to.
    """
    agency = tell_story(seed, scale, as_of, months)
    folder.mkdir(parents=True, exist_ok=True)
    receipt = folder / RECEIPT
    if any(folder.iterdir()) and not receipt.exists():
        raise ValueError(f"{folder} holds files that no generator wrote; choose an empty or a new folder.")
    receipt.write_bytes(orjson.dumps({"seed": seed, "scale": scale, "as_of": as_of, "months": months}) + b"\n")
    for name in (*VENDORS, "claude", "reference", STATE_FOLDER):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    for name in VENDORS:
        for collection, rows in load_vendor(name).export(agency).items():
            lines = [orjson.dumps(row) for row in rows]
            write_lines(folder / name / f"{collection}.jsonl", lines)
            say(f"{name}/{collection}: {len(lines):,} lines")
    count, size = transcripts.write_transcripts(agency, folder / "claude")
    say(f"claude: {count:,} transcripts, {size / 1e6:,.0f} MB")
    say(f"reference: {reference.write_reference(agency, folder / 'reference')} files")
    return agency
