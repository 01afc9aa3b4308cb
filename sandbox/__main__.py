"""The sandbox's command line, `python -m sandbox generate|serve|mirror DIR`: arguments and messages."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

from sandbox.faults import FaultError, read_faults


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="sandbox", description="A local sandbox of the vendors.")
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="write a dataset folder of a made-up agency")
    generate.add_argument("folder", type=Path)
    generate.add_argument("--scale", type=float, default=1.0, help="1 is about ten developers")
    generate.add_argument("--seed", type=int, default=1)
    generate.add_argument("--as-of", type=date.fromisoformat, default=None, help="day before which all happened")
    generate.add_argument("--months", type=int, default=6, help="how far the work reaches back")
    serve = commands.add_parser("serve", help="serve a dataset folder over HTTP")
    serve.add_argument("folder", type=Path)
    serve.add_argument("--port", type=int, default=0, help="0 takes a free one")
    serve.add_argument("--ready-file", type=Path, default=None, help="written with the URL once requests are answered")
    serve.add_argument("--faults", type=Path, default=None, help="JSON file of faults, see sandbox/faults.py")
    mirror = commands.add_parser("mirror", help="fill a ClickHouse with a dataset folder's mirror tables")
    mirror.add_argument("folder", type=Path)
    mirror.add_argument("dsn", help="chdb:///folder, or clickhouse://user:password@host:port/")
    given = parser.parse_args(arguments)
    commands_by_name = {"generate": _generate, "serve": _serve, "mirror": _mirror}
    try:
        return commands_by_name[given.command](given)
    except (FaultError, ValueError) as problem:
        print(problem, file=sys.stderr)
    except OSError as problem:
        print(f"{problem.strerror}: {problem.filename or given.folder}", file=sys.stderr)
    return 1


def _generate(given: argparse.Namespace) -> int:
    from sandbox.generate import generate

    began = time.perf_counter()
    as_of = given.as_of or datetime.now(UTC).date()
    generate(given.folder, scale=given.scale, seed=given.seed, as_of=as_of, months=given.months, say=print)
    print(f"The agency as of {as_of} is in {given.folder} ({time.perf_counter() - began:.1f} s).")
    return 0


def _mirror(given: argparse.Namespace) -> int:
    from sandbox.mirror import fill

    for table, count in fill(given.folder, given.dsn).items():
        print(f"{table}: {count:,} rows")
    return 0


def _serve(given: argparse.Namespace) -> int:
    from sandbox.mailbox import Mailbox
    from sandbox.server import SandboxServer

    if not given.folder.is_dir():
        print(f"There is no dataset folder {given.folder}; `generate` makes one.", file=sys.stderr)
        return 1
    faults = read_faults(given.faults) if given.faults else []
    try:
        server = SandboxServer(given.folder, port=given.port, faults=faults)
    except OSError as problem:
        print(f"Port {given.port} cannot be used ({problem.strerror}); choose another, or 0.", file=sys.stderr)
        return 1

    def stop(*_: object) -> None:
        # `stop` waits for the serving loop, which runs in this very thread.
        threading.Thread(target=server.stop).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    mailbox = Mailbox(given.folder / "mailbox", server.faults)
    if given.ready_file:
        server.write_ready_file(given.ready_file, mailbox.url)
    print(f"Serving {given.folder} at {server.url}, mail at {mailbox.url}", flush=True)
    server.serve_forever()
    mailbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
