"""A document as HTML: one template for every size of paper, language and renderer. What clients write is text in it."""

import base64
import re
import unicodedata
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from invoicing.errors import InvoicingError
from invoicing.paper.contents import Contents
from invoicing.paper.wording import Wording, clock

Part = Literal["document", "canceled", "draft", "appendix"]

RENDERER: Final = f"jinja2 {version('jinja2')}"

_FOLDER: Final = Path(__file__).parent / "templates"
_LONGEST_NOTE: Final = 3_000
_LARGEST_LOGO: Final = 500_000
_LOGOS: Final = {
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
}
# Controls, and what turns the direction of writing beyond its own text.
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# More marks on one letter than any language has reach into the lines around it.
_MARKS: Final = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+")


def render(contents: Contents, part: Part, logo: str | None) -> str:
    """The HTML of a document: whole but for the fonts, which it names by their bare file names.

    Args:
        contents: what it shows.
        part: the document itself, its canceled copy, a draft of it, or its appendix.
        logo: as a data URI.
    """
    say = _wording(contents)
    stamp = None
    if part == "canceled" and contents.canceled_on:
        stamp = f"{say['canceled']} · {say.day(contents.canceled_on)}"
    elif part == "draft":
        stamp = say["draft"]
    return (
        _environment()
        .get_template("document.html.j2")
        .render(
            paper=contents,
            part=part,
            say=say,
            title=title(contents, part),
            page_of=say["page"],
            css=Markup((_FOLDER / "document.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
            logo=logo,
            stamp=stamp,
            facts=_facts(contents, say, part),
            payment=_payment(contents, say),
        )
    )


def footer(contents: Contents, part: Part) -> str:
    """The footer for Gotenberg, as a document of its own."""
    say = _wording(contents)
    before, rest = say["page"].split("{page}")
    between, after = rest.split("{pages}")
    return (
        _environment()
        .get_template("footer.html.j2")
        .render(say=say, title=title(contents, part), before=before, between=between, after=after)
    )


def title(contents: Contents, part: Part) -> str:
    """What the document is called, such as `Invoice LW-2026-0001`."""
    say = _wording(contents)
    name = f"{say[contents.kind]} {line(contents.number, 100)}" if contents.number else say["draft"]
    if part == "appendix":
        return f"{say['appendix']} {say['appendix_to']} {name}"
    return f"{name} · {say['canceled']}" if part == "canceled" else name


def read_logo(folder: Path | None, name: str) -> str | None:
    """The logo as a data URI; None if the agency has none.

    Args:
        folder: of the reference files, in which the logo lies; None: documents have no logo.
        name: file name, as agency.csv has it.

    Raises:
        InvoicingError: there is no such picture in that folder.
    """
    if not name or folder is None:
        return None
    file = folder / name
    media_type, signature = _LOGOS.get(file.suffix.lower(), ("", b""))
    if not media_type or file.resolve().parent != folder.resolve() or not file.is_file():
        raise InvoicingError(
            f"agency.csv: logo {name[:100]} is no PNG or JPEG file beside agency.csv; put it there or empty the cell."
        )
    content = file.read_bytes()
    if not content.startswith(signature) or len(content) > _LARGEST_LOGO:
        raise InvoicingError(
            f"agency.csv: logo {name[:100]} is no {file.suffix[1:].upper()} picture of at most "
            f"{_LARGEST_LOGO // 1000} kB."
        )
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def line(text: str, longest: int) -> str:
    """Text of a client's on one line: cut where it is longer than a page can bear, without control characters."""
    # No-break spaces stay, as in dates.
    flat = re.sub("[^\\S\u00a0\u202f]+", " ", _plain(text)).strip()
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def _plain(text: str) -> str:
    return _MARKS.sub(r"\1", _CONTROL.sub("", unicodedata.normalize("NFC", text)))


def _paragraphs(text: str) -> list[str]:
    """In pieces, none of them longer than a page."""
    found = []
    for one in re.split(r"\n\s*\n", _plain(text).strip()):
        found += [one[start : start + _LONGEST_NOTE] for start in range(0, len(one), _LONGEST_NOTE)]
    return found


def _css_string(text: str) -> Markup:
    """A string of CSS: every character but letters and digits as its number, so that nothing ends the string."""
    escaped = "".join(one if one.isascii() and one.isalnum() else f"\\{ord(one):06x}" for one in _plain(text)[:100])
    return Markup(f'"{escaped}"')  # noqa: S704 - letters, digits and backslashes


def _css_page(text: str) -> Markup:
    before, rest = text.split("{page}")
    between, after = rest.split("{pages}")
    parts = (_css_string(before), "counter(page)", _css_string(between), "counter(pages)", _css_string(after))
    return Markup(" ".join(parts))  # noqa: S704 - made of strings that are escaped


def _facts(contents: Contents, say: Wording, part: Part) -> list[tuple[str, str]]:
    facts = []
    if contents.number:
        facts.append((say["number"], contents.number))
    if contents.issue_date:
        facts.append((say["issue_date"], say.day(contents.issue_date)))
    if contents.corrects:
        day = contents.corrects_issue_date
        facts.append(
            (say["corrects"], f"{contents.corrects} {say['of_date']} {say.day(day)}" if day else contents.corrects)
        )
    facts.append((say["supply_period"], f"{say.day(contents.supply_from)} – {say.day(contents.supply_to)}"))
    if part == "appendix":
        return facts
    if contents.kind == "invoice":
        if contents.due_date:
            facts.append((say["due_date"], say.day(contents.due_date)))
        facts.append((say["terms"], say[contents.payment_terms]))
    if contents.buyer_reference:
        facts.append((say["reference"], contents.buyer_reference))
    return facts


def _payment(contents: Contents, say: Wording) -> list[tuple[str, str]]:
    if contents.kind == "credit_note":
        return []
    account = contents.account
    told = [("bank", account.bank), ("account", account.number), ("bic", account.bic)]
    if any(text for _, text in told):
        told.append(("memo", contents.number or ""))
    return [(say[name], text) for name, text in told if text]


def _wording(contents: Contents) -> Wording:
    return Wording(contents.language, contents.date_format, contents.currency)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filters: dict[str, Any] = {
        "line": line,
        "clock": clock,
        "paragraphs": _paragraphs,
        "css_string": _css_string,
        "css_page": _css_page,
    }
    environment.filters.update(filters)
    return environment
