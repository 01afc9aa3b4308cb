"""One transcript of many grows: the time until its session and half hours are up to date.

    python -m benchmarks.transcripts_grown [--mebibytes 256] [--rounds 3]

Target: load and build together, every stale model and test, at most 3 times the CPU seconds of `import dagster`. It
prints seconds, CPU seconds of this process and of the server, and their ratio to `import dagster` in the same run;
nothing is asserted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.cpu import import_dagster, own_seconds
from benchmarks.transcripts import Bench, make_transcripts


def main() -> None:
    """Land and build everything once, then append one exchange to one file, several times, and land and build it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slowest", type=int, default=0, help="how many of the slowest nodes to print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        bench = Bench(Path(temporary, "bench"), "none")
        make_transcripts(bench.transcripts, arguments.mebibytes * 2**20)
        dagster = min(import_dagster() for _ in range(3))
        print(f"import dagster: {dagster:.2f} CPU s")
        try:
            first, _ = bench.load()
            built, _ = bench.build()
            # What depends on the day is built again once the agency's zone is known.
            bench.build()
            print(f"{arguments.mebibytes:,} MiB: first load {first:.2f} s, first build {built:.2f} s")
            grown = sorted(bench.transcripts.rglob("*.jsonl"))[0]
            lines = grown.read_bytes().splitlines(keepends=True)
            for number in range(arguments.rounds):
                appended = b"".join(lines[-9:]).replace(b"msg_01", f"msg_r{number}".encode())
                with grown.open("ab") as file:
                    file.write(appended)
                began, began_here = bench.cpu_seconds(), own_seconds()
                loading, counts = bench.load()
                loaded = bench.cpu_seconds()
                building, nodes = bench.build()
                used, used_loading = bench.cpu_seconds() - began, loaded - began
                print(
                    f"round {number + 1}: {len(appended):,} bytes appended, {counts['bytes_read']:,} read of "
                    f"{counts['files_found']:,} files; load {loading:.2f} s, build {building:.2f} s ({len(nodes)} "
                    f"models and tests, {sum(seconds for seconds, _ in nodes):.2f} s); "
                    f"CPU {used:.2f} s = {used / dagster:.2f} × import dagster, of which the load {used_loading:.2f} s "
                    f"and Python {own_seconds() - began_here:.2f} s"
                )
                for seconds, node in nodes[: arguments.slowest]:
                    print(f"{'':8}{seconds:6.2f} s  {node}")
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
