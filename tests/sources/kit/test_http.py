"""The HTTP client: what is tried again, how long it waits, what it never follows and never says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sources.kit.errors import CredentialError, SourceError, VendorError, readable
from sources.kit.http import HttpClient, Response

Answer = tuple[int, dict[str, str], bytes]
OK: Answer = (200, {"Content-Type": "application/json"}, b'{"fine": true}')
HTML: Answer = (200, {"Content-Type": "text/html"}, b"<html>Bad gateway</html>")


class Vendor:
    """A vendor that gives the prepared answers one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [OK]
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                vendor.asked.append((self.path, dict(self.headers), body))
                status, headers, content = vendor.answers.pop(0) if len(vendor.answers) > 1 else vendor.answers[0]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = True

            do_POST = do_GET  # noqa: N815 - the base class names it so

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    yield vendor
    vendor.server.shutdown()
    vendor.server.server_close()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def client(vendor: Vendor, waited: list[float]) -> Callable[..., HttpClient]:
    def make(**options: Any) -> HttpClient:
        options.setdefault("sleep", waited.append)
        return HttpClient(vendor.url, {"Authorization": "Bearer very-secret-token"}, source="probe", **options)

    return make


def test_paths_parameters_and_bodies_arrive(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    assert client().get("/things", {"page": 1, "type": ["a", "b"]}).json() == {"fine": True}
    assert client().post("search", {"query": "é"}).json() == {"fine": True}
    assert vendor.asked[0][0] == "/api/things?page=1&type=a&type=b"
    assert vendor.asked[0][1]["Authorization"] == "Bearer very-secret-token"
    assert vendor.asked[1][2].decode() in ('{"query": "\\u00e9"}', '{"query": "é"}')


@pytest.mark.parametrize(
    "trouble",
    [
        (500, {}, b"oops"),
        (503, {}, b""),
        (429, {}, b"{}"),
        HTML,
        (200, {}, b'{"cut": '),
        (200, {"Content-Length": "500"}, b'{"cut": '),
        (200, {}, b""),
    ],
    ids=["500", "503", "429", "html", "broken json", "cut body", "empty"],
)
def test_what_passes_is_tried_again(
    vendor: Vendor, client: Callable[..., HttpClient], waited: list[float], trouble: Answer
) -> None:
    vendor.answers = [trouble, trouble, OK]
    assert client().get("things").json() == {"fine": True}
    assert len(vendor.asked) == 3
    if trouble[0] == 429:
        assert waited == [1, 1], "limits are counted by the second"
    else:
        assert 0.25 <= waited[0] <= 0.5 <= waited[1] <= 1


def test_waits_as_long_as_the_vendor_asks(
    vendor: Vendor, client: Callable[..., HttpClient], waited: list[float]
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    vendor.answers = [(429, {"Retry-After": value}, b"{}") for value in ("400", later, past, "soon")] + [OK]
    client().get("things")
    assert waited[0] == 400
    assert 85 <= waited[1] <= 90
    assert waited[2] == 0
    assert 1 <= waited[3] <= 4


def test_gives_up_rather_than_wait_for_hours(
    vendor: Vendor, client: Callable[..., HttpClient], waited: list[float]
) -> None:
    vendor.answers = [(429, {"Retry-After": "7200"}, b"{}")]
    with pytest.raises(SourceError, match="asks to wait 7200 s more"):
        client().get("things")
    assert waited == []


def test_gives_up_in_one_sentence_without_a_secret(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    vendor.answers = [(500, {}, b"no luck for very-secret-token\n" + b"x" * 500)]
    with pytest.raises(SourceError) as failure:
        client(max_attempts=3).get("things?token=also-secret", {"key": "hidden"})
    sentence = str(failure.value)
    assert sentence.startswith("probe: GET http://127.0.0.1:")
    assert "/api/things failed 3 times, the last time with status 500 (no luck for ***" in sentence
    assert not any(secret in sentence for secret in ("very-secret-token", "also-secret", "hidden", "\n"))
    assert len(vendor.asked) == 3


def test_a_refusal_names_the_setting(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    for status in (401, 403):
        vendor.answers = [(status, {}, b'{"message": "no"}')]
        with pytest.raises(CredentialError, match=r"refused access with status .* check SOURCES__PROBE__TOKEN$"):
            client(credential="SOURCES__PROBE__TOKEN").get("things")
    assert len(vendor.asked) == 2


def test_an_unexpected_status_is_no_matter_of_waiting(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    vendor.answers = [(404, {}, b'{"message": "gone"}')]
    with pytest.raises(VendorError) as failure:
        client().get("things")
    assert failure.value.status == 404
    expected = client().get("things", expect=(200, 404))
    assert (expected.status, expected.json()) == (404, {"message": "gone"})
    vendor.answers = [(404, {}, b"<html>")]
    assert client().get("things", expect=(200, 404)).json() is None


def test_a_vendors_own_spelling_of_a_limit(
    vendor: Vendor, client: Callable[..., HttpClient], waited: list[float]
) -> None:
    def limit(answer: Response) -> float | None:
        return 33.0 if answer.status == 403 and answer.headers.get("x-remaining") == "0" else None

    vendor.answers = [(403, {"X-Remaining": "0"}, b"{}"), OK]
    assert client(limit=limit).get("things").json() == {"fine": True}
    assert waited == [33.0]


def test_no_other_host_is_asked(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    for url in (
        "https://evil.example/api/things",
        vendor.url.replace("127.0.0.1", "localhost"),
        "http://127.0.0.1:1/x",
    ):
        with pytest.raises(SourceError, match="refused to follow a link from"):
            client().get(url)
    assert client().get(f"{vendor.url}/things?page=2").json() == {"fine": True}
    assert len(vendor.asked) == 1


def test_redirects_are_followed_on_the_same_host_only(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    vendor.answers = [(301, {"Location": "/api/renamed"}, b""), OK]
    assert client().get("things").json() == {"fine": True}
    assert [path for path, _, _ in vendor.asked] == ["/api/things", "/api/renamed"]
    vendor.answers = [(302, {"Location": "https://evil.example/"}, b"")]
    with pytest.raises(SourceError, match=r"refused to follow a link .* to https://evil.example"):
        client().get("things")
    vendor.answers = [(302, {"Location": "/api/things"}, b"")]
    with pytest.raises(SourceError, match="redirects without end"):
        client().get("things")


def test_no_connection_is_said(waited: list[float]) -> None:
    client = HttpClient("http://127.0.0.1:9/", source="probe", sleep=waited.append, max_attempts=2)
    with pytest.raises(SourceError, match="failed 2 times, the last time with no connection"):
        client.get("x")


def test_a_rate_is_kept(client: Callable[..., HttpClient], waited: list[float]) -> None:
    limited = client(rate_per_second=2)
    for _ in range(4):
        limited.get("things")
    assert len(waited) == 3
    assert sum(waited) == pytest.approx(0.5 + 1 + 1.5, abs=0.3)


def test_exact_numbers_and_lone_surrogates_are_read(vendor: Vendor, client: Callable[..., HttpClient]) -> None:
    vendor.answers = [(200, {}, b'{"amount": 12345678901234567.89, "text": "\\ud800"}')]
    assert client(exact_numbers=True).get("things").json()["amount"] == Decimal("12345678901234567.89")
    assert client().get("things").json()["text"] == "\ud800"


def test_a_base_url_must_be_one() -> None:
    with pytest.raises(SourceError, match=r"base_url 'clockify\.me' is no"):
        HttpClient("clockify.me", source="probe")


def test_the_sentence_is_found_in_a_chain_of_exceptions() -> None:
    outer = RuntimeError("wrapped")
    outer.__cause__ = SourceError("the sentence")
    assert readable(outer) == "the sentence"
    assert readable(RuntimeError("other")) is None
