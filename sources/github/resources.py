"""The dlt source of GitHub: repositories, the commits of their default branches, pull requests.

Repositories come by REST, their contents by GraphQL. An overview query per repository (head, number of commits, newest
pull request) tells whether anything moved. Commits are walked at the head's own sha, so that a push in the middle of
the walk changes nothing; the walk ends early only when it has met the head of the last run and as many new commits as
the branch has grown by. Otherwise history was rewritten: the walk goes to its end, and what it did not meet is marked
unreachable. Pull requests are walked by last update, newest first: rows that move meanwhile are only met twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt

from sources.github import queries
from sources.github.client import DEFAULT_BASE_URL, GitHubClient, TooLarge
from sources.github.schema import COMMITS, PULL_REQUESTS, REPOSITORIES
from sources.kit import landed
from sources.kit.account import hold_account
from sources.kit.arrow import to_arrow
from sources.kit.census import PRESENT, Answer, Census
from sources.kit.errors import SourceError
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.walk import Spool

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=1)
LARGEST_PAGE = 100
MAXIMUM_TIME_OUTS = 6
_GONE = (404, 403, 451)


class Connection:
    """The client and the visible repositories, made on the first request and shared by the resources of one run."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._client: GitHubClient | None = None
        self._repositories: list[dict[str, Any]] | None = None
        self._overviews: dict[Any, dict[str, Any] | None] = {}

    def client(self, token: str, base_url: str) -> GitHubClient:
        """The one client of the run."""
        if self._client is None:
            self._client = GitHubClient(token, base_url)
        return self._client

    def repositories(self, client: GitHubClient, organizations: str, names: str) -> list[dict[str, Any]]:
        """The repositories to read, by id; those of organizations, those named, or all that the token sees."""
        if self._repositories is None:
            found: dict[Any, dict[str, Any]] = {}
            for repository in _visible(client, _words(organizations), _words(names)):
                found[repository.get("id")] = repository
            owners = dict(_owner(repository) for repository in found.values() if repository.get("full_name"))
            is_open = not _words(organizations) and not _words(names)
            hold_account("github", "owner", owners, _landed_owners, may_change=is_open)
            self._repositories = list(found.values())
        return self._repositories

    def overview(self, client: GitHubClient, repository: dict[str, Any]) -> dict[str, Any]:
        """Head, number of commits and newest pull request; empty where the repository vanished since it was listed."""
        key = repository["id"]
        if key not in self._overviews:
            try:
                data = client.query(queries.OVERVIEW, _owner_and_name(repository))
            except TooLarge:
                name = repository["full_name"]
                raise SourceError(f"github: the overview of {name} timed out; run again later") from None
            self._overviews[key] = data.get("repository")
        return self._overviews[key] or {}


def _owner(repository: dict[str, Any]) -> tuple[str, str]:
    """Id and login of who owns a repository; an organization that is renamed keeps its id."""
    owner = repository.get("owner")
    login = repository["full_name"].partition("/")[0]
    return str((owner.get("id") if isinstance(owner, dict) else None) or login.lower()), login


def _landed_owners() -> dict[str, str]:
    return dict(map(_owner, landed.records(REPOSITORIES, "full_name is not null and not coalesce(is_deleted, false)")))


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _visible(client: GitHubClient, organizations: list[str], names: list[str]) -> Iterator[dict[str, Any]]:
    for organization in organizations:
        for page in client.pages(f"orgs/{organization}/repos", {"type": "all"}):
            yield from page
    for name in names:
        repository = client.object(f"repos/{name}", absent=_GONE)
        if repository is None:
            logger.warning("github: repository %s cannot be seen with this token; what landed of it stays", name)
        else:
            yield repository
    if not organizations and not names:
        for page in client.pages("user/repos", {}):
            yield from page


def _census(client: GitHubClient, quarantine: Quarantine, organizations: list[str], names: list[str]) -> Census:
    """The comparison with what landed, as far as the settings still ask for it."""
    public = {row[0] for row in landed.rows(REPOSITORIES, ("id",), "is_private is false")}

    def asker(repository: int) -> Answer:
        answer = client.ask(f"repositories/{repository}")
        # Of a private one GitHub does not tell a lost right from a deletion.
        return answer if answer is not Answer.GONE or repository in public else Answer.UNSAID

    if not organizations and not names:
        return Census(REPOSITORIES, quarantine, "repositories", asker=asker)
    return Census(
        REPOSITORIES,
        quarantine,
        "repositories",
        "lower(owner_login) = any(%s) or lower(full_name) = any(%s)",
        ([name.lower() for name in organizations], [name.lower() for name in names]),
        asker,
    )


def _owner_and_name(repository: dict[str, Any]) -> dict[str, str]:
    owner, _, name = str(repository["full_name"]).partition("/")
    return {"owner": owner, "name": name}


def _paged(
    client: GitHubClient, text: str, variables: dict[str, Any], path: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """The pages of one GraphQL connection; a time-out quarters the page and tries again."""
    first, after, time_outs = LARGEST_PAGE, None, 0
    while True:
        try:
            value: Any = client.query(text, {**variables, "first": first, "after": after})
        except TooLarge:
            time_outs += 1
            if time_outs == MAXIMUM_TIME_OUTS:
                place = f"{variables['owner']}/{variables['name']}"
                raise SourceError(
                    f"github: {path[-1]} of {place} timed out {time_outs} times, the last time {first} at once; "
                    "run again later"
                ) from None
            first = max(1, first // 4)
            client.pause(time_outs)
            continue
        time_outs = 0
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(value.get("nodes"), list):
            place = f"{variables['owner']}/{variables['name']}"
            raise SourceError(f"github: {path[-1]} of {place} vanished while they were read; run again later")
        yield value
        page = value["pageInfo"]
        if not page["hasNextPage"]:
            return
        if page["endCursor"] == after:
            raise SourceError(f"github: the pages of {path[-1]} stand still; run again later")
        after = page["endCursor"]
        first = min(LARGEST_PAGE, first * 2)


def _walk_commits(
    client: GitHubClient, repository: dict[str, Any], head: str, total: int, known_head: str | None, known: set[str]
) -> Iterator[list[dict[str, Any]]]:
    """Yield pages of commits that are not yet known; empties `known` of what it meets.

    What remains in `known` after an early end is still reachable, because the old head is. Raises `SourceError` where
    a walk to the end lacks commits.
    """
    variables = {**_owner_and_name(repository), "oid": head}
    new = 0
    grown_by = total - len(known)
    met = 0
    met_old_head = False
    for page in _paged(client, queries.COMMITS, variables, ("repository", "object", "history")):
        nodes = [node for node in page["nodes"] if isinstance(node, dict)]
        fresh = [node for node in nodes if node.get("oid") not in known]
        met_old_head = met_old_head or any(node.get("oid") == known_head for node in nodes)
        known.difference_update(str(node.get("oid")) for node in nodes)
        new += len(fresh)
        met += len(nodes)
        yield fresh
        if met_old_head and new == grown_by:
            known.clear()
            return
    if met < total:
        raise SourceError(
            f"github: the history of {repository['full_name']} has {total:,} commits, but only {met:,} came, so none "
            "is taken for lost; run again later"
        )


@dlt.source(name="github", section="github", max_table_nesting=0)
def github() -> Any:
    """Everything that lands from GitHub, as resources named like their tables."""
    quarantine = Quarantine("github")
    connection = Connection()

    @dlt.resource(**REPOSITORIES.dlt_hints())
    def repositories(
        token: str = dlt.secrets.value,
        base_url: str = DEFAULT_BASE_URL,
        organizations: str = "",
        repositories: str = "",
    ) -> Iterator[Any]:
        yield from declare(REPOSITORIES)
        client = connection.client(token, base_url)
        visible = connection.repositories(client, organizations, repositories)
        yield to_arrow(REPOSITORIES, visible, quarantine=quarantine, extra=PRESENT)
        yield from _census(client, quarantine, _words(organizations), _words(repositories)).marks(
            [repository.get("id") for repository in visible]
        )
        yield from quarantine.flush()

    @dlt.resource(**COMMITS.dlt_hints())
    def commits(
        token: str = dlt.secrets.value,
        base_url: str = DEFAULT_BASE_URL,
        organizations: str = "",
        repositories: str = "",
    ) -> Iterator[Any]:
        yield from declare(COMMITS)
        client = connection.client(token, base_url)
        state = dlt.current.resource_state().setdefault("heads", {})
        for repository in connection.repositories(client, organizations, repositories):
            branch = connection.overview(client, repository).get("defaultBranchRef")
            target = (branch or {}).get("target") or {}
            if "history" not in target:
                # An empty repository, or one that vanished since it was listed: nothing is known, so nothing is marked.
                continue
            name = str(repository["id"])
            head, total = str(target["oid"]), int(target["history"]["totalCount"])
            if state.get(name) == [head, total]:
                continue
            spool = Spool(COMMITS)
            condition = "repository_id = %s and is_reachable"
            known = {str(sha) for (sha,) in landed.rows(COMMITS, ["sha"], condition, repository["id"])}
            known_head = (state.get(name) or [None])[0]
            reachable = {"repository_id": repository["id"], "is_reachable": True}
            for page in _walk_commits(client, repository, head, total, known_head, known):
                spool.add(to_arrow(COMMITS, page, quarantine=quarantine, extra=reachable))
            yield from spool.load()
            if known:
                lost = landed.records(COMMITS, "repository_id = %s and sha = any(%s)", repository["id"], sorted(known))
                yield to_arrow(COMMITS, lost, quarantine=quarantine, extra={**reachable, "is_reachable": False})
            yield from quarantine.flush()
            state[name] = [head, total]

    @dlt.resource(**PULL_REQUESTS.dlt_hints())
    def pull_requests(
        token: str = dlt.secrets.value,
        base_url: str = DEFAULT_BASE_URL,
        organizations: str = "",
        repositories: str = "",
    ) -> Iterator[Any]:
        yield from declare(PULL_REQUESTS)
        client = connection.client(token, base_url)
        state = dlt.current.resource_state().setdefault("cursors", {})
        for repository in connection.repositories(client, organizations, repositories):
            name = str(repository["id"])
            known, settled = _recall(state.get(name))
            overview = connection.overview(client, repository)
            last = overview.get("pullRequests", {}).get("nodes") or []
            if not last or (settled and all(_updated(node) == known for node in last)):
                continue
            newest = known
            spool = Spool(PULL_REQUESTS)
            pages = _paged(client, queries.PULL_REQUESTS, _owner_and_name(repository), ("repository", "pullRequests"))
            for page in pages:
                nodes = page["nodes"]
                extra = {"repository_id": repository["id"]}
                spool.add(to_arrow(PULL_REQUESTS, nodes, quarantine=quarantine, extra=extra))
                moments = [moment for node in nodes if (moment := _updated(node)) is not None]
                newest = max([*moments, *([newest] if newest else [])], default=None)
                if known is not None and moments and min(moments) < known - LOOK_BACK:
                    break
            yield from spool.load()
            yield from quarantine.flush()
            if newest is not None:
                # A clock that runs ahead must not hide what is updated until it is caught up.
                state[name] = [min(newest, quarantine.found_at).isoformat(), quarantine.found_at.isoformat()]

    return repositories, commits, pull_requests, quarantined_records()


def _recall(entry: list[str] | None) -> tuple[datetime | None, bool]:
    """The newest update that the last walk saw, and whether it was read late enough to hold all of its second."""
    if entry is None:
        return None, False
    newest, read_at = (datetime.fromisoformat(text) for text in entry)
    return newest, read_at - newest > timedelta(minutes=1)


def _updated(node: Any) -> datetime | None:
    text = node.get("updatedAt") if isinstance(node, dict) else None
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None
    except ValueError:
        return None
