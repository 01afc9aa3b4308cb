"""The dlt source of Jira, Cloud and Data Center: issues, their changelog, fields, projects and users.

Strategy (vendors 2.8): issues changed since the cursor less a look-back, in epoch milliseconds, oldest change first;
a census of all visible issues, which finds what `updated` does not show: issues that are gone, that came into sight, or
whose project got another key; the changelogs of changed issues in bulk; once a week everything is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from sources.jira.client import Reader, connect
from sources.jira.schema import tables_for
from sources.jira.text import plain_text
from sources.kit import landed
from sources.kit.account import address_of, hold_account, site_of
from sources.kit.arrow import PerRecord, to_arrow
from sources.kit.census import PRESENT, Asker, Census, refuse_loss
from sources.kit.errors import SourceError
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.run import PerRun
from sources.kit.table import Table
from sources.kit.walk import Spool

LOOK_BACK = timedelta(hours=1)
"""Read again before the cursor: Jira's search lags behind its changes (vendors 2.2)."""
WHOLE_READ_EVERY = timedelta(days=7)
BASE_FIELDS: Final = (
    "assignee",
    "components",
    "created",
    "creator",
    "description",
    "duedate",
    "fixVersions",
    "issuetype",
    "labels",
    "parent",
    "priority",
    "project",
    "reporter",
    "resolution",
    "resolutiondate",
    "status",
    "summary",
    "timeoriginalestimate",
    "timespent",
    "updated",
)
_STORY_POINT_NAMES = ("story points", "story point estimate")
_STORY_POINT_KINDS = ("jsw-story-points",)
_EPIC_LINK_KIND = "gh-epic-link"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Walk:
    """What one walk through the changed issues found."""

    spool: Spool
    since: datetime | None
    """The cursor that it began at, None for a walk through everything."""
    seen: set[str] = field(default_factory=set)
    newest: datetime | None = None
    """The latest change among them."""


class _Run:
    """What the resources of one run share: reader, quarantine, and what is asked once for all of them."""

    def __init__(self) -> None:
        self.quarantine = Quarantine("jira")
        self.started_at = self.quarantine.found_at
        self.tables: dict[str, Table] = {}
        self._reader: Reader | None = None
        self._fields: list[Any] | None = None
        self._projects: list[Any] | None = None
        self._census: dict[str, str] | None = None
        self._known: dict[str, tuple[str, str]] | None = None
        self._marks: dict[str, str] | None = None
        self._walk: _Walk | None = None

    def reader(self, base_url: str, email: str | None, api_token: str, deployment: str) -> Reader:
        """The run's one reader, its credentials tried."""
        if self._reader is None:
            reader = connect(base_url, email, api_token, deployment)
            self.tables = tables_for(deployment)
            # Jira shows an empty site to some requests with a bad token; this one is refused.
            account = reader.account()
            shown = site_of(account.get("self"))
            # A proxy may leave the link out: then the address that is asked tells the site.
            landed_sites = self._landed_sites if shown else dict
            hold_account("jira", "site", shown or {(site := address_of(base_url)): site}, landed_sites)
            self._reader = reader
        return self._reader

    def _landed_sites(self) -> dict[str, str]:
        links = landed.rows(self.tables["projects"], ("record ->> 'self'",), "record ->> 'self' is not null")
        return dict(site for (link,) in links for site in site_of(link).items())

    def fields(self, reader: Reader) -> list[Any]:
        if self._fields is None:
            self._fields = reader.fields()
        return self._fields

    def projects(self, reader: Reader) -> list[Any]:
        if self._projects is None:
            self._projects = reader.projects()
            if not self._projects and self.known():
                raise SourceError(
                    "jira: the account sees no project any more; give it the permission to browse projects again "
                    "(nothing was marked as deleted)"
                )
        return self._projects

    def known(self) -> dict[str, tuple[str, str]]:
        """Key and project of every landed issue, by id."""
        if self._known is None:
            rows = landed.rows(self.tables["issues"], ("id", "key", "project_id"))
            self._known = {row[0]: (row[1], row[2] or "") for row in rows}
        return self._known

    def marks(self) -> dict[str, str]:
        """State of every issue that was ever missed, by id."""
        if self._marks is None:
            self._marks = dict(landed.rows(self.tables["issue_deletions"], ("id", "state")))
        return self._marks

    def census(self, reader: Reader) -> dict[str, str]:
        """Key of every issue that the account can find, by id."""
        if self._census is None:
            found: dict[str, str] = {}
            for page in reader.search("updated >= 0 order by key asc", ("id", "key")):
                found.update({str(issue["id"]): str(issue.get("key") or "") for issue in page if _has_id(issue)})
            self._census = found
        return self._census

    def appeared(self, reader: Reader) -> set[str]:
        """Issues that are to be had though nothing says they changed: new in sight, back again, or with another key."""
        known, marks = self.known(), self.marks()
        if not known:
            return set()
        return {
            issue
            for issue, key in self.census(reader).items()
            if issue not in known or (key and known[issue][0] != key) or marks.get(issue, "visible") != "visible"
        }

    def walk(self, reader: Reader) -> _Walk:
        """The walk that the resource `issues` lands: what changed since its cursor, or everything when that is due."""
        if self._walk is None:
            state = dlt.current.resource_state("issues")
            asked = self.asked_fields(reader)
            # With other fields asked for, all issues look different.
            since = None if self.is_due(state) or state.get("fields") != list(asked) else _moment(state["cursor"])
            self._walk = self._changed(reader, asked, since)
            missing = self.appeared(reader) - self._walk.seen
            if missing and since is not None:
                found, _ = reader.named(missing, asked)
                self._add(self._walk, found, story_point_fields(self.fields(reader)))
        return self._walk

    def changed_since(self, reader: Reader, since: datetime | None) -> _Walk:
        """Which issues changed since a moment; the run's walk where it began there too."""
        walk = self.walk(reader)
        if walk.since is None or walk.since == since:
            return walk
        return self._changed(reader, ("updated",), since, keep=False)

    def asked_fields(self, reader: Reader) -> tuple[str, ...]:
        """The fields that issues are asked for: the usual ones, and what this site calls points, epics and accounts."""
        fields = self.fields(reader)
        return (*BASE_FIELDS, *story_point_fields(fields), *_fields_of_kind(fields, _EPIC_LINK_KIND, "tempo"))

    def is_due(self, state: Mapping[str, Any]) -> bool:
        """Whether a resource must look at everything: for the first time, or because the last time is a week ago."""
        if "whole_at" not in state or "cursor" not in state:
            return True
        return _moment(state["whole_at"]) < self.started_at - WHOLE_READ_EVERY

    def move_cursor(self, state: dict[str, Any], walk: _Walk) -> None:
        """Move a resource's cursor to what the walk saw; it stays where it is when nothing is newer.

        Never beyond the run's start: a change dated in the future must not hide later ones.
        """
        if walk.since is None:
            state["whole_at"] = self.started_at.isoformat()
        if walk.newest is not None:
            cursor = min(walk.newest, self.started_at)
            if "cursor" not in state or walk.since is None or cursor > _moment(state["cursor"]):
                state["cursor"] = cursor.isoformat()

    def _changed(self, reader: Reader, fields: Collection[str], since: datetime | None, *, keep: bool = True) -> _Walk:
        walk = _Walk(Spool(self.tables["issues"]), since)
        first = int((since - LOOK_BACK - _EPOCH).total_seconds() * 1000) if since is not None else 0
        # Unquoted milliseconds are the one spelling that no account's time zone bends (vendors 2.2).
        points = story_point_fields(self.fields(reader))
        for page in reader.search(f"updated >= {first} order by updated asc, key asc", tuple(fields)):
            if keep:
                self._add(walk, page, points)
            else:
                walk.seen.update(str(issue["id"]) for issue in page if _has_id(issue))
                for issue in page:
                    walk.newest = _later(walk.newest, _updated(issue))
        return walk

    def _add(self, walk: _Walk, issues: list[Any], points: tuple[str, ...]) -> None:
        links = _fields_of_kind(self._fields or [], _EPIC_LINK_KIND)
        batch = issue_batch(self.tables["issues"], issues, points, links, self.quarantine)
        walk.spool.add(batch)
        walk.seen.update(str(issue["id"]) for issue in issues if _has_id(issue))
        walk.newest = _later(walk.newest, pc.max(batch.column("updated_at")).as_py())


@dlt.source(name="jira", section="jira", max_table_nesting=0)
def jira() -> Any:
    """Jira's issues, deletions, changelogs, fields, projects and users.

    Settings below `SOURCES__JIRA__`: `base_url`, the site's address; `api_token`; `email`, the token's owner (Cloud);
    `deployment`: `cloud` (default) or `data_center`, where `api_token` is a personal access token.
    """
    runs = PerRun(_Run)
    tables = tables_for("cloud")

    @dlt.resource(**tables["issues"].dlt_hints())
    def issues(
        base_url: str = dlt.config.value,
        api_token: str = dlt.secrets.value,
        email: str | None = None,
        deployment: str = "cloud",
    ) -> Iterator[Any]:
        run, state = runs(), dlt.current.resource_state()
        reader = run.reader(base_url, email, api_token, deployment)
        yield from declare(run.tables["issues"])
        walk = run.walk(reader)
        yield from walk.spool.load(alone=True)
        run.move_cursor(state, walk)
        state["fields"] = list(run.asked_fields(reader))
        yield from run.quarantine.flush()

    @dlt.resource(**tables["issue_deletions"].dlt_hints())
    def issue_deletions(
        base_url: str = dlt.config.value,
        api_token: str = dlt.secrets.value,
        email: str | None = None,
        deployment: str = "cloud",
    ) -> Iterator[Any]:
        run = runs()
        reader = run.reader(base_url, email, api_token, deployment)
        yield from declare(run.tables["issue_deletions"])
        rows = _missed(run, reader) if run.known() else []
        if rows:
            yield to_arrow(run.tables["issue_deletions"], rows, quarantine=run.quarantine)

    @dlt.resource(**tables["transitions"].dlt_hints())
    def transitions(
        base_url: str = dlt.config.value,
        api_token: str = dlt.secrets.value,
        email: str | None = None,
        deployment: str = "cloud",
    ) -> Iterator[Any]:
        run, state = runs(), dlt.current.resource_state()
        reader = run.reader(base_url, email, api_token, deployment)
        table = run.tables["transitions"]
        yield from declare(table)
        walk = run.changed_since(reader, None if run.is_due(state) else _moment(state["cursor"]))
        spool = Spool(table)
        for page in reader.histories(walk.seen | run.appeared(reader)):
            created = PerRecord([_history_time(history) for history in page])
            spool.add(to_arrow(table, page, quarantine=run.quarantine, extra={"created_at": created}))
        yield from spool.load(alone=True)
        run.move_cursor(state, walk)
        yield from run.quarantine.flush()

    @dlt.resource(**tables["fields"].dlt_hints())
    def fields(
        base_url: str = dlt.config.value,
        api_token: str = dlt.secrets.value,
        email: str | None = None,
        deployment: str = "cloud",
    ) -> Iterator[Any]:
        run = runs()
        found = run.fields(run.reader(base_url, email, api_token, deployment))
        points = story_point_fields(found)
        chosen = PerRecord([isinstance(each, Mapping) and each.get("id") in points for each in found])
        yield from _listing(run, "fields", found, {"is_story_points": chosen}, lambda _: {"is_story_points": False})

    @dlt.resource(**tables["projects"].dlt_hints())
    def projects(
        base_url: str = dlt.config.value,
        api_token: str = dlt.secrets.value,
        email: str | None = None,
        deployment: str = "cloud",
    ) -> Iterator[Any]:
        run = runs()
        found = run.projects(run.reader(base_url, email, api_token, deployment))
        states = [_project_state(project) for project in found]
        extra = {
            "state": PerRecord(states),
            "is_deleted": PerRecord([state == "deleted" for state in states]),
            "deleted_at": PerRecord([_deleted_date(project) for project in found]),
        }
        # Jira itself lists the deleted ones; asked for one that is not listed, it tells no lost right from a deletion.
        yield from _listing(
            run, "projects", found, extra, lambda is_gone: {"state": "deleted" if is_gone else "not_visible"}
        )

    @dlt.resource(**tables["users"].dlt_hints())
    def users(
        base_url: str = dlt.config.value,
        api_token: str = dlt.secrets.value,
        email: str | None = None,
        deployment: str = "cloud",
    ) -> Iterator[Any]:
        run = runs()
        reader = run.reader(base_url, email, api_token, deployment)
        found = reader.users()
        if not found:
            raise SourceError(
                "jira: the account sees no users, not even itself; give it the global permission to browse users"
            )
        yield from _listing(run, "users", found, {}, lambda _: {}, reader.ask_user)

    return issues, issue_deletions, transitions, fields, projects, users, quarantined_records()


def issue_batch(
    table: Table, issues: list[Any], points: tuple[str, ...], epic_links: tuple[str, ...], quarantine: Quarantine
) -> pa.Table:
    """Issues as typed rows; `points` and `epic_links` are ids of fields, the first filled one counts."""
    contents = [_fields_of(issue) for issue in issues]
    extra = {
        "description_text": PerRecord([plain_text(content.get("description")) for content in contents]),
        "parent_key": PerRecord([_parent_key(content, epic_links) for content in contents]),
        "story_points": PerRecord([_first_number(content, points) for content in contents]),
    }
    return to_arrow(table, issues, quarantine=quarantine, extra=extra)


def story_point_fields(fields: list[Any]) -> tuple[str, ...]:
    """Ids of the number fields that hold story points: a site may have several, and projects fill different ones.

    Known by name (company-managed projects) or by their kind (team-managed ones), never by id (vendors 2.4).
    """
    found: list[tuple[int, str]] = []
    for each in fields:
        if not isinstance(each, Mapping) or not isinstance(each.get("id"), str):
            continue
        schema = each.get("schema")
        schema = schema if isinstance(schema, Mapping) else {}
        name, kind = str(each.get("name") or "").strip().casefold(), str(schema.get("custom") or "")
        is_number = schema.get("type") in ("number", None)
        if is_number and (name in _STORY_POINT_NAMES or kind.endswith(_STORY_POINT_KINDS)):
            found.append((0 if name == _STORY_POINT_NAMES[0] else 1, each["id"]))
    return tuple(identifier for _, identifier in sorted(found))


def _fields_of_kind(fields: list[Any], *kinds: str) -> tuple[str, ...]:
    found = []
    for each in fields:
        schema = each.get("schema") if isinstance(each, Mapping) else None
        custom = str(schema.get("custom") or "") if isinstance(schema, Mapping) else ""
        if any(kind in custom for kind in kinds):
            found.append(str(each["id"]))
    return tuple(sorted(found))


def _missed(run: _Run, reader: Reader) -> list[dict[str, Any]]:
    """The rows of `issue_deletions` that this run learns.

    An issue that the census lacks counts as deleted only if its project's issues can be browsed and Jira, asked by the
    id, does not know it; with its project archived, in the bin or out of sight the project tells the state.
    """
    census, known, marks = run.census(reader), run.known(), run.marks()
    states = {str(each.get("id")): each for each in run.projects(reader) if isinstance(each, Mapping)}
    rows: list[dict[str, Any]] = []

    def note(issue: str, state: str, deleted_at: Any = None) -> None:
        key, project = known.get(issue, (None, None))
        rows.append(
            {
                "id": issue,
                "key": key,
                "project_id": project,
                "state": state,
                "is_deleted": state == "deleted",
                "deleted_at": deleted_at,
                "found_at": run.started_at,
            }
        )

    for issue in sorted(marks.keys() & census.keys()):
        if marks[issue] != "visible":
            note(issue, "visible")
    doubtful: set[str] = set()
    for issue in sorted(known.keys() - census.keys()):
        project = states.get(known[issue][1])
        state = _project_state(project) if project is not None else "not_visible"
        if marks.get(issue) in (state, "deleted"):
            continue
        if state == "live":
            doubtful.add(issue)
        else:
            note(issue, state, _deleted_date(project) or run.started_at if state == "deleted" else None)
    visible = {issue for issue in known if marks.get(issue, "visible") == "visible"}
    refuse_loss("jira", "issues of projects that are shown", len(doubtful & visible), len(visible))
    if doubtful:
        browsable = reader.browsable_projects()
        _, missing = reader.named(doubtful, ("project",))
        for issue in sorted(doubtful & missing):
            is_gone = known[issue][1] in browsable
            if is_gone or marks.get(issue) != "not_visible":
                note(issue, "deleted" if is_gone else "not_visible", run.started_at if is_gone else None)
    return rows


def _listing(
    run: _Run,
    name: str,
    found: list[Any],
    extra: dict[str, Any],
    lost: Callable[[bool], dict[str, Any]],
    asker: Asker | None = None,
) -> Iterator[Any]:
    """A list that was read whole: what it shows, and what landed earlier and is not shown any more, marked so.

    `extra` are the added columns of what is shown, `lost` makes those of what is not, told whether it is deleted;
    `asker` asks for one object by its id.
    """
    table = run.tables[name]
    yield from declare(table)
    spool = Spool(table)
    spool.add(to_arrow(table, found, quarantine=run.quarantine, extra={**PRESENT, **extra}))
    path = next(column.path or column.name for column in table.columns if column.name == table.key[0])
    shown = [record.get(path) if isinstance(record, Mapping) else None for record in found]
    for marked in Census(table, run.quarantine, name, asker=asker).marks(shown, lost=lost):
        spool.add(marked)
    yield from spool.load()
    yield from run.quarantine.flush()


def _project_state(project: Any) -> str:
    if not isinstance(project, Mapping):
        return "live"
    return "deleted" if project.get("deleted") else "archived" if project.get("archived") else "live"


def _deleted_date(project: Any) -> str | None:
    value = project.get("deletedDate") if isinstance(project, Mapping) and project.get("deleted") else None
    return str(value) if value else None


def _has_id(issue: Any) -> bool:
    return isinstance(issue, Mapping) and isinstance(issue.get("id"), str | int)


def _fields_of(issue: Any) -> Mapping[str, Any]:
    content = issue.get("fields") if isinstance(issue, Mapping) else None
    return content if isinstance(content, Mapping) else {}


def _parent_key(content: Mapping[str, Any], epic_links: tuple[str, ...]) -> str | None:
    parent = content.get("parent")
    if isinstance(parent, Mapping) and parent.get("key"):
        return str(parent["key"])
    return next((str(content[link]) for link in epic_links if isinstance(content.get(link), str)), None)


def _first_number(content: Mapping[str, Any], points: tuple[str, ...]) -> float | int | None:
    values = (content.get(point) for point in points)
    return next((value for value in values if isinstance(value, int | float) and not isinstance(value, bool)), None)


def _history_time(history: Any) -> Any:
    """When a change was made: ISO text, epoch seconds or milliseconds, by the vendor's own texts (vendors 2.3)."""
    value = history.get("created") if isinstance(history, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    # Seconds reach this size in the year 5138.
    seconds = value / 1000 if value >= 100_000_000_000 else value
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _updated(issue: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(_fields_of(issue).get("updated"))).astimezone(UTC)
    except ValueError:
        return None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
