"""Reference files: what is refused and how it is said, what lands, what stays in force."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import psycopg
import pytest

from orchestration.commands.reference import accept
from orchestration.errors import WorkledgerError
from orchestration.warehouse.connection import Warehouse
from sources.catalog import SOURCES
from sources.kit import destination
from sources.kit.errors import SourceError
from sources.reference import guide
from sources.reference.client import SHIPPED_FOLDER, validate_folder
from sources.reference.losses import InForce
from sources.reference.schema import FILES, TABLES

DEVELOPERS = """email,name,clockify_id,github_username,jira_account_id,timezone,status
ada@example.com,Ada,,,,Europe/Berlin,active
bob@example.com,Bob,,,,America/New_York,inactive
"""
CLIENTS = """client,company_name,status,parent_client,payment_terms
Acme,Acme Inc,active,,net45
Beta,Beta GmbH,,Acme,
"""
CONTRACTS = """client,contract_number,name,service_category,type,status,start_date,end_date,auto_renew,monthly_hours,\
overage_rate
Acme,ACME-1,Care,IT,monthly_retainer,active,2026-01-31,,true,20,150.25
Beta,,Care,WEB,pay_as_you_go,,2026-02-01,2026-12-31,no,,99
"""
GOOD = {"developers": DEVELOPERS, "clients": CLIENTS, "contracts": CONTRACTS}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files over the good ones; the folder."""
    folder = tmp_path / "reference"
    folder.mkdir()

    def write_files(**files: str | bytes | None) -> Path:
        for name, content in {**GOOD, **files}.items():
            path = folder / f"{name}.csv"
            if content is None:
                path.unlink(missing_ok=True)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content)
        return folder

    return write_files


def test_the_committed_templates_are_well_formed() -> None:
    assert validate_folder(Path(__file__).parents[3] / "reference") == []


def test_good_files_have_no_problem(write: Write) -> None:
    assert validate_folder(write()) == []


REFUSED = {
    "unknown column": (
        {"developers": DEVELOPERS.replace("github_username", "github_user")},
        ["developers.csv, row 1, column github_user is no column of this file; did you mean github_username?"],
    ),
    "missing column": (
        {"developers": "email,name,status\nada@example.com,Ada,active\nbob@example.com,Bob,active\n"},
        ["developers.csv, row 1, column timezone is missing in the header; add the column"],
    ),
    "missing value": (
        {"clients": CLIENTS.replace("Acme Inc", "")},
        ["clients.csv, row 2, column company_name: '' is empty; it needs a value"],
    ),
    "value not allowed": (
        {"developers": DEVELOPERS.replace("inactive", "inactif")},
        ["developers.csv, row 3, column status: 'inactif' is none of active, inactive; did you mean inactive?"],
    ),
    "number": (
        {"contracts": CONTRACTS.replace("150.25", '"1,150.25"')},
        ["contracts.csv, row 2, column overage_rate: '1,150.25' is no number; write 1150.25"],
    ),
    "not a number": (
        {"contracts": CONTRACTS.replace("150.25", "NaN")},
        ["contracts.csv, row 2, column overage_rate: 'NaN' is no number; write it as 1234.56"],
    ),
    "negative": (
        {"contracts": CONTRACTS.replace("150.25", "-1")},
        ["contracts.csv, row 2, column overage_rate: '-1' is less than 0; give 0 or more"],
    ),
    "date": (
        {"contracts": CONTRACTS.replace("2026-01-31", "31 Jan 2026")},
        ["contracts.csv, row 2, column start_date: '31 Jan 2026' is no date; write it as YYYY-MM-DD"],
    ),
    "day that does not exist": (
        {"contracts": CONTRACTS.replace("2026-01-31", "2026-02-30")},
        ["contracts.csv, row 2, column start_date: '2026-02-30' is no day of the calendar; correct it"],
    ),
    "boolean": (
        {"contracts": CONTRACTS.replace("true", "maybe")},
        ["contracts.csv, row 2, column auto_renew: 'maybe' is neither true nor false; write one of them"],
    ),
    "time zone": (
        {"developers": DEVELOPERS.replace("Europe/Berlin", "Berlin")},
        ["developers.csv, row 2, column timezone: 'Berlin' is no time zone; write an IANA name such as Europe/Berlin"],
    ),
    "end before start": (
        {"contracts": CONTRACTS.replace("2026-12-31", "2026-01-01")},
        ["contracts.csv, row 3, column end_date: '2026-01-01' is before start_date; exchange or correct them"],
    ),
    "retainer without hours": (
        {"contracts": CONTRACTS.replace("true,20,", "true,,")},
        ["contracts.csv, row 2, column monthly_hours: '' is empty; a monthly_retainer needs its hours"],
    ),
    "key twice, in other case": (
        {"clients": CLIENTS + "acme,Another,active,,\n"},
        ["clients.csv, row 4, column client: 'acme' is already in row 2; remove or change one"],
    ),
    "parents in a circle": (
        {"clients": CLIENTS.replace("Acme Inc,active,,", "Acme Inc,active,Beta,")},
        [
            "clients.csv, row 2, column parent_client: 'Beta' leads back to this client; break the circle",
            "clients.csv, row 3, column parent_client: 'Acme' leads back to this client; break the circle",
        ],
    ),
    "unknown client": (
        {"client_terms": "client,billing_model,currency,tax_rate\nAcmee,hourly,USD,0\n"},
        ["client_terms.csv, row 2, column client: 'Acmee' is not in clients.csv; did you mean Acme?"],
    ),
    "unknown person": (
        {"developer_costs": "email,cost_rate,currency\neve@elsewhere.org,10,USD\n"},
        [
            "developer_costs.csv, row 2, column email: 'eve@elsewhere.org' is not in developers.csv; "
            "remove it or correct the name"
        ],
    ),
    "name of several contracts": (
        {"contract_terms": "contract,monthly_hours,valid_from\nCare,10,2026-05-01\n"},
        ["contract_terms.csv, row 2, column contract: 'Care' names several contracts; write the contract's number"],
    ),
    "unknown contract": (
        {"contract_terms": "contract,monthly_hours,valid_from\nCara,10,2026-05-01\n"},
        ["contract_terms.csv, row 2, column contract: 'Cara' is not in contracts.csv; did you mean Care?"],
    ),
    "overlapping ranges": (
        {
            "client_terms": "client,billing_model,currency,tax_rate,valid_from,valid_to\n"
            "Acme,hourly,USD,0,2026-03-01,\nacme,hourly,USD,0,,2026-03-01\n"
        },
        [
            "client_terms.csv, row 2, column valid_from: '2026-03-01' overlaps row 3 of the same client; "
            "end that row before, or begin this one later"
        ],
    ),
    "percentage": (
        {"client_terms": "client,billing_model,currency,tax_rate\nAcme,hourly,USD,19\n"},
        ["client_terms.csv, row 2, column tax_rate: '19' is no fraction; write 0.19 for 19 %"],
    ),
    "source in a list": (
        {"time_policies": "email,client,sources\n,,clockify;timpo\n"},
        [
            "time_policies.csv, row 2, column sources: 'clockify;timpo' is none of clockify, tempo, manual, "
            "claude_session; did you mean tempo?"
        ],
    ),
    "zero minutes": (
        {
            "work_logs": "id,client,service_type,email,work_date,duration_minutes,description\n"
            "1,Acme,Other,ada@example.com,2026-01-01,0,x\n"
        },
        ["work_logs.csv, row 2, column duration_minutes: '0' is not above 0; give a greater number"],
    ),
    "project and label": (
        {"project_classifications": "project,label,classification\n,,internal\n"},
        ["project_classifications.csv, row 2, column project: '' and label: give exactly one of the two"],
    ),
    "opening hours": (
        {"business_calendars": "calendar,timezone,weekday,opens,closes\ndefault,UTC,8,18:00,09:00\n"},
        [
            "business_calendars.csv, row 2, column weekday: '8' is more than 7; give 7 or less",
            "business_calendars.csv, row 2, column closes: '09:00' is not after opens; where business goes past "
            "midnight, write two rows: 18:00–24:00 and 00:00–09:00 of the next day",
        ],
    ),
    "settings of a rule": (
        {"billing_rules": "project,rule_type,rate_cents,metadata\nApp,hourly,12000,[1]\n"},
        ["billing_rules.csv, row 2, column metadata: '[1]' is no JSON object; write it as {\"name\": 1}"],
    ),
    "pattern that Postgres does not know": (
        {"transaction_rules": "order,pattern\n1,(?P<name>acme)\n"},
        [
            "transaction_rules.csv, row 2, column pattern: '(?P<name>acme)' is no regular expression of Postgres, "
            "which knows no '(?P'; write it without"
        ],
    ),
    "pattern": (
        {"transaction_rules": "order,pattern\n1,(open\n"},
        [
            "transaction_rules.csv, row 2, column pattern: '(open' is no regular expression "
            "(missing ), unterminated subpattern at position 0); correct it"
        ],
    ),
    "ragged row": (
        {"clients": CLIENTS + "Gamma,Gamma Ltd\n"},
        ["clients.csv, row 4 has 2 cells where the header has 5; check commas and quotes"],
    ),
    "semicolons": (
        {"clients": CLIENTS.replace(",", ";")},
        [
            "clients.csv, row 1: 'client;company_name;status;parent_client;payment_terms' is separated by "
            "semicolons; separate the columns by commas"
        ],
    ),
    "open quote": (
        {"clients": CLIENTS + '"Gamma,Gamma Ltd,,,\n'},
        ["clients.csv, row 4 is no CSV (unexpected end of data); check the quotes"],
    ),
    "another encoding": (
        {"clients": CLIENTS.replace("Beta GmbH", "Bëta").encode("latin-1")},
        ["clients.csv, row 3 is not UTF-8; save the file as UTF-8"],
    ),
    "two agencies": (
        {
            "agency": "legal_name,address,tax_id,bank,swift,timezone,invoice_number_format\n"
            "A,a,1,b,s,UTC,f\nB,a,1,b,s,UTC,f\n"
        },
        ["agency.csv, row 3 is a second row where one is allowed; remove it"],
    ),
    "misspelt file": ({"client": CLIENTS}, ["client.csv is no reference file; did you mean clients.csv?"]),
}


@pytest.mark.parametrize(("files", "sentences"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_named_with_its_place(write: Write, files: dict[str, Any], sentences: list[str]) -> None:
    assert [str(problem) for problem in validate_folder(write(**files))] == sentences


def test_what_only_the_vendors_know_is_no_problem_of_a_file(write: Write) -> None:
    folder = write(
        clients=CLIENTS + "64a687e29ae1f428e7ebe303,Delta AG,active,,\n",
        client_terms="client,billing_model,currency,tax_rate\nDelta,hourly,USD,0\nCLI-64a687e2,hourly,EUR,0\n",
        project_terms="project,client\nA project of Clockify alone,Acme\n",
        contract_terms="contract,monthly_hours,valid_from\nBETAGMBH-CON-WEB-2026,10,2026-05-01\n",
    )
    assert validate_folder(folder) == []


def test_ranges_that_meet_do_not_overlap(write: Write) -> None:
    terms = (
        "client,billing_model,currency,tax_rate,valid_from,valid_to\n"
        "Acme,hourly,USD,0,2026-03-01,\nAcme,hourly,USD,0,,2026-02-28\n"
    )
    assert validate_folder(write(client_terms=terms)) == []


def test_absent_and_empty_files_have_no_rows(write: Write) -> None:
    header_only = DEVELOPERS.splitlines()[0] + "\n"
    assert validate_folder(write(developers=header_only, clients=None, contracts="")) == []


def test_byte_order_mark_quotes_and_blank_lines_are_read(write: Write) -> None:
    content = '\ufeffclient,company_name,status\r\n\r\n"Acme","Acme, ""the"" Inc\nof Berlin",active\r\nBeta,B,oops\r\n'
    problems = validate_folder(write(clients=content.encode()))
    assert [(problem.row, problem.column) for problem in problems] == [(5, "status")]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder; set REFERENCE_DIR"):
        validate_folder(tmp_path / "nowhere")


class Landing:
    """Runs of the source into one database."""

    def __init__(self, folder: Path, warehouse: Warehouse, pipelines: Path) -> None:
        self.folder, self.warehouse, self.pipelines = folder, warehouse, pipelines

    def run(self) -> None:
        dlt.config["runtime.log_level"] = "ERROR"
        dlt.config["sources.reference.folder"] = str(self.folder)
        pipeline = destination.pipeline("reference", self.warehouse.dsn("loader"), "raw_reference", self.pipelines)
        pipeline.run(SOURCES["reference"].build())

    def problems(self) -> list[str]:
        return [reason for (reason,) in self.query("select reason from raw_reference.rejected_files order by 1")]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect("loader") as connection:
            return connection.execute(sql).fetchall()

    def versions(self) -> set[tuple[Any, ...]]:
        tables = [table.name for table in TABLES]
        union = " union all ".join(
            f"select '{name}', ctid::text, xmin::text from raw_reference.{name}" for name in tables
        )
        return set(self.query(union))


@pytest.fixture
def landing(write: Write, fresh_database: Warehouse, tmp_path: Path) -> Landing:
    return Landing(write(), fresh_database, tmp_path / "pipelines")


def test_files_land_typed_and_with_their_defaults(landing: Landing) -> None:
    landing.run()
    assert landing.query(
        "select client, status, payment_terms, country, row_number, row_key from raw_reference.clients"
    ) == [
        ("Acme", "active", "net45", "USA", 2, "acme"),
        ("Beta", "active", "net30", "USA", 3, "beta"),
    ]
    assert landing.query(
        "select overage_rate, monthly_hours, auto_renew, start_date::text from raw_reference.contracts order by client"
    ) == [(Decimal("150.25"), Decimal(20), True, "2026-01-31"), (Decimal(99), None, False, "2026-02-01")]
    empty = [file.name for file in FILES if file.name not in GOOD and not file.is_vendor_list]
    for name in empty:
        assert landing.query(f"select count(*) from raw_reference.{name}") == [(0,)], name


def test_unchanged_files_write_nothing_and_changed_ones_only_their_rows(landing: Landing, write: Write) -> None:
    landing.run()
    before = landing.versions()
    landing.run()
    assert landing.versions() == before
    write(clients=CLIENTS.replace("Beta GmbH", "Beta AG"))
    landing.run()
    changed = landing.versions() - before
    assert [row[0] for row in changed] == ["clients"]
    assert landing.query("select company_name from raw_reference.clients where client = 'Beta'") == [("Beta AG",)]


def test_a_bad_file_leaves_its_last_good_version_and_the_others_land(landing: Landing, write: Write) -> None:
    landing.run()
    write(clients=CLIENTS.replace("net45", "net46"), developers=DEVELOPERS.replace("Bob", "Robert"))
    landing.run()
    assert landing.query("select payment_terms from raw_reference.clients order by row_number") == [
        ("net45",),
        ("net30",),
    ]
    assert landing.query("select name from raw_reference.developers where email = 'bob@example.com'") == [("Robert",)]
    assert landing.query("select file, row_number, column_name, value from raw_reference.rejected_files") == [
        ("clients.csv", 2, "payment_terms", "net46")
    ]
    write()
    landing.run()
    assert landing.query("select count(*) from raw_reference.rejected_files") == [(0,)]


def test_a_file_that_was_bad_from_the_start_has_an_empty_table(landing: Landing, write: Write) -> None:
    write(clients=CLIENTS.replace("net45", "net46"))
    landing.run()
    assert landing.query("select count(*) from raw_reference.clients") == [(0,)]
    assert landing.query("select count(*) from raw_reference.developers") == [(2,)]
    write()
    landing.run()
    assert landing.query("select count(*) from raw_reference.clients") == [(2,)]


def test_rows_that_leave_a_file_leave_the_table(landing: Landing, write: Write) -> None:
    landing.run()
    write(developers=DEVELOPERS.rsplit("bob", 1)[0])
    landing.run()
    assert landing.query("select email from raw_reference.developers") == [("ada@example.com",)]


def test_rows_that_were_lost_come_back(landing: Landing) -> None:
    landing.run()
    with psycopg.connect(landing.warehouse.dsn("loader"), autocommit=True) as connection:
        connection.execute("delete from raw_reference.developers")
    landing.run()
    assert landing.query("select count(*) from raw_reference.developers") == [(2,)]


def test_a_dropped_schema_comes_back(landing: Landing) -> None:
    landing.run()
    with psycopg.connect(landing.warehouse.dsn("loader"), autocommit=True) as connection:
        connection.execute("drop schema raw_reference cascade")
    landing.run()
    assert landing.query("select count(*) from raw_reference.developers") == [(2,)]
    assert landing.query("select count(*) from raw_reference.holidays") == [(0,)]


MANY = "".join(f"c{number:02},Client {number}\n" for number in range(15))
HEADER = "client,company_name\n"


def _rows(*numbers: int) -> str:
    return HEADER + "".join(f"c{number:02},Client {number}\n" for number in numbers)


IN_FORCE = InForce({"clients": {f"c{number:02}" for number in range(15)}})
ALL = "15 of 15 rows in force (client: c00, c01, c02, c03, c04 and 10 more) would go; "
SIX = "6 of 15 rows in force (client: c09, c10, c11, c12, c13 and 1 more) would go; "
MEND = "restore them, or run `workledger reference accept clients.csv` if they are meant to go"


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "0 bytes": ("", f"clients.csv has no rows; {ALL}{MEND}"),
        "header alone": (HEADER, f"clients.csv has no rows; {ALL}{MEND}"),
        "blank rows": (f"{HEADER},\n , \n", f"clients.csv has no rows; {ALL}{MEND}"),
        "the separator alone": ("sep=,\n", f"clients.csv has no rows; {ALL}{MEND}"),
        "gone": (None, f"clients.csv is not there; {ALL}{MEND}"),
        "more than a third": (_rows(*range(9)), f"clients.csv has lost rows; {SIX}{MEND}"),
        "other keys": (_rows(*range(9), *range(20, 26)), f"clients.csv has lost rows; {SIX}{MEND}"),
        "a third": (_rows(*range(10)), None),
        "other cells": (HEADER + MANY.replace("Client", "Customer"), None),
        "keys in other case": (HEADER + MANY.replace("c0", "C0"), None),
    }.values(),
)
def test_a_file_that_loses_its_rows_is_refused(write: Write, content: str | None, said: str | None) -> None:
    folder = write(clients=content, contracts=None)
    assert [str(problem) for problem in validate_folder(folder, IN_FORCE)] == ([said] if said else [])


def test_few_rows_may_go_but_not_all_of_them(write: Write) -> None:
    in_force = InForce({"developers": {"ada@example.com", "eve@example.com", "x", "y"}})
    assert validate_folder(write(), in_force) == []
    (problem,) = validate_folder(write(developers=DEVELOPERS.splitlines()[0]), in_force)
    assert "4 of 4 rows in force (email: ada@example.com, eve@example.com, x, y) would go" in str(problem)


def test_many_session_roots_may_become_one_pattern_but_not_none(write: Write) -> None:
    in_force = InForce({"session_roots": {f"/home/ada/{number}|laptop" for number in range(16)}})
    header = "path,email,host\n"
    one = write(developers=DEVELOPERS, session_roots=f"{header}/home/ada/*,ada@example.com,laptop\n")
    assert validate_folder(one, in_force) == []
    (problem,) = validate_folder(write(developers=DEVELOPERS, session_roots=header), in_force)
    assert "16 of 16 rows in force" in str(problem)


def test_what_points_at_lost_rows_is_no_problem_of_its_own(write: Write) -> None:
    terms = "client,billing_model,currency,tax_rate\nc14,hourly,USD,0\n"
    (problem,) = validate_folder(write(clients=_rows(1), contracts=None, client_terms=terms), IN_FORCE)
    assert problem.file == "clients.csv"


def test_a_file_that_cannot_be_read_is_refused(write: Write) -> None:
    folder = write(clients=None)
    (folder / "clients.csv").symlink_to("clients.csv")
    (folder / "developers.csv").unlink()
    (folder / "developers.csv").mkdir()
    assert [str(problem) for problem in validate_folder(folder, IN_FORCE)] == [
        "developers.csv cannot be read (Is a directory); check its rights",
        "clients.csv cannot be read (Too many levels of symbolic links); check its rights",
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_an_emptied_folder_takes_nothing_away(landing: Landing, is_there: bool) -> None:
    landing.run()
    before = landing.query("select client from raw_reference.clients order by 1")
    for path in landing.folder.iterdir():
        path.unlink()
    what = "holds no reference file"
    accept = (
        ", or run `workledger reference accept developers.csv clients.csv contracts.csv` if the rows are meant to go"
    )
    if not is_there:
        landing.folder.rmdir()
        what, accept = "is no folder", ""
    landing.run()
    assert landing.query("select client from raw_reference.clients order by 1") == before
    assert landing.query("select file from raw_reference.rejected_files order by 1") == [
        ("clients.csv",),
        ("contracts.csv",),
        ("developers.csv",),
    ]
    assert set(landing.problems()) == {
        f"reference: {landing.folder} {what}, and the rows in force would go (developers.csv 2, clients.csv 2, "
        "contracts.csv 2); restore or mount it, or set REFERENCE_DIR to the folder with the reference files"
        f"{accept}"
    }


def test_lost_rows_stay_in_force_until_a_person_accepts_it(landing: Landing, write: Write) -> None:
    count = "select count(*) from raw_reference.clients"
    write(clients=HEADER + MANY, contracts=None)
    landing.run()
    write(clients=HEADER, contracts=None)
    landing.run()
    landing.run()
    assert landing.query(count) == [(15,)]
    assert landing.problems() == [f"clients.csv has no rows; {ALL}{MEND}"]
    # A consent is for this content alone …
    accept(landing.warehouse, ["some/folder/clients.csv"])
    write(clients=_rows(0), contracts=None)
    landing.run()
    assert landing.query(count) == [(15,)]
    # … and gone with it.
    write(clients=HEADER, contracts=None)
    landing.run()
    assert landing.query(count) == [(15,)]
    accept(landing.warehouse, ["clients"])
    landing.run()
    assert landing.query(count) == [(0,)]
    assert landing.problems() == []
    # The same loss, once the rows were restored, is another one.
    write(clients=HEADER + MANY, contracts=None)
    landing.run()
    write(clients=HEADER, contracts=None)
    landing.run()
    assert landing.query(count) == [(15,)]


def test_only_what_a_load_refused_for_lost_rows_can_be_accepted(landing: Landing, write: Write) -> None:
    with pytest.raises(WorkledgerError, match=r"found no lost rows in clients\.csv"):
        accept(landing.warehouse, ["clients"])
    landing.run()
    write(clients="", developers=DEVELOPERS.replace("inactive", "asleep"), contracts=CONTRACTS)
    landing.run()
    with pytest.raises(WorkledgerError, match=r"found no lost rows in developers\.csv"):
        accept(landing.warehouse, ["clients", "developers.csv"])
    known = r"client\.csv is no reference file; write one of accounting_codes, accounts, "
    with pytest.raises(WorkledgerError, match=known):
        accept(landing.warehouse, ["client.csv"])
    assert landing.query("select count(*) from raw_reference.rejected_files where accepted_at is not null") == [(0,)]


def test_the_guide_says_what_the_declaration_says() -> None:
    text = guide.README.read_text(encoding="utf-8")
    assert text == guide.written_into(text), "run python -m sources.reference.guide"
    assert "| `invoice_number_format` | no | " in text
    assert "| `payment_terms` | no; empty is `net30` |" in text


def test_the_guide_names_every_file_and_column() -> None:
    text = guide.tables()
    for file in FILES:
        section = text.partition(f"### {file.name}.csv\n")[2].partition("### ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [each.name for each in file.fields]


def test_a_guide_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the mark"):
        guide.written_into(f"{guide.BEGIN}\n")


def test_a_folder_without_a_vendors_list_takes_the_one_that_ships(landing: Landing) -> None:
    landing.run()
    shipped = {row["model"] for row in csv.DictReader((SHIPPED_FOLDER / "price_multipliers.csv").open(newline=""))}
    query = "select distinct model from raw_reference.price_multipliers"
    assert {model for (model,) in landing.query(query)} == shipped
    # An empty file means that there is nothing to multiply by; as for any file, that needs consent.
    (landing.folder / "price_multipliers.csv").write_text("model,term,value,valid_from,valid_to,multiplier\n")
    landing.run()
    assert {model for (model,) in landing.query(query)} == shipped
    accept(landing.warehouse, ["price_multipliers"])
    landing.run()
    assert landing.query(query) == []
    # A list of one's own, of however few rows, does not give way to the one that ships because it is gone.
    own = "model,term,value,valid_from,valid_to,multiplier\nown,speed,fast,,,2\n"
    (landing.folder / "price_multipliers.csv").write_text(own)
    landing.run()
    (landing.folder / "price_multipliers.csv").unlink()
    landing.run()
    assert landing.query(query) == [("own",)]
