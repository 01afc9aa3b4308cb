"""`workledger look`: the pages of `dashboards`, served on 127.0.0.1 to whoever has the address that it prints."""

import hmac
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.definitions import Page, pages
from dashboards.filters import FilterError
from dashboards.reading import MOST_ROWS, Brought, Content, read_page, read_query
from dashboards.rendering import csv_text, policy, render, render_failure, render_rows, static_file
from orchestration.errors import WarehouseError
from orchestration.graph.pages import rows_of_runs
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import open_warehouse

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{policy(standalone=False)}; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def look(settings: Settings, port: int, notify: Callable[[str], None]) -> None:
    """Serve the pages until the process is interrupted.

    Args:
        settings: where the warehouse is.
        port: a free port of 127.0.0.1.
        notify: receives one sentence before each step.

    Raises:
        WorkledgerError: the warehouse cannot be started or reached.
    """
    warehouse = open_warehouse(settings, notify)
    brought = rows_of_runs(settings)
    # What reads Dagster's records is imported here, and not while a person waits for a page.
    brought["runs"]()
    key = secrets.token_urlsafe(24)
    notify(f"Ctrl+C ends the pages. They are at http://127.0.0.1:{port}/?key={key}")
    pages_application = application(warehouse, brought, key, port)
    uvicorn.run(pages_application, host="127.0.0.1", port=port, log_level="warning", server_header=False)


def application(warehouse: Warehouse, brought: Brought, key: str, port: int) -> Starlette:
    """The pages as an ASGI application.

    Args:
        warehouse: what the pages show.
        brought: gives the rows that are in no warehouse, by name of the query.
        key: what `?key=` must be, once; a cookie then stands for it.
        port: where the application is served; part of the cookie's name, as cookies do not tell ports apart.
    """
    shown = _Pages(warehouse, brought)
    return Starlette(
        routes=[
            Route("/", shown.first),
            Route("/static/{name:path}", shown.static),
            Route("/{page}", shown.page),
            Route("/{page}/{query}.csv", shown.csv),
            Route("/{page}/{query}.html", shown.rows),
        ],
        middleware=[
            # A page of another site whose name leads to 127.0.0.1 (DNS rebinding) has that name as its host.
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False),
            Middleware(_Guard, key=key, cookie=f"workledger_look_{port}"),
        ],
    )


class _Guard:
    """Lets in who has the key: every program and user of this machine can connect to 127.0.0.1."""

    def __init__(self, app: ASGIApp, key: str, cookie: str) -> None:
        self._app = app
        self._key = key
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in _HEADERS.items()
                        if name.lower().encode() not in names
                    ),
                ]
            await send(message)

        answer: ASGIApp = self._app
        if self._is_key(request.query_params.get("key")):
            # Away from the address, so that one that is copied out of the browser opens nothing.
            answer = RedirectResponse(str(request.url.remove_query_params("key").replace(scheme="", netloc="")), 303)
            answer.set_cookie(self._cookie, self._key, httponly=True, samesite="strict")
        elif not self._is_key(request.cookies.get(self._cookie)):
            answer = HTMLResponse(
                render_failure(
                    "The pages are closed",
                    "Open the address that `workledger look` has printed on its terminal; it holds the key.",
                    None,
                ),
                403,
            )
        await answer(scope, receive, send_with_headers)

    def _is_key(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self._key.encode())


class _Pages:
    """The answers; each opens a connection of its own, in a thread of Starlette's."""

    def __init__(self, warehouse: Warehouse, brought: Brought) -> None:
        self._connect = warehouse.connect
        self._brought = brought

    def first(self, _: Request) -> Response:
        """To the first page."""
        return RedirectResponse(f"/{next(iter(pages()))}", 303)

    def static(self, request: Request) -> Response:
        """A script or the style sheet."""
        name = request.path_params["name"]
        try:
            text = static_file(name)
        except KeyError:
            return self._missing()
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(text, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})

    def page(self, request: Request) -> Response:
        """A page."""
        page = pages().get(request.path_params["page"])
        if page is None:
            return self._missing()
        return self._answer(page, lambda: HTMLResponse(render(self._read(page, request), standalone=False)))

    def _read(self, page: Page, request: Request) -> Content:
        return read_page(self._connect, page, request.query_params, self._brought, every_level=False)

    def rows(self, request: Request) -> Response:
        """What a row of a table unfolds to, as a part of the page."""
        page = pages().get(request.path_params["page"])
        level = page.levels().get(request.path_params["query"]) if page else None
        if page is None or level is None or level.parent is None or "parent" not in request.query_params:
            return self._missing()

        def read() -> Response:
            given = request.query_params
            result = read_query(self._connect, page, level.query, given, self._brought, most_rows=MOST_ROWS)
            chosen = urlencode([(name, value) for name, value in given.multi_items() if name != "parent"])
            return HTMLResponse(render_rows(page, level, result, chosen))

        return self._answer(page, read)

    def csv(self, request: Request) -> Response:
        """All rows of a query."""
        page = pages().get(request.path_params["page"])
        query = page.queries().get(request.path_params["query"]) if page else None
        if page is None or query is None:
            return self._missing()

        def read() -> Response:
            result = read_query(self._connect, page, query, request.query_params, self._brought)
            if result.error:
                return HTMLResponse(render_failure("No CSV", result.error, page), 503)
            disposition = f'attachment; filename="{page.name}_{query.name}.csv"'
            return Response(csv_text(result), media_type="text/csv", headers={"Content-Disposition": disposition})

        return self._answer(page, read)

    def _answer(self, page: Page, read: Callable[[], Response]) -> Response:
        try:
            return read()
        except FilterError as error:
            return HTMLResponse(render_failure("This filter finds nothing", str(error), page), 400)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            sentence = "Run `workledger run`; it lands the sources and builds every table. Then open this page again."
            return HTMLResponse(render_failure("The warehouse is not built yet", sentence, None), 503)
        except (WarehouseError, psycopg.Error) as error:
            sentence = " ".join(str(error).split())
            return HTMLResponse(render_failure("The warehouse cannot be read", sentence, page), 503)

    def _missing(self) -> Response:
        return HTMLResponse(render_failure("There is no such page", "The pages are in the line above.", None), 404)
