"""PlanFact's income operations as described in vendors, chapter 8; only what is documented is served.

Paths are the vendor's own below `/planfact`. A `_sandbox` key of a counterparty: none. Whether the vendor refuses a
second operation of one `externalId` is unknown: here it does not, so that a test sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.agency import Agency
from sandbox.dataset import Record, VendorData
from sandbox.vendors import Request, Response, Route

API_KEY = "sandbox-planfact-key"
INCOME = 501
COLLECTIONS = {
    "contragents": "contrAgentId",
    "accounts": "accountId",
    "operationcategories": "operationCategoryId",
    "operations": "operationId",
}


def authenticate(request: Request, _data: VendorData) -> Response | None:
    """Require the API key."""
    return None if request.headers.get("x-apikey") == API_KEY else _refusal(401, "Unauthorized")


def not_found(_request: Request) -> Response:
    """Answer an unknown path."""
    return _refusal(404, "Not found")


def routes(data: VendorData) -> list[Route]:
    """Return the endpoints of the lists, and the one that creates an income."""

    def listing(name: str) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            limit, offset = int(request.one("paging.limit", "100")), int(request.one("paging.offset", "0"))
            found = [record for record in data.records(name) if _is_within(record, request)]
            return _answer(
                {"items": [one.value for one in found[offset : offset + min(limit, 500)]], "total": len(found)}
            )

        return handler

    def create_income(request: Request) -> Response:
        body = request.json()
        if not isinstance(body, dict):
            return _refusal(400, "Body is not JSON")
        for field, collection in (
            ("accountId", "accounts"),
            ("contrAgentId", "contragents"),
            ("operationCategoryId", "operationcategories"),
        ):
            if data.find(collection, str(body.get(field))) is None:
                # The vendor says no with status 200.
                return Response({"data": None, "isSuccess": False, "errorMessage": f"{field} is wrong", "errorCode": 1})
        if sum(round(item["value"] * 100) for item in body["items"]) != round(body["value"] * 100):
            return Response({"data": None, "isSuccess": False, "errorMessage": "items do not sum", "errorCode": 2})
        operation = {"operationId": len(data.records("operations")) + 1, "operationType": "Income", **body}
        data.edit("operations", insert=[operation])
        return _answer(operation)

    return [
        Route("POST", "/api/v1/operations/income", create_income),
        *(Route("GET", f"/api/v1/{name}", listing(name)) for name in COLLECTIONS),
    ]


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """A counterparty for each client, an account for each currency, one category, and no operation yet."""
    return {
        "contragents": [{"contrAgentId": 100 + one.number, "title": one.company_name} for one in agency.clients],
        "accounts": [
            {"accountId": 200 + number, "title": f"Account in {currency}", "currencyCode": currency}
            for number, currency in enumerate(sorted({one.currency for one in agency.clients}))
        ],
        "operationcategories": [
            {"operationCategoryId": INCOME, "title": "Services", "operationCategoryType": "Income"}
        ],
        "operations": [],
    }


def _is_within(record: Record, request: Request) -> bool:
    day = str(record.value.get("operationDate", ""))
    first, last = request.one("filter.operationDateStart"), request.one("filter.operationDateEnd")
    return not day or ((not first or day >= first) and (not last or day <= last))


def _answer(content: Any) -> Response:
    return Response({"data": content, "isSuccess": True, "errorMessage": None, "errorCode": None})


def _refusal(status: int, message: str) -> Response:
    return Response({"data": None, "isSuccess": False, "errorMessage": message, "errorCode": status}, status)
