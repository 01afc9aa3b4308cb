"""ClickHouse's HTTP protocol over the embedded engine, for the ordinary client: answers as asked, faults on request."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import chdb


class WireServer:
    """One engine behind HTTP. `faults` are taken one by one by queries that read a mirror table.

    A fault is a status to answer with, `cut` (the connection ends in the middle of the answer), or `in band` (the
    error's text follows the first bytes, as a server writes that has begun to answer).
    """

    def __init__(self, folder: Path) -> None:
        """Open the engine and a free port."""
        self.engine = chdb.connect(str(folder))
        self.faults: list[int | str] = []
        self.refuses = False
        self.queries: list[str] = []
        wire = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                query = parse_qs(urlsplit(self.path).query)
                sql = "\n".join([*query.get("query", []), body]).strip()
                parameters = {name[6:]: values[0] for name, values in query.items() if name.startswith("param_")}
                if wire.refuses:
                    self._answer(403, b"Code: 516. DB::Exception: user: Authentication failed", code="516")
                    return
                wire.queries.append(sql)
                fault = wire.faults.pop(0) if wire.faults and "max_block_size" in self.path else None
                if isinstance(fault, int):
                    self._answer(fault, b"Code: 202. DB::Exception: Too many simultaneous queries", code="202")
                    return
                try:
                    with lock:
                        content = wire.engine.query(sql, wire._format(sql), params=parameters).bytes()
                except RuntimeError as failure:
                    self._answer(500, str(failure).encode(), code="0")
                    return
                if fault == "cut":
                    self._answer(200, content, keep=len(content) // 2)
                elif fault == "in band":
                    tail = b"\nCode: 241. DB::Exception: Memory limit exceeded while reading. (MEMORY_LIMIT_EXCEEDED)"
                    self._answer(200, content[: len(content) // 2] + tail)
                else:
                    self._answer(200, content)

            do_GET = do_POST  # noqa: N815 - the base class names it so

            def _answer(self, status: int, content: bytes, *, keep: int | None = None, code: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Connection", "close")
                if code:
                    self.send_header("X-ClickHouse-Exception-Code", code)
                self.end_headers()
                self.wfile.write(content[:keep])
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @staticmethod
    def _format(sql: str) -> str:
        last = sql.rstrip().rsplit(None, 2)
        return last[2] if len(last) == 3 and last[1].lower() == "format" else "TabSeparated"

    def close(self) -> None:
        """Close the port and the engine."""
        self.server.shutdown()
        self.server.server_close()
        self.engine.close()

    def do(self, statement: str) -> Any:
        """Run a statement in the engine."""
        return self.engine.query(statement, "TabSeparated")
