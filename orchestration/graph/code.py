"""Where the code of each asset is: files of this checkout and, where its git remote is known, their pages there."""

import subprocess
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dagster as dg

from assets.keys import CLICKHOUSE_GROUP, node_key, pages_key
from assets.nodes import BUILT_NODES
from orchestration.settings import PROJECT_FOLDER

_CODE: Final = "dagster/code_references"
# Between the address of a repository and a commit, by a word in the name of its host.
_PAGES: Final[Mapping[str, str]] = {
    "github": "blob",
    "gitlab": "-/blob",
    "gitea": "src/commit",
    "codeberg": "src/commit",
}


def code_references(manifest: Mapping[str, Any]) -> Callable[[dg.AssetSpec], dg.AssetSpec]:
    """Return a function that gives an asset the files that make it.

    Args:
        manifest: dbt's `manifest.json`.
    """
    files = {
        node_key(node): _files_of_node(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "snapshot")
    }
    files[BUILT_NODES] = ["orchestration/warehouse/state.py"]
    files[pages_key()] = ["orchestration/graph/pages.py", "dashboards/rendering.py"]
    remote = _remote(PROJECT_FOLDER)

    def with_code(spec: dg.AssetSpec) -> dg.AssetSpec:
        if "dlt" in spec.kinds:
            names = [f"sources/{spec.group_name}/resources.py", f"sources/{spec.group_name}/schema.py"]
        elif spec.group_name == CLICKHOUSE_GROUP:
            names = ["orchestration/graph/clickhouse_marts.py", "publishing/publisher.py"]
        else:
            names = files.get(spec.key, ["invoicing/schema.py"])
        references: list[Any] = []
        with warnings.catch_warnings():
            # Dagster calls them beta, and says so once for every asset.
            warnings.simplefilter("ignore", dg.BetaWarning)
            for name in names:
                references.append(dg.LocalFileCodeReference(file_path=str(PROJECT_FOLDER / name), label=name))
                if remote:
                    references.append(dg.UrlCodeReference(url=f"{remote}/{name}", label=f"{name} at the remote"))
            value = dg.CodeReferencesMetadataValue(code_references=references)
        return spec.merge_attributes(metadata={_CODE: value})

    return with_code


def _files_of_node(node: Mapping[str, Any]) -> list[str]:
    described = str(node.get("patch_path") or "").partition("://")[2]
    return [f"dbt_project/{file}" for file in dict.fromkeys([node["original_file_path"], described]) if file]


def _remote(folder: Path) -> str | None:
    """The address of the folder's commit at its git remote, without credentials; None where it has no pages."""
    with suppress(OSError, subprocess.SubprocessError):
        return page_address(_git(folder, "remote", "get-url", "origin"), _git(folder, "rev-parse", "HEAD"))
    return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)
    return done.stdout.strip()


def page_address(remote: str, commit: str) -> str | None:
    """Return the address of a commit's files, None where the host is none that is known.

    Args:
        remote: as git has it, such as git@github.com:agency/warehouse.git.
        commit: its hash.
    """
    # scp's form has no scheme.
    parts = urlsplit(remote if "://" in remote else f"ssh://{remote.replace(':', '/', 1)}")
    host, path = parts.hostname or "", parts.path.strip("/").removesuffix(".git")
    for word, pages in _PAGES.items():
        if word in host and path:
            return f"https://{host}/{path}/{pages}/{commit}"
    return None
