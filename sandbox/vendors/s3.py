"""An object store with S3's interface, as far as objects are created once and read (vendors, chapter 10).

The path is `/s3/<bucket>/<key>`; every signature is accepted. An object's bytes are kept in base64.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from sandbox.agency import Agency
from sandbox.dataset import Record, VendorData
from sandbox.vendors import Request, Response, Route

COLLECTIONS = {"objects": "name"}


def authenticate(request: Request, _data: VendorData) -> Response | None:
    """Require a signature, whatever it signs."""
    return None if "authorization" in request.headers else _error(403, "AccessDenied", "Anonymous access is forbidden")


def not_found(_request: Request) -> Response:
    """Answer a method that is not served."""
    return _error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


def routes(data: VendorData) -> list[Route]:
    """Return the endpoints of one object."""

    def put(request: Request) -> Response:
        name = request.parameters["name"]
        if request.headers.get("if-none-match") == "*" and data.find("objects", name):
            return _error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        content = base64.b64encode(request.body).decode()
        if data.find("objects", name):
            data.edit("objects", update={name: {"content": content}})
        else:
            data.edit("objects", insert=[{"name": name, "content": content}])
        return Response(b"", 200, {"ETag": _etag(request.body)})

    def get(request: Request) -> Response:
        record = data.find("objects", request.parameters["name"])
        if record is None:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        content = _content(record)
        headers = {
            "ETag": _etag(content),
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            "Content-Type": "application/octet-stream",
        }
        return Response(content, 200, headers)

    return [Route("PUT", "/{name:path}", put), Route("GET", "/{name:path}", get)]


def export(_agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """No object yet."""
    return {"objects": []}


def _content(record: Record) -> bytes:
    return base64.b64decode(record.value["content"])


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _error(status: int, code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text.encode(), status, {"Content-Type": "application/xml"})
