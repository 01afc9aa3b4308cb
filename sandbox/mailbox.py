"""The sandbox's SMTP server: takes every message and keeps it as a file of `<dataset>/mailbox`.

Faults (`sandbox.faults`) work with the vendor `mailbox`, the methods `RCPT` and `DATA` and the recipient as the path:
`status` answers with it (default 451), `disconnect` breaks off before the message is kept, `truncate` after it was
kept, without an answer, `slow` waits.
"""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import Fault, FaultBook
from sandbox.vendors import Request

VENDOR = "mailbox"
_MOST_BYTES = 64 * 1024 * 1024


class Mailbox:
    """An SMTP server in a thread of its own."""

    def __init__(self, folder: Path, faults: FaultBook, port: int = 0) -> None:
        """Bind the address.

        Args:
            folder: where messages are kept.
            faults: those of the sandbox.
            port: 0 chooses a free one.

        Raises:
            OSError: the port is taken.
        """
        self.folder = folder
        self._faults = faults
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: SMTP(self, data_size_limit=_MOST_BYTES, enable_SMTPUTF8=True, hostname="sandbox"),
                "127.0.0.1",
                port,
            )
        )
        self.url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def messages(self) -> list[bytes]:
        """What it has taken, oldest first."""
        return [file.read_bytes() for file in sorted(self.folder.glob("*.eml"))]

    def stop(self) -> None:
        """Stop listening."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._server.close()

    # What aiosmtpd calls.

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        for fault in self._meeting("RCPT", address, b""):
            if fault.kind == "disconnect":
                return _hang_up(server)
            if fault.kind == "status":
                return f"{fault.status or 451} {fault.answer or 'Come back later'}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message."""
        content = envelope.original_content or b""
        faults = self._meeting("DATA", envelope.rcpt_tos[0], content)
        for fault in faults:
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "disconnect":
                return _hang_up(server)
            elif fault.kind == "status":
                return f"{fault.status or 451} {fault.answer or 'Come back later'}"
        self._keep(content)
        return _hang_up(server) if any(fault.kind == "truncate" for fault in faults) else "250 OK"

    def _meeting(self, method: str, address: str, content: bytes) -> list[Fault]:
        return self._faults.meeting(VENDOR, Request(method, f"/{address}", {}, {}, content, self.url))

    def _keep(self, content: bytes) -> None:
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{time.time_ns()}.eml"
            draft = self.folder / f".{name}"
            draft.write_bytes(content)
            draft.rename(self.folder / name)


def _hang_up(server: Any) -> str:
    """Close the connection without an answer."""
    server.transport.abort()
    return "421 Closing"
