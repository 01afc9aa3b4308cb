"""The only place where an asset key or a group is spelled. No assets here.

A raw table's key is [source, table], which is dagster-dbt's default key of a dbt source, so raw tables and the staging
views on them join with no translator.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

# Steps whose name says more than their folder: int_money__known_accounts is what identity is to know of money,
# int_identity__project_terms are terms, which are found by contract; int_engineering__session_cells are what sessions
# did, which costs of tickets and of clients share out; int_time__processed_dates says what the last table that is
# rebuilt by dates, a report's, has taken in.
_GROUP_BY_STEP: Final[Mapping[str, re.Pattern[str]]] = {
    "identity": re.compile(r"__known_"),
    "rating": re.compile(r"_terms$"),
    "sessions": re.compile(r"__session_cells$"),
    "reports": re.compile(r"^int_time__processed_dates$"),
}
# Folders of models whose group is not their last folder.
_GROUP_BY_FOLDER: Final[Mapping[str, str]] = {
    "registry": "identity",
    # Which terms an entry falls under: these steps are built from one another.
    "intermediate/time": "rating",
    "intermediate/contracts": "rating",
    "intermediate/billing": "rating",
}

# Private tables stand in the box of what they are taken from; costs, from which money is built, in one of their own.
_GROUP_OF_PRIVATE: Final[Mapping[str, str]] = {"session_": "sessions", "personal_": "money"}


def raw_key(source: str, table: str) -> dg.AssetKey:
    """Key of the asset of one raw table."""
    return dg.AssetKey([source, table])


def raw_schema(source: str) -> str:
    """Postgres schema in which a source's raw tables lie."""
    return f"raw_{source}"


def load_name(source: str) -> str:
    """Name of the step that loads all raw tables of a source."""
    return f"load_{source}"


def job_name(source: str) -> str:
    """Name of the job that loads a source; Dagster wants it to differ from the step's."""
    return f"refresh_{source}"


def expectations_name(source: str) -> str:
    """Name of the step that holds a source's raw tables to its suite."""
    return f"expect_{source}"


def expectations_job_name(source: str) -> str:
    """Name of the job that holds a source's raw tables to its suite."""
    return f"check_{source}"


def node_group(node: Mapping[str, Any]) -> str:
    """Group of a node of dbt's manifest: its source, its subject or its folder.

    A raw table and the staging view on it stand in one box of the asset graph, and so do the steps and the marts of a
    subject, where neither is built from other subjects that are built from it: arrows between boxes go one way.
    """
    folders = list(node["fqn"][1:-1])
    if node["resource_type"] == "source":
        return str(node["source_name"])
    if node["resource_type"] == "snapshot":
        # Its name begins with the source whose versions it keeps.
        return str(node["name"]).split("_", maxsplit=1)[0]
    if folders[0] == "intermediate":
        for group, step in _GROUP_BY_STEP.items():
            if step.search(str(node["name"])):
                return group
    if folders[0] == "private":
        for beginning, group in _GROUP_OF_PRIVATE.items():
            if str(node["name"]).startswith(beginning):
                return group
    return _GROUP_BY_FOLDER.get("/".join(folders[:2])) or (folders[1] if len(folders) > 1 else folders[0])
