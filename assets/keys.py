"""Asset keys and groups; they are spelled only here.

A raw table's key is [source, table], for the asset that loads it and for dbt's source of the same name, so that the two
are one asset. What dbt builds has the key [schema, name].
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

CLICKHOUSE_GROUP: Final = "clickhouse_marts"


def raw_key(source: str, table: str) -> dg.AssetKey:
    """Key of the asset of one raw table."""
    return dg.AssetKey([source, table])


def raw_schema(source: str) -> str:
    """Postgres schema of a source's raw tables."""
    return f"raw_{source}"


def node_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Key of the asset of a node of dbt's manifest: [source, table] of a raw table, else [schema, name] as read.

    Args:
        node: one entry of `nodes` or `sources` in dbt's `manifest.json`.
    """
    if node["resource_type"] == "source":
        return raw_key(str(node["source_name"]), str(node["name"]))
    return dg.AssetKey([published_schema(node), str(node["alias"])])


def published_schema(node: Mapping[str, Any]) -> str:
    """The schema where people read a node of dbt's manifest, which may be built in schema `building`.

    Args:
        node: one entry of `nodes` in dbt's `manifest.json`.
    """
    if node["schema"] != "building":
        return str(node["schema"])
    # As macro `published_schema` of the dbt project.
    return "intermediate" if str(node["name"]).startswith("int_") else str(node["config"]["schema"])


def load_name(source: str) -> str:
    """Name of the step that loads all raw tables of a source."""
    return f"load_{source}"


def job_name(source: str) -> str:
    """Name of the job that loads a source; Dagster requires it to differ from the step's."""
    return f"refresh_{source}"


def expectations_name(source: str) -> str:
    """Name of the step that checks a source's raw tables against its suite."""
    return f"expect_{source}"


def expectations_job_name(source: str) -> str:
    """Name of the job that checks a source's raw tables against its suite."""
    return f"check_{source}"


def node_group(node: Mapping[str, Any]) -> str:
    """Group of a node of dbt's manifest: the name of its source, or of its folder.

    A raw table, its staging view and its snapshot are one group, named after the source. Every other folder below
    `models/` is a group of its own.

    Args:
        node: one entry of `nodes` or `sources` in dbt's `manifest.json`.
    """
    if node["resource_type"] == "source":
        return str(node["source_name"])
    folder, *subfolders = node["fqn"][1:-1]
    return str(subfolders[0] if folder == "staging" and subfolders else folder)


def pages_key() -> dg.AssetKey:
    """Key of the asset of the pages that a person looks at."""
    return dg.AssetKey(["reports", "pages"])


def clickhouse_key(schema: str, name: str) -> dg.AssetKey:
    """Key of the asset of a mart or report as it is published to ClickHouse."""
    return dg.AssetKey([CLICKHOUSE_GROUP, schema, name])
