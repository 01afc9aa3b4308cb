"""A cold load of transcripts into Postgres, beside reading and parsing the same bytes with orjson in one process.

    python -m benchmarks.transcripts_cold [--mebibytes 1024] [--text none --text redacted]

Design, Performance: 1 GiB in at most 5 s after process start, SQL included; memory at most 1 GB. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.transcripts import PeakMemory, load, make_transcripts, parse_alone, scratch_warehouse


def main() -> None:
    """Make the transcripts, parse them alone, load them in each way, print seconds, ratios, memory and prices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--text", action="append", choices=["none", "redacted", "full"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        folder = Path(temporary, "transcripts")
        size = make_transcripts(folder, arguments.mebibytes * 2**20)
        print(f"{size / 2**20:,.0f} MiB of transcripts")
        parse_alone(folder)  # once for the page cache
        alone = parse_alone(folder)
        print(f"read and parsed with orjson in one process: {alone:.2f} s")
        for text in arguments.text or ["none", "redacted"]:
            with scratch_warehouse() as warehouse, PeakMemory() as memory:
                began = time.perf_counter()
                seconds, counts = load(warehouse, folder, Path(temporary, f"dlt-{text}"), text)
                rows = sum(count for name, count in counts.items() if name.startswith("rows_"))
                print(
                    f"SESSION_TEXT={text}: raw load {seconds:.2f} s, {seconds / alone:.2f} × parsing alone, "
                    f"{counts['lines_read'] / seconds:,.0f} lines/s, {rows:,} rows, "
                    f"peak memory {memory.mebibytes:,.0f} MiB, helpers included"
                )
                with warehouse.connect("owner") as connection:
                    unpriced = connection.execute(
                        "select distinct model from raw_claude_code.messages where model is not null and model not in "
                        "(select model from raw_claude_code.catalog_prices) order by 1"
                    ).fetchall()
                del began
        print(f"models that genai-prices cannot price: {', '.join(model for (model,) in unpriced) or 'none'}")


if __name__ == "__main__":
    main()
