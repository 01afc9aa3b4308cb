"""Channel `accounting`: an issued invoice as a planned income operation of PlanFact (vendors, chapter 8).

Whether PlanFact refuses a second operation of the same `externalId` is not documented, so it is looked for before one
is created.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from invoicing.delivery.codes import Codes
from invoicing.delivery.http import call
from invoicing.delivery.port import ChannelName, NotSentError, Parcel, Recipient, RefusedError, UncertainError

BASE_URL: Final = "https://api.planfact.io"
_PAGE: Final = 500
# Someone may have moved the planned day since.
_AROUND: Final = timedelta(days=400)


@dataclass(frozen=True)
class PlanFactChannel:
    """Planned incomes in PlanFact, one for each invoice.

    Args:
        api_key: of the account.
        codes: of its clients (`contrAgentId`), accounts by currency and the category of income.
        base_url: where its interface is.
    """

    api_key: str = field(repr=False)
    codes: Codes
    base_url: str = BASE_URL
    name: ChannelName = "accounting"

    def target(self, recipient: Recipient, /) -> str:
        """Counterparty and account in PlanFact, as `contrAgentId/accountId`."""
        if recipient.kind == "credit_note":
            raise RefusedError("PlanFact has planned incomes for invoices alone; enter a credit note there by hand")
        client = self.codes.number("client", recipient.account_number or recipient.client_id, recipient.name)
        return f"{client}/{self.codes.number('account', recipient.currency)}"

    def send(self, parcel: Parcel, /) -> str:
        """Create the operation, unless it is there."""
        invoice = parcel.invoice
        if (known := self._known(parcel)) is not None:
            return known
        client, account = map(int, parcel.target.split("/"))
        part = {
            "calculationDate": invoice.issue_date.isoformat(),
            "isCalculationCommitted": False,
            "contrAgentId": client,
            "operationCategoryId": self.codes.number("category", "income"),
            # JSON has no decimals; 14 digits pass through unchanged.
            "value": float(invoice.total),
        }
        answer = self._call(
            "POST",
            "/api/v1/operations/income",
            {
                **part,
                "operationDate": invoice.due_date.isoformat(),
                "accountId": account,
                "comment": f"{invoice.number}, {invoice.supply_from} to {invoice.supply_to}",
                "isCommitted": False,
                "items": [part],
                "externalId": invoice.id,
            },
        )
        return str(answer.get("operationId", answer.get("id", invoice.id)))

    def find(self, parcel: Parcel, /) -> str | None:
        """Look for the operation; it may still be on its way, so its absence says nothing."""
        if (known := self._known(parcel)) is not None:
            return known
        raise UncertainError(f"PlanFact has no operation with externalId {parcel.invoice.id} yet")

    def _known(self, parcel: Parcel) -> str | None:
        due = parcel.invoice.due_date
        for operation in self._operations(
            {
                "filter.operationDateStart": (due - _AROUND).isoformat(),
                "filter.operationDateEnd": (due + _AROUND).isoformat(),
            }
        ):
            if operation.get("externalId") == parcel.invoice.id:
                return str(operation.get("operationId", operation.get("id")))
        return None

    def _operations(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._call(
                "GET", "/api/v1/operations", query={**query, "paging.limit": _PAGE, "paging.offset": offset}
            )
            items = page.get("items", []) if isinstance(page, dict) else page
            yield from items
            offset += _PAGE
            if len(items) < _PAGE:
                return

    def _call(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """The `data` of an answer; PlanFact says no with status 200, too."""
        headers = {"X-ApiKey": self.api_key}
        only_reads = method == "GET"
        answer = call(
            "PlanFact", method, self.base_url + path, headers=headers, json=body, query=query, only_reads=only_reads
        )
        if not isinstance(answer, dict) or "isSuccess" not in answer:
            raise (NotSentError if only_reads else UncertainError)("PlanFact answers in another form than documented")
        if not answer["isSuccess"]:
            raise RefusedError(f"PlanFact refuses: {answer.get('errorMessage') or answer.get('errorCode')}")
        return answer["data"]
