"""GitHub's REST and GraphQL as described in vendors, chapter 4, and the agency's repositories in them.

REST is below `/github/api/v3`, GraphQL at `/github/api/graphql`, as on Enterprise Server. The collections have REST's
form; GraphQL is derived. A repository's default branch contains all of its commits, newest committer date first, except
those that a `_sandbox` key puts elsewhere. A dataset may use these keys, besides the general ones:

- a repository's line: `former_names` (full names that answer 301), `blocked` (answers 451).
- a commit's line: `branch` (it is only on that branch), `changed_files` (a number, where `files` is absent).
- a pull request's line: `reviews`: a list of `{"submittedAt", "state", "login", "type"?}`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from graphql import GraphQLError, parse
from graphql.language import ast

from sandbox.agency import Agency, Commit, Developer, PullRequest, Repository
from sandbox.dataset import Record, VendorData, format_time, parse_time
from sandbox.vendors import Request, Response, Route

TOKEN = "sandbox-github-token"
COLLECTIONS = {"repositories": "id", "commits": "sha+url", "pull_requests": "id"}
MAXIMUM_PAGE_SIZE = 100
_REST = "/api/v3"
_WEB = "https://github.example"
_API = "https://api.github.com"
_TRAILER = re.compile(r"^co-authored-by:\s*([^<\n]*?)\s*<([^>\n]+)>\s*$", re.IGNORECASE | re.MULTILINE)


def authenticate(request: Request, data: VendorData) -> Response | None:
    """Require the token, as Bearer or token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or (token != TOKEN and token not in data.owners()):
        return Response({"message": "Bad credentials", "documentation_url": _WEB, "status": "401"}, 401)
    request.owner = token
    return None


def not_found(_request: Request) -> Response:
    """Answer an unknown path."""
    return Response({"message": "Not Found", "documentation_url": _WEB, "status": "404"}, 404)


def _blocked() -> Response:
    return Response({"message": "Repository access blocked", "block": {"reason": "dmca"}}, 451)


def routes(data: VendorData) -> list[Route]:
    """Return REST's lists and single objects, and GraphQL."""

    def in_repository(answer: Callable[[Request, Record], Response]) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            full_name = f"{request.parameters['owner']}/{request.parameters['name']}"
            repository = _repository(data, full_name, request.owner)
            if repository is None:
                return not_found(request)
            if repository.value["full_name"].lower() != full_name.lower():
                url = f"{request.base_url}{_REST}/repositories/{repository.key}"
                return Response({"message": "Moved Permanently", "url": url}, 301, {"Location": url})
            if repository.marks.get("blocked"):
                return _blocked()
            return answer(request, repository)

        return handler

    def repositories(request: Request) -> Response:
        organization = request.parameters.get("organization")
        found = [
            record
            for record in data.records("repositories", request.owner)
            if organization in (None, record.value["full_name"].partition("/")[0])
        ]
        if organization is not None and not found:
            return not_found(request)
        return _page(request, [record.value for record in found])

    def by_id(request: Request) -> Response:
        repository = data.find("repositories", request.parameters["id"], request.owner)
        if repository is None:
            return not_found(request)
        return _blocked() if repository.marks.get("blocked") else _served(request, repository.value)

    def commits(request: Request, repository: Record) -> Response:
        found = _commits(data, repository, request.one("sha"))
        if not found and not _commits(data, repository, ""):
            return Response({"message": "Git Repository is empty.", "status": "409"}, 409)
        since, until = request.one("since"), request.one("until")
        kept = [
            {name: value for name, value in record.value.items() if name not in ("stats", "files")}
            for record in found
            if (not since or _committed(record) >= parse_time(since))
            and (not until or _committed(record) <= parse_time(until))
        ]
        return _page(request, kept)

    def commit(request: Request, repository: Record) -> Response:
        sha = request.parameters["sha"]
        found = next((row for row in _all_commits(data, repository) if row.value["sha"].startswith(sha)), None)
        return not_found(request) if found is None else _served(request, found.value)

    def pulls(request: Request, repository: Record) -> Response:
        state = request.one("state", "open")
        field = {"updated": "updated_at"}.get(request.one("sort", "created"), "created_at")
        direction = request.one("direction", "desc" if field == "created_at" else "asc")
        found = [record.value for record in _pulls(data, repository) if state in ("all", record.value["state"])]
        found.sort(key=lambda value: (str(value.get(field)), value["id"]), reverse=direction == "desc")
        return _page(request, [_without_detail(value) for value in found])

    def pull(request: Request, repository: Record) -> Response:
        number = request.parameters["number"]
        found = next((row for row in _pulls(data, repository) if str(row.value["number"]) == number), None)
        return not_found(request) if found is None else _served(request, found.value)

    def graphql(request: Request) -> Response:
        body = request.json()
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return Response({"message": "A query attribute must be specified and must be a string."}, 400)
        return _execute(data, request, body["query"], body.get("variables") or {})

    repository = f"{_REST}/repos/{{owner}}/{{name}}"
    return [
        Route("GET", f"{_REST}/user", lambda _request: Response({"login": "lantern-owner", "id": 1, "type": "User"})),
        Route("GET", f"{_REST}/user/repos", repositories),
        Route("GET", f"{_REST}/orgs/{{organization}}/repos", repositories),
        Route("GET", f"{_REST}/repositories/{{id}}", by_id),
        Route("GET", repository, in_repository(lambda request, found: _served(request, found.value))),
        Route("GET", f"{repository}/commits", in_repository(commits)),
        Route("GET", f"{repository}/commits/{{sha}}", in_repository(commit)),
        Route("GET", f"{repository}/pulls", in_repository(pulls)),
        Route("GET", f"{repository}/pulls/{{number}}", in_repository(pull)),
        Route("POST", "/api/graphql", graphql),
    ]


# --- REST ------------------------------------------------------------------------------------------------------------


def _page(request: Request, items: Sequence[Any]) -> Response:
    """Answer one page; the Link header leads on."""
    size = min(max(int(request.one("per_page", "30")), 1), MAXIMUM_PAGE_SIZE)
    page = max(int(request.one("page", "1")), 1)
    pages = max(1, -(-len(items) // size))
    headers = {}
    if page < pages:
        links = []
        for relation, number in (("next", page + 1), ("last", pages)):
            query = urlencode({**{name: values[0] for name, values in request.query.items()}, "page": number})
            links.append(f'<{request.base_url}{request.path}?{query}>; rel="{relation}"')
        headers["Link"] = ", ".join(links)
    return _served(request, items[(page - 1) * size : page * size], headers)


def _served(request: Request, value: Any, headers: dict[str, str] | None = None) -> Response:
    """Answer with objects whose links lead back to this server, because clients follow them."""
    body = orjson.dumps(value).replace(_API.encode(), f"{request.base_url}{_REST}".encode())
    return Response(body, headers=headers or {})


def _without_detail(value: Mapping[str, Any]) -> dict[str, Any]:
    single = (
        "additions",
        "deletions",
        "changed_files",
        "commits",
        "comments",
        "review_comments",
        "merged",
        "merged_by",
    )
    return {name: part for name, part in value.items() if name not in single}


def _repository(data: VendorData, full_name: str, owner: str | None) -> Record | None:
    for record in data.records("repositories", owner):
        names = [record.value["full_name"], *record.marks.get("former_names", [])]
        if full_name.lower() in (name.lower() for name in names):
            return record
    return None


def _names(repository: Record) -> set[str]:
    return {name.lower() for name in (repository.value["full_name"], *repository.marks.get("former_names", []))}


def _repository_in(url: str) -> str:
    found = re.search(r"/repos/([^/]+/[^/]+)/", url)
    return found.group(1).lower() if found else ""


def _by_repository(data: VendorData) -> dict[str, list[Record]]:
    """Commits by lower-case full name of the repository, newest committer date first."""

    def build() -> dict[str, list[Record]]:
        grouped: dict[str, list[Record]] = {}
        for record in data.collections["commits"].records:
            grouped.setdefault(_repository_in(record.value["url"]), []).append(record)
        for records in grouped.values():
            records.reverse()
            records.sort(key=lambda record: str(record.value["commit"]["committer"]["date"]), reverse=True)
        return grouped

    return data.derived("commits", build)


def _all_commits(data: VendorData, repository: Record) -> list[Record]:
    now, grouped = data.now(), _by_repository(data)
    return [record for name in _names(repository) for record in grouped.get(name, ()) if record.is_visible(now)]


def _commits(data: VendorData, repository: Record, start: str) -> list[Record]:
    """The commits of a branch, or those not newer than a commit; of the default branch if `start` is empty."""
    found = _all_commits(data, repository)
    branch = start or repository.value["default_branch"]
    for position, record in enumerate(found):
        if record.value["sha"] == start:
            return [row for row in found[position:] if row.marks.get("branch") == record.marks.get("branch")]
    if branch == repository.value["default_branch"]:
        return [record for record in found if "branch" not in record.marks]
    return [record for record in found if record.marks.get("branch") == branch]


def _committed(record: Record) -> Any:
    return parse_time(record.value["commit"]["committer"]["date"])


def _pulls(data: VendorData, repository: Record) -> list[Record]:
    names = _names(repository)
    return [record for record in data.records("pull_requests") if _pull_repository(record.value) in names]


def _pull_repository(value: Mapping[str, Any]) -> str:
    base = (value.get("base") or {}).get("repo") or {}
    return str(base.get("full_name") or "").lower() or _repository_in(str(value.get("url")))


# --- GraphQL: the objects that queries walk through; a callable is a field with arguments ----------------------------


def _execute(data: VendorData, request: Request, text: str, variables: dict[str, Any]) -> Response:
    errors: list[dict[str, Any]] = []

    def repository(owner: str, name: str) -> dict[str, Any] | None:
        found = _repository(data, f"{owner}/{name}", request.owner)
        if found is None or found.marks.get("blocked"):
            message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            errors.append({"type": "NOT_FOUND", "path": ["repository"], "message": message})
            return None
        return _repository_node(data, found)

    root = {"__typename": "Query", "repository": repository, "viewer": {"__typename": "User", "login": "lantern-owner"}}
    try:
        document = parse(text)
        operation = next(row for row in document.definitions if isinstance(row, ast.OperationDefinitionNode))
        answer: dict[str, Any] = {"data": _select(root, operation.selection_set, variables)}
    except (GraphQLError, _QueryError) as problem:
        return Response({"errors": [{"message": str(problem)}]})
    if errors:
        answer["errors"] = errors
    return Response(answer)


class _QueryError(Exception):
    """A query that the schema does not support."""


def _select(value: Any, selection: ast.SelectionSetNode | None, variables: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_select(item, selection, variables) for item in value]
    if selection is None or value is None:
        return value
    answer: dict[str, Any] = {}
    for node in selection.selections:
        if isinstance(node, ast.InlineFragmentNode):
            if node.type_condition is None or node.type_condition.name.value == value["__typename"]:
                answer |= _select(value, node.selection_set, variables)
            continue
        if not isinstance(node, ast.FieldNode):
            raise _QueryError("Named fragments are not served here.")
        name = node.name.value
        if name not in value:
            raise _QueryError(f"Field '{name}' doesn't exist on type '{value['__typename']}'")
        part = value[name]
        if callable(part):
            part = part(**{row.name.value: _literal(row.value, variables) for row in node.arguments})
        answer[node.alias.value if node.alias else name] = _select(part, node.selection_set, variables)
    return answer


def _literal(node: ast.ValueNode, variables: dict[str, Any]) -> Any:
    match node:
        case ast.VariableNode():
            return variables.get(node.name.value)
        case ast.IntValueNode():
            return int(node.value)
        case ast.ObjectValueNode():
            return {row.name.value: _literal(row.value, variables) for row in node.fields}
        case ast.StringValueNode() | ast.EnumValueNode() | ast.BooleanValueNode():
            return node.value
        case _:
            return None


def _connection(kind: str, nodes: Sequence[Any], make: Callable[[Any], Any]) -> Callable[..., dict[str, Any]]:
    def page(first: int = MAXIMUM_PAGE_SIZE, after: str | None = None, **_arguments: Any) -> dict[str, Any]:
        if not 1 <= first <= MAXIMUM_PAGE_SIZE:
            raise _QueryError(f"Requesting {first} records exceeds the `first` limit of {MAXIMUM_PAGE_SIZE} records.")
        start = int(base64.b64decode(after).decode().partition(":")[2]) if after else 0
        end = start + first
        cursor = base64.b64encode(f"cursor:{min(end, len(nodes))}".encode()).decode()
        return {
            "__typename": f"{kind}Connection",
            "totalCount": len(nodes),
            "nodes": [make(node) for node in nodes[start:end]],
            "pageInfo": {"__typename": "PageInfo", "hasNextPage": end < len(nodes), "endCursor": cursor},
        }

    return page


def _repository_node(data: VendorData, repository: Record) -> dict[str, Any]:
    value = repository.value
    default = _commits(data, repository, "")
    people = _people(data)

    def commit_object(oid: str) -> dict[str, Any] | None:
        history = _commits(data, repository, oid)
        if not history or history[0].value["sha"] != oid:
            return None
        return _commit_node(history[0], people) | {"history": _history(history, people)}

    def pull_requests(**arguments: Any) -> dict[str, Any]:
        order = arguments.pop("orderBy", None) or {"field": "CREATED_AT", "direction": "ASC"}
        field = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at"}[order["field"]]
        found = sorted(
            _pulls(data, repository),
            key=lambda record: (str(record.value.get(field)), record.value["id"]),
            reverse=order["direction"] == "DESC",
        )
        return _connection("PullRequest", found, _pull_node)(**arguments)

    head = default[0] if default else None
    target = None
    if head is not None:
        target = _commit_node(head, people) | {"history": _history(default, people)}
    return {
        "__typename": "Repository",
        "databaseId": value["id"],
        "nameWithOwner": value["full_name"],
        "isEmpty": head is None,
        "defaultBranchRef": None
        if target is None
        else {"__typename": "Ref", "name": value["default_branch"], "target": target},
        "object": commit_object,
        "pullRequests": pull_requests,
    }


def _history(records: Sequence[Record], people: dict[str, dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return _connection("CommitHistory", records, lambda record: _commit_node(record, people))


def _people(data: VendorData) -> dict[str, dict[str, Any]]:
    """GitHub users by lower-case e-mail, as far as any commit shows them."""

    def build() -> dict[str, dict[str, Any]]:
        return {
            str(record.value["commit"]["author"].get("email")).lower(): record.value["author"]
            for record in data.collections["commits"].records
            if record.value.get("author")
        }

    return data.derived("people", build)


def _git_actor(person: Mapping[str, Any], user: Mapping[str, Any] | None) -> dict[str, Any]:
    # GraphQL's GitActor.user is a User: of a bot it is null.
    is_user = bool(user) and (user or {}).get("type") != "Bot" and (user or {}).get("login")
    node = {"__typename": "User", "login": user["login"], "databaseId": user.get("id")} if user and is_user else None
    return {
        "__typename": "GitActor",
        "name": person.get("name"),
        "email": person.get("email"),
        "date": person.get("date"),
        "user": node,
    }


def _commit_node(record: Record, people: dict[str, dict[str, Any]]) -> dict[str, Any]:
    value = record.value
    git = value["commit"]
    stats = value.get("stats") or {}
    author = _git_actor(git["author"], value.get("author"))
    helpers = [
        _git_actor({"name": name, "email": email}, people.get(email.lower()))
        for name, email in _TRAILER.findall(git["message"])
    ]
    authors = [author, *(row for row in helpers if row["email"] != author["email"])]
    files = value.get("files")
    return {
        "__typename": "Commit",
        "oid": value["sha"],
        "message": git["message"],
        "authoredDate": git["author"]["date"],
        "committedDate": git["committer"]["date"],
        "additions": stats.get("additions", 0),
        "deletions": stats.get("deletions", 0),
        "changedFilesIfAvailable": len(files) if files is not None else record.marks.get("changed_files"),
        "author": author,
        "committer": _git_actor(git["committer"], value.get("committer")),
        "authors": _connection("GitActor", authors, lambda row: row),
        "parents": _connection(
            "Commit", value.get("parents") or [], lambda row: {"__typename": "Commit", "oid": row["sha"]}
        ),
    }


def _actor(user: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not user or not user.get("login"):
        return None
    # GraphQL's login of a bot lacks REST's suffix.
    kind = str(user.get("type") or "User")
    return {"__typename": kind, "login": str(user["login"]).removesuffix("[bot]") if kind == "Bot" else user["login"]}


def _pull_node(record: Record) -> dict[str, Any]:
    value = record.value
    merged = value.get("merged_at")
    reviews = [
        {
            "__typename": "PullRequestReview",
            "submittedAt": row["submittedAt"],
            "state": row["state"],
            "author": _actor({"login": row["login"], "type": row.get("type", "User")}),
        }
        for row in record.marks.get("reviews", [])
    ]
    commits = value.get("commits")
    merge_sha = value.get("merge_commit_sha")
    return {
        "__typename": "PullRequest",
        "fullDatabaseId": str(value["id"]),
        "number": value["number"],
        "title": value["title"],
        "state": "MERGED" if merged else str(value["state"]).upper(),
        "isDraft": bool(value.get("draft")),
        "createdAt": value["created_at"],
        "updatedAt": value["updated_at"],
        "closedAt": value.get("closed_at"),
        "mergedAt": merged,
        "additions": value.get("additions", 0),
        "deletions": value.get("deletions", 0),
        "changedFiles": value.get("changed_files", 0),
        "baseRefName": (value.get("base") or {}).get("ref"),
        "headRefName": (value.get("head") or {}).get("ref"),
        "author": _actor(value.get("user")),
        "mergedBy": _actor(value.get("merged_by")),
        "mergeCommit": {"__typename": "Commit", "oid": merge_sha} if merged and merge_sha else None,
        "commits": _connection(
            "PullRequestCommit", [None] * (commits if isinstance(commits, int) else 0), lambda row: row
        ),
        "reviews": _connection("PullRequestReview", reviews, lambda row: row),
    }


# --- The made-up agency ----------------------------------------------------------------------------------------------


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the lines of the made-up agency's organization."""
    return {
        "repositories": (_repository_line(agency, repository) for repository in agency.repositories),
        "commits": _commit_lines(agency),
        "pull_requests": (_pull_line(pull) for pull in agency.pull_requests),
    }


def _user(developer: Developer | None, bot: str | None) -> dict[str, Any] | None:
    if bot is not None:
        return {"login": bot, "id": 49_699_333, "type": "Bot", "url": f"{_API}/users/{bot}"}
    if developer is None or developer.github_login is None:
        return None
    url = f"{_API}/users/{developer.github_login}"
    return {"login": developer.github_login, "id": developer.github_id, "type": "User", "url": url}


def _repository_line(agency: Agency, repository: Repository) -> dict[str, Any]:
    organization = repository.full_name.partition("/")[0]
    created = f"{agency.start}T00:00:00Z"
    return {
        "id": repository.github_id,
        "node_id": f"R_{repository.github_id}",
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": {"login": organization, "id": 7_000_001, "type": "Organization", "url": f"{_API}/orgs/{organization}"},
        "private": repository.private,
        "fork": repository.fork_of is not None,
        "archived": False,
        "default_branch": repository.default_branch,
        "url": f"{_API}/repos/{repository.full_name}",
        "html_url": f"{_WEB}/{repository.full_name}",
        "created_at": created,
    }


def _commit_lines(agency: Agency) -> Iterable[dict[str, Any]]:
    """Commits on default branches: of squashed and rebased branches, only those that the merge made."""
    merged_whole = {
        commit.sha
        for pull in agency.pull_requests
        if pull.merged_at is not None and pull.strategy == "merge"
        for commit in pull.commits
    }
    forks = {row.fork_of: row for row in agency.repositories if row.fork_of is not None}
    forked_on = agency.start + (agency.as_of - agency.start) / 2
    for commit in agency.commits:
        if commit.branch == commit.repository.default_branch or commit.sha in merged_whole:
            yield _commit_line(commit, commit.repository.full_name)
            fork = forks.get(commit.repository.full_name)
            if fork is not None and commit.committed_at.date() < forked_on:
                yield _commit_line(commit, fork.full_name)


def _commit_line(commit: Commit, full_name: str) -> dict[str, Any]:
    url = f"{_API}/repos/{full_name}/commits/{commit.sha}"
    person = commit.author
    name = person.name if person else str(commit.bot)
    email = person.git_email if person else f"49699333+{commit.bot}@users.noreply.github.example"
    user = _user(person, commit.bot)
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha[:20]}",
        "url": url,
        "html_url": f"{_WEB}/{full_name}/commit/{commit.sha}",
        "commit": {
            "author": {"name": name, "email": email, "date": format_time(commit.authored_at)},
            "committer": {"name": name, "email": email, "date": format_time(commit.committed_at)},
            "message": commit.message,
            "url": url.replace("/commits/", "/git/commits/"),
            "comment_count": 0,
        },
        "author": user,
        "committer": user,
        "parents": [{"sha": sha, "url": url.replace(commit.sha, sha)} for sha in commit.parents],
        "stats": {
            "additions": commit.additions,
            "deletions": commit.deletions,
            "total": commit.additions + commit.deletions,
        },
        "_sandbox": {"changed_files": commit.changed_files},
    }


def _pull_line(pull: PullRequest) -> dict[str, Any]:
    full_name = pull.repository.full_name
    url = f"{_API}/repos/{full_name}/pulls/{pull.number}"
    reviews = []
    if pull.first_review_at is not None and pull.reviewer is not None and pull.reviewer.github_login is not None:
        state = "APPROVED" if pull.merged_at is not None else "COMMENTED"
        reviews = [
            {"submittedAt": format_time(pull.first_review_at), "state": state, "login": pull.reviewer.github_login}
        ]
    return {
        "id": pull.github_id,
        "node_id": f"PR_{pull.github_id}",
        "number": pull.number,
        "url": url,
        "html_url": f"{_WEB}/{full_name}/pull/{pull.number}",
        "title": pull.title,
        "state": pull.state,
        "draft": False,
        "user": _user(pull.author, pull.bot),
        "created_at": format_time(pull.opened_at),
        "updated_at": format_time(pull.updated_at),
        "closed_at": format_time(pull.closed_at) if pull.closed_at else None,
        "merged_at": format_time(pull.merged_at) if pull.merged_at else None,
        "merge_commit_sha": pull.merge_commit.sha if pull.merge_commit else None,
        "merged": pull.merged_at is not None,
        "merged_by": _user(pull.reviewer, None) if pull.merged_at else None,
        "base": {
            "ref": pull.repository.default_branch,
            "repo": {"id": pull.repository.github_id, "full_name": full_name, "name": pull.repository.name},
        },
        "head": {"ref": pull.branch, "sha": pull.commits[-1].sha},
        "commits": len(pull.commits),
        "additions": pull.additions,
        "deletions": pull.deletions,
        "changed_files": sum(commit.changed_files for commit in pull.commits),
        "_sandbox": {"reviews": reviews},
    }
