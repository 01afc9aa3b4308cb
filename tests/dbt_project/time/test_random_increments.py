"""Random edits between builds, one broken off: what increments leave is what a full refresh gives, mart by mart."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from assets.nodes import ancestors
from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.time.plain_time import local_date
from tests.dbt_project.time.test_random_policies import DAYS, PROJECTS, ZONES, World

SEED = 20260717
CYCLES = 2
BUILDS_A_CYCLE = 3
Rows = dict[str, list[dict[str, Any]]]

# Where a run may break off: after one of these, and what it is built from.
CHAIN = (
    "int_time__changed_dates",
    "int_time__worklogs",
    "int_time__decided_entries",
    "int_time__logged_elsewhere",
    "time_entries",
    "int_reports__daily_time",
    "daily_overlay",
    "audit_logs",
    "int_billing__parts",
)
_NO_TESTS = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
_TABLES = """
    select schemaname || '.' || tablename as name from pg_tables
    where schemaname in ('marts', 'private') or tablename in (
        'int_time__worklogs', 'int_time__decided_entries', 'int_time__logged_elsewhere', 'int_reports__daily_time',
        'int_reports__entry_amounts', 'int_billing__routed_entries', 'int_billing__parts',
        'int_billing__contract_allocations', 'int_billing__unbilled'
    )
    order by 1
"""


def _first_rows(random: Random) -> Rows:
    rows = deepcopy(World(random).raw)
    for log in rows["reference.work_logs"]:
        log["row_key"] = log["id"]
    rows["reference.client_terms"] = [
        {"client": "Acme", "billing_model": "hourly", "currency": "EUR", "tax_rate": 0.19},
        {"client": "Beta", "billing_model": "retainer", "retainer_amount": 1000, "currency": "USD", "tax_rate": 0},
    ]
    rows["reference.project_terms"].append({"project": "Site", "client": "Acme", "hourly_rate": 80})
    rows["reference.developer_costs"] = [
        {"email": "ann@example.com", "monthly_cost": 5000, "currency": "USD"},
        {"email": "bob@example.com", "cost_rate": 40, "currency": "USD"},
    ]
    rows["jira.projects"] = [
        {"id": str(number), "key": one.key, "name": one.name} for number, one in enumerate(PROJECTS)
    ]
    rows["clickhouse.cdm_customers"] = [{"customer_id": "1", "company_name": "Beta Ltd", "client": "Beta"}]
    rows["clickhouse.cdm_applications"] = []
    rows["clickhouse.tempo_worklogs_flat"] = [
        {
            "row_id": f"{number:016x}",
            "worklog_id": str(number) if number % 2 else None,
            "account_id": worklog["author_id"],
            "start_date": worklog["start_date"],
            "issue_key": next(
                (one["key"] for one in rows["jira.issues"] if one["id"] == str(worklog["issue_id"])), "NO-1"
            ),
            "project_label": "hush" if number % 9 == 0 else None,
            "duration_seconds": worklog["duration_seconds"] + 60,
            "is_deleted": False,
        }
        for number, worklog in enumerate(rows["tempo.worklogs"])
    ]
    return rows


class Agency:
    """Raw rows that people edit."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.rows = _first_rows(random)
        self.gone: Rows = {}

    def _one(self, table: str) -> dict[str, Any]:
        return self.random.choice(self.rows[table])

    def entry(self) -> None:
        """An entry is edited, moved, taken away from, or gone."""
        entry = self._one("clockify.time_entries")
        days = timedelta(days=self.random.choice((-300, -1, 1)))
        moved = {name: entry[name] and entry[name] + days for name in ("start_time", "end_time")}
        longer = {"end_time": entry["end_time"] and entry["end_time"] + timedelta(minutes=7)}
        edits: list[dict[str, Any]] = [
            moved,
            longer,
            {"project_id": f"p-{self.random.choice(PROJECTS).name}"},
            {"user_id": f"u-{self.random.choice(list(ZONES))}"},
            {"is_deleted": not entry["is_deleted"]},
            {"billable": not entry["billable"], "is_locked": not entry["is_locked"]},
        ]
        entry |= self.random.choice(edits)

    def worklog(self) -> None:
        worklog = self._one("tempo.worklogs")
        edits: list[dict[str, Any]] = [
            {"start_date": self.random.choice(DAYS)},
            {"duration_seconds": 1234, "updated_at": "2026-12-24T12:00:00Z"},
            {"issue_id": self.random.randrange(15)},
            {"billable_seconds": 0},
            {"updated_at": "2026-12-25T12:00:00Z"},
        ]
        worklog |= self.random.choice(edits)
        mirrored = self._one("clickhouse.tempo_worklogs_flat")
        mirrored |= {"start_date": self.random.choice(DAYS), "is_deleted": self.random.random() < 0.5}

    def deletion(self) -> None:
        """Deleted or restored."""
        deletions = self.rows["tempo.worklog_deletions"]
        if self.random.random() < 0.5:
            deletions.pop(self.random.randrange(len(deletions)))
        else:
            deletions.append({"id": self._one("tempo.worklogs")["id"], "is_deleted": True})
        by_id = {one["id"]: one for one in deletions}
        self.rows["tempo.worklog_deletions"] = list(by_id.values())

    def coming_and_going(self) -> None:
        """Rows vanish from a table, and those that had vanished come back."""
        for table in ("clockify.time_entries", "reference.work_logs", "clickhouse.tempo_worklogs_flat"):
            leaving = self.random.sample(range(len(self.rows[table])), 2)
            back = self.gone.get(table, [])
            self.gone[table] = [self.rows[table][number] for number in leaving]
            kept = [row for number, row in enumerate(self.rows[table]) if number not in leaving]
            self.rows[table] = kept + back

    def work_log(self) -> None:
        log = self._one("reference.work_logs")
        edits: list[dict[str, Any]] = [
            {"duration_minutes": log["duration_minutes"] + 1},
            {"work_date": self.random.choice(DAYS)},
            {"client": self.random.choice(("Acme", "Beta")), "contract": None},
            {"contract": "CARE", "client": "Acme"},
            {"is_billable": not log["is_billable"], "description": "Other work"},
            {"email": f"{self.random.choice(list(ZONES)[:5])}@example.com"},
        ]
        log |= self.random.choice(edits)

    def issue(self) -> None:
        issue = self._one("jira.issues")
        project = self.random.choice(PROJECTS)
        edits: list[dict[str, Any]] = [
            {"labels": self.random.choice(([], ["hush"], ["inner"], ["ops"]))},
            {"issue_type": self.random.choice(("Incident", "Bug")), "priority": self.random.choice(("P1", "High"))},
            {"project_key": project.key},
        ]
        issue |= self.random.choice(edits)

    def policies(self) -> None:
        self.rows["reference.time_policies"] = World(Random(self.random.random())).raw["reference.time_policies"]

    def classes(self) -> None:
        classes = self.rows["reference.project_classifications"]
        classes[:] = [one for one in classes if one.get("label") != "x"]
        if self.random.random() < 0.7:
            classes.append({"label": "x", "classification": self.random.choice(("overhead", "excluded"))})

    def exclusions(self) -> None:
        self._one("reference.employee_exclusions")["type"] = self.random.choice(("excluded", "overhead_only"))

    def terms(self) -> None:
        terms = self.rows["reference.project_terms"][-1]
        terms |= self.random.choice(
            (
                {"hourly_rate": self.random.randrange(50, 150)},
                {"contract": "CARE"},
                {"client": "Beta", "contract": None},
            )
        )

    def people(self) -> None:
        """A zone, an account that changes hands."""
        self._one("reference.developers")["timezone"] = self.random.choice(list(ZONES.values()))
        self.rows["reference.identities"] = [
            {
                "email": f"{self.random.choice(('ann', 'eva'))}@example.com",
                "system": self.random.choice(("clockify", "jira")),
                "native_id": self.random.choice(("u-ghost", "j-stranger")),
                "valid_from": self.random.choice(DAYS),
            }
        ]

    def rules(self) -> None:
        self.rows["reference.billing_rules"] = [
            {
                "project": "Shop",
                "rule_type": "hourly",
                "rate_cents": self.random.randrange(5000, 9000),
                "rounding_increment_minutes": 15,
                "effective_from": self.random.choice(DAYS),
            }
        ]
        self.rows["reference.jira_value_map"] = [
            {"kind": "priority", "value": "High", "meaning": self.random.choice(("P2", "P4"))}
        ]
        self._one("reference.service_types")["is_billable"] = self.random.random() < 0.5

    def applications(self) -> None:
        self.rows["clickhouse.cdm_applications"] = [
            {
                "application_id": "7",
                "customer_id": "1",
                "name": "Shop app",
                "application_type": "TM",
                "labels": self.random.sample(["SHOP", "SITE", "hush"], 2),
                "hourly_rate": self.random.randrange(50, 90),
                "min_billable_seconds": 1800,
            }
        ]

    def directories(self) -> None:
        mapping = self._one("reference.repo_mappings")
        mapping |= {"client": self.random.choice(("Acme", "Beta")), "project": None}

    def contracts(self) -> None:
        contract = self.rows["reference.contracts"][0]
        contract["standard_rate"] = self.random.randrange(1, 90)
        contract["end_date"] = self.random.choice((None, date(2026, 10, 24)))


EDITS: tuple[Callable[[Agency], None], ...] = (
    Agency.entry,
    Agency.worklog,
    Agency.deletion,
    Agency.coming_and_going,
    Agency.work_log,
    Agency.issue,
    Agency.policies,
    Agency.classes,
    Agency.exclusions,
    Agency.terms,
    Agency.people,
    Agency.rules,
    Agency.applications,
    Agency.directories,
    Agency.contracts,
)
# What happens every day; the others change rules that every day may follow.
DAILY = EDITS[:6]


def _build(project: DbtProject, *arguments: str, **variables: Any) -> None:
    selected = arguments if "--select" in arguments else (*arguments, "--select", "*")
    project.dbt("build", *_NO_TESTS, *selected, **variables)


def _contents(project: DbtProject) -> dict[str, list[str]]:
    return {
        row["name"]: sorted(map(str, project.rows(f"select * from {row['name']}"))) for row in project.rows(_TABLES)
    }


def _dates_rebuilt(project: DbtProject) -> tuple[int, int]:
    [row] = project.rows(
        "select count(*) filter (where is_changed) as changed, count(*) as of_all"
        " from intermediate.int_time__changed_dates"
    )
    return row["changed"], row["of_all"]


def test_random_edits_built_by_increments_give_what_a_full_refresh_gives(dbt_project: DbtProject) -> None:
    random = Random(SEED)
    agency = Agency(random)
    dbt_project.load(agency.rows)
    variables = {"as_of": "2026-12-31", "worklog_route": "tempo"}
    _build(dbt_project, **variables)
    has_kept_dates = False

    for cycle in range(CYCLES):
        log = []
        for number in range(BUILDS_A_CYCLE):
            edits = random.choices(DAILY, k=6) if number == 0 else random.sample(EDITS, 5)
            for edit in edits:
                edit(agency)
            log.append(", ".join(edit.__name__ for edit in edits))
            dbt_project.load(agency.rows)
            if number == 1:
                # Broken off here; the next build brings further edits.
                last = random.choice(CHAIN)
                log.append(f"broken off after {last}")
                _build(dbt_project, "--select", f"+{last}", **variables)
                continue
            if number == 2:
                variables["as_of"] = random.choice(("2026-11-15", "2027-01-31"))
                variables["worklog_route"] = ("clickhouse", "tempo")[cycle % 2]
            _build(dbt_project, **variables)
            changed, of_all = _dates_rebuilt(dbt_project)
            has_kept_dates |= number == 0 and changed < of_all
        by_increments = _contents(dbt_project)
        _build(dbt_project, "--full-refresh", **variables)
        refreshed = _contents(dbt_project)
        differing = [
            f"{table}: {row}" for table in refreshed for row in sorted({*by_increments[table]} ^ {*refreshed[table]})
        ]
        assert by_increments == refreshed, "\n".join([*log, *differing[:8]])

    assert has_kept_dates


def test_news_taken_back_after_a_run_broke_off_is_taken_back_everywhere(dbt_project: DbtProject) -> None:
    agency = Agency(Random(SEED + 2))
    # Its only entry of that day, so that the date comes and goes with it.
    entry = agency.rows["clockify.time_entries"][0]
    entry |= {
        "start_time": datetime(2026, 6, 10, 9, tzinfo=UTC),
        "end_time": datetime(2026, 6, 10, 10, tzinfo=UTC),
        "user_id": "u-ann",
        "project_id": "p-Site",
        "is_deleted": False,
        "billable": True,
        "type": "REGULAR",
    }
    dbt_project.load(agency.rows)
    _build(dbt_project, as_of="2026-12-31")
    before = _contents(dbt_project)
    edits = ({"end_time": datetime(2026, 6, 10, 11, tzinfo=UTC)}, {"start_time": datetime(2026, 6, 9, 9, tzinfo=UTC)})
    for edit in edits:
        edited = {**agency.rows, "clockify.time_entries": [entry | edit, *agency.rows["clockify.time_entries"][1:]]}
        dbt_project.load(edited)
        _build(dbt_project, "--select", "+int_billing__parts", as_of="2026-12-31")
        dbt_project.load(agency.rows)
        _build(dbt_project, as_of="2026-12-31")
        assert _contents(dbt_project) == before


def test_dates_without_news_are_left_alone(dbt_project: DbtProject) -> None:
    agency = Agency(Random(SEED + 1))
    entry = agency.rows["clockify.time_entries"][0]
    query = (
        "select local_date, ctid::text as place, xmin::text as written_by from intermediate.int_time__decided_entries"
    )
    versions = []
    for is_edited in (False, False, True):
        entry["billable"] ^= is_edited
        dbt_project.load(agency.rows)
        selected = ("+int_time__decided_entries", "+int_changes__processed_time_dates")
        _build(dbt_project, "--select", *selected, as_of="2026-12-31")
        versions.append({tuple(row.values()) for row in dbt_project.rows(query)})

    built, left_alone, edited = versions
    rebuilt = {day for day, *_ in edited ^ built}
    assert left_alone == built
    # The entry's date, and those that some entry of that date reaches into.
    assert local_date(entry["start_time"], ZONES[entry["user_id"].removeprefix("u-")]) in rebuilt
    assert len(rebuilt) < len({day for day, *_ in built})


def test_changed_dates_see_all_that_time_entries_are_made_of(parsed_project: tuple[Manifest, object]) -> None:
    manifest = parsed_project[0].writable_manifest().to_dict()
    name = "model.workledger.{}".format
    seen = ancestors(manifest, name("int_time__changed_dates"))
    # Ways there, whose own sources are looked at one by one.
    steps = (
        "int_time__entries",
        "int_time__work_logs",
        "int_time__worklogs",
        "int_time__decided_entries",
        "int_time__logged_elsewhere",
        "int_time__reconciled_entries",
        "time_entries",
    )
    chain = {name("int_time__changed_dates"), *map(name, steps)}
    tables = (
        "int_time__worklogs",
        "int_time__decided_entries",
        "int_time__logged_elsewhere",
        "time_entries",
        "int_reports__daily_time",
        "int_billing__routed_entries",
    )
    for table in tables:
        of_table = ancestors(manifest, name(table)) - chain

        assert of_table <= seen, f"{table} may change where no date does: {sorted(of_table - seen)}"


def test_changed_months_see_all_that_the_bill_by_months_is_made_of(parsed_project: tuple[Manifest, object]) -> None:
    manifest = parsed_project[0].writable_manifest().to_dict()
    name = "model.workledger.{}".format
    listed = name("int_billing__changed_months")
    by_months = {
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["config"].get("incremental_strategy") in ("changed_months", "changed_lines", "changed_bill_lines")
    }
    parents = manifest["parent_map"]
    assert {*parents[name("int_changes__processed_months")]} - {listed} == by_months
    # Hashed in months, or in the dates that are hashed in months.
    seen = {listed, *parents[listed], *parents[name("int_time__changed_dates")]}
    # Routed entries follow from their date alone; lines, and what is invoiced of them, are made of what is seen.
    lines = ("int_billing__lines", "int_billing__bill_lines", "invoice_prefill_lines")
    invoiced = ("int_billing__restatements", "stg_invoicing__invoiced")
    seen |= {*map(name, ("int_billing__routed_entries", *lines, *invoiced, "unbilled"))}
    for table in by_months:
        unseen = {*parents[table]} - seen - by_months

        assert not unseen, f"{table} may change where no month does: {sorted(unseen)}"
