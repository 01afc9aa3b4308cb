"""Didox's drafts and signatures as described in vendors, chapter 9; where its two clients disagree, both are served.

Paths are the vendor's own below `/didox`. A draft is of state 0, a signed one of state 1.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from sandbox.agency import Agency
from sandbox.dataset import VendorData
from sandbox.vendors import Request, Response, Route

PARTNER_TOKEN = "sandbox-didox-partner"
PASSWORD = "sandbox-didox-password"
SELLER_TIN = "301234567"
SERVICE = "06201001001000000/1234567/hour"
"""Code of the agency's services, package and unit."""
USER_KEY = "sandbox-didox-session"
COLLECTIONS = {"documents": "_id"}


def buyer_tin(number: int) -> str:
    """The taxpayer's number of the agency's nth client."""
    return f"302{number:06}"


def authenticate(request: Request, _data: VendorData) -> Response | None:
    """Require the partner's token, and after the login the session's key."""
    if request.headers.get("partner-authorization") != PARTNER_TOKEN:
        return _refusal(401, "Partner-Authorization is wrong")
    if not request.path.startswith("/v1/auth/") and request.headers.get("user-key") != USER_KEY:
        return _refusal(401, "user-key is wrong")
    return None


def not_found(_request: Request) -> Response:
    """Answer an unknown path."""
    return _refusal(404, "Not found")


def routes(data: VendorData) -> list[Route]:
    """Return the endpoints of login, draft, what is to be signed, signature and state."""

    def log_in(request: Request) -> Response:
        body = request.json() or {}
        if request.parameters["tin"] != SELLER_TIN or body.get("password") != PASSWORD:
            return _refusal(422, "Wrong TIN or password")
        return Response({"token": USER_KEY})

    def create(request: Request) -> Response:
        body = request.json()
        problem = "Body is not JSON" if not isinstance(body, dict) else _problem(body)
        if problem:
            return _refusal(422, problem)
        document_id = f"{len(data.records('documents')) + 1:024x}"
        data.edit("documents", insert=[{"_id": document_id, "doc_status": 0, "document_json": body}])
        return Response({"_id": document_id, "doc_status": 0})

    def get(request: Request) -> Response:
        record = data.find("documents", request.parameters["document_id"])
        return Response(record.value) if record else not_found(request)

    def to_sign(request: Request) -> Response:
        record = data.find("documents", request.parameters["document_id"])
        if record is None:
            return not_found(request)
        return Response({"data": base64.b64encode(orjson.dumps(record.value["document_json"])).decode()})

    def sign(request: Request) -> Response:
        record = data.find("documents", request.parameters["document_id"])
        signature = (request.json() or {}).get("signature")
        if record is None or not signature:
            return _refusal(422, "There is nothing to sign, or no signature")
        data.edit("documents", update={record.key: {"doc_status": 1, "signature": signature}})
        return Response({"doc_status": 1})

    return [
        Route("POST", "/v1/auth/{tin}/password/{locale}", log_in),
        Route("POST", "/v1/documents/{doctype}/create/{locale}", create),
        Route("POST", "/v1/documents/{doctype}/create", create),
        Route("GET", "/v1/documents/{document_id}/documentBase64", to_sign),
        Route("POST", "/v1/documents/{document_id}/sign", sign),
        Route("GET", "/v1/documents/{document_id}", get),
    ]


def export(_agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """No document yet."""
    return {"documents": []}


def _problem(body: dict[str, Any]) -> str | None:
    try:
        products = body["ProductList"]["Products"]
        if body["SellerTin"] != SELLER_TIN or not body["BuyerTin"].isdigit() or not body["FacturaDoc"]["FacturaNo"]:
            return "SellerTin, BuyerTin or FacturaNo is wrong"
        for product in products:
            whole, without, tax = (Decimal(product[name]) for name in ("TotalSum", "TotalSumWithoutVat", "VatSum"))
            if whole != without + tax or len(product["CatalogCode"]) != 17:
                return f"product {product['OrdNo']} is wrong"
    except (KeyError, TypeError, ArithmeticError) as error:
        return f"{error} is missing or wrong"
    return None if products else "there is no product"


def _refusal(status: int, message: str) -> Response:
    return Response({"error": message}, status)
