"""One transcript of many grows: the time until its session and half hours are up to date.

    python -m benchmarks.transcripts_grown [--mebibytes 256] [--rounds 3]

Target: at most 0.3 s of work. It prints elapsed seconds and the ratio of the load to reading and parsing all bytes with
orjson in one process, as a tool without cursors would; nothing is asserted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.transcripts import Bench, PeakMemory, make_transcripts, parse_alone


def main() -> None:
    """Land and build everything once, then append one exchange to one file, several times, and land and build it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        bench = Bench(Path(temporary, "bench"), "none")
        make_transcripts(bench.transcripts, arguments.mebibytes * 2**20)
        alone = parse_alone(bench.transcripts)
        print(f"all {arguments.mebibytes:,} MiB read and parsed with orjson in one process: {alone:.2f} s")
        try:
            first, _ = bench.load()
            built, _ = bench.build()
            print(f"first load {first:.2f} s, first build {built:.2f} s")
            grown = sorted(bench.transcripts.rglob("*.jsonl"))[0]
            lines = grown.read_bytes().splitlines(keepends=True)
            for number in range(arguments.rounds):
                appended = b"".join(lines[-9:]).replace(b"msg_01", f"msg_r{number}".encode())
                with grown.open("ab") as file:
                    file.write(appended)
                with PeakMemory() as memory:
                    loading, counts = bench.load()
                building, worked = bench.build()
                print(
                    f"round {number + 1}: {len(appended):,} bytes appended, {counts['bytes_read']:,} read of "
                    f"{counts['files_found']:,} files; raw load {loading:.2f} s = {loading / alone:.2f} × parsing all; "
                    f"marts {building:.2f} s, of which models {worked:.2f} s; "
                    f"peak memory {memory.mebibytes:,.0f} MiB"
                )
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
