"""`workledger invoice` and `workledger cash`: from a preview to a paid invoice, by typing."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.commands.cli import main
from orchestration.settings import Settings
from orchestration.warehouse.embedded import EmbeddedServer
from tests.invoicing.books import TODAY, Books
from tests.invoicing.paper.papers import pages


@pytest.fixture
def invoice(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    books: Books,
    server: EmbeddedServer,
    tmp_path: Path,
) -> Callable[..., tuple[int, str]]:
    """The command in this process: its exit code, and what it printed on either stream."""
    settings = Settings(profile="sandbox", home=tmp_path, as_of=TODAY)
    monkeypatch.setattr("orchestration.commands.cli._settings", lambda: settings)
    monkeypatch.setattr("orchestration.commands.decisions.open_warehouse", lambda *_: books.warehouse)

    def run(*arguments: str, group: str = "invoice") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["workledger", group, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(str(end.value.code)), printed.out + printed.err

    return run


def test_a_bill_is_looked_at_issued_paid_and_shown(books: Books, invoice: Callable[..., tuple[int, str]]) -> None:
    client = books.client()
    books.prefill(client, totals=["601.67", "233.33"], tax_rate="0.19")
    _, looked_at = invoice("preview", client, "2026-06")
    for part in ("Client 1 Ltd, June 2026, net30", "Work 1", "6:01:00", "total 993.65 USD"):
        assert part in looked_at
    command = re.search(r"workledger invoice (issue .*)", looked_at)
    assert command
    code, said = invoice(*command[1].split(), "--as", "ada")
    assert (code, said) == (0, "LW-2026-0001 is issued: 993.65 USD, due 2026-08-09.\n")
    assert invoice(*command[1].split())[1] == "LW-2026-0001 was issued before: 993.65 USD, due 2026-08-09.\n"
    _, said = invoice("pay", "LW-2026-0001", "900", "--reference", "R1", "--as", "bob")
    assert re.fullmatch(r"PAY-\w+ is recorded: 900.00 USD of LW-2026-0001, 93.65 USD open.\n", said)
    payment = said.split()[0]
    assert invoice("dispute", "LW-2026-0001", "--reason", "hours")[1] == (
        "LW-2026-0001 is disputed; no reminder of it is due until `workledger invoice end-dispute LW-2026-0001`.\n"
    )
    assert "disputed" in invoice("list", "--open", "--client", client)[1]
    assert invoice("end-dispute", "LW-2026-0001", "--reason", "ok")[1] == "LW-2026-0001 is no longer disputed.\n"
    assert "93.65" in invoice("list", "--open", "--client", client)[1]
    _, shown = invoice("show", "LW-2026-0001")
    for part in (
        "Invoice LW-2026-0001 to Client 1 Ltd, 2026-07-10, partial",
        "open 93.65 USD",
        payment,
        "issued",
        "bob",
    ):
        assert part in shown
    assert invoice("write-off", "LW-2026-0001", "93.65", "--reason", "fee")[1].endswith(", 0.00 USD open.\n")
    undone = invoice("undo", payment, "--reason", "bounced", "--on", "2026-07-10", group="cash")
    assert undone == (0, f"{payment} is taken back; open again: LW-2026-0001.\n")
    _, said = invoice("credit", "LW-2026-0001", "--reason", "wrong rate")
    assert said == "LW-2026-0002 credits LW-2026-0001: -993.65 USD; 93.65 USD are to be paid back.\n"
    assert invoice(*command[1].split())[1].startswith("LW-2026-0003 is issued")
    assert invoice("cancel", "LW-2026-0003", "--reason", "typo") == (
        0,
        "LW-2026-0003 is canceled; 2026-06 can be issued again.\n",
    )
    states = [line.split()[6] for line in invoice("list")[1].splitlines()[1:]]
    assert states == ["canceled", "partial", "credited"]


def test_deposits_are_matched_applied_and_taken_back(books: Books, invoice: Callable[..., tuple[int, str]]) -> None:
    client = books.client()
    books.prefill(client, totals=["801.00"])
    sent = books.issued(client).invoice
    named, unknown = books.deposit("800.00", f"{sent.number} {sent.client}"), books.deposit("31.00", "TRF", payer="X")
    _, said = invoice("match", "--dry-run", group="cash")
    assert said.splitlines()[0].split()[0] == "deposit"
    assert said.endswith("1 deposit would be matched, 1 would wait.\n")
    assert invoice("match", "--as", "ada", group="cash")[1].endswith(
        "1 deposit is matched, 1 waits; reports.unmatched_deposits says why.\n"
    )
    code, said = invoice("apply", unknown, sent.number, "--remember", group="cash")
    assert code == 0
    assert re.fullmatch(
        rf"PAY-\w+ is recorded: {sent.number}, 0.00 USD open; 30.00 USD remain unapplied; "
        rf"the payer is remembered for {sent.client}.\n",
        said,
    )
    books.withdraw(named)
    assert "1 payment is taken back" in invoice("match", group="cash")[1]
    assert invoice("apply", unknown, sent.number, group="cash")[0] == 1


def test_documents_are_written_to_files_as_they_are_stored(
    books: Books, invoice: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = books.client()
    books.prefill(client)
    draft, file, appendix, copy = (tmp_path / f"{name}.pdf" for name in ("draft", "invoice", "appendix", "canceled"))
    assert f"{draft} is written." in invoice("preview", client, "2026-06", "--pdf", str(draft))[1]
    assert "DRAFT" in pages(draft.read_bytes())[0]
    number = invoice("issue", client, "2026-06")[1].split()[0]
    code, said = invoice("show", number, "--pdf", str(file), "--appendix", str(appendix))
    assert (code, said) == (0, f"{file} is written.\n{appendix} is written.\n")
    assert books.rows(
        "select bytes from billing.invoice_documents where kind = 'pdf' and bytes = %s", (file.read_bytes(),)
    )
    assert "Wrote it" in pages(appendix.read_bytes())[0]
    assert "has no e-invoice" in invoice("show", number, "--xml", str(tmp_path / "x.xml"))[1]
    assert "is not canceled" in invoice("show", number, "--canceled", str(copy))[1]
    assert "cannot be written" in invoice("show", number, "--pdf", str(tmp_path / "no" / "x.pdf"))[1]
    invoice("cancel", number, "--reason", "typo")
    assert invoice("show", number, "--canceled", str(copy)) == (0, f"{copy} is written.\n")
    assert invoice("print") == (0, "Every document has its PDF.\n")


def test_what_gotenberg_could_not_print_is_said_and_printed_later(
    books: Books, invoice: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Settings(profile="sandbox", home=tmp_path, as_of=TODAY, gotenberg_url="http://127.0.0.1:9")
    client = books.client()
    books.prefill(client)
    with monkeypatch.context() as patched:
        patched.setattr("orchestration.commands.cli._settings", lambda: down)
        code, said = invoice("issue", client, "2026-06")
        assert code == 0
        assert "Gotenberg at GOTENBERG_URL does not answer" in said
        assert "The PDF is not made yet; `workledger invoice print` makes it." in said
        code, said = invoice("print")
        assert code == 1
        assert said.startswith("Gotenberg at GOTENBERG_URL does not answer")
    assert re.fullmatch(r"LW-2026-\d+: the PDF is stored.\n", invoice("print")[1])


def test_what_is_wrong_is_one_sentence(books: Books, invoice: Callable[..., tuple[int, str]]) -> None:
    for arguments, said in (
        (("preview", "Nobody", "2026-06"), "There is no client Nobody"),
        (("preview", books.client(), "June"), "June is no month; write it like 2026-06."),
        (("show", "LW-1"), "There is no invoice LW-1; `workledger invoice list` shows them all."),
        (("pay", "LW-1", "ten"), "ten is no amount; write it like 1234.50."),
        (("pay", "LW-1", "10", "--on", "1.7."), "--on 1.7. is not a date; write it like 2026-06-30."),
    ):
        code, printed = invoice(*arguments)
        assert code == 1
        assert printed.startswith(said)
        assert printed.count("\n") == 1
