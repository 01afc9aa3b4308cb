"""What is said of a source that cannot be read: the setting, or the file, that really sets it up."""

from pathlib import Path

import pytest

from orchestration.inputs.configuration import Inputs
from sources.catalog import SOURCES

REFERENCE, DATASET = Path("/reference"), Path("/dataset")


@pytest.mark.parametrize(
    ("source", "given", "dataset", "fix"),
    [
        ("tempo", {}, None, "set SOURCES__TEMPO__API_TOKEN"),
        ("jira", {"base_url": "https://x"}, None, "set SOURCES__JIRA__API_TOKEN"),
        ("clickhouse", {}, None, "set CLICKHOUSE_DSN"),
        ("clickhouse", {}, DATASET, "set CLICKHOUSE_DSN"),
        ("claude_code", {}, None, "name the folders of transcripts in /reference/session_roots.csv"),
        (
            "plaid",
            {},
            None,
            "set SOURCES__PLAID__CLIENT_ID and SOURCES__PLAID__SECRET and SOURCES__PLAID__ACCESS_TOKENS",
        ),
        (
            "plaid",
            {"client_id": "c", "secret": "s", "access_tokens": ""},
            DATASET,
            "put its records into /dataset/plaid",
        ),
        ("clockify", {}, DATASET, "put its workspaces into /dataset/clockify/workspaces.jsonl"),
        ("tempo", {"api_token": "t"}, None, None),
    ],
)
def test_a_source_that_cannot_be_read_says_what_sets_it_up(
    source: str, given: dict[str, str], dataset: Path | None, fix: str | None
) -> None:
    assert Inputs({source: given}, REFERENCE, dataset).missing(SOURCES[source]) == fix
