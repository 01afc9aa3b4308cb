"""The HTTP server: one address, a path prefix per vendor, faults, a request log.

Uses only the standard library: cutting a body or breaking a connection needs control of every byte.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from sandbox.dataset import DatasetError, VendorData, parse_time
from sandbox.faults import SPOILING, Fault, FaultBook, FaultError, error_response, parse_faults, spoil
from sandbox.vendors import VENDORS, Request, Response, Route, load_vendor

CONTROL = "_sandbox"
"""Prefix of the server's own paths: `/_sandbox/health`, `…/dataset`, `…/faults`, `…/requests`, `…/mutate` and so on."""

MAXIMUM_BODY = 64 * 1024 * 1024


@dataclass(frozen=True)
class LoggedRequest:
    """A request as recorded for tests."""

    vendor: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    status: int
    """Status of the answer; 0 if the connection was closed without one."""
    fault: str | None
    """Kind of the fault that acted on it."""

    def one(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


@dataclass
class _Vendor:
    data: VendorData
    routes: list[Route]
    authenticate: Callable[[Request, VendorData], Response | None]
    not_found: Callable[[Request], Response]


class SandboxServer:
    """Serves a dataset folder; a context manager for tests.

    >>> with SandboxServer(folder, faults=[{"kind": "html", "vendor": "clockify"}]) as server:
    ...     server.url, server.requests, server.mutate("clockify", "clients", delete=["…"])
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        port: int = 0,
        faults: Iterable[Fault | Mapping[str, Any]] = (),
        now: Callable[[], datetime] | None = None,
        remember: bool = True,
    ) -> None:
        """Bind the address; requests are answered from `start` on.

        Args:
            folder: the dataset folder; absent files are empty collections.
            port: 0 chooses a free one.
            faults: faults from the start, see `sandbox.faults`.
            now: the clock; the machine's own by default. `advance` moves either.
            remember: keep the journal of edits under `<folder>/.sandbox` across restarts.

        Raises:
            OSError: the port is taken.
        """
        self.folder = Path(folder)
        self.faults = FaultBook(faults)
        self.requests: list[LoggedRequest] = []
        self._clock = now or (lambda: datetime.now(UTC))
        self._offset = timedelta(0)
        self._vendors: dict[str, _Vendor] = {}
        for name in VENDORS:
            module = load_vendor(name)
            data = VendorData(self.folder, name, module.COLLECTIONS, self.now, remember=remember)
            if hasattr(module, "routes"):
                self._vendors[name] = _Vendor(data, module.routes(data), module.authenticate, module.not_found)
        self._server = _Listener(("127.0.0.1", port), _Connection)
        self._server.sandbox = self
        self._thread: threading.Thread | None = None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def now(self) -> datetime:
        """Return the sandbox's time, UTC."""
        return self._clock() + self._offset

    def advance(self, **duration: float) -> None:
        """Move the sandbox's clock forward, by the arguments of `timedelta`."""
        self._offset += timedelta(**duration)

    def data(self, vendor: str) -> VendorData:
        """Return a vendor's collections; hold its `lock` while using them."""
        return self._vendors[vendor].data

    def mutate(self, vendor: str, collection: str, **changes: Any) -> None:
        """Edit the dataset as `VendorData.edit` does, safely while requests are running.

        Raises:
            DatasetError: an update or delete names a key that no line has.
        """
        data = self.data(vendor)
        with data.lock:
            data.edit(collection, **changes)

    def check_dataset(self) -> None:
        """Read every collection now, as an answer would.

        Raises:
            DatasetError: a line cannot be read.
        """
        for vendor in self._vendors:
            data = self.data(vendor)
            with data.lock:
                data.refresh()

    def start(self) -> Self:
        """Answer requests in a separate thread."""
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Answer requests in this thread until `stop`."""
        self._server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """Stop answering, on connections that are kept alive too, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def write_ready_file(self, path: Path, mail_url: str) -> None:
        """Write atomically, as JSON, that the server is running, and at which addresses."""
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        ready = {"url": self.url, "mail_url": mail_url, "pid": os.getpid(), "folder": str(self.folder.resolve())}
        draft.write_bytes(orjson.dumps(ready))
        draft.replace(path)

    def answer(self, request: Request) -> tuple[Response | None, Fault | None, str]:
        """Answer one request; the first part is None if the connection is to be closed without an answer.

        Returns:
            The answer, the fault that acted on the request, and the vendor's name.
        """
        prefix, _, rest = request.path.lstrip("/").partition("/")
        if prefix == CONTROL:
            return self._control(request, rest), None, CONTROL
        vendor = self._vendors.get(prefix)
        if vendor is None:
            known = ", ".join(f"/{name}" for name in self._vendors)
            return Response({"error": f"The sandbox serves {known}."}, 404), None, ""
        request.path = f"/{rest}"
        request.base_url = f"{self.url}/{prefix}"
        faults = self.faults.meeting(prefix, request)
        for fault in faults:
            if fault.kind == "slow":
                time.sleep(fault.seconds)
            elif fault.kind == "mutate" and fault.when == "before":
                self._apply(prefix, fault)
        spoiling = [fault for fault in faults if fault.kind not in ("slow", "mutate")]
        spoiler = spoiling[0] if spoiling else None
        response: Response | None = error_response(spoiler, request) if spoiler else None
        if response is None and (spoiler is None or spoiler.kind in SPOILING):
            response = self._vendor_answer(vendor, request)
            if spoiler is not None and spoiler.kind != "truncate":
                spoil(spoiler, response)
        for fault in faults:
            if fault.kind == "mutate" and fault.when == "after":
                self._apply(prefix, fault)
        return response, spoiler or (faults[0] if faults else None), prefix

    def _vendor_answer(self, vendor: _Vendor, request: Request) -> Response:
        with vendor.data.lock:
            vendor.data.refresh()
            refusal = vendor.authenticate(request, vendor.data)
            if refusal is not None:
                return refusal
            for route in vendor.routes:
                parameters = route.match(request.method, request.path)
                if parameters is not None:
                    request.parameters = parameters
                    return route.handler(request)
            return vendor.not_found(request)

    def _apply(self, vendor: str, fault: Fault) -> None:
        for change in fault.changes:
            self._mutate_from_json(vendor, change)

    def _mutate_from_json(self, vendor: str | None, change: Mapping[str, Any]) -> None:
        arguments = dict(change)
        name, collection = arguments.pop("vendor", vendor), arguments.pop("collection")
        if isinstance(arguments.get("at"), str):
            arguments["at"] = parse_time(arguments["at"])
        self.mutate(name, collection, **arguments)

    def _control(self, request: Request, path: str) -> Response:
        """Answer a request to the sandbox itself."""
        match request.method, path.rstrip("/"):
            case "GET", "health":
                return Response({"url": self.url, "folder": str(self.folder.resolve()), "vendors": list(self._vendors)})
            case "GET", "dataset":
                self.check_dataset()
                return Response({"folder": str(self.folder.resolve())})
            case "GET", "faults":
                return Response([vars(fault) for fault in self.faults.faults])
            case "POST", "faults":
                self.faults.add(parse_faults(request.json()))
                return Response({"faults": len(self.faults.faults)})
            case "DELETE", "faults":
                self.faults.clear()
                return Response({"faults": 0})
            case "GET", "requests":
                return Response(
                    [
                        {"vendor": row.vendor, "method": row.method, "path": row.path, "query": row.query,
                         "status": row.status, "fault": row.fault}
                        for row in list(self.requests)
                    ]
                )  # fmt: skip
            case "DELETE", "requests":
                self.requests.clear()
                return Response({"requests": 0})
            case "POST", "mutate":
                self._mutate_from_json(None, request.json())
                return Response({"mutated": True})
            case "POST", "clock":
                self.advance(seconds=float(request.json()["advance_seconds"]))
                return Response({"now": self.now()})
        return Response({"error": "The sandbox knows health, dataset, faults, requests, mutate and clock."}, 404)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    sandbox: SandboxServer

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients keep open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Connection(socketserver.StreamRequestHandler):
    """One kept-alive connection of HTTP/1.1."""

    server: _Listener
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        try:
            while self._exchange():
                pass
        except (ConnectionError, TimeoutError):
            # Clients may disconnect or time out.
            return

    def _exchange(self) -> bool:
        """Answer one request; return whether the connection stays open."""
        line = self.rfile.readline(65_537)
        if not line.strip():
            return False
        try:
            method, target, _ = line.decode("latin-1").split()
        except ValueError:
            self._send(Response({"error": "Bad request line"}, 400), close=True)
            return False
        headers: dict[str, str] = {}
        while (header := self.rfile.readline(65_537).strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        body = self._read_body(headers)
        close = headers.get("connection", "").lower() == "close"
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(method, unquote(parts.path), query, headers, body, self.server.sandbox.url)
        fault: Fault | None = None
        vendor = ""
        try:
            response, fault, vendor = self.server.sandbox.answer(request)
        except (DatasetError, FaultError) as problem:
            response = Response({"sandbox_error": str(problem)}, 500)
        except Exception as problem:
            # A bug of the sandbox must not look like a vendor's error: the answer says so, and the log keeps it.
            response = Response({"sandbox_error": f"{type(problem).__name__}: {problem}"}, 500)
            self._log(request, vendor, 500, fault)
            self._send(response, close=True)
            raise
        self._log(request, vendor, response.status if response else 0, fault)
        if response is None:
            return False
        if fault is not None and fault.kind == "truncate":
            self._send(response, close=True, keep=fault.keep, honest=fault.honest)
            return False
        self._send(response, close=close, head=method == "HEAD")
        return not close

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        length = min(int(headers.get("content-length") or 0), MAXIMUM_BODY)
        return self.rfile.read(length) if length else b""

    def _log(self, request: Request, vendor: str, status: int, fault: Fault | None) -> None:
        if vendor != CONTROL:
            self.server.sandbox.requests.append(
                LoggedRequest(
                    vendor, request.method, request.path, request.query, request.headers, request.body, status,
                    fault.kind if fault else None,
                )
            )  # fmt: skip

    def _send(
        self, response: Response, *, close: bool, head: bool = False, keep: float = 1.0, honest: bool = True
    ) -> None:
        content = response.content()
        sent = content[: int(len(content) * keep)]
        length = len(sent) if honest else len(content)
        try:
            phrase = HTTPStatus(response.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = {"Content-Type": "application/json", **response.headers, "Content-Length": str(length)}
        if close:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if head else sent))
        self.wfile.flush()
