"""What pages look like, told by their text: heads, totals, numbers of pages, languages, and hostile text."""

import io
import re
import struct
import unicodedata
import zlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader

from invoicing.errors import InvoicingError
from invoicing.paper import wording
from invoicing.paper.contents import Account
from invoicing.paper.html import read_logo, render
from invoicing.paper.printing import Printer, print_pdf
from invoicing.paper.setting import book_of
from tests.invoicing.paper.papers import WORK, contents, pages, party, pdf

HOSTILE = (
    '</td></tr></table><script src="https://example.com/x.js"></script>',
    '<img src="file:///etc/passwd"><iframe src="https://example.com"></iframe>',
    "{{ 7 * 7 }} {% include '/etc/passwd' %} {{ self.__init__.__globals__ }}",
    'javascript:alert(1)" onmouseover="alert(1)',
    "</style><style>* { display: none } @import url(https://example.com/x.css);",
    "\u202egnp.eciovni\u202c \u2067right\u2069 \u200f\x1b[31m\x07\x00x",
    '=HYPERLINK("https://example.com","x")',
    "x" * 10_000,
    "A" + "\u0301" * 500,
    "long words " * 900,
)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


PICTURE = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00"))
    + _chunk(b"IEND", b"")
)


class _Tags(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, object]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_same_invoice_gives_the_same_bytes_and_both_dates_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    first = pdf(contents())
    monkeypatch.setenv("TZ", "Asia/Tashkent")
    assert pdf(contents()) == first
    told = PdfReader(io.BytesIO(first)).metadata
    assert told is not None
    assert [str(told[name]).removeprefix("D:") for name in ("/CreationDate", "/ModDate")] == ["20260930000000Z"] * 2
    assert str(told["/Title"]) == "Invoice LW-2026-0001"


def test_a_long_table_repeats_its_head_and_totals_stay_together() -> None:
    for count in (30, 31, 32, 33, 60):
        found = pages(pdf(contents([WORK] * count)))
        for number, text in enumerate(found, 1):
            assert f"Page {number} of {len(found)}" in text
            assert ("Description" in text) == bool(re.search(r"LMP-12|Work", text)), "a table without its head"
        with_totals = [text for text in found if "Subtotal" in text]
        assert len(with_totals) == 1
        assert "Total, EUR" in with_totals[0]


def test_two_thousand_lines_are_all_there() -> None:
    lines = [replace(WORK, description=f"Issue LMP-{number}") for number in range(1, 2001)]
    found = pages(pdf(contents(lines)))
    text = "\n".join(found)
    assert [int(number) for number in re.findall(r"LMP-(\d+)", text)] == list(range(1, 2001))
    assert all("Description" in page for page in found[:-1])
    assert f"Page {len(found)} of {len(found)}" in found[-1]


@pytest.mark.parametrize(("language", "amount"), [("de", "1.190,04"), ("ru", "1 190,04")])
def test_words_dates_and_numbers_are_the_clients(language: str, amount: str) -> None:
    shown = contents([WORK], language=language, paper_size="Letter")
    [text] = pages(pdf(shown))
    plain = " ".join(text.split())
    assert amount in plain
    assert "30.09.2026" in plain
    for name in (shown.kind, "supply_period", "subtotal"):
        assert wording.words(language)[name] in plain
    box = PdfReader(io.BytesIO(pdf(shown))).pages[0].mediabox
    assert (float(box.width), float(box.height)) == (612, 792)
    ordered = replace(shown, date_format="yyyy-MM-dd")
    assert "2026-09-30" in render(ordered, "document", None)


def test_every_language_has_every_word() -> None:
    english = set(wording.words("en"))
    assert {"en", "de", "ru"} == set(wording.LANGUAGES)
    for language in wording.LANGUAGES:
        assert set(wording.words(language)) == english, language


def test_time_is_said_to_the_second_and_in_hours() -> None:
    [text] = pages(pdf(contents([WORK])))
    for part in ("10:00:01", "10.0003", "100.00", "1,000.03", "Tax 19", "190.01", "1,190.04", "DE75512108001245126199"):
        assert part in text.replace("\xa0", " ")


def test_cyrillic_uzbek_and_hebrew_are_letters_on_the_page() -> None:
    [text] = pages(pdf(contents([replace(WORK, description="Исправление Toʻlov שלום")])))
    assert "Исправление" in text
    assert "Toʻlov" in text


def test_hostile_text_changes_no_layout_fetches_nothing_and_is_text() -> None:
    harmless = "Harmless"
    for text in HOSTILE:
        shown = contents(
            [replace(WORK, description=text)],
            buyer=party(text, address=[text, text], vat_id=text),
            seller=party(text, address=[text], contact_name=text),
            notes=text,
            buyer_reference=text,
            number=text[:40],
            vat_exemption_reason=text,
            account=Account(text, text, text, ""),
        )
        plain = contents(
            [replace(WORK, description=harmless)],
            buyer=party(harmless, address=[harmless, harmless], vat_id=harmless),
            seller=party(harmless, address=[harmless], contact_name=harmless),
            notes=harmless,
            buyer_reference=harmless,
            number=harmless,
            vat_exemption_reason=harmless,
            account=Account(harmless, harmless, harmless, ""),
        )
        page = _Tags(render(shown, "document", None))
        expected = _Tags(render(plain, "document", None)).tags
        # A long note is set in pieces, so that none is longer than a page.
        extra = [one for one in page.tags if page.tags.count(one) != expected.count(one)]
        assert {tag for tag, _ in extra} <= {"p", "bdi"}, text[:60]
        assert unicodedata.normalize("NFC", text[:3]).strip("\u202e") in page.text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\u200f]", page.text)
        # Whatever is wider than the page makes the engine shrink all of it.
        book = book_of(render(shown, "document", None), "A4", [])
        assert book.get_document_width() <= book.get_viewport_width() + 1
        found = pages(pdf(shown))
        assert len(found) <= 8
        assert sum("Subtotal" in one for one in found) == 1
        [with_totals] = [one for one in found if "Subtotal" in one]
        assert "1,190.04" in with_totals


def test_a_page_that_asks_for_anything_is_refused() -> None:
    for address in (
        "file:///etc/passwd",
        "https://example.com/x.png",
        "../setting.py",
        "x/../../setting.py",
    ):
        page = render(contents(), "document", None).replace("<body>", f'<body><img src="{address}">')
        with pytest.raises(InvoicingError, match="no part of it; nothing was fetched"):
            print_pdf(Printer(), page, contents(), "document")


@pytest.mark.parametrize(
    "name",
    ["javascript:alert(1)", "file:///etc/passwd", "../logo.png", "https://example.com/a.png", "missing.png", "a.svg"],
)
def test_a_logo_is_a_picture_beside_agency_csv(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "reference"
    folder.mkdir()
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "a.svg").write_text("<svg/>")
    with pytest.raises(InvoicingError, match=r"agency\.csv: logo .* is no PNG or JPEG file beside agency\.csv"):
        read_logo(folder, name)


def test_a_logo_that_is_no_picture_is_refused_and_one_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"<script>")
    with pytest.raises(InvoicingError, match="is no PNG picture"):
        read_logo(tmp_path, "logo.png")
    (tmp_path / "logo.png").write_bytes(PICTURE)
    logo = read_logo(tmp_path, "logo.png")
    page = render(contents(), "document", logo)
    printed = print_pdf(Printer(), page, contents(), "document").content
    assert b"/Subtype /Image" in printed
    assert b"/Subtype /Image" not in pdf(contents())
    assert read_logo(tmp_path, "") is None


def test_a_copy_says_that_it_is_canceled_and_a_draft_that_it_is_one() -> None:
    canceled = contents(canceled_on=date(2026, 10, 5))
    assert "CANCELED · 5 Oct 2026" in pages(pdf(canceled, "canceled"))[0].replace("\xa0", " ")
    assert "CANCELED" not in pages(pdf(canceled))[0]
    draft = contents(number=None, issue_date=None, due_date=None)
    [text] = pages(pdf(draft, "draft"))
    assert "DRAFT, not an invoice" in text


def test_a_credit_note_names_what_it_corrects_and_asks_for_no_money() -> None:
    mirrored = replace(WORK, seconds=-WORK.seconds, quantity=-WORK.quantity, amount=-WORK.amount)
    note = contents(
        [mirrored], kind="credit_note", corrects="LW-2026-0001", corrects_issue_date=date(2026, 9, 1), number="LW-2"
    )
    [text] = pages(pdf(note))
    plain = " ".join(text.split())
    for part in ("Credit note", "LW-2026-0001 of 1 Sep 2026", "-10:00:01", "-1,190.04"):
        assert part in plain
    assert "Riverbend Bank" not in plain


def test_the_appendix_lists_the_entries_and_sums_them() -> None:
    [text] = pages(pdf(contents(), "appendix"))
    for part in ("Appendix: time entries", "LMP-3", "Wrote it", "1:00:02", "3:00:06"):
        assert part in text
    assert "1,190" not in text


def test_no_plutoprint_says_to_set_gotenberg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invoicing.paper.printing.find_spec", lambda _: None)
    with pytest.raises(InvoicingError, match="set GOTENBERG_URL"):
        pdf(contents())


def test_a_process_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invoicing.paper.printing.sys.executable", "/bin/false")
    with pytest.raises(InvoicingError, match=r"Invoice LW-2026-0001 cannot be set \(plutoprint ended with 1\)"):
        pdf(contents())


def test_currencies_have_their_own_decimals() -> None:
    yen = replace(WORK, amount=Decimal("1000.00"))
    [text] = pages(pdf(contents([yen], currency="JPY", tax_rate="0.10")))
    assert "1,100" in text
    assert "1,100.00" not in text
