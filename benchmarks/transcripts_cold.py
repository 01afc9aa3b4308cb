"""A cold load of transcripts into Postgres, compared with reading and parsing the same bytes with orjson.

    python -m benchmarks.transcripts_cold [--mebibytes 1024] [--text none --text redacted]

Target: at most 3 times the CPU seconds of just parsing, SQL included; memory at most 1 GB. It prints seconds, CPU
seconds of all processes and of the server, their ratio to just parsing, and peak memory; nothing is asserted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.transcripts import Bench, PeakMemory, make_transcripts, parse_alone


def main() -> None:
    """Make the transcripts, only parse them, then land and build them in each way; print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--text", action="append", choices=["none", "redacted", "full"])
    parser.add_argument("--slowest", type=int, default=0, help="how many of the slowest nodes to print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        made = Path(temporary, "made")
        size = make_transcripts(made, arguments.mebibytes * 2**20)
        print(f"{size / 2**20:,.0f} MiB of transcripts in {sum(1 for _ in made.rglob('*.jsonl')):,} files")
        parse_alone(made)  # once for the page cache
        alone = parse_alone(made)
        print(f"read and parsed with orjson in one process: {alone:.2f} CPU s")
        for text in arguments.text or ["none", "redacted"]:
            bench = Bench(Path(temporary, text), text)
            bench.transcripts.symlink_to(made)
            try:
                began = bench.cpu_seconds()
                with PeakMemory() as memory:
                    loading, counts = bench.load()
                loaded = bench.cpu_seconds()
                building, nodes = bench.build_sessions()
                used, used_loading = bench.cpu_seconds() - began, loaded - began
                worked = sum(seconds for seconds, _ in nodes)
                rows = sum(count for name, count in counts.items() if name.startswith("rows_"))
                print(
                    f"SESSION_TEXT={text}: load {loading:.2f} s ({counts['lines_read'] / loading:,.0f} lines/s, "
                    f"{rows:,} rows; peak memory {memory.mebibytes:,.0f} MiB, helpers included); "
                    f"marts {building:.2f} s, of which models {worked:.2f} s; together {loading + building:.2f} s; "
                    f"CPU {used:.2f} s = {used / alone:.2f} × parsing alone, of which the load {used_loading:.2f} s"
                )
                for seconds, node in nodes[: arguments.slowest]:
                    print(f"{'':8}{seconds:6.2f} s  {node}")
                with bench.warehouse.connect("owner") as connection:
                    unpriced = connection.execute(
                        "select distinct model from raw_claude_code.messages where model is not null and model not in "
                        "(select model from raw_claude_code.catalog_prices) order by 1"
                    ).fetchall()
            finally:
                bench.stop()
        print(f"models that genai-prices cannot price: {', '.join(model for (model,) in unpriced) or 'none'}")


if __name__ == "__main__":
    main()
