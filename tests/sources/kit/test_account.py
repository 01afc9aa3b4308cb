"""Another account than the one that has landed is refused; one more, or one fewer, is not."""

from __future__ import annotations

from typing import Any

import dlt
import pytest

from sources.kit.account import address_of, hold_account, site_of
from sources.kit.errors import SourceError

A, B, C = {"a": "Acme"}, {"b": "Beta"}, {"c": "Ceta"}


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The source's state, as dlt hands it to a resource."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(dlt.current, "source_state", lambda: kept)
    dlt.config["sources.made_up.accept_account"] = ""
    return kept


@pytest.mark.parametrize(
    ("known", "shown", "remembered"),
    [
        ({}, A, A),
        (A, A, A),
        (A, A | B, A | B),
        (A | B, A, A | B),
        (A, {}, A),
        (A, {"a": "Acme, renamed"}, {"a": "Acme, renamed"}),
    ],
)
def test_one_more_or_one_fewer_is_remembered(
    state: dict[str, Any], known: dict[str, str], shown: dict[str, str], remembered: dict[str, str]
) -> None:
    # What landed before accounts were remembered is adopted where it does not contradict.
    for earlier in ({"account": dict(known)}, {}):
        state.clear()
        state.update(earlier)
        hold_account("made_up", "site", shown, lambda: known)
        assert state.get("account", {}) == remembered


@pytest.mark.parametrize(("known", "shown"), [(A, B), (A | B, A | C), (A | B, C)])
def test_one_in_the_place_of_another_is_refused_unless_it_is_named(
    state: dict[str, Any], known: dict[str, str], shown: dict[str, str]
) -> None:
    for earlier in ({"account": dict(known)}, {}):
        state.clear()
        state.update(earlier)
        with pytest.raises(
            SourceError, match=r"made_up: the data that has landed is that of site .*SOURCES__MADE_UP__"
        ):
            hold_account("made_up", "site", shown, lambda: known)
        assert state == earlier
    dlt.config["sources.made_up.accept_account"] = ",".join(shown)
    hold_account("made_up", "site", shown, lambda: known)
    # The former one is another one from now on.
    assert state["account"] == shown
    dlt.config["sources.made_up.accept_account"] = ""
    with pytest.raises(SourceError):
        hold_account("made_up", "site", known, dict)


def test_the_sentence_names_both_and_what_to_set(state: dict[str, Any]) -> None:
    state["account"] = A
    with pytest.raises(SourceError) as refusal:
        hold_account("made_up", "workspace", B, dict)
    assert str(refusal.value) == (
        "made_up: the data that has landed is that of workspace Acme (a), but the settings lead to Beta (b), so "
        "nothing was loaded; correct the settings, give the other one a warehouse of its own, or if it is to take the "
        "place, set SOURCES__MADE_UP__ACCEPT_ACCOUNT=b"
    )


def test_accounts_that_come_and_go_need_one_in_common(state: dict[str, Any]) -> None:
    state["account"] = A | B
    hold_account("made_up", "owner", B | C, dict, may_change=True)
    with pytest.raises(SourceError):
        hold_account("made_up", "owner", {"d": "Delta"}, dict, may_change=True)


def test_a_site_is_what_stands_before_the_route() -> None:
    gateway = "api.atlassian.com/ex/jira/11-22"
    assert [*site_of("https://Acme.atlassian.net/rest/api/3/user?accountId=1")] == ["acme.atlassian.net"]
    assert [*site_of(f"https://{gateway}/rest/api/3/myself")] == [gateway]
    assert [*site_of("https://jira.example:8443/jira/rest/api/2/user")] == ["jira.example:8443/jira"]
    assert [site_of(link) for link in (None, 7, "", "https://acme.example/browse/1")] == [{}, {}, {}, {}]
    assert address_of("clickhouse://user:password@Host:8123/db") == "host:8123/db"
    assert address_of("http://127.0.0.1:40001/plaid/") == "127.0.0.1/plaid"
