"""Helpers of the transcript benchmarks: transcripts of any size, a separate server, peak memory.

The lines have the lengths and shares of the real ones in `../shared/transcripts`: of 100 lines 31 are of answers
(1.5 KB, most answers over several lines), 21 a person's or tools' (6 KB, up to 300 KB), 45 progress (0.9 KB),
3 book-keeping; a file has about 1.2 MB. Words and ids are made up.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import psutil

from assets.raw import create_empty, land
from benchmarks.cpu import own_seconds, server_seconds
from orchestration.graph.resources import LoggingListener, Places, SourceLanding, WarehouseTransformer
from orchestration.settings import SessionText, Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import embedded_server
from sources.catalog import SOURCES

SESSION_MARTS = ("+claude_sessions", "+session_activity", "+session_messages", "+session_message_copies")
MARK = "5eed5eed"
WORDS = [
    "the",
    "loop",
    "ends",
    "at",
    "the",
    "last",
    "page",
    "because",
    "the",
    "date",
    "was",
    "read",
    "in",
    "another",
    "zone",
    "and",
    "the",
    "query",
    "takes",
    "the",
    "index",
    "now",
    "so",
    "two",
    "places",
    "did",
    "the",
    "same",
    "thing",
    "in",
    "src/worker.py",
    "and",
    "tests/test_worker.py",
    "where",
    "retry",
    "counts",
    "attempts",
]
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-6", "vendor/model-9-made-up")
TOOLS = ("Bash", "Read", "Edit", "Grep", "Write")


def make_transcripts(folder: Path, size: int) -> int:
    """Write about `size` bytes of transcripts, with no id in two sessions; return the bytes written."""
    chance = Random(20261121)
    templates = [b"".join(orjson.dumps(line) + b"\n" for line in _session(chance, number)) for number in range(8)]
    written = files = 0
    while written < size:
        content = templates[files % len(templates)].replace(MARK.encode(), f"{files + 1:08x}".encode())
        path = (
            folder / f"-work-app-{files % 40}" / f"{files + 1:08x}-0000-4000-8000-{files % len(templates):012x}.jsonl"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[: size - written] if written + len(content) > size else content)
        written, files = written + path.stat().st_size, files + 1
    return written


def _session(chance: Random, number: int) -> Iterator[dict[str, Any]]:
    moment = datetime(2026, 10, 1 + number * 3, 8, tzinfo=UTC)
    lines = 0

    def text(characters: int) -> str:
        words: list[str] = []
        while characters > 0:
            words.append(chance.choice(WORDS))
            characters -= len(words[-1]) + 1
        return " ".join(words)

    def line(kind: str, **fields: Any) -> dict[str, Any]:
        nonlocal moment, lines
        lines += 1
        moment += timedelta(milliseconds=chance.choice((40, 900, 4_000, 30_000)))
        return {
            "parentUuid": f"{MARK}-{lines - 1:04x}-4000-9000-000000000000",
            "isSidechain": False,
            "userType": "external",
            "cwd": f"/work/app-{number}",
            "sessionId": f"{MARK}-0000-4000-8000-{number:012x}",
            "version": "2.1.181",
            "gitBranch": f"feature/CON-{number + 70}",
            "slug": "made-up-words",
            "type": kind,
            **fields,
            "uuid": f"{MARK}-{lines:04x}-4000-9000-000000000000",
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    for prompt in range(45):
        yield line("file-history-snapshot", messageId="m", snapshot={"trackedFileBackups": {}, "text": text(400)})
        yield line("user", message={"role": "user", "content": text(300)}, promptId=f"{MARK}-p{prompt}")
        for answer in range(chance.randint(2, 5)):
            # As long as the vendor's: of shorter ids it would have to be found out which lines are one answer.
            message_id = f"msg_01{MARK}{prompt:07d}{answer:07d}"
            parts = chance.choice((1, 2, 2, 3))
            for part in range(parts):
                usage = {
                    "input_tokens": chance.randint(1, 9),
                    "cache_creation_input_tokens": 1200,
                    "cache_read_input_tokens": 60_000 + 700 * lines,
                    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 1000},
                    "output_tokens": 3 if part < parts - 1 else chance.randint(40, 900),
                    "service_tier": "standard",
                    "inference_geo": "not_available",
                }
                block: dict[str, Any] = {"type": "text", "text": text(450)}
                if part == parts - 1:
                    tool_input = {"command": text(250), "description": text(40)}
                    block = {"type": "tool_use", "id": f"toolu_{message_id}", "name": chance.choice(TOOLS)}
                    block["input"] = tool_input
                elif part:
                    block = {"type": "thinking", "thinking": text(500), "signature": "x" * 300}
                message = {
                    "model": MODELS[-1] if answer == 4 else MODELS[number % 4],
                    "id": message_id,
                    "type": "message",
                    "role": "assistant",
                    "content": [block],
                    "stop_reason": None,
                    "usage": usage,
                }
                yield line("assistant", message=message, requestId=f"req_{message_id}")
            for _ in range(chance.randint(1, 4)):
                hook = {"type": "hook_progress", "hookEvent": "PreToolUse", "command": text(350)}
                yield line("progress", data=hook, toolUseID=f"toolu_{message_id}", parentToolUseID="t")
            length = min(300_000, int(chance.lognormvariate(7.6, 1.1)))
            result = text(length)
            content = [{"tool_use_id": f"toolu_{message_id}", "type": "tool_result", "content": result}]
            yield line("user", message={"role": "user", "content": content}, toolUseResult={"stdout": result})


class Bench:
    """A separate Workledger in a temporary folder, with only transcripts to read."""

    def __init__(self, folder: Path, session_text: SessionText) -> None:
        """Prepare what is not measured: the server, the reference files, the parsed dbt project, empty tables."""
        # If root starts the server, it runs as another user, who needs access to the folder.
        folder.mkdir(mode=0o711)
        reference, self.transcripts = folder / "reference", folder / "transcripts"
        reference.mkdir()
        (reference / "session_roots.csv").write_text(f"path,email,host\n{self.transcripts},ann@example.com,bench\n")
        (reference / "developers.csv").write_text(
            "email,name,clockify_id,github_username,jira_account_id,timezone,status\n"
            "ann@example.com,Ann,,,,Europe/Berlin,active\n"
        )
        model_prices = Path(__file__).parents[1] / "reference" / "model_prices.csv"
        shutil.copy(model_prices, reference / "model_prices.csv")
        settings = Settings(
            profile="production", home=folder / "home", reference_dir=reference, session_text=session_text
        )
        settings.home.mkdir(mode=0o711)
        self._places = Places(settings, print)
        self._landing = SourceLanding(self._places, LoggingListener(), attended=True)
        for spec in SOURCES.values():
            if spec.name not in ("claude_code", "reference"):
                create_empty(spec, self._landing)
        land(SOURCES["reference"], self._landing)
        manifest = prepare_manifest(settings.home, self.warehouse.database)
        self._transformer = WarehouseTransformer(self._places, manifest, LoggingListener())

    @property
    def warehouse(self) -> Warehouse:
        """The running warehouse."""
        return self._places.warehouse

    def load(self) -> tuple[float, dict[str, Any]]:
        """Land new lines as production does; return seconds and the run's own counts."""
        began = time.perf_counter()
        landed, _ = land(SOURCES["claude_code"], self._landing)
        return time.perf_counter() - began, dict(landed["files"].counters)

    def build(self) -> tuple[float, list[tuple[float, str]]]:
        """Build what is stale, with its tests, as production does; return seconds, and those of each node."""
        return self._build([])

    def build_sessions(self) -> tuple[float, list[tuple[float, str]]]:
        """Build the session marts and their parents, whether stale or not, without tests."""
        return self._build(["--select", *SESSION_MARTS, "--resource-type", "model", "--resource-type", "snapshot"])

    def _build(self, arguments: list[str]) -> tuple[float, list[tuple[float, str]]]:
        began = time.perf_counter()
        build = self._transformer.build(arguments)
        nodes = [
            (float(event["data"].get("execution_time") or 0), str(event["data"]["node_info"]["node_name"]))
            for event in build.events()
        ]
        if failures := build.failures():
            raise SystemExit("\n".join(failures))
        return time.perf_counter() - began, sorted(nodes, reverse=True)

    def cpu_seconds(self) -> float:
        """CPU seconds so far of this process, of its helpers that have ended, and of the server."""
        return own_seconds() + server_seconds(self.warehouse)

    def stop(self) -> None:
        """Stop the server."""
        embedded_server(self._places.settings).stop()


def parse_alone(folder: Path) -> float:
    """The baseline: CPU seconds to read the files and parse every line with orjson, in one process."""
    began = time.process_time()
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            if line:
                try:
                    orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
    return time.process_time() - began


class PeakMemory:
    """The largest sum of this process' and its children's resident memory, sampled ten times a second, in MiB."""

    def __init__(self) -> None:
        """Begin to sample when entered."""
        self.mebibytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        this = psutil.Process()
        while not self._ended.wait(0.1):
            total = 0
            # The server is not a child process: it detaches itself.
            for process in (this, *this.children(recursive=True)):
                try:
                    if "postgres" not in process.name():
                        total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.mebibytes = max(self.mebibytes, total / 2**20)
