"""Writes the reference files (rules, chapter 2) of the made-up agency: what its owners would have decided.

Headers and shipped defaults come from the templates in the top-level folder `reference/`, so that they are spelled in
one place. Every edge case of a rule has a row: contracts that begin on the 31st, two contracts of one service
and year, a contract that ended, one that is invoiced once a year, amendments, a project that moved between clients, a
fixed rule that becomes a retainer, overtime and caps, calendars with a lunch break, exclusions, policies, a discount, a
bank account without a row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from sandbox.agency import AGENCY_NAME, AGENCY_TIMEZONE, Agency, Client, Project, Repository, months_before
from sandbox.vendors import didox, planfact

TEMPLATES = Path(__file__).resolve().parents[1] / "reference"

Row = Mapping[str, Any]


def write_reference(agency: Agency, folder: Path) -> int:
    """Write one CSV file per template.

    Returns:
        The number of files.

    Raises:
        ValueError: a row has a column that its file's template lacks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = _Decisions(agency).tables()
    templates = sorted(TEMPLATES.glob("*.csv"))
    for template in templates:
        with template.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header, shipped = list(reader.fieldnames or ()), list(reader)
        output = io.StringIO()
        writer = csv.DictWriter(output, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*shipped, *tables.pop(template.stem, ())])
        (folder / template.name).write_text(output.getvalue(), encoding="utf-8")
    if tables:
        raise ValueError(f"There is no template for {', '.join(tables)}.")
    return len(templates)


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _day_31(before: date) -> date:
    """Return the last 31st of a month on or before a day."""
    day = before
    while day.day != 31:
        day -= timedelta(days=1)
    return day


# What a client in Germany wants: an e-invoice, and paper in its language.
_E_INVOICE: Final = {
    "zip_code": "28195",
    "country": "DE",
    "language": "de",
    "paper_size": "A4",
    "e_invoice": "true",
    "vat_id": "DE000000000",
    "buyer_reference": "PO-7",
}


class _Decisions:
    """The rows of each file, in the order of reference/README.md."""

    def __init__(self, agency: Agency) -> None:
        self.agency = agency
        self.middle = months_before(agency.as_of, 3).replace(day=1)
        """When terms changed: the first of a month in the middle of the story."""
        self.eve = self.middle - timedelta(days=1)

    def tables(self) -> dict[str, Iterable[Row]]:
        """Return all rows by file."""
        return {
            "agency": self._agency(),
            "bank_accounts": self._bank_accounts(),
            "developers": self._developers(),
            "identities": self._identities(),
            "accounting_codes": self._accounting_codes(),
            "payment_fees": self._payment_fees(),
            "dunning_levels": self._dunning_levels(),
            "developer_costs": self._developer_costs(),
            "clients": self._clients(),
            "client_terms": self._client_terms(),
            "client_contacts": self._client_contacts(),
            "projects": self._projects(),
            "project_terms": self._project_terms(),
            "repo_mappings": self._repo_mappings(),
            "session_roots": self._session_roots(),
            "contracts": self._contracts(),
            "contract_terms": self._contract_terms(),
            "billing_rules": self._billing_rules(),
            "rate_rules": self._rate_rules(),
            "business_calendars": self._business_calendars(),
            "holidays": self._holidays(),
            "employee_exclusions": self._employee_exclusions(),
            "fixed_lines": self._fixed_lines(),
            "time_policies": self._time_policies(),
            "accounts": self._accounts(),
            "transaction_rules": self._transaction_rules(),
            "work_logs": self._work_logs(),
            "fx_rates": self._fx_rates(),
        }

    def _name(self, client: str | None) -> str:
        return self.agency.client(client).name if client else ""

    def _agency(self) -> Iterable[Row]:
        yield {
            "legal_name": AGENCY_NAME,
            "address": "Pier 9, 12 Lantern Street, New York, NY 10004",
            "tax_id": "00-0000000",
            "bank": "Riverbend Bank, account ending 5809",
            "swift": "RVBDUS00",
            "currency": "USD",
            "timezone": AGENCY_TIMEZONE,
            "calendar": "default",
            "invoice_number_format": "LW-{year}-{number:04}",
            "vat_id": "DE999999999",
            "street": "Pier 9, 12 Lantern Street",
            "city": "New York",
            "zip_code": "10004",
            "country": "US",
            "contact_name": "Billing",
            "contact_email": "billing@lanternworks.example",
            "utilization_target": "0.75",
        }

    def _bank_accounts(self) -> Iterable[Row]:
        yield {"currency": "USD", "bank": "Riverbend Bank", "account": "000000005809", "bic": "RVBDUS00"}
        yield {
            "currency": "EUR",
            "bank": "Riverbend Bank Europe",
            "account": "DE75512108001245126199",
            "bic": "RVBDDEFF",
            "means_code": "58",
        }

    def _developers(self) -> Iterable[Row]:
        for developer in self.agency.developers:
            yield {
                "email": developer.email,
                "name": developer.name,
                "clockify_id": developer.clockify_id,
                "github_username": developer.github_login,
                "jira_account_id": developer.jira_account_id,
                "timezone": developer.timezone,
                "status": "active" if developer.left_on is None else "inactive",
            }

    def _identities(self) -> Iterable[Row]:
        for developer in self.agency.developers:
            if developer.git_email != developer.email:
                yield {"email": developer.email, "system": "git_email", "native_id": developer.git_email}
            if developer.key == "tomas":
                yield {
                    "email": developer.email,
                    "system": "github",
                    "native_id": "tomas-before",
                    "valid_to": self.eve,
                }

    def _developer_costs(self) -> Iterable[Row]:
        for developer in self.agency.developers:
            row = {"email": developer.email, "currency": developer.cost_currency}
            if developer.hourly_cost_cents is not None:
                yield {**row, "cost_rate": _euros(developer.hourly_cost_cents)}
            elif developer.monthly_cost_cents is not None and developer.number == 1:
                # A raise in the middle of a month: that month's cost is split by days.
                raised = self.middle + timedelta(days=14)
                before = developer.monthly_cost_cents - 70_000
                yield {**row, "monthly_cost": _euros(before), "valid_to": raised - timedelta(days=1)}
                yield {**row, "monthly_cost": _euros(developer.monthly_cost_cents), "valid_from": raised}
            elif developer.monthly_cost_cents is not None:
                ended = {"valid_to": developer.left_on} if developer.left_on else {}
                yield {**row, "monthly_cost": _euros(developer.monthly_cost_cents), **ended}

    def _clients(self) -> Iterable[Row]:
        for client in self.agency.clients:
            yield {
                "client": client.name if client.number % 2 else client.clockify_id,
                "company_name": client.company_name,
                "account_number": "CALDERA1" if client.key == "caldera" else "",
                "trading_name": "Otter Prints" if client.key == "otter" else "",
                "status": "active",
                "parent_client": self._name(client.parent),
                "payment_terms": client.payment_terms,
                "website": f"https://{client.key}.example",
                "email": f"office@{client.key}.example",
                "tax_id": "DE000000000" if client.country == "Germany" else "",
                "address_line_1": f"{10 + client.number} Example Road",
                "city": client.city,
                "country": client.country,
                "billing_address_same": "true",
                **(_E_INVOICE if client.country == "Germany" else {"paper_size": "Letter"}),
            }

    def _client_terms(self) -> Iterable[Row]:
        for client in self.agency.clients:
            row = {
                "client": client.name,
                "billing_model": client.billing_model,
                "currency": client.currency,
                "tax_rate": client.tax_rate,
                "vat_category": "S" if client.country == "Germany" else "",
            }
            if client.retainer_cents is None:
                yield row
                continue
            yield {**row, "retainer_amount": _euros(client.retainer_cents - 150_000), "valid_to": self.eve}
            yield {**row, "retainer_amount": _euros(client.retainer_cents), "valid_from": self.middle}

    def _client_contacts(self) -> Iterable[Row]:
        for client in self.agency.clients:
            yield {
                "client": client.name,
                "first_name": "Robin",
                "last_name": f"Example{client.number}",
                "title": "Head of Operations",
                "email": f"robin@{client.key}.example",
                "is_primary": "true",
                "is_billing_contact": "false" if client.number == 1 else "true",
                "receives_invoices": "true",
                "status": "active",
            }
        yield {
            "client": self.agency.clients[0].name,
            "first_name": "Alex",
            "last_name": "Ledger",
            "title": "Accounts payable",
            "email": f"ap@{self.agency.clients[0].key}.example",
            "is_primary": "false",
            "is_billing_contact": "true",
            "receives_invoices": "true",
            "status": "active",
        }

    def _projects(self) -> Iterable[Row]:
        for project in self.agency.projects:
            yield {
                "project": project.name,
                "status": "archived" if project.archived else "active",
                "jira_project_key": project.key,
                "labels": ";".join(project.labels),
            }

    def _project_terms(self) -> Iterable[Row]:
        contracts = {"SHOP": "Web care", "WIT": "Workshop IT care", "NEWS": "Newsletter campaign"}
        for project in self.agency.projects:
            if project.client is None:
                continue
            row = {"project": project.name, "client": self._name(project.client)}
            if project.moved_on is not None:
                former = {**row, "client": self._name(project.former_client)}
                yield {**former, "valid_to": project.moved_on - timedelta(days=1)}
                yield {**row, "hourly_rate": _euros(project.rate_cents or 0), "valid_from": project.moved_on}
            elif project.key in contracts:
                yield {**row, "contract": contracts[project.key]}

    def _repo_mappings(self) -> Iterable[Row]:
        projects = {project.key: project for project in self.agency.projects}
        for repository in self.agency.repositories:
            project = projects[repository.project]
            if project.client is None:
                continue
            row = {"repo": repository.full_name, "project": project.name, "path_globs": _globs(repository, project)}
            if project.moved_on is None:
                yield {**row, "client": self._name(project.client)}
                continue
            eve = project.moved_on - timedelta(days=1)
            yield {**row, "client": self._name(project.former_client), "valid_to": eve}
            yield {**row, "client": self._name(project.client), "valid_from": project.moved_on}
        yield {
            "repo": "lantern-works/harborlight-mono",
            "client": self._name("labs"),
            "path_globs": "/home/*/work/harborlight-mono;/Users/*/Code/harborlight-mono;/workspaces/harborlight-mono",
        }

    def _session_roots(self) -> Iterable[Row]:
        for developer in self.agency.developers:
            if len(developer.hosts) > 1:
                # Several machines of one person: one glob.
                yield {"path": f"claude/{developer.key}-*/projects", "email": developer.email}
                continue
            host = developer.hosts[0]
            yield {"path": f"claude/{host}/projects", "email": developer.email, "host": host}

    def _contracts(self) -> Iterable[Row]:
        otter = self._name("otter")
        first = _day_31(self.agency.start - timedelta(days=240))
        defaults = {"client": otter, "status": "active", "auto_renew": "false", "billing_cycle": "monthly"}
        yield {
            **defaults,
            "name": "Workshop IT care",
            "service_category": "IT",
            "type": "monthly_retainer",
            "start_date": first,
            "auto_renew": "true",
            "end_date": first + timedelta(days=364),
            "monthly_hours": "20",
            "overage_rate": "140.00",
            "standard_rate": "110.00",
            "notification_email": "office@otter.example",
            "send_monthly_report": "true",
        }
        yield {
            **defaults,
            "name": "Workshop onboarding",
            "service_category": "IT",
            "type": "project_based",
            "start_date": first,
            "overage_rate": "120.00",
            "standard_rate": "120.00",
        }
        yield {
            **defaults,
            "contract_number": "OTTERSPR-CON-WEB-1",
            "name": "Web care",
            "service_category": "WEB",
            "type": "monthly_retainer",
            "start_date": months_before(self.agency.start, 7).replace(day=24),
            "monthly_hours": "120",
            "overage_rate": "115.00",
            "standard_rate": "95.00",
            "billing_cycle": "quarterly",
            "notification_email": "office@otter.example",
            "send_monthly_report": "true",
        }
        yield {
            **defaults,
            "name": "Newsletter campaign",
            "service_category": "MARKETING",
            "type": "pay_as_you_go",
            "status": "expired",
            "start_date": months_before(self.agency.start, 12),
            "end_date": self.agency.start + timedelta(days=30),
            "overage_rate": "85.00",
            "standard_rate": "85.00",
        }
        # Invoiced once a year; its included hours cost nothing, hours beyond them do.
        yield {
            **defaults,
            "name": "Press upkeep",
            "service_category": "OTHER",
            "type": "monthly_retainer",
            "start_date": months_before(self.agency.as_of, 14).replace(day=1),
            "auto_renew": "true",
            "monthly_hours": "4",
            "overage_rate": "130.00",
            "billing_cycle": "annual",
        }
        yield {
            **defaults,
            "name": "Flyer texts",
            "service_category": "MARKETING",
            "type": "pay_as_you_go",
            "start_date": months_before(self.agency.start, 1),
            "overage_rate": "90.00",
            "standard_rate": "90.00",
        }

    def _contract_terms(self) -> Iterable[Row]:
        yield {
            "contract": "OTTERSPR-CON-WEB-1",
            "monthly_hours": "140",
            "overage_rate": "120.00",
            "valid_from": self.middle + timedelta(days=9),
        }
        yield {"contract": "Workshop IT care", "overage_rate": "150.00", "valid_from": self.middle}

    def _billing_rules(self) -> Iterable[Row]:
        rail = {"project": "Timetable API", "rule_type": "hourly", "currency": "USD", "rounding_increment_minutes": 15}
        yield {
            **rail,
            "rate_cents": 12_000,
            "overtime_multiplier": "1.5",
            "cap_hours": "160",
            "effective_to": self.eve,
        }
        yield {**rail, "rate_cents": 12_500, "overtime_multiplier": "1.5", "effective_from": self.middle}
        kiosk = {"project": "Ticket Kiosk", "currency": "USD", "rounding_increment_minutes": 0}
        yield {**kiosk, "rule_type": "fixed", "rate_cents": 600_000, "effective_to": self.eve}
        yield {
            **kiosk,
            "rule_type": "retainer",
            "rate_cents": 800_000,
            "retainer_hours": "60",
            "effective_from": self.middle,
            "metadata": '{"overage_rate_cents": 13000}',
        }

    def _rate_rules(self) -> Iterable[Row]:
        yield {"rate_tier": "p1_p3_off_hours", "multiplier": "1.5"}
        yield {
            "client": self._name("caldera"),
            "rate_tier": "off_hours",
            "multiplier": "1.25",
            "valid_from": self.middle,
        }

    def _business_calendars(self) -> Iterable[Row]:
        for weekday in range(1, 6):
            for opens, closes in (("08:00", "12:30"), ("13:00", "17:30")):
                yield {
                    "calendar": "caldera",
                    "timezone": "Europe/Berlin",
                    "weekday": weekday,
                    "opens": opens,
                    "closes": closes,
                }

    def _holidays(self) -> Iterable[Row]:
        for year in range(self.agency.start.year - 1, self.agency.as_of.year + 2):
            for calendar, month, day, name in (
                ("default", 1, 1, "New Year's Day"),
                ("default", 7, 4, "Independence Day"),
                ("default", 12, 25, "Christmas Day"),
                ("caldera", 1, 1, "New Year's Day"),
                ("caldera", 5, 1, "Labour Day"),
                ("caldera", 10, 3, "Unity Day"),
                ("caldera", 12, 25, "Christmas Day"),
                ("caldera", 12, 26, "Boxing Day"),
            ):
                yield {"calendar": calendar, "date": date(year, month, day), "name": name}

    def _employee_exclusions(self) -> Iterable[Row]:
        people = self.agency.developers
        yield {
            "jira_account_id": people[2].jira_account_id,
            "type": "overhead_only",
            "valid_from": self.middle + timedelta(days=6),
            "valid_to": self.middle + timedelta(days=12),
        }
        yield {
            "jira_account_id": people[-1].jira_account_id,
            "type": "excluded",
            "valid_from": self.agency.as_of - timedelta(days=20),
            "valid_to": self.agency.as_of - timedelta(days=18),
        }

    def _fixed_lines(self) -> Iterable[Row]:
        yield {
            "client": self._name("nimbus"),
            "description": "Hosting of the kiosks",
            "amount": "450.00",
            "currency": "USD",
        }
        yield {
            "client": self._name("caldera"),
            "description": "Discount of the first year",
            "amount": "-250.00",
            "currency": "EUR",
            "valid_to": self.eve,
        }

    def _time_policies(self) -> Iterable[Row]:
        yield {"client": self._name("labs"), "sources": "claude_session;clockify"}
        yield {"client": self._name("caldera"), "sources": "tempo;manual"}
        first = self.agency.developers[0]
        yield {"email": first.email, "sources": "tempo;clockify;claude_session", "valid_from": self.middle}
        yield {"email": first.email, "client": self._name("harborlight"), "sources": "clockify;claude_session"}

    def _payment_fees(self) -> Iterable[Row]:
        yield {
            "pattern": "cardline payout",
            "currency": "USD",
            "fixed_fee": "0.30",
            "fee_share": "0.029",
            "is_processor": "true",
        }

    def _dunning_levels(self) -> Iterable[Row]:
        yield {"level": 1, "days_past_due": 7, "title": "Reminder"}
        yield {"level": 2, "days_past_due": 21, "title": "Second reminder", "minimum_amount": "50"}
        yield {"level": 3, "days_past_due": 45, "title": "Last reminder", "minimum_amount": "50"}

    def _accounting_codes(self) -> Iterable[Row]:
        planfact_accounts = planfact.export(self.agency)["accounts"]
        for client in self.agency.clients:
            name = client.company_name
            yield {"system": "planfact", "kind": "client", "key": name, "code": 100 + client.number}
            yield {"system": "didox", "kind": "client", "key": name, "code": didox.buyer_tin(client.number)}
        for account in planfact_accounts:
            row = {"kind": "account", "key": account["currencyCode"], "code": account["accountId"]}
            yield {"system": "planfact", **row}
        yield {"system": "planfact", "kind": "category", "key": "income", "code": planfact.INCOME}
        yield {"system": "didox", "kind": "service", "key": "default", "code": didox.SERVICE}

    def _accounts(self) -> Iterable[Row]:
        for account in self.agency.accounts:
            if account.account_id == "acc-old":
                # Without a row: personal.
                continue
            yield {
                "plaid_account_id": account.account_id,
                "label": account.name,
                "scope": account.scope,
                "account_type": account.kind,
                "institution": account.item.institution_name,
                "entity": AGENCY_NAME if account.scope == "business" else "",
            }

    def _transaction_rules(self) -> Iterable[Row]:
        order = 10
        for client in self.agency.clients:
            yield {"order": order, "pattern": _pattern(client), "set_type": "income", "set_client": client.name}
            order += 10
        for pattern, decision in (
            (r"^payroll ", {"category": "PAYROLL", "set_type": "expense"}),
            (r"^transfer (to|from) ", {"set_type": "transfer"}),
            (r"^(card autopay|payment thank you)", {"set_type": "transfer"}),
            (r"cloudharbor", {"category": "HOSTING", "set_project": "Internal-Infra"}),
            (r"swiftcab", {"account": "acc-card", "set_scope": "personal"}),
            (r"rent pier 9", {"set_entity": AGENCY_NAME}),
        ):
            yield {"order": order, "pattern": pattern, **decision}
            order += 10

    def _work_logs(self) -> Iterable[Row]:
        number = 0
        otter = self._name("otter")
        for block in self.agency.blocks:
            if block.route != "manual" or block.client != "otter":
                continue
            number += 1
            web = block.project.key == "SHOP"
            start, end = (moment.astimezone(block.developer.zone) for moment in (block.start, block.end))
            timed = number % 3 and start.date() == end.date()
            yield {
                "id": number,
                "client": otter,
                "contract": "OTTERSPR-CON-WEB-1" if web else "Workshop IT care",
                "service_type": "Web Development" if web else ("Computer Repair", "Maintenance")[number % 2],
                "email": block.developer.email,
                "work_date": start.date(),
                "start_time": f"{start:%H:%M}" if timed else "",
                "end_time": f"{end:%H:%M}" if timed else "",
                "duration_minutes": block.seconds // 60,
                "work_location": "onsite" if number % 4 == 0 else "remote",
                "description": block.ticket.summary,
                "is_billable": "false" if number % 9 == 0 else "true",
            }
        # Single jobs: contract, service, days before as_of, minutes. The campaign's contract has expired by then.
        jobs = (
            ("Workshop onboarding", "Consultation", 10, 95, "Plan for the new workshop network"),
            ("Press upkeep", "Maintenance", 47, 170, "Yearly check of the press controller"),
            ("Press upkeep", "Maintenance", 46, 115, "New belt sensor for the press"),
            ("Flyer texts", "Social Media", 26, 75, "Texts for the autumn flyer"),
            ("Newsletter campaign", "Social Media", 24, 40, "One more newsletter after the campaign"),
        )
        for name, service, days_ago, minutes, description in jobs:
            number += 1
            yield {
                "id": number,
                "client": otter,
                "contract": name,
                "service_type": service,
                "email": self.agency.developers[0].email,
                "work_date": self.agency.as_of - timedelta(days=days_ago),
                "duration_minutes": minutes,
                "work_location": "remote",
                "description": description,
                "is_billable": "true",
            }

    def _fx_rates(self) -> Iterable[Row]:
        chance = self.agency.random("fx")
        # From before the oldest agreement, whose amounts are counted from its start.
        day, rate = months_before(self.agency.start, 12).replace(day=1), 1.081
        while day < self.agency.as_of:
            yield {"date": day, "from_currency": "EUR", "to_currency": "USD", "rate": f"{rate:.4f}"}
            # Rates are never inverted: showing a cost in dollars to a client in euros needs its own rate.
            yield {"date": day, "from_currency": "USD", "to_currency": "EUR", "rate": f"{1 / rate:.4f}"}
            rate += chance.uniform(-0.012, 0.012)
            day = (day + timedelta(days=32)).replace(day=1)


def _globs(repository: Repository, project: Project) -> str:
    """Return the folders in which people have a repository checked out."""
    folder = f"harborlight-mono/{repository.name}" if project.key in ("ORA", "SENS") else repository.name
    return ";".join(
        (
            f"/home/*/work/{folder}",
            f"/Users/*/Code/{folder}",
            f"/workspaces/{folder}",
            f"C:\\Users\\*\\code\\{repository.name}",
        )
    )


def _pattern(client: Client) -> str:
    """Return a regular expression that finds the client's name in a bank's text."""
    return client.company_name.lower().replace("'", ".").replace(" ", r"\s+")
