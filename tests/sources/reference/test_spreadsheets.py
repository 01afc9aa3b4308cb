"""What spreadsheets write: taken where it has one meaning, else refused in one sentence that says what to write."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.reference.cells import clean, typed
from sources.reference.client import read_folder, validate_folder
from sources.reference.rates import missing_rates
from sources.reference.schema import FILES, Field

Write = Callable[..., Path]

RATES = "date,from_currency,to_currency,rate\n2026-01-02,USD,EUR,0.9\n"
CLIENTS = "client,company_name\nAcme,Acme Inc\n"
DEVELOPERS = "email,name,timezone,status\nada@example.com,Ada,Europe/Berlin,active\n"
TERMS = "client,billing_model,retainer_amount,currency,tax_rate,valid_from,valid_to\n"
WORK_LOGS = "id,client,service_type,email,work_date,duration_minutes,description\n"
CALENDARS = "calendar,timezone,weekday,opens,closes\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes these files alone into a folder of reference files."""

    def write_files(**files: str | bytes) -> Path:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{name}.csv").write_bytes(data)
        return tmp_path

    return write_files


def sentences(folder: Path) -> list[str]:
    return [str(problem) for problem in validate_folder(folder)]


def field_of(file: str, column: str) -> Field:
    (found,) = (each for one in FILES if one.name == file for each in one.fields if each.name == column)
    return found


RATE = [(datetime.date(2026, 1, 2), "USD", "EUR", Decimal("0.9"))]
WAYS_TO_WRITE_ONE_FILE: dict[str, str | bytes] = {
    "first line that names the separator": "sep=,\n" + RATES,
    "that line in quotes": '"sep=,"\r\n' + RATES,
    "header in other case": RATES.replace("date,from_currency,to_currency,rate", "Date,From_Currency,To_Currency,Rate"),
    "header with spaces": RATES.replace("from_currency", " From Currency ").replace("to_currency", "to-currency"),
    "empty column at the end": "date,from_currency,to_currency,rate,\n2026-01-02,USD,EUR,0.9,\n",
    "several empty columns and rows": "date,from_currency,to_currency,rate,,\n2026-01-02,USD,EUR,0.9,,\n,,,,,\n",
    "empty column at the end of the rows alone": RATES.replace("0.9\n", "0.9,,\n"),
    "empty column at the end of the header alone": RATES.replace("rate\n", "rate,\n"),
    "byte order mark": "\ufeff" + RATES,
    "UTF-16": RATES.encode("utf-16"),
    "line ends of Windows": RATES.replace("\n", "\r\n"),
    "line ends of old Macs": RATES.replace("\n", "\r"),
    "spaces that do not break": RATES.replace("USD", "\u00a0USD\u202f").replace("0.9", "\u200b0.9"),
    "all in quotes": "\n".join('"' + line.replace(",", '","') + '"' for line in RATES.splitlines()),
    "lines without cells": "\n" + RATES.replace("\n", "\n\n"),
}


@pytest.mark.parametrize("content", WAYS_TO_WRITE_ONE_FILE.values(), ids=WAYS_TO_WRITE_ONE_FILE.keys())
def test_one_file_may_be_written_in_many_ways(write: Write, content: str | bytes) -> None:
    rates = read_folder(write(fx_rates=content))["fx_rates"]
    assert rates.problems == []
    assert [tuple(row.values.values()) for row in rates.rows] == RATE


REFUSED_FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "tabs": (
        RATES.replace(",", "\t"),
        [
            "fx_rates.csv, row 1: 'date\\tfrom_currency\\tto_currency\\trate' is separated by tabs; "
            "separate the columns by commas"
        ],
    ),
    "UTF-16 with tabs, as spreadsheets save Unicode text": (
        RATES.replace(",", "\t").encode("utf-16"),
        [
            "fx_rates.csv, row 1: 'date\\tfrom_currency\\tto_currency\\trate' is separated by tabs; "
            "separate the columns by commas"
        ],
    ),
    "first line that names semicolons": (
        "sep=;\n" + RATES.replace(",", ";"),
        ["fx_rates.csv, row 1: 'sep=;' is separated by semicolons; separate the columns by commas"],
    ),
    "vertical bars below empty lines": (
        "\n\n" + RATES.replace(",", "|"),
        [
            "fx_rates.csv, row 3: 'date|from_currency|to_currency|rate' is separated by vertical bars; "
            "separate the columns by commas"
        ],
    ),
    "UTF-16 without its mark": (
        RATES.encode("utf-16-le"),
        ["fx_rates.csv, row 1 holds a NUL character; save the file as UTF-8 or remove it"],
    ),
    "column without a name": (
        "date,from_currency,to_currency,rate,\n2026-01-02,USD,EUR,0.9,\n2026-01-03,USD,EUR,0.9,ECB\n",
        ["fx_rates.csv, row 1, column 5 has no name; name it, or clear 'ECB' in row 3 below it"],
    ),
    "misspelt column": (
        RATES.replace("from_currency", "form_currency"),
        ["fx_rates.csv, row 1, column form_currency is no column of this file; did you mean from_currency?"],
    ),
    "a header that appears twice in two spellings": (
        RATES.replace("to_currency", "From Currency"),
        [
            "fx_rates.csv, row 1, column from_currency appears twice in the header; remove one",
            "fx_rates.csv, row 1, column to_currency is missing in the header; add the column",
        ],
    ),
    "decimal comma without quotes": (
        RATES.replace("0.9", "0,9"),
        ["fx_rates.csv, row 2 has 5 cells where the header has 4; check commas and quotes"],
    ),
    "typographic quotes around a comma": (
        CLIENTS.replace("Acme Inc", "“Acme, Inc”"),
        ["clients.csv, row 2 has 3 cells where the header has 2; use plain quotes"],
    ),
}


@pytest.mark.parametrize(("content", "said"), REFUSED_FILES.values(), ids=REFUSED_FILES.keys())
def test_another_form_of_file_is_one_sentence(write: Write, content: str | bytes, said: list[str]) -> None:
    name = said[0].partition(".csv")[0]
    assert sentences(write(**{name: content})) == said


TAKEN: list[tuple[str, str, str, Any]] = [
    ("fx_rates", "rate", "7.1E-05", Decimal("0.000071")),
    ("fx_rates", "rate", "1E3", Decimal(1000)),
    ("fx_rates", "rate", ".5", Decimal("0.5")),
    ("fixed_lines", "amount", "\u2212100", Decimal(-100)),
    ("work_logs", "duration_minutes", "90.0", 90),
    ("work_logs", "duration_minutes", "9E1", 90),
    ("business_calendars", "weekday", "1.0", 1),
    ("work_logs", "is_billable", "TRUE", True),
    ("work_logs", "is_billable", "FALSCH", False),
    ("work_logs", "is_billable", "1.0", True),
    ("work_logs", "work_date", "2026/06/30", datetime.date(2026, 6, 30)),
    ("work_logs", "work_date", "2026-6-3", datetime.date(2026, 6, 3)),
    ("work_logs", "work_date", "20260630", datetime.date(2026, 6, 30)),
    ("work_logs", "work_date", "30.06.2026", datetime.date(2026, 6, 30)),
    ("work_logs", "work_date", "1.2.2026", datetime.date(2026, 2, 1)),
    ("work_logs", "work_date", "30/06/2026", datetime.date(2026, 6, 30)),
    ("work_logs", "work_date", "06/30/2026", datetime.date(2026, 6, 30)),
    ("work_logs", "work_date", "05/05/2026", datetime.date(2026, 5, 5)),
    ("work_logs", "work_date", "2026-06-30 00:00:00", datetime.date(2026, 6, 30)),
    ("work_logs", "work_date", "2026-06-30T00:00:00.000Z", datetime.date(2026, 6, 30)),
    ("business_calendars", "opens", "9:00", "09:00"),
    ("business_calendars", "opens", "09:00:00", "09:00"),
    ("business_calendars", "closes", "5:30 PM", "17:30"),
    ("business_calendars", "closes", "12:00 am", "00:00"),
    ("business_calendars", "closes", "24:00:00", "24:00"),
    ("work_logs", "start_time", "9:00", "9:00"),
    ("work_logs", "start_time", "9:05:30 AM", "09:05:30"),
    ("work_logs", "end_time", "24:00", "24:00"),
    ("work_logs", "start_time", "2026-01-31T09:00:00+01:00", "2026-01-31T09:00:00+01:00"),
    ("developers", "status", "Active", "active"),
    ("projects", "status", "On Hold", "on_hold"),
    ("clients", "payment_terms", "Net 30", "net30"),
    ("contracts", "service_category", "it", "IT"),
    ("time_policies", "sources", "Clockify, Claude Session", "clockify;claude_session"),
    ("developers", "timezone", "europe/berlin", "Europe/Berlin"),
    ("developers", "timezone", "america/new york", "America/New_York"),
    ("client_terms", "currency", "eur", "EUR"),
    ("client_terms", "currency", "JPY", "JPY"),
    ("client_terms", "currency", "RSD", "RSD"),
    ("client_terms", "currency", "BGN", "BGN"),
    ("fx_rates", "from_currency", "KWD", "KWD"),
    ("agency", "invoice_number_format", "INV-{number}", "INV-{number}"),
    ("agency", "invoice_number_format", "LW-{year}-{month}-{number:04}", "LW-{year}-{month}-{number:04}"),
    ("agency", "invoice_number_format", "BL-####", "BL-####"),
    ("agency", "invoice_number_format", "INV-", "INV-"),
    ("transaction_rules", "pattern", "=A1.*#N/A", "=A1.*#N/A"),
    ("work_logs", "description", "= the rest", "= the rest"),
    ("clients", "notes", "-", "-"),
]


@pytest.mark.parametrize(("file", "column", "cell", "value"), TAKEN)
def test_a_cell_with_one_meaning_is_taken(file: str, column: str, cell: str, value: Any) -> None:
    taken = typed(field_of(file, column), cell)
    assert (taken, str(taken)) == (value, str(value))


REFUSED_CELLS: list[tuple[str, str, str, str]] = [
    ("client_terms", "tax_rate", "19%", "is no number; write 0.19 for 19 %"),
    ("client_terms", "tax_rate", "7.7 %", "is no number; write 0.077 for 7.7 %"),
    ("client_terms", "tax_rate", "19", "is no fraction; write 0.19 for 19 %"),
    ("client_terms", "tax_rate", "8.1", "is no fraction; write 0.081 for 8.1 %"),
    ("client_terms", "tax_rate", "-0.1", "is no fraction; write 0.19 for 19 %"),
    ("agency", "utilization_target", "75", "is no fraction; write 0.75 for 75 %"),
    ("rate_rules", "multiplier", "150%", "is no number; write 1.5 for 150 %"),
    ("fixed_lines", "amount", "1,234.56", "is no number; write 1234.56"),
    ("fixed_lines", "amount", "1.234,56", "is no number; write 1234.56"),
    ("fixed_lines", "amount", "1 234,56", "is no number; write 1234.56"),
    ("fixed_lines", "amount", "1'234.50", "is no number; write 1234.5"),
    ("fixed_lines", "amount", "1234,56", "is no number; write 1234.56"),
    ("fixed_lines", "amount", "1,234", "is no number; write 1234 or 1.234"),
    ("fixed_lines", "amount", "1,234,567", "is no number; write 1234567"),
    ("fixed_lines", "amount", "€1,234.56", "is no number; write 1234.56"),
    ("fixed_lines", "amount", "US$ 100", "is no number; write 100"),
    ("fixed_lines", "amount", "100 EUR", "is no number; write 100"),
    ("fixed_lines", "amount", "(100.00)", "is no number; write -100"),
    ("fixed_lines", "amount", "NaN", "is no number; write it as 1234.56"),
    ("fixed_lines", "amount", "1e400", "has more digits than any amount or rate; correct it"),
    ("fixed_lines", "amount", "1e400%", "is no number; write it as 1234.56"),
    ("time_policies", "sources", ";", "names nothing; write one or more of clockify, tempo, manual, claude_session"),
    ("time_policies", "sources", "tempo;Tempo", "names one value twice; remove one"),
    ("fixed_lines", "amount", "#N/A", "is an error of the spreadsheet; write the value itself"),
    ("fixed_lines", "amount", "=A1*2", "is a formula; write its result"),
    ("fixed_lines", "description", "#REF!", "is an error of the spreadsheet; write the value itself"),
    ("fixed_lines", "description", "=A1", "is a formula; write its result"),
    (
        "accounts",
        "plaid_account_id",
        "1.23457E+17",
        "was shortened by a spreadsheet; format the column as text and write the value in full",
    ),
    ("work_logs", "duration_minutes", "1:30", "is no whole number; write 90"),
    ("work_logs", "duration_minutes", "1:30:00", "is no whole number; write 90"),
    ("work_logs", "duration_minutes", "1h 30m", "is no whole number; write 90"),
    ("work_logs", "duration_minutes", "PT1H30M", "is no whole number; write 90"),
    ("work_logs", "duration_minutes", "90 min", "is no whole number; write 90"),
    ("work_logs", "duration_minutes", "1.5 h", "is no whole number; write 90"),
    ("work_logs", "duration_minutes", "1,200", "is no whole number; write 1200"),
    ("work_logs", "duration_minutes", "90.5", "is no whole number; write digits alone"),
    ("contracts", "monthly_hours", "20:30", "is no number; write 20.5"),
    ("contracts", "monthly_hours", "20h", "is no number; write 20"),
    ("contracts", "monthly_hours", "n/a", "stands for nothing; leave the cell empty"),
    ("work_logs", "work_date", "06/05/2026", "is no date with one meaning; write 2026-05-06 or 2026-06-05"),
    ("work_logs", "work_date", "30.06.26", "is no date with one meaning; write 2026-06-30"),
    ("work_logs", "work_date", "46203", "is no date but a spreadsheet's number of a day; write 2026-06-30"),
    ("work_logs", "work_date", "June 30", "is no date; write it as YYYY-MM-DD"),
    ("work_logs", "work_date", "2026-02-30", "is no day of the calendar; correct it"),
    ("work_logs", "work_date", "2026-06-30 14:00:00", "is no date; write it as YYYY-MM-DD"),
    ("business_calendars", "opens", "9.30", "is no time of day; write 09:30"),
    ("business_calendars", "opens", "9h", "is no time of day; write 09:00"),
    ("business_calendars", "opens", "0.375", "is no time of day; write 09:00"),
    ("business_calendars", "opens", "25:00", "is no time of day; write it as HH:MM"),
    ("business_calendars", "opens", "09:00:30", "is no time of day; write it as HH:MM"),
    ("work_logs", "start_time", "9", "is no time of day; write 09:00"),
    (
        "work_logs",
        "start_time",
        "2026-01-31T09:00:00",
        "is neither HH:MM nor a moment with offset such as 2026-01-31T09:00:00+01:00; correct it",
    ),
    ("work_logs", "is_billable", "x", "is neither true nor false; write one of them"),
    ("developers", "status", "left", "is none of active, inactive; write one of them"),
    ("developers", "timezone", "Berlin", "is no time zone; write an IANA name such as Europe/Berlin"),
    ("developers", "timezone", "Tokyo", "is no time zone; write an IANA name such as Asia/Tokyo"),
    ("developers", "email", "Ada <ada@example.com>", "is no e-mail address; write it as name@example.com"),
    ("client_terms", "currency", "€", "is no currency; write three letters such as USD"),
    ("client_terms", "currency", "USDT", "is no currency; write three letters such as USD"),
    ("client_terms", "currency", "EUX", "is no currency of ISO 4217; write three letters such as USD"),
    (
        "client_terms",
        "currency",
        "KWD",
        "has 3 decimals, but amounts here have 2 at most; write another currency",
    ),
    ("agency", "currency", "XAU", "is no currency that anything is paid in; write three letters such as USD"),
    ("fx_rates", "from_currency", "BTC", "is no currency of ISO 4217; write three letters such as USD"),
    (
        "agency",
        "invoice_number_format",
        "INV-{yaer}-{number}",
        "has {yaer}; known are {year}, {month}, {client}, {number} and {number:04} with zeros in front",
    ),
    (
        "agency",
        "invoice_number_format",
        "INV-{month}-{number}",
        "has {month} without {year}, so that numbers repeat after a year; write {year}-{month}",
    ),
    (
        "agency",
        "invoice_number_format",
        "{number}/{number:04}",
        "has two places for the number; leave one, such as INV-{year}-{number:04}",
    ),
    (
        "agency",
        "invoice_number_format",
        "INV-{number",
        "has a brace without its other half; write it like INV-{year}-{number:04}",
    ),
]


@pytest.mark.parametrize(("file", "column", "cell", "said"), REFUSED_CELLS)
def test_any_other_cell_is_reported_with_what_to_write(file: str, column: str, cell: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        typed(field_of(file, column), cell)


CELLS = st.one_of(
    st.text(max_size=12),
    st.text("0123456789.,:-/+% eE€$'()TZAMPMhm", min_size=1, max_size=14),
    st.decimals(allow_nan=False, places=2).map(str),
    st.dates().map(str),
    st.times().map(str),
)


@given(st.sampled_from([each for file in FILES for each in file.fields]), CELLS)
def test_any_cell_is_taken_or_refused_in_one_sentence(each: Field, text: str) -> None:
    cell = clean(text, each)
    if not cell:
        return
    value, said = None, ""
    try:
        value = typed(each, cell)
    except ValueError as refusal:
        said = str(refusal)
    assert value is not None or re.match(r"(is|has|was|stands|names) .+", said)
    if isinstance(value, str | int | Decimal):
        # What is taken is taken again as it lands.
        assert typed(each, str(value)) == value


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (
            "22:00,06:00",
            "business_calendars.csv, row 2, column closes: '06:00' is not after opens; where business goes past "
            "midnight, write two rows: 22:00–24:00 and 00:00–06:00 of the next day",
        ),
        (
            "09:00,00:00",
            "business_calendars.csv, row 2, column closes: '00:00' is not after opens; write 24:00 for the end of "
            "the day",
        ),
        ("09:00,9:00", "business_calendars.csv, row 2, column closes: '9:00' is not after opens; correct one of them"),
    ],
)
def test_business_past_midnight_is_two_rows(write: Write, hours: str, said: str) -> None:
    assert sentences(write(business_calendars=f"{CALENDARS}x,Europe/Berlin,1,{hours}\n")) == [said]


def test_the_two_rows_that_are_asked_for_are_taken(write: Write) -> None:
    rows = "x,Europe/Berlin,1,22:00,24:00\nx,Europe/Berlin,2,00:00,06:00\n"
    assert sentences(write(business_calendars=CALENDARS + rows)) == []


@pytest.mark.parametrize(
    ("clients", "named"),
    [
        ("Mu\u0308ller", "Müller"),
        ("Müller", "Mu\u0308ller"),
        ("MÜLLER", "mu\u0308ller"),
        ("Straße", "STRASSE"),
        ("Acme\u00a0GmbH", "acme gmbh"),
    ],
)
def test_names_compare_composed_and_without_case(write: Write, clients: str, named: str) -> None:
    folder = write(
        clients=f"client,company_name\n{clients},Company\n", client_terms=f"{TERMS}{named},hourly,,EUR,0.19,,\n"
    )
    assert sentences(folder) == []


def test_a_name_in_two_spellings_is_one_key(write: Write) -> None:
    said = "clients.csv, row 3, column client: 'MÜLLER' is already in row 2; remove or change one"
    assert sentences(write(clients="client,company_name\nMu\u0308ller,A\nMÜLLER,B\n")) == [said]


def test_names_land_composed_and_paths_as_the_file_system_has_them(write: Write) -> None:
    contents = read_folder(
        write(
            clients="client,company_name\nMu\u0308ller,A\n",
            session_roots="path,email\n/home/Mu\u0308ller,ada@example.com\n",
        )
    )
    assert contents["clients"].rows[0].values["client"] == "Müller"
    assert contents["session_roots"].rows[0].values["path"] == "/home/Mu\u0308ller"


RATES_OF: dict[str, tuple[dict[str, str], list[str]]] = {
    "no agency": ({"agency": "legal_name,currency,timezone\n"}, []),
    "an agency of dollars": ({"agency": "legal_name,timezone\nAda,UTC\n"}, []),
    "an agency of euros": ({}, ["USD"]),
    "a rate the other way round": (
        {"fx_rates": "date,from_currency,to_currency,rate\n2026-01-02,EUR,USD,1.1\n"},
        ["USD"],
    ),
    "the rate": ({"fx_rates": RATES}, []),
    "amounts in other currencies": (
        {
            "fx_rates": RATES,
            "clients": CLIENTS,
            "client_terms": f"{TERMS}Acme,hourly,,gbp,0,,\n",
            "fixed_lines": "client,description,amount,currency\nAcme,Care,5,EUR\nAcme,Hosting,5,CHF\n",
        },
        ["GBP", "CHF"],
    ),
}


@pytest.mark.parametrize(("files", "lacking"), RATES_OF.values(), ids=RATES_OF.keys())
def test_a_currency_without_a_rate_is_reported_with_what_to_write(
    write: Write, files: dict[str, str], lacking: list[str]
) -> None:
    contents = read_folder(write(**({"agency": "legal_name,currency,timezone\nAda,EUR,UTC\n"} | files)))
    said = missing_rates(
        lambda file, columns: (tuple(row.values.get(name) for name in columns) for row in contents[file].rows)
    )
    assert [sentence.split()[5] for sentence in said] == lacking
    for sentence, currency in zip(said, lacking, strict=True):
        assert sentence.startswith(f"fx_rates.csv has no rate from {currency} to EUR, so ")
        assert f"write a row date,{currency},EUR,rate with " in sentence


def test_an_agency_needs_no_bank_before_it_issues_an_invoice(write: Write) -> None:
    assert sentences(write(agency="legal_name,timezone\nAda Lovelace,Europe/Berlin\n")) == []


SAID_ONCE: dict[str, tuple[dict[str, str], list[str]]] = {
    "two rows whose dates cannot be read are not one key": (
        {"client_terms": f"{TERMS}Acme,hourly,,EUR,0,soon,\nAcme,hourly,,EUR,0,later,\n"},
        [
            "client_terms.csv, row 2, column valid_from: 'soon' is no date; write it as YYYY-MM-DD",
            "client_terms.csv, row 3, column valid_from: 'later' is no date; write it as YYYY-MM-DD",
        ],
    ),
    "one key twice overlaps too": (
        {"client_terms": f"{TERMS}Acme,hourly,,EUR,0,2026-01-01,\nAcme,hourly,,EUR,0,2026-01-01,\n"},
        [
            "client_terms.csv, row 3, column client + valid_from: 'Acme, 2026-01-01' is already in row 2; "
            "remove or change one"
        ],
    ),
    "an empty beginning is told as empty": (
        {"client_terms": f"{TERMS}Acme,hourly,,EUR,0,,\nAcme,hourly,,EUR,0,2026-01-01,\nacme,hourly,,EUR,0,,\n"},
        [
            "client_terms.csv, row 4, column client + valid_from: 'acme, ' is already in row 2; remove or change one",
            "client_terms.csv, row 3, column valid_from: '2026-01-01' overlaps row 2 of the same client; end that row "
            "before, or begin this one later",
        ],
    ),
    "a client whose row cannot be read may exist": (
        {"clients": CLIENTS + "Beta\n", "client_terms": f"{TERMS}Beta,hourly,,EUR,0,,\n"},
        ["clients.csv, row 3 has 1 cells where the header has 2; check commas and quotes"],
    ),
    "hours that cannot be read are not missing": (
        {
            "contracts": "client,name,service_category,type,start_date,monthly_hours,overage_rate\n"
            "Acme,Care,IT,monthly retainer,2026-01-01,20h,100\n"
        },
        ["contracts.csv, row 2, column monthly_hours: '20h' is no number; write 20"],
    ),
    "a weekday that cannot be read shares no day with another": (
        {"business_calendars": f"{CALENDARS}x,UTC,Mo,09:00,18:00\nx,UTC,Tu,09:00,18:00\n"},
        [
            "business_calendars.csv, row 2, column weekday: 'Mo' is no whole number; write digits alone",
            "business_calendars.csv, row 3, column weekday: 'Tu' is no whole number; write digits alone",
        ],
    ),
}


@pytest.mark.parametrize(("files", "said"), SAID_ONCE.values(), ids=SAID_ONCE.keys())
def test_what_follows_from_one_mistake_is_not_told_beside_it(
    write: Write, files: dict[str, str], said: list[str]
) -> None:
    assert sentences(write(**({"clients": CLIENTS} | files))) == said
