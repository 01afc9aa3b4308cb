"""A small agency in raw tables: two people, two clients, every system, sixty days up to today. No expectations here.

What nobody but its owner may read bears a marker: `SESSION_TEXT`, `PERSONAL_MONEY`, `TOKEN`.
"""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha1
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Rows = dict[str, list[dict[str, Any]]]

DAYS = 60
SESSION_TEXT = "marker-of-session-text"
PERSONAL_MONEY = "marker-of-personal-money"
TOKEN = "access-marker-of-token"
_PEOPLE = (
    # E-mail, Clockify id, login, Jira account, zone, client, project, repository, folder, Jira key
    (
        "ada@example.com",
        "u-ada",
        "ada",
        "j-ada",
        "Europe/Berlin",
        "acme/site",
        "/work/site",
        "CON",
    ),
    (
        "bob@example.com",
        "u-bob",
        "bob",
        "j-bob",
        "America/New_York",
        "beta/shop",
        "/work/shop",
        "SHOP",
    ),
)


def raw_tables(today: date) -> Rows:
    """Rows of raw tables by `source.table`; the last day is `today`.

    Args:
        today: last day on which somebody works; deterministic for one day.
    """
    rows = _reference(today)
    rows |= _systems()
    rows |= _bank(today)
    random = Random(7)
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - number)
        for person in range(2):
            _work(rows, random, day, number, person)
    _issues(rows, today)
    return rows


def _reference(today: date) -> Rows:
    start = today - timedelta(days=DAYS * 2)
    return {
        "reference.agency": [{"legal_name": "Agency", "currency": "USD", "timezone": "Europe/Berlin"}],
        "reference.business_calendars": [
            {"calendar": "default", "timezone": "Europe/Berlin", "weekday": day, "opens": "09:00", "closes": "17:00"}
            for day in range(1, 6)
        ],
        "reference.developers": [
            {
                "email": email,
                "name": email.split("@")[0].title(),
                "clockify_id": clockify_id,
                "github_username": login,
                "jira_account_id": account,
                "timezone": zone,
                "status": "active",
            }
            for email, clockify_id, login, account, zone, *_ in _PEOPLE
        ],
        "reference.developer_costs": [
            {"email": "ada@example.com", "monthly_cost": 6000, "currency": "USD"},
            {"email": "bob@example.com", "cost_rate": 45, "currency": "USD"},
        ],
        "reference.clients": [
            {
                "client": "Acme",
                "company_name": "Acme Inc",
                "status": "active",
                "payment_terms": "net30",
            },
            {
                "client": "Beta",
                "company_name": "Beta Ltd",
                "status": "active",
                "parent_client": "Acme",
                "payment_terms": "net15",
            },
        ],
        "reference.client_terms": [
            {
                "client": "Acme",
                "billing_model": "retainer",
                "retainer_amount": 4000,
                "currency": "USD",
                "tax_rate": 0,
            },
            {
                "client": "Beta",
                "billing_model": "hourly",
                "currency": "USD",
                "tax_rate": 0.2,
            },
        ],
        "reference.projects": [
            {"project": "Site", "status": "active", "jira_project_key": "CON"},
            {"project": "Shop", "status": "active", "jira_project_key": "SHOP"},
        ],
        "reference.contracts": [
            {
                "client": "Acme",
                "contract_number": "ACME-1",
                "name": "Web care",
                "service_category": "WEB",
                "type": "monthly_retainer",
                "status": "active",
                "start_date": start,
                "auto_renew": True,
                "monthly_hours": 40,
                "overage_rate": 120,
                "standard_rate": 90,
                "billing_cycle": "monthly",
            },
            {
                "client": "Acme",
                "contract_number": "ACME-2",
                "name": "IT care",
                "service_category": "IT",
                "type": "monthly_retainer",
                "status": "active",
                "start_date": start,
                "auto_renew": True,
                "monthly_hours": 1,
                "overage_rate": 150,
                "billing_cycle": "monthly",
            },
        ],
        "reference.project_terms": [
            {"project": "Site", "client": "Acme", "contract": "ACME-1"},
            {"project": "Shop", "client": "Beta", "hourly_rate": 95},
        ],
        "reference.repo_mappings": [
            {
                "repo": "acme/site",
                "client": "Acme",
                "project": "Site",
                "path_globs": "/work/site",
            },
            {
                "repo": "beta/shop",
                "client": "Beta",
                "project": "Shop",
                "path_globs": "/work/shop",
            },
        ],
        "reference.session_roots": [
            {"path": "root-0", "email": "ada@example.com"},
            {"path": "root-1", "email": "bob@example.com"},
        ],
        "reference.service_types": [{"name": "Consultation"}],
        "reference.time_policies": [{"sources": "tempo;clockify;manual;claude_session"}],
        "reference.work_logs": [
            {
                "id": "w1",
                "client": "Acme",
                "contract": "ACME-1",
                "service_type": "Consultation",
                "email": "ada@example.com",
                "work_date": today - timedelta(days=10),
                "duration_minutes": 90,
                "work_location": "onsite",
                "is_billable": True,
            },
            {
                "id": "w2",
                "client": "Acme",
                "contract": "ACME-2",
                "service_type": "Consultation",
                "email": "bob@example.com",
                "work_date": today - timedelta(days=9),
                "duration_minutes": 100,
                "work_location": "remote",
                "is_billable": True,
            },
        ],
        "reference.fixed_lines": [
            {"client": "Beta", "description": "Hosting", "amount": 50, "currency": "USD", "valid_from": start}
        ],
        "reference.accounts": [
            {"plaid_account_id": "business", "label": "Operating", "scope": "business", "account_type": "checking"}
        ],
        "reference.transaction_rules": [{"order": 1, "pattern": "acme", "set_client": "Acme"}],
    }


def _systems() -> Rows:
    return {
        "clockify.users": [
            {"id": clockify_id, "email": email, "name": email, "status": "ACTIVE"} for email, clockify_id, *_ in _PEOPLE
        ]
        + [{"id": "u-cem", "email": None, "name": "Cem", "status": "ACTIVE"}],
        "clockify.clients": [
            {"id": "c-acme", "name": "Acme"},
            {"id": "c-beta", "name": "Beta"},
        ],
        "clockify.projects": [
            {"id": "p-site", "client_id": "c-acme", "name": "Site"},
            {"id": "p-shop", "client_id": "c-beta", "name": "Shop"},
        ],
        "clockify.time_entries": [],
        "github.repositories": [
            {
                "id": number,
                "full_name": name,
                "name": name.split("/")[1],
                "owner_login": name.split("/")[0],
            }
            for number, name in enumerate(("acme/site", "beta/shop"))
        ],
        "github.commits": [],
        "github.pull_requests": [],
        "jira.projects": [
            {"id": "1", "key": "CON", "name": "Site", "state": "live"},
            {"id": "2", "key": "SHOP", "name": "Shop", "state": "live"},
        ],
        "jira.users": [{"account_id": account, "name": account} for _, _, _, account, *_ in _PEOPLE],
        "jira.issues": [],
        "jira.transitions": [],
        "tempo.worklogs": [],
        "claude_code.files": [],
        "claude_code.events": [],
        "claude_code.messages": [],
        "claude_code.prompts": [],
        "claude_code.tool_calls": [],
        "claude_code.ticket_mentions": [],
        "claude_code.catalog_prices": [
            {
                "model": "claude-opus",
                "valid_from": datetime(1970, 1, 1, tzinfo=UTC),
                "above_prompt_tokens": 0,
                "input": 5,
                "output": 25,
                "cache_write_5m": 6,
                "cache_write_1h": 10,
                "cache_read": 0.5,
            }
        ],
    }


def _bank(today: date) -> Rows:
    """A business account that clients pay into, and a personal one beside it."""
    record = {"access_token": TOKEN}
    accounts = [
        {"account_id": "business", "mask": "1111", "name": "Checking"},
        {"account_id": "personal", "mask": "2222", "name": PERSONAL_MONEY, "official_name": PERSONAL_MONEY},
    ]
    # Plaid counts what leaves an account as positive.
    movements = [
        ("business", -2500, "ACME INC TRANSFER", "INCOME"),
        ("business", -300, "UNKNOWN PAYER", "INCOME"),
        ("business", 120, "HOSTING COMPANY", "GENERAL_SERVICES"),
        ("personal", 55, PERSONAL_MONEY, "FOOD_AND_DRINK"),
        ("personal", -70, f"acme {PERSONAL_MONEY}", "INCOME"),
    ]
    return {
        "plaid.items": [{"item_id": "item", "institution_name": "Bank", "update_number": 1, "record": record}],
        "plaid.accounts": [
            account
            | {"item_id": "item", "type": "depository", "subtype": "checking", "currency": "USD", "record": record}
            for account in accounts
        ],
        "plaid.transactions": [
            {
                "transaction_id": f"{account}-{days}-{number}",
                "item_id": "item",
                "account_id": account,
                "amount": amount,
                "iso_currency_code": "USD",
                "date": today - timedelta(days=days),
                "pending": False,
                "name": name,
                "original_description": name,
                "category_primary": category,
                "update_number": 1,
                "record": record,
            }
            for number, (account, amount, name, category) in enumerate(movements)
            for days in (3, 40)
        ],
        "plaid.transaction_removals": [],
        "plaid.quarantined_records": [
            {
                "quarantine_id": "q",
                "table_name": "transactions",
                "native_id": "personal-unread",
                "reason": f"amount is no numeric: {PERSONAL_MONEY}",
                "rejected_record": PERSONAL_MONEY,
                "found_at": datetime.combine(today, time(6), UTC),
            }
        ],
    }


def _work(rows: Rows, random: Random, day: date, number: int, person: int) -> None:
    """One day of one person: a logged morning, a session, a commit, now and then a pull request and a worklog."""
    email, clockify_id, login, account, zone, _, folder, key = _PEOPLE[person]
    start = datetime.combine(day, time(9), ZoneInfo(zone)).astimezone(UTC)
    issue = f"{key}-{1 + number // 6}"
    if number % 5 != 4:
        rows["clockify.time_entries"].append(
            {
                "id": f"{person}{number:04d}",
                "workspace_id": "w",
                "user_id": clockify_id,
                "project_id": ("p-site", "p-shop")[person],
                "description": f"{issue} work",
                "billable": number % 7 != 6,
                "type": "REGULAR",
                "start_time": start,
                "end_time": start + timedelta(hours=3),
            }
        )
    # Now and then also for the other's client at the same hour.
    if number % 15 == 7:
        rows["clockify.time_entries"].append(
            {
                "id": f"{person}{number:04d}x",
                "workspace_id": "w",
                "user_id": clockify_id,
                "project_id": ("p-shop", "p-site")[person],
                "billable": True,
                "type": "REGULAR",
                "start_time": start + timedelta(hours=1),
                "end_time": start + timedelta(hours=2),
            }
        )
    if number % 3 == 0:
        rows["tempo.worklogs"].append(
            {
                "id": 1000 * (person + 1) + number,
                "issue_id": 100 * (person + 1) + 1 + number // 6,
                "author_id": account,
                "start_date": day,
                "started_at": start,
                "duration_seconds": 7200,
                "billable_seconds": 7200,
            }
        )
    _session(rows, random, start, f"session-{person}-{number:03d}", person, folder, issue)
    _git(rows, start, number, person, email, login, issue)


def _session(
    rows: Rows,
    random: Random,
    start: datetime,
    session: str,
    person: int,
    folder: str,
    issue: str,
) -> None:
    rows["claude_code.files"].append(
        {
            "file_id": session,
            "path": session,
            "root_path": f"root-{person}",
            "host": f"laptop-{person}",
            "generation": 0,
            "read_offset": 1,
        }
    )
    place = {
        "file_id": session,
        "generation": 0,
        "record_index": 0,
        "session_id": session,
        "cwd": folder,
    }
    at = start
    for line in range(20):
        at += timedelta(seconds=random.choice((20, 90, 400)))
        kind = "prompt" if line % 5 == 0 else "answer"
        here = place | {"line_offset": line, "uuid": f"{session}-{line}"}
        rows["claude_code.events"].append(here | {"occurred_at": at, "kind": kind})
        if kind == "prompt":
            rows["claude_code.prompts"].append(
                here
                | {
                    "prompted_at": at,
                    "kind": "text",
                    "prompt_text": f"Please {SESSION_TEXT}",
                    "ticket_keys": [issue],
                    "has_image": False,
                }
            )
            mention = {name: here[name] for name in here if name not in ("cwd", "uuid")}
            rows["claude_code.ticket_mentions"].append(
                mention | {"ticket_key": issue, "mentioned_at": at, "origin": "prompt"}
            )
        else:
            rows["claude_code.messages"].append(
                here
                | {
                    "message_id": f"{session}-{line}",
                    "answered_at": at,
                    "model": "claude-opus" if line % 9 else "mystery-1",
                    "input_tokens": 10,
                    "output_tokens": random.randrange(100, 2000),
                    "cache_read_tokens": 20_000,
                    "cache_creation_tokens": 500,
                    "response_text": SESSION_TEXT,
                }
            )
            rows["claude_code.tool_calls"].append(
                {name: here[name] for name in here if name != "cwd"}
                | {
                    "message_id": f"{session}-{line}",
                    "tool_use_id": f"{session}-{line}-t",
                    "tool_name": "Edit",
                    "tool_input": {"command": SESSION_TEXT},
                    "block_index": 0,
                }
            )


def _git(
    rows: Rows,
    start: datetime,
    number: int,
    person: int,
    email: str,
    login: str,
    issue: str,
) -> None:
    at = start + timedelta(hours=2)
    message = f"{issue}: step {number}"
    if number % 2:
        message += "\n\nCo-Authored-By: Claude <noreply@anthropic.com>"
    if number % 4 == 0:
        message += f"\n\nCo-authored-by: Pair <{_PEOPLE[1 - person][0]}>"
    rows["github.commits"].append(
        {
            "sha": sha1(f"{person}-{number}".encode(), usedforsecurity=False).hexdigest(),
            "repository_id": person,
            "message": message,
            "authored_at": at,
            "committed_at": at,
            "author_name": login.title(),
            "author_email": email if number % 20 else "unknown@elsewhere.example",
            "author_login": login if number % 20 else None,
            "additions": 10 + number,
            "deletions": number,
            "changed_files": 2,
            "parent_count": 1,
            "is_reachable": True,
        }
    )
    if number % 6 == 5:
        rows["github.pull_requests"].append(
            {
                "id": 1000 * person + number,
                "repository_id": person,
                "number": number,
                "title": f"{issue} Deliver",
                "state": "MERGED",
                "author_login": login,
                "author_type": "User",
                "created_at": at,
                "merged_at": at + timedelta(hours=5),
                "closed_at": at + timedelta(hours=5),
                "base_branch": "main",
                "head_branch": f"feature/{issue.lower()}",
                "additions": 100 + number,
                "deletions": 50,
                "changed_files": 5,
                "commit_count": 6,
                "reviews": [
                    {
                        "submittedAt": (at + timedelta(hours=1)).isoformat(),
                        "author": {"login": "reviewer"},
                    }
                ],
            }
        )


def _issues(rows: Rows, today: date) -> None:
    """An issue every six days for each project; all but the last two are done."""
    for person, (_, _, _, account, _, _, _, key) in enumerate(_PEOPLE):
        for number in range(DAYS // 6):
            issue_id = str(100 * (person + 1) + number + 1)
            created = datetime.combine(today - timedelta(days=DAYS - 6 * number), time(8), UTC)
            is_done = number < DAYS // 6 - 2
            rows["jira.issues"].append(
                {
                    "id": issue_id,
                    "key": f"{key}-{number + 1}",
                    "project_id": str(person + 1),
                    "project_key": key,
                    "summary": f"Deliver {number}",
                    "status_id": "3" if is_done else "2",
                    "status": "Done" if is_done else "In Progress",
                    "status_category": "done" if is_done else "indeterminate",
                    "issue_type": "Task",
                    "priority": "Medium",
                    "assignee_id": account,
                    "reporter_id": account,
                    "labels": [],
                    "story_points": 3,
                    "created_at": created,
                    "updated_at": created,
                }
            )
            steps = [
                ("1", "To Do", "2", "In Progress", 1),
                ("2", "In Progress", "3", "Done", 6),
            ]
            for place, (from_id, from_status, to_id, to_status, days) in enumerate(steps[: 2 if is_done else 1]):
                rows["jira.transitions"].append(
                    {
                        "id": f"{person}{number:03d}{place}",
                        "issue_id": issue_id,
                        "author_id": account,
                        "author_name": account,
                        "created_at": created + timedelta(days=days),
                        "items": [
                            {
                                "field": "status",
                                "fieldId": "status",
                                "from": from_id,
                                "fromString": from_status,
                                "to": to_id,
                                "toString": to_status,
                            }
                        ],
                    }
                )
