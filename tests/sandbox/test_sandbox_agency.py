"""The made-up agency: one story, always the same, of the promised size."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from sandbox.agency import Agency, months_before, tell_story
from sandbox.generate import generate
from sandbox.vendors import VENDORS, load_vendor

AS_OF = date(2026, 11, 20)


@pytest.fixture(scope="module")
def story() -> Agency:
    return tell_story(1, 1.0, AS_OF)


def _digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_arguments_give_the_same_bytes(generated: tuple[Agency, Path], tmp_path: Path) -> None:
    agency, folder = generated
    generate(tmp_path, scale=0.3, seed=7, as_of=AS_OF, months=2)
    first, second = _digest(folder), _digest(tmp_path)
    first = {name: digest for name, digest in first.items() if not name.startswith(".sandbox")}
    assert first == second
    assert len(first) > len(agency.sessions)


def test_another_seed_gives_another_story() -> None:
    one, other = (tell_story(seed, 0.3, AS_OF, 1) for seed in (1, 2))
    assert [block.start for block in one.blocks] != [block.start for block in other.blocks]


def test_generating_again_replaces_what_an_earlier_generation_left(tmp_path: Path) -> None:
    for months in (2, 1):
        generate(tmp_path, scale=0.3, as_of=AS_OF, months=months)
    agency = tell_story(1, 0.3, AS_OF, 1)
    transcripts = {path.stem for path in tmp_path.glob("claude/*/projects/*/*.jsonl")}
    assert {session.session_id for session in agency.sessions} <= transcripts
    assert not (tmp_path / ".sandbox").exists()


def test_a_folder_that_no_generator_wrote_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "reference" / "clients.csv"
    precious.parent.mkdir()
    precious.write_text("client\n")
    with pytest.raises(ValueError, match="holds files that no generator wrote"):
        generate(tmp_path, scale=0.3, as_of=AS_OF, months=1)
    assert precious.read_text() == "client\n"


def test_scale_one_has_the_seed_documents_pace(story: Agency) -> None:
    workdays = len({block.start.date() for block in story.blocks if block.start.weekday() < 5})
    weeks, months = (AS_OF - story.start).days / 7, 6
    business = [payment for payment in story.payments if payment.account.scope == "business"]
    assert len(story.developers) == 10
    assert len(story.clients) == 5
    assert len(story.projects) == 15
    assert 16 <= len(story.sessions) / workdays <= 25
    assert 4 <= sum(block.route == "clockify" for block in story.blocks) / workdays <= 8
    assert 15 <= len(story.commits) / workdays <= 26
    assert 2.5 <= len(story.pull_requests) / workdays <= 4
    assert 4 <= len(story.tickets) / weeks <= 9
    assert 15 <= sum(len(ticket.transitions) for ticket in story.tickets) / weeks <= 28
    assert 40 <= len(business) / months <= 60


def test_everything_happened_before_the_day_as_of_began(story: Agency) -> None:
    moments = [
        *(block.end for block in story.blocks),
        *(commit.committed_at for commit in story.commits),
        *(pull.updated_at for pull in story.pull_requests),
        *(transition.at for ticket in story.tickets for transition in ticket.transitions),
        *(max(log.created_at, log.updated_at) for log in story.worklogs),
    ]
    assert max(moments) < story.end
    assert all(payment.booked_on < AS_OF for payment in story.payments)


def test_the_story_shows_what_issue_2_wants(story: Agency) -> None:
    by_person: dict[str, list[tuple[datetime, datetime]]] = {}
    for block in story.blocks:
        by_person.setdefault(block.developer.key, []).append((block.start, block.end))
    overlaps = sum(
        later[0] < earlier[1]
        for spans in by_person.values()
        for earlier, later in zip(sorted(spans), sorted(spans)[1:], strict=False)
    )
    nights = [
        block
        for block in story.blocks
        if block.start.astimezone(block.developer.zone).date() != block.end.astimezone(block.developer.zone).date()
    ]
    moved = [project for project in story.projects if project.moved_on]
    assert overlaps > 100
    assert len(nights) > 20
    assert len({developer.timezone for developer in story.developers}) >= 8
    assert [project.former_client for project in moved] == ["harborlight"]
    assert {block.client for block in story.blocks if block.project is moved[0]} == {"harborlight", "labs"}
    left = next(developer for developer in story.developers if developer.left_on)
    assert left.left_on is not None
    assert max(block.local_date for block in story.blocks if block.developer is left) <= left.left_on
    assert [ticket.former_key for ticket in story.tickets if ticket.former_key]
    assert [client.key for client in story.clients if client.parent] == ["labs"]
    shared_starts = Counter(project.clockify_id[:8] for project in story.projects)
    assert max(shared_starts.values()) == 2


def test_histories_are_consistent(story: Agency) -> None:
    for ticket in story.tickets:
        status, at = "To Do", ticket.created_at
        for transition in ticket.transitions:
            assert (transition.before, transition.at >= at) == (status, True)
            status, at = transition.after, transition.at
        assert ticket.status == status
    assert len({commit.sha for commit in story.commits}) == len(story.commits)
    numbers = Counter((pull.repository.full_name, pull.number) for pull in story.pull_requests)
    assert set(numbers.values()) == {1}
    for pull in story.pull_requests:
        if pull.merged_at:
            assert pull.merge_commit in story.commits
            assert pull.opened_at <= pull.merged_at


def test_a_ticket_lives_in_every_system_and_its_client_pays(story: Agency) -> None:
    keys = {ticket.key for ticket in story.tickets if ticket.status == "Done"}
    in_sessions = {session.block.ticket.key for session in story.sessions}
    in_worklogs = {log.ticket.key for log in story.worklogs}
    in_pulls = {pull.ticket.key for pull in story.pull_requests if pull.ticket and pull.merged_at}
    assert keys & in_sessions & in_worklogs & in_pulls
    assert {payment.client for payment in story.payments if payment.client} == {row.key for row in story.clients}


def test_scale_multiplies_people_clients_and_projects() -> None:
    small, large = tell_story(1, 0.3, AS_OF, 1), tell_story(1, 2.5, AS_OF, 1)
    assert (len(small.developers), len(large.developers)) == (3, 25)
    assert len(large.clients) == 12
    assert len({client.name for client in large.clients}) == 12
    assert len({developer.email for developer in large.developers}) == 25
    assert len({project.key for project in large.projects}) == len(large.projects)
    assert 6 < len(large.blocks) / len(small.blocks) < 11


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        tell_story(1, 0, AS_OF)


def test_months_before_keeps_to_the_calendar() -> None:
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
    assert months_before(date(2024, 5, 31), 3) == date(2024, 2, 29)
    assert months_before(date(2026, 12, 31), 12) == date(2025, 12, 31)


def test_every_vendor_exports_what_it_serves(generated: tuple[Agency, Path]) -> None:
    agency, folder = generated
    for name in VENDORS:
        module = load_vendor(name)
        for collection, rows in module.export(agency).items():
            assert collection in module.COLLECTIONS
            lines = (folder / name / f"{collection}.jsonl").read_bytes().splitlines()
            assert [orjson.dumps(row) for row in rows] == lines


def test_clockify_members_match_the_reference_files(generated: tuple[Agency, Path]) -> None:
    _, folder = generated
    with (folder / "reference" / "developers.csv").open(newline="") as file:
        people = {row["clockify_id"]: row["email"] for row in csv.DictReader(file)}
    users = [orjson.loads(line) for line in (folder / "clockify" / "users.jsonl").read_bytes().splitlines()]
    assert people == {user["id"]: user["email"] for user in users if user["name"]}


def test_clockify_shows_its_oddities(story: Agency) -> None:
    rows = list(load_vendor("clockify").export(story)["time_entries"])
    assert len({row["id"] for row in rows}) == len(rows)
    assert sum(row["timeInterval"]["end"] is None for row in rows) == 1
    assert any(row["timeInterval"]["start"][:10] > str(AS_OF + timedelta(days=1)) for row in rows)
    assert {row["type"] for row in rows} == {"REGULAR", "BREAK", "TIME_OFF"}
    assert any(row["projectId"] is None for row in rows if row["type"] == "REGULAR")
    assert any(row["tagIds"] is None for row in rows)
    assert {row["isLocked"] for row in rows} == {True, False}
    assert any("_sandbox" in row for row in rows)
