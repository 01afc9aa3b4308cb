"""The sandbox's Plaid and GitHub read by clients that others wrote, and held to the vendors' own descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import plaid
import pytest
import yaml
from github import Auth, Github
from graphql import ExecutionResult, build_schema, execute, parse
from jsonschema import Draft4Validator
from plaid.api import plaid_api
from plaid.model.accounts_get_request import AccountsGetRequest
from plaid.model.item_get_request import ItemGetRequest
from plaid.model.transactions_sync_request import TransactionsSyncRequest

from sandbox.agency import Agency
from sandbox.server import SandboxServer
from sandbox.vendors import Request
from sandbox.vendors.github import TOKEN
from sandbox.vendors.plaid import CLIENT_ID, SECRET
from sources.github import queries


@pytest.fixture(scope="module")
def server(generated: tuple[Agency, Path]) -> Iterator[SandboxServer]:
    with SandboxServer(generated[1], remember=False) as running:
        yield running


@pytest.fixture(scope="module")
def bank(server: SandboxServer) -> plaid_api.PlaidApi:
    """plaid-python, pointed at the sandbox."""
    configuration = plaid.Configuration(host=f"{server.url}/plaid", api_key={"clientId": CLIENT_ID, "secret": SECRET})
    return plaid_api.PlaidApi(plaid.ApiClient(configuration))


def test_plaid_python_reads_the_agencys_banks(bank: plaid_api.PlaidApi, generated: tuple[Agency, Path]) -> None:
    agency = generated[0]
    found = 0
    for item in agency.items:
        assert bank.item_get(ItemGetRequest(access_token=item.access_token)).item.item_id == item.item_id
        if item.needs_login:
            with pytest.raises(plaid.ApiException, match="ITEM_LOGIN_REQUIRED"):
                bank.transactions_sync(TransactionsSyncRequest(access_token=item.access_token))
            continue
        assert bank.accounts_get(AccountsGetRequest(access_token=item.access_token)).accounts
        cursor: dict[str, str] = {}
        while True:
            page = bank.transactions_sync(TransactionsSyncRequest(access_token=item.access_token, count=50, **cursor))
            found += len(page.added)
            cursor = {"cursor": page.next_cursor}
            if not page.has_more:
                break
    replaced = {payment.pending_id for payment in agency.payments}
    expected = [
        row for row in agency.payments if row.transaction_id not in replaced and not row.account.item.needs_login
    ]
    assert found == len(expected)


@pytest.fixture(scope="module")
def plaid_validator(shared_folder: Path) -> Callable[[str, Any], list[str]]:
    """A function that lists what of an answer contradicts a schema of Plaid's OpenAPI document."""
    text = (shared_folder / "specs" / "plaid-2020-09-14.yml").read_text()
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe

    def problems(name: str, answer: Any) -> list[str]:
        schema = _nullable({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
        return [f"{list(error.path)}: {error.message[:200]}" for error in Draft4Validator(schema).iter_errors(answer)]

    return problems


def _nullable(value: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _nullable(item) for key, item in value.items() if key not in ("example", "examples")}
    if value.get("nullable") is True:
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
    return made


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/item/get", "ItemGetResponse"),
        ("/accounts/get", "AccountsGetResponse"),
        ("/transactions/sync", "TransactionsSyncResponse"),
    ],
)
def test_plaids_answers_fit_the_published_description(
    path: str,
    schema: str,
    server: SandboxServer,
    generated: tuple[Agency, Path],
    plaid_validator: Callable[[str, Any], list[str]],
) -> None:
    body = {"client_id": CLIENT_ID, "secret": SECRET, "access_token": generated[0].items[0].access_token}
    request = Request("POST", f"/plaid{path}", {}, {}, orjson.dumps(body), "")
    answer = server.answer(request)[0]
    assert answer is not None
    assert answer.status == 200
    assert plaid_validator(schema, orjson.loads(answer.content())) == []


@pytest.fixture(scope="module")
def hub(server: SandboxServer) -> Github:
    """PyGithub, pointed at the sandbox as at an Enterprise Server."""
    return Github(auth=Auth.Token(TOKEN), base_url=f"{server.url}/github/api/v3", retry=None)


def test_pygithub_reads_repositories_commits_and_pull_requests(hub: Github, generated: tuple[Agency, Path]) -> None:
    agency = generated[0]
    repositories = {repository.full_name: repository for repository in hub.get_user().get_repos()}
    assert set(repositories) == {repository.full_name for repository in agency.repositories}
    busiest = max(agency.pull_requests, key=lambda pull: pull.number).repository.full_name
    pulls = list(repositories[busiest].get_pulls(state="all", sort="updated", direction="desc"))
    assert len(pulls) == sum(pull.repository.full_name == busiest for pull in agency.pull_requests)
    commits = list(repositories[busiest].get_commits())
    squashed = {pull.merge_commit.sha for pull in agency.pull_requests if pull.merge_commit}
    assert squashed & {commit.sha for commit in commits}
    assert commits[0].stats.total == commits[0].stats.additions + commits[0].stats.deletions


def test_graphql_answers_fit_the_published_schema(
    server: SandboxServer, generated: tuple[Agency, Path], shared_folder: Path
) -> None:
    schema = build_schema((shared_folder / "specs" / "github.graphql").read_text(), assume_valid=True)
    owner, _, name = generated[0].pull_requests[0].repository.full_name.partition("/")
    overview = _graphql(server, queries.OVERVIEW, {"owner": owner, "name": name})
    head = overview["repository"]["defaultBranchRef"]["target"]["oid"]
    asked = [
        (queries.OVERVIEW, {"owner": owner, "name": name}),
        (queries.COMMITS, {"owner": owner, "name": name, "oid": head, "first": 100}),
        (queries.PULL_REQUESTS, {"owner": owner, "name": name, "first": 100}),
    ]
    for text, variables in asked:
        answer = _graphql(server, text, variables)
        # Executing the query over the answer makes graphql-core check every value against the field's type.
        result = execute(schema, parse(text), root_value=answer, variable_values=variables, type_resolver=_kind)
        assert isinstance(result, ExecutionResult)
        assert result.errors is None
        assert result.data == answer


def _kind(value: Any, *_context: Any) -> str:
    return str(value["__typename"])


def _graphql(server: SandboxServer, text: str, variables: dict[str, Any]) -> dict[str, Any]:
    body = orjson.dumps({"query": text, "variables": variables})
    request = Request("POST", "/github/api/graphql", {}, {"authorization": f"Bearer {TOKEN}"}, body, "")
    answer = server.answer(request)[0]
    assert answer is not None
    data: dict[str, Any] = orjson.loads(answer.content())["data"]
    return data
