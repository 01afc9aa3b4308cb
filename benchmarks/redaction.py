"""The redactor beside an earlier version of itself: planted secrets that vanish, and the time that real texts take.

    python -m benchmarks.redaction [--before REVISION] [--transcripts DIR] [--seeds 2]

Target: at least 98 % of the planted secrets vanish, and the ratio of the times is at most 1.3. Both versions run in
this process in turns, and the shortest of five rounds counts.
"""

from __future__ import annotations

import argparse
import importlib
import io
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.sources.claude_code import further_secrets, planted_secrets, unseen_secrets
from tests.sources.claude_code.claude_code_texts import landed_texts
from tests.sources.claude_code.planted_secrets import Planted

PROJECT_FOLDER = Path(__file__).parents[1]
PACKAGE = "sources.claude_code.redaction"


def main() -> None:
    """Plant secrets, redact them with both versions, then time both on real texts; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="REVISION", help="git revision of the earlier version")
    parser.add_argument("--transcripts", type=Path, default=PROJECT_FOLDER.parent / "shared" / "transcripts")
    parser.add_argument("--seeds", type=int, default=2, help="every seed plants one secret of each kind")
    arguments = parser.parse_args()
    from sources.claude_code.redaction import redact

    versions: dict[str, Callable[[str], str]] = {"now": redact}
    if arguments.before:
        versions[arguments.before] = _earlier(arguments.before)
    for name, version in versions.items():
        for module in (planted_secrets, further_secrets, unseen_secrets):
            said = _planted(version, module.plant, arguments.seeds)
            print(f"{name}, {module.__name__.rpartition('.')[2]}: {said}")
    texts = landed_texts(arguments.transcripts)
    print(f"{len(texts):,} texts of {sum(map(len, texts)) / 2**20:.1f} MiB")
    seconds = {name: min(times) for name, times in _rounds(versions, texts).items()}
    for name, version in versions.items():
        changed = sum(version(text) != text for text in texts)
        print(f"{name}: {seconds[name]:.3f} s of CPU, {seconds['now'] / seconds[name]:.2f} for now; {changed} changed")


def _rounds(versions: dict[str, Callable[[str], str]], texts: list[str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in versions}
    for _ in range(5):
        for name, version in versions.items():
            began = time.process_time()
            for text in texts:
                version(text)
            times[name].append(time.process_time() - began)
    return times


def _planted(version: Callable[[str], str], plant: Callable[[int], Iterable[Planted]], seeds: int) -> str:
    gone: dict[tuple[int, str, str], list[bool]] = {}
    for seed in range(1001, 1001 + seeds):
        for one in plant(seed):
            gone.setdefault((seed, one.kind, one.secret), []).append(one.secret not in version(one.text))
    places = [one for each in gone.values() for one in each]
    kinds = len({kind for _, kind, _ in gone})
    whole = sum(map(all, gone.values()))
    return (
        f"{kinds} kinds; {whole} of {len(gone)} secrets ({whole / len(gone):.1%}) vanish in every place, "
        f"{sum(places)} of {len(places)} plantings ({sum(places) / len(places):.1%})"
    )


def _earlier(revision: str) -> Callable[[str], str]:
    """`redact` as it was in a revision of this repository."""
    archive = subprocess.check_output(["git", "archive", "--format=tar", revision, "sources"], cwd=PROJECT_FOLDER)
    current = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "sources"}
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        for name in current:
            del sys.modules[name]
        sys.path.insert(0, folder)
        try:
            redact: Callable[[str], str] = importlib.import_module(PACKAGE).redact
        finally:
            sys.path.remove(folder)
            for name in [name for name in sys.modules if name.split(".")[0] == "sources"]:
                del sys.modules[name]
            sys.modules.update(current)
    return redact


if __name__ == "__main__":
    main()
