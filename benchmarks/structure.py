"""The structure of a checkout: size by folder, lengths of functions, and the arrows between folders.

    python -m benchmarks.structure [--tree DIR] [--manifest FILE] [--order FOLDERS]

Reads what git tracks, Python's syntax trees and dbt's `manifest.json`, and measures no time. Another checkout, such as
an earlier commit, is measured with `--tree`, so that a change of structure can be shown before and after. Without
`--manifest`, `dbt parse` makes one in a temporary folder.

An arrow is a pair of folders where one uses the other: by an import anywhere in a module, or by a `ref`. It is counted
once, and its edges are the pairs of modules or models behind it. It is backward if the declared order puts the used
folder after the one that uses it. A circle is a set of folders that all reach one another.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any, Final

TREE: Final = Path(__file__).resolve().parents[1]
ORDER: Final = "staging,identity,agreements,sessions,time,billing,engineering,money,reports,changes"
"""Folders of dbt models in the order of the data flow."""
DBT_FOLDER: Final = "dbt_project"
COUNTED_SUFFIXES: Final = (".py", ".sql", ".yml", ".md")
NODE_TYPES: Final = ("model", "snapshot", "test")
"""What `workledger run` builds or tests; unit tests are run by `make test`."""


@dataclass(frozen=True)
class Function:
    """A function or method: where it is, and its lines from `def` to its last statement."""

    module: str
    name: str
    lines: int
    has_return_type: bool


@dataclass(frozen=True)
class Module:
    """A Python file: its dotted name, its functions, and the modules that it imports."""

    name: str
    functions: tuple[Function, ...]
    imports: frozenset[str]

    @property
    def package(self) -> str:
        """The first part of its name."""
        return self.name.split(".")[0]

    @property
    def room(self) -> str:
        """The first two parts of its name: a sub-package, or a module directly in the package."""
        return ".".join(self.name.split(".")[:2])


def main() -> None:
    """Measure the checkout and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=TREE, help="the checkout to measure")
    parser.add_argument("--manifest", type=Path, help="dbt's manifest.json of that checkout")
    parser.add_argument(
        "--order", default=ORDER, help="folders of models, first to last, by commas; a+b are one place in the order"
    )
    arguments = parser.parse_args()
    tree: Path = arguments.tree.resolve()
    files = tracked_files(tree)
    modules = read_modules(tree, files)
    print_sizes(tree, files)
    print_functions(modules)
    print_packages(modules, declared_layers(tree))
    print_models(read_manifest(tree, arguments.manifest), [one.split("+") for one in arguments.order.split(",")])


# --- reading ---------------------------------------------------------------------------------------------------------


def tracked_files(tree: Path) -> list[PurePosixPath]:
    """Return the files that git tracks in a checkout and that exist, relative to it."""
    listed = subprocess.run(["git", "-C", str(tree), "ls-files", "-z"], check=True, capture_output=True, text=True)
    return [PurePosixPath(name) for name in listed.stdout.split("\0") if name and (tree / name).is_file()]


def count_lines(file: Path) -> int:
    """Return a file's count of line ends."""
    return file.read_bytes().count(b"\n")


def read_modules(tree: Path, files: Iterable[PurePosixPath]) -> list[Module]:
    """Parse every Python file.

    Args:
        tree: the checkout.
        files: tracked files relative to it; those that are not Python are left out.
    """
    sources = {_module_name(file): file for file in files if file.suffix == ".py"}
    modules = []
    for name, file in sources.items():
        syntax = ast.parse((tree / file).read_bytes(), filename=str(file))
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        found = {_known(imported, sources.keys()) for imported in _imports(syntax, package)}
        functions = tuple(Function(name, *one) for one in _functions(syntax, ""))
        modules.append(Module(name, functions, frozenset(one for one in found if one and one != name)))
    return modules


def _module_name(file: PurePosixPath) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _imports(syntax: ast.Module, package: str) -> Iterator[str]:
    """Yield the dotted names that a module imports; a name taken from a module may be a module itself."""
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _known(name: str, modules: Collection[str]) -> str | None:
    """Return the module of this checkout that contains a dotted name."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def _functions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, int, bool]]:
    """Yield qualified name, lines and whether the return type is given, of every function at any depth."""
    for node in ast.iter_child_nodes(parent):
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{node.name}."
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name.removesuffix("."), (node.end_lineno or node.lineno) - node.lineno + 1, node.returns is not None
        yield from _functions(node, name)


def declared_layers(tree: Path) -> list[str]:
    """Return the packages that import-linter's contracts put in layers, the highest first."""
    settings = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers" and "containers" not in one)
    return [package.strip() for layer in layers for package in layer.split("|")]


def read_manifest(tree: Path, manifest: Path | None) -> dict[str, Any]:
    """Read dbt's manifest, parsing the project of the checkout if none is given.

    Args:
        tree: the checkout.
        manifest: dbt's `manifest.json` of it.

    Raises:
        SystemExit: the project does not parse; dbt has printed why.
    """
    if manifest is not None:
        return json.loads(manifest.read_bytes())  # type: ignore[no-any-return]
    from dbt.cli.main import dbtRunner

    project = str(tree / DBT_FOLDER)
    with tempfile.TemporaryDirectory(prefix="workledger-structure-") as target:
        folders = ["--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target]
        result = dbtRunner().invoke(["parse", *folders, "--quiet", "--no-send-anonymous-usage-stats"])
        if not result.success:
            sys.exit(f"The dbt project in {project} does not parse: {result.exception}")
        return json.loads(Path(target, "manifest.json").read_bytes())  # type: ignore[no-any-return]


# --- sizes -----------------------------------------------------------------------------------------------------------


def print_sizes(tree: Path, files: Sequence[PurePosixPath]) -> None:
    """Print files and lines by top folder, and the largest file of each kind."""
    lines = {file: count_lines(tree / file) for file in files}
    folders = sorted({_top_folder(file) for file in files})
    rows = []
    for folder in [*folders, "all"]:
        own = [file for file in files if folder in ("all", _top_folder(file))]
        by_suffix = Counter[str]()
        for file in own:
            by_suffix[file.suffix] += lines[file]
        counted = [by_suffix[suffix] for suffix in COUNTED_SUFFIXES]
        rows.append([folder, len(own), by_suffix.total(), *counted, by_suffix.total() - sum(counted)])
    print_table("Files and lines", ["folder", "files", "lines", *(one[1:] for one in COUNTED_SUFFIXES), "other"], rows)
    rows = []
    for suffix in COUNTED_SUFFIXES:
        of_kind = [file for file in files if file.suffix == suffix]
        if of_kind:
            largest = max(of_kind, key=lambda file: lines[file])
            rows.append([suffix[1:], lines[largest], largest])
    print_table("Largest files", ["kind", "lines", "file"], rows)


def _top_folder(file: PurePosixPath) -> str:
    return file.parts[0] if len(file.parts) > 1 else "."


def print_functions(modules: Sequence[Module]) -> None:
    """Print the lengths of functions by package, with the longest function of each."""
    by_package: dict[str, list[Function]] = defaultdict(list)
    for module in modules:
        by_package[module.package].extend(module.functions)
    rows = []
    for package, functions in sorted(by_package.items()):
        if functions:
            lengths = sorted(one.lines for one in functions)
            longest = max(functions, key=lambda one: one.lines)
            returns = sum(one.has_return_type for one in functions) / len(functions)
            rows.append(
                [
                    package,
                    len(lengths),
                    f"{median(lengths):g}",
                    # Nearest rank.
                    lengths[math.ceil(len(lengths) * 0.9) - 1],
                    lengths[-1],
                    f"{returns:.0%}",
                    f"{longest.module}.{longest.name}",
                ]
            )
    names = ["package", "functions", "median", "p90", "max", "return types", "longest function"]
    print_table("Lines of functions", names, rows)


# --- arrows ----------------------------------------------------------------------------------------------------------


def print_packages(modules: Sequence[Module], layers: Sequence[str]) -> None:
    """Print the arrows between packages, against the declared layers, and the shape of each package's inside.

    Args:
        modules: all modules of the checkout.
        layers: packages in the declared order, the highest first: a package may import those after it.
    """
    by_name = {module.name: module for module in modules}
    between = Counter[tuple[str, str]]()
    inside: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for module in modules:
        for imported in {by_name[name] for name in module.imports}:
            if imported.package != module.package:
                between[module.package, imported.package] += 1
            elif imported.room != module.room and "." in module.name and "." in imported.name:
                inside[module.package][module.room, imported.room] += 1
    # The used folder comes first in a data flow, and last in a stack of layers.
    print_arrows("Imports between packages", between, {name: -place for place, name in enumerate(layers)})

    rows = []
    for package in layers:
        rooms = {module.room for module in modules if module.package == package and "." in module.name}
        circles = _circles(inside[package])
        rows.append(
            [
                package,
                len(rooms),
                len(inside[package]),
                sum(inside[package].values()),
                len(_mutual(inside[package])),
                len(circles),
                sum(map(len, circles)),
                _floors(inside[package]) if rooms else 0,
            ]
        )
    names = ["package", "rooms", "arrows", "edges", "mutual", "circles", "rooms in circles", "floors"]
    print_table("Rooms: sub-packages, and modules directly in a package", names, rows)
    for package in layers:
        _print_knots(inside[package])


def print_models(manifest: Mapping[str, Any], order: Sequence[Sequence[str]]) -> None:
    """Print what dbt builds, the number of models in each folder, and the arrows between the folders.

    Args:
        manifest: dbt's `manifest.json`.
        order: names of folders, first to last; those of one entry are one place. A folder is named by its path below
            `models`, or by the beginning or end of that path.
    """
    nodes = manifest["nodes"]
    types = Counter(node["resource_type"] for node in nodes.values() if node["resource_type"] in NODE_TYPES)
    rows = [[name, types[name]] for name in NODE_TYPES] + [["together", types.total()]]
    print_table("dbt nodes (unit tests apart)", ["type", "nodes"], rows)

    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    place = {key: _place(PurePosixPath(node["path"]).parent, order) for key, node in models.items()}
    ranks = {entry[0]: rank for rank, entry in enumerate(order)}
    sizes = Counter(place.values())
    listed = sorted(sizes, key=lambda name: (ranks.get(name, len(ranks)), name))
    rows = [[name, sizes[name], "" if name in ranks else "not in the order"] for name in listed]
    print_table("Models by folder", ["folder", "models", ""], rows)

    edges = Counter[tuple[str, str]]()
    for key, node in models.items():
        for used in set(node["depends_on"]["nodes"]) & models.keys():
            if place[used] != place[key]:
                edges[place[key], place[used]] += 1
    print_arrows("Refs between folders of models", edges, ranks)


def _place(folder: PurePosixPath, order: Sequence[Sequence[str]]) -> str:
    """Return the first name of the order's entry that a folder belongs to, else the folder itself."""
    path = folder.as_posix()
    for entry in order:
        if any(path == name or path.startswith(f"{name}/") or path.endswith(f"/{name}") for name in entry):
            return entry[0]
    return path


def print_arrows(title: str, edges: Mapping[tuple[str, str], int], ranks: Mapping[str, int]) -> None:
    """Print a graph of folders in figures, its backward arrows and its circles.

    Args:
        title: what is shown.
        edges: count of edges by (folder that uses, folder that is used).
        ranks: place of each folder in the declared order; a folder may use those of a lower rank.
    """
    ranked = {(user, used): count for (user, used), count in edges.items() if user in ranks and used in ranks}
    backward = {arrow: count for arrow, count in ranked.items() if ranks[arrow[1]] > ranks[arrow[0]]}
    circles = _circles(edges)
    rows = [
        ["arrows", len(edges), sum(edges.values())],
        ["between folders of the order", len(ranked), sum(ranked.values())],
        ["backward", len(backward), sum(backward.values())],
        ["mutual", 2 * len(_mutual(edges)), sum(sum(counts) for counts in _mutual(edges).values())],
        ["circles", len(circles), ""],
        ["folders in circles", sum(map(len, circles)), ""],
    ]
    print_table(title, ["", "arrows", "edges"], rows)
    if backward:
        rows = [[f"{user} → {used}", count] for (user, used), count in sorted(backward.items(), key=_by_count)]
        print_table("Backward", ["arrow", "edges"], rows)
    _print_knots(edges)


def _print_knots(edges: Mapping[tuple[str, str], int]) -> None:
    """Print the pairs of folders that use each other, with the edges each way, and the circles."""
    for (one, other), (there, back) in sorted(_mutual(edges).items(), key=lambda item: (-sum(item[1]), item[0])):
        print(f"  {one} ↔ {other}: {there}/{back}")
    for circle in _circles(edges):
        print(f"  circle of {len(circle)}: {', '.join(circle)}")


def _mutual(edges: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (one, other): (count, edges[other, one])
        for (one, other), count in edges.items()
        if one < other and (other, one) in edges
    }


def _reached(arrows: Collection[tuple[str, str]]) -> dict[str, set[str]]:
    """Return what each folder uses, directly or through others."""
    used: dict[str, set[str]] = defaultdict(set)
    for one, other in arrows:
        used[one].add(other)
    reached = {}
    for start in {folder for arrow in arrows for folder in arrow}:
        reached[start], waiting = set[str](), [start]
        while waiting:
            found = used[waiting.pop()] - reached[start]
            reached[start] |= found
            waiting.extend(found)
    return reached


def _circles(arrows: Collection[tuple[str, str]]) -> list[list[str]]:
    """Return the sets of folders that all reach one another, the largest first."""
    reached = _reached(arrows)
    circles = {frozenset(other for other in reached[one] if one in reached[other]) for one in reached}
    return sorted((sorted(circle) for circle in circles if circle), key=lambda circle: (-len(circle), circle))


def _floors(arrows: Collection[tuple[str, str]]) -> int:
    """Return how many folders the longest chain of arrows passes, the folders of a circle counted as one."""
    reached = _reached(arrows)
    # A folder reaches more than anything below it: the folders that reach the fewest come first.
    floor: dict[str, int] = {}
    for one in sorted(reached, key=lambda folder: len(reached[folder] | {folder})):
        below = [floor[other] for other in reached[one] if one not in reached[other]]
        floor[one] = max(below, default=0) + 1
    return max(floor.values(), default=1)


def _by_count(item: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -item[1], item[0]


def print_table(title: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table with numbers to the right and words to the left.

    Args:
        title: printed above it.
        names: heads of the columns.
        rows: one sequence of cells each, as long as the heads.
    """
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    is_number = [all(row[place][:1].isdigit() for row in cells) for place in range(len(names))]
    table = [list(names), *cells]
    widths = [max(len(row[place]) for row in table) for place in range(len(names))]
    print(f"\n{title}")
    for row in table:
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        )
        print(f"  {'  '.join(aligned).rstrip()}")


if __name__ == "__main__":
    main()
