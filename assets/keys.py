"""The only place where an asset key or a group is spelled. No assets here.

A raw table's key is [source, table], which is dagster-dbt's default key of a dbt source, so raw tables and the staging
views on them join with no translator.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

STAGING_FOLDER: Final = "staging"
# Folders of models whose subject is the next folder; the others (private, reports, registry) are a group themselves.
_FOLDERS_BY_SUBJECT: Final = (STAGING_FOLDER, "intermediate", "marts")


def raw_key(source: str, table: str) -> dg.AssetKey:
    """Key of the asset of one raw table."""
    return dg.AssetKey([source, table])


def raw_schema(source: str) -> str:
    """Postgres schema in which a source's raw tables lie."""
    return f"raw_{source}"


def load_name(source: str) -> str:
    """Name of the step that loads all raw tables of a source."""
    return f"load_{source}"


def model_group(fully_qualified_name: Sequence[str]) -> str:
    """Group of a dbt node: the source of a staging view, the subject of a model, else its top folder.

    A raw table and the staging view on it thus stand in one box of the asset graph, as do a subject's steps and marts.

    Args:
        fully_qualified_name: dbt's `fqn`: project, folders, name.
    """
    folders = list(fully_qualified_name[1:-1])
    if len(folders) > 1 and folders[0] in _FOLDERS_BY_SUBJECT:
        return folders[1]
    return folders[0] if folders else fully_qualified_name[0]


def node_group(node: Mapping[str, Any]) -> str:
    """Group of a node of dbt's manifest."""
    if node["resource_type"] == "snapshot":
        return "snapshots"
    if node["resource_type"] == "source":
        return str(node["source_name"])
    return model_group(node["fqn"])
