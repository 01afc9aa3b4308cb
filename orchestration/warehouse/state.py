"""What was built from what, and so which nodes of the dbt project are stale; how they are built is in `dbt`.

A node is stale when its definition, anything it is built from, or the day of as_of differs from its last build, or when
something else has written to its relation. Whether a table differs is Postgres' count of rows written: a build writes
nothing to a table that comes out equal (dbt_project/macros/materializations). The record of the last builds is in the
warehouse itself (`registry.built_nodes`), so that it goes wherever the tables go: a warehouse that was dropped,
restored or exchanged is never taken for up to date. docs/changes.md shows the whole way from a vendor's change to a
rebuilt model.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, Literal

import psycopg
from psycopg.types.json import Jsonb

from assets.keys import published_schema
from assets.nodes import ancestors
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.roles import SCHEMA_OWNERS

Clock = Literal["date", "instant"]

# Macros with which a model reads the clock (dbt_project/macros/time.sql).
_CLOCK_MACROS: Final[Mapping[str, Clock]] = {"as_of_date": "date", "as_of": "instant"}
_CLOCK: Final = "as_of"
_GOOD: Final = ("success", "pass")
# The server publishes the counts of a session's writes when the session ends, or some seconds after its last write.
_PUBLISHED_AFTER_SECONDS: Final = 10
_LONGEST_WAIT_SECONDS: Final = 2.0

_TABLE: Final = """
create table if not exists registry.built_nodes (
    node text primary key,
    definition text not null,
    inputs jsonb,
    relation text
)
"""
# Up to version 0.1, a build had a name, with which it made everything below stale.
_FORMER_COLUMN: Final = "alter table registry.built_nodes drop column if exists version"
_COMMENT: Final = (
    "comment on table registry.built_nodes is 'What each node of the dbt project was last built from; "
    "without its row a node is built again'"
)


@dataclass(frozen=True)
class Node:
    """A model, snapshot or data test of the project."""

    definition: str
    """Fingerprint of its SQL, of every macro of this project that it uses, and of its configuration."""
    parents: tuple[str, ...]
    kind: str
    """How it is materialized, `snapshot` or `test`."""
    relation: tuple[str, str] | None
    """Schema and name; tests have none."""
    clock: Clock | None
    """Whether it reads the date of as_of or its instant."""
    published: tuple[str, str] | None = None
    """Schema and name under which people read it, where it is built in another schema."""
    publication: str | None = None
    """What it is published together with."""
    follows: frozenset[str] = frozenset()
    """Of a test, tables of which it need only look at the rows that were written since it passed (`meta: follows`)."""
    reads: tuple[str, ...] = ()
    """Of such a test, what it is built from, with what is below a view in the place of the view; else its parents."""

    @property
    def keeps_rows(self) -> bool:
        """Whether it stores rows, which are those of its last build."""
        return self.kind not in ("view", "test")


@dataclass(frozen=True)
class LastBuild:
    """What is recorded of a node's last build."""

    definition: str
    inputs: Mapping[str, str] | None
    """Version of everything it was built from; None if its last build failed, so that it is stale."""
    relation: str | None
    """State of its relation after it was built: what is built from a table or snapshot compares it."""


@dataclass(frozen=True)
class Catalog:
    """The state of every relation in the warehouse, and the clock."""

    relations: Mapping[tuple[str, str], str]
    """By schema and name; the text changes exactly if the relation is exchanged or written to (see `_identity`)."""
    clock: Mapping[Clock, str]
    unpublished: frozenset[tuple[str, str]] = frozenset()
    """Relations of schema `building` that differ from what is published, or whose published copy was changed."""


@dataclass(frozen=True)
class Plan:
    """Which nodes are built."""

    nodes: frozenset[str]
    is_refresh: bool
    """Whether incremental models are rebuilt from the beginning."""


@dataclass(frozen=True)
class Graph:
    """Nodes and sources of the dbt project, as far as they decide what is stale."""

    nodes: Mapping[str, Node]
    sources: Mapping[str, tuple[str, str]]
    """Schema and name of every raw table by its dbt id."""
    lineages: Mapping[str, str]
    """Fingerprint of each incremental model that may be rebuilt, together with everything that it is built from."""

    def raw_schemas(self, name: str) -> frozenset[str]:
        """The raw schemas that a node reads while it is built: its own, and those of views that it reads."""
        if name in self.sources:
            return frozenset({self.sources[name][0]})
        found = (
            self.raw_schemas(one)
            for one in self.nodes[name].parents
            if one in self.sources or (one in self.nodes and self.nodes[one].kind == "view")
        )
        return frozenset[str]().union(*found)

    def tests_of(self, names: Collection[str]) -> frozenset[str]:
        """The tests of these models, also those over several."""
        return frozenset(
            name for name, node in self.nodes.items() if node.kind == "test" and not set(names).isdisjoint(node.parents)
        )

    @cached_property
    def in_order(self) -> tuple[str, ...]:
        """Every node after its parents."""
        found: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in self.nodes and name not in found:
                for parent in (*self.nodes[name].parents, *self.nodes[name].reads):
                    visit(parent)
                found[name] = None

        for name in self.nodes:
            visit(name)
        return tuple(found)


def read_graph(manifest: Mapping[str, Any], variables: Mapping[str, Any]) -> Graph:
    """Read the graph.

    Args:
        manifest: dbt's `manifest.json`.
        variables: dbt's variables; all except as_of are part of every definition.
    """
    constant = {name: value for name, value in variables.items() if name != "as_of"}
    closures = _MacroClosures(manifest)
    nodes = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] not in ("model", "snapshot", "test"):
            continue
        is_test = node["resource_type"] == "test"
        macros = closures.of(node["depends_on"]["macros"])
        asked = {_CLOCK_MACROS[name] for one in macros if (name := one.split(".")[-1]) in _CLOCK_MACROS}
        nodes[unique_id] = Node(
            definition=_digest(
                node["raw_code"],
                node["config"],
                node.get("test_metadata"),
                {name: column.get("data_type") for name, column in node.get("columns", {}).items()},
                constant,
                *(closures.text(one) for one in sorted(macros | closures.called_by_dbt)),
            ),
            parents=tuple(one for one in manifest["parent_map"].get(unique_id, []) if not one.startswith("macro.")),
            kind="test" if is_test else str(node["config"]["materialized"]),
            relation=None if is_test else (str(node["schema"]), str(node.get("alias") or node["name"])),
            clock="instant" if "instant" in asked else "date" if asked else None,
            published=(published_schema(node), str(node["name"])) if node["schema"] == "building" else None,
            publication=node["config"].get("meta", {}).get("publication"),
        )
    for unique_id, node in nodes.items():
        meta = manifest["nodes"][unique_id]["config"].get("meta", {})
        if node.kind == "test" and "follows" in meta:
            nodes[unique_id] = _following(nodes, node, meta["follows"], meta.get("since"))
    lineages = {
        unique_id: _digest(
            *(nodes[one].definition for one in (unique_id, *sorted(ancestors(manifest, unique_id))) if one in nodes)
        )
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["config"]["materialized"] == "incremental"
        # What is never rebuilt (the registry) keeps rows of earlier definitions.
        and node["config"].get("full_refresh") is None
    }
    sources = {name: (str(one["schema"]), str(one["identifier"])) for name, one in manifest["sources"].items()}
    return Graph(nodes=nodes, sources=sources, lineages=lineages)


def plan(graph: Graph, built: Mapping[str, LastBuild], catalog: Catalog) -> Plan:
    """Return the nodes that are stale.

    Where the definition of an incremental model, or of anything it is built from, has changed, everything is rebuilt
    from the beginning. What reads the instant of as_of is built along with any other model, so that as_of is never
    before what landed. A test that did not pass runs again, so that no run hides its warning.

    Args:
        graph: the project.
        built: the last builds, by dbt id.
        catalog: the state of the warehouse now.
    """
    if any(one not in built or built[one].definition != lineage for one, lineage in graph.lineages.items()):
        return Plan(frozenset(graph.nodes), is_refresh=True)
    stale = _stale(graph, built, catalog, forced=frozenset())
    if any(graph.nodes[name].kind != "test" for name in stale):
        instants = frozenset(name for name, node in graph.nodes.items() if node.clock == "instant")
        stale = _stale(graph, built, catalog, forced=instants)
    return Plan(stale, is_refresh=False)


def absent(graph: Graph, catalog: Catalog, name: str) -> list[str]:
    """Return the relations that a node reads and that do not exist, as schema.name.

    Args:
        graph: the project.
        catalog: the state of the warehouse.
        name: dbt id of the node.
    """
    return [
        _shown(graph, one)
        for one in graph.nodes[name].parents
        if (relation := graph.nodes[one].relation if one in graph.nodes else graph.sources[one])
        and relation not in catalog.relations
    ]


def unready_tests(graph: Graph, catalog: Catalog, chosen: frozenset[str]) -> list[str]:
    """Return the tests of chosen models that are left to a later build.

    They also read what neither exists nor is chosen, which nobody asked for yet; or what is built from a chosen model
    but not chosen itself, so that it has the rows of another state, or of another moment, until it is built.

    Args:
        graph: the project.
        catalog: the state of the warehouse.
        chosen: dbt ids of the models that are built.
    """
    ready = {_shown(graph, one) for one in chosen}
    behind = _behind(graph, chosen)
    return [
        name
        for name, node in graph.nodes.items()
        if node.kind == "test"
        and not chosen.isdisjoint(node.parents)
        and not (ready.issuperset(absent(graph, catalog, name)) and behind.isdisjoint(node.parents))
    ]


def _behind(graph: Graph, chosen: frozenset[str]) -> set[str]:
    """What shows rows from before chosen models are built; a view over them alone shows theirs."""
    moved, behind = set(chosen), set[str]()
    for name in graph.in_order:
        node = graph.nodes[name]
        if name in chosen or node.kind == "test":
            continue
        if not behind.isdisjoint(node.parents) or (node.keeps_rows and not moved.isdisjoint(node.parents)):
            behind.add(name)
        if not moved.isdisjoint(node.parents):
            moved.add(name)
    return behind


def belonging_together(
    graph: Graph, built: Mapping[str, LastBuild], catalog: Catalog, chosen: Iterable[str]
) -> frozenset[str]:
    """Return what must be built along with chosen models, so that what is published together is of one state.

    That is whatever of a publication is stale, and whatever stale that it is built from.

    Args:
        graph: the project.
        built: the last builds, by dbt id.
        catalog: the state of the warehouse now.
        chosen: dbt ids of the models that are built.
    """
    stale = {name for name in plan(graph, built, catalog).nodes if graph.nodes[name].kind != "test"}
    members: dict[str, list[str]] = {}
    for name, node in graph.nodes.items():
        if node.publication:
            members.setdefault(node.publication, []).append(name)
    found, seen = set(chosen), set[str]()
    waiting = [(name, False) for name in found]
    while waiting:
        name, is_needed = waiting.pop()
        node = graph.nodes[name]
        if is_needed and name in stale:
            found.add(name)
        if node.publication and name in found and node.publication not in seen:
            seen.add(node.publication)
            waiting.extend((one, True) for one in members[node.publication])
        if (is_needed or node.publication) and name not in seen:
            seen.add(name)
            waiting.extend((one, True) for one in node.parents if one in graph.nodes)
    return frozenset(found)


def record_builds(
    graph: Graph,
    built: Mapping[str, LastBuild],
    before: Catalog,
    after: Catalog,
    statuses: Mapping[str, str],
    *,
    is_whole: bool,
) -> dict[str, LastBuild]:
    """Return the last builds as they are after a build.

    Args:
        graph: the project.
        built: the last builds as they were before it.
        before: state of the warehouse when the build began: what landed since then is still to be built.
        after: state of the warehouse now. Its clock is noted: before the first build the agency's zone is unknown.
        statuses: dbt's status of each node that was built.
        is_whole: whether the whole plan was built. A part of it never records a new definition of an incremental model,
            because what that is built from may still have its former definition.
    """
    recorded, fresh = dict(built), set()
    for name in graph.in_order:
        status = statuses.get(name)
        if status is None:
            continue
        node = graph.nodes[name]
        former = built.get(name)
        definition = graph.lineages.get(name, node.definition)
        if name in graph.lineages and not is_whole and (former is None or former.definition != definition):
            continue
        if status in _GOOD:
            relation = after.relations.get(node.relation) if node.relation else None
            recorded[name] = LastBuild(definition, None, relation)
            fresh.add(name)
        elif former is not None:
            recorded[name] = replace(former, inputs=None)
    versions: dict[str, str | None] = {name: before.relations.get(one) for name, one in graph.sources.items()}
    for name in graph.in_order:
        node, one = graph.nodes[name], recorded.get(name)
        inputs = _inputs(node, versions, after)
        if one is not None and name in fresh:
            known = {key: value for key, value in inputs.items() if value is not None}
            one = recorded[name] = replace(one, inputs=known if len(known) == len(inputs) else None)
        if node.kind == "view":
            # Whatever reads a view sees it as it was built, which need not be its present definition.
            inputs |= {_CLOCK: (one.inputs or {}).get(_CLOCK)} if one and node.clock else {}
            node = replace(node, definition=one.definition if one else "")
        versions[name] = _version(node, one, inputs)
    return recorded


@dataclass(frozen=True)
class BuildState:
    """The last builds, recorded in the warehouse, and the state of its relations."""

    warehouse: Warehouse = field(repr=False)
    as_of: date | datetime | None = None
    """None is the moment of each build."""

    def read(self, moment: date | datetime | None = None) -> tuple[dict[str, LastBuild], Catalog]:
        """Return the last builds, by dbt id, and the state of the warehouse; for `moment` see `catalog`."""
        with self.warehouse.connect("transformer") as connection:
            connection.execute(_TABLE)
            connection.execute(_COMMENT)
            connection.execute(_FORMER_COLUMN)
            rows = connection.execute("select node, definition, inputs, relation from registry.built_nodes").fetchall()
            _await_other_sessions(connection)
            return {name: LastBuild(*rest) for name, *rest in rows}, self._catalog(connection, moment)

    def catalog(self, moment: date | datetime | None = None) -> Catalog:
        """Return the state of the warehouse.

        Args:
            moment: the as_of that a build uses, whose day is that of the clock; None is now.
        """
        with self.warehouse.connect("transformer") as connection:
            return self._catalog(connection, moment)

    def write(self, former: Mapping[str, LastBuild], now: Mapping[str, LastBuild]) -> None:
        """Record the builds that differ from the former ones."""
        changed = [(name, one) for name, one in now.items() if former.get(name) != one]
        with self.warehouse.connect("transformer") as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into registry.built_nodes (node, definition, inputs, relation)"
                " values (%s, %s, %s, %s) on conflict (node) do update set definition = excluded.definition,"
                " inputs = excluded.inputs, relation = excluded.relation",
                [
                    (name, one.definition, None if one.inputs is None else Jsonb(one.inputs), one.relation)
                    for name, one in changed
                ],
            )

    def _catalog(self, connection: psycopg.Connection[Any], moment: date | datetime | None) -> Catalog:
        return Catalog(
            _states(connection, None),
            {"date": _day(connection, moment), "instant": "now" if self.as_of is None else self.as_of.isoformat()},
            _unpublished(connection),
        )

    @contextmanager
    def watched(self) -> Iterator[Callable[[tuple[str, str]], str | None]]:
        """Give a function that returns the present state of a relation, which any thread may call."""
        turn = threading.Lock()
        with self.warehouse.connect("transformer") as connection:

            def state(relation: tuple[str, str]) -> str | None:
                with turn:
                    return _states(connection, relation).get(relation)

            yield state


class CutOff:
    """Which nodes of a plan need no build after all, because what they are built from came out as it was.

    A plan takes in whatever may be stale. While the build runs, `is_unchanged` is asked about each node once everything
    that it is built from is finished, and `built` is told what has been built.
    """

    def __init__(self, graph: Graph, built: Mapping[str, LastBuild], before: Catalog, planned: Plan) -> None:
        """Take the plan and what it was made from.

        Args:
            graph: the project.
            built: the last builds, by dbt id.
            before: the state of the warehouse when the build began.
            planned: the nodes that may be stale.
        """
        self._graph = graph
        self._built = built
        self._before = before
        self._planned = planned
        self._versions: dict[str, str | None] = {name: before.relations.get(one) for name, one in graph.sources.items()}
        self._exchanged: set[str] = set()
        self.unchanged: set[str] = set()
        """Nodes that were asked about and needed no build."""

    def is_unchanged(self, name: str) -> bool:
        """Whether a planned node need not be built."""
        if self._planned.is_refresh or name not in self._graph.nodes:
            return False
        node, known = self._graph.nodes[name], self._built.get(name)
        if node.clock == "instant" or _is_stale_itself(self._graph, name, known, self._before):
            return False
        inputs = self._inputs(name)
        if node.kind == "view":
            if self._exchanged & set(node.parents) or _has_other_clock(known, inputs):
                return False
        elif known is None or known.inputs != inputs:
            return False
        self.unchanged.add(name)
        return True

    def has_only_followed_changes(self, name: str) -> bool:
        """Whether a test need only look at the rows that have been written since it passed.

        It passed today, on what was there when this build began, and only tables that it follows were written since.
        """
        node, known = self._graph.nodes.get(name), self._built.get(name)
        if node is None or not node.follows or self._planned.is_refresh:
            return False
        if known is None or known.inputs is None or known.definition != node.definition:
            return False
        now = self._inputs(name)
        for one, version in known.inputs.items():
            if one not in node.follows:
                if now.get(one) != version:
                    return False
            elif one in self._graph.sources:
                # What landed has its load; what was deleted has nothing any more.
                if _identity(now[one]) != _identity(version) or _deleted(now[one]) != _deleted(version):
                    return False
            # A table that was exchanged was written whole.
            elif self._at_start(one) != version or _identity(now[one]) != _identity(version):
                return False
        return now.keys() == known.inputs.keys()

    def _at_start(self, name: str) -> str | None:
        relation = self._graph.nodes[name].relation
        return self._before.relations.get(relation) if relation else None

    def built(self, name: str, relation: str | None) -> None:
        """Take in that a node has been built.

        Args:
            name: its dbt id.
            relation: the state of its relation now; None for a test.
        """
        node = self._graph.nodes[name]
        if node.keeps_rows:
            self._versions[name] = relation
        if node.relation and _identity(relation) != _identity(self._before.relations.get(node.relation)):
            self._exchanged.add(name)

    def _inputs(self, name: str) -> dict[str, str | None]:
        node = self._graph.nodes[name]
        for parent in node.reads or node.parents:
            if parent not in self._versions:
                one, known = self._graph.nodes[parent], self._built.get(parent)
                self._versions[parent] = _version(one, known, {} if one.keeps_rows else self._inputs(parent))
        return _inputs(node, self._versions, self._before)


# --- from here on: how it is done ---------------------------------------------------------------------------------


class _MacroClosures:
    """Macros of this project that a node uses, directly or not; dbt's own change only with its version."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._macros = {
            name: one for name, one in manifest["macros"].items() if not one["package_name"].startswith("dbt")
        }
        used = [macro for node in manifest["nodes"].values() for macro in node["depends_on"]["macros"]]
        # No node names them: incremental strategies, and macros that replace dbt's own.
        self.called_by_dbt = self.of(self._macros.keys() - self.of(used))

    def of(self, names: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = [name for name in names if name in self._macros]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                deeper = self._macros[name].get("depends_on", {}).get("macros", [])
                waiting.extend(one for one in deeper if one in self._macros)
        return frozenset(found)

    def text(self, name: str) -> str:
        return str(self._macros[name]["macro_sql"])


def _following(nodes: Mapping[str, Node], test: Node, follows: Collection[str], since: str | None) -> Node:
    """A test that may look at changed rows alone; once a day it looks at all."""
    read: dict[str, None] = {}
    views: dict[str, str] = {}
    waiting = list(test.parents)
    while waiting:
        one = waiting.pop()
        if one in nodes and nodes[one].kind == "view":
            views[one] = nodes[one].definition
            waiting.extend(nodes[one].parents)
        else:
            read[one] = None
    if since is not None:
        read[next(one for one in nodes if _name(one) == since)] = None
    return replace(
        test,
        definition=_digest(test.definition, views),
        clock=test.clock or "date",
        follows=frozenset(one for one in read if _name(one) in follows),
        reads=tuple(read),
    )


def _name(unique_id: str) -> str:
    """The name of a model, or source.table."""
    return unique_id.split(".", 2)[2]


def _digest(*parts: Any) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(json.dumps(part, sort_keys=True, default=str).encode() + b"\0")
    return digest.hexdigest()


def _shown(graph: Graph, name: str) -> str:
    """The name by which people know a relation, as schema.name."""
    if name in graph.sources:
        return ".".join(graph.sources[name])
    node = graph.nodes[name]
    return ".".join(node.published or node.relation or ())


def _stale(graph: Graph, built: Mapping[str, LastBuild], catalog: Catalog, forced: frozenset[str]) -> frozenset[str]:
    versions: dict[str, str | None] = {name: catalog.relations.get(one) for name, one in graph.sources.items()}
    stale: set[str] = set()
    for name in graph.in_order:
        node, known = graph.nodes[name], built.get(name)
        inputs = _inputs(node, versions, catalog)
        if name in forced or _is_stale_itself(graph, name, known, catalog):
            stale.add(name)
        elif node.kind == "view":
            # It stores no rows, but it is made again with a relation below it that is exchanged.
            exchanged = (one for one in node.parents if one in stale and graph.nodes[one].kind in ("table", "view"))
            if any(exchanged) or _has_other_clock(known, inputs):
                stale.add(name)
        elif known is None or known.inputs != inputs:
            stale.add(name)
        versions[name] = None if node.keeps_rows and name in stale else _version(node, known, inputs)
    return frozenset(stale)


def _is_stale_itself(graph: Graph, name: str, known: LastBuild | None, catalog: Catalog) -> bool:
    """Whether a node must be built whatever became of that which it is built from."""
    node = graph.nodes[name]
    if known is None or known.inputs is None or known.definition != graph.lineages.get(name, node.definition):
        return True
    if node.relation is None:
        return False
    if node.relation in catalog.unpublished:
        return True
    now = catalog.relations.get(node.relation)
    if node.relation[0] == "registry":
        # Building other models writes to the registry's tables, too.
        return _identity(known.relation) != _identity(now)
    return known.relation != now


def _has_other_clock(known: LastBuild | None, inputs: Mapping[str, str | None]) -> bool:
    return ((known and known.inputs) or {}).get(_CLOCK) != inputs.get(_CLOCK)


def _inputs(node: Node, versions: Mapping[str, str | None], catalog: Catalog) -> dict[str, str | None]:
    inputs = {one: versions.get(one) for one in node.reads or node.parents}
    return {**inputs, _CLOCK: catalog.clock[node.clock]} if node.clock else inputs


def _version(node: Node, known: LastBuild | None, inputs: Mapping[str, str | None]) -> str | None:
    """What is compared by whatever is built from the node; None if it is about to change."""
    if node.keeps_rows:
        return None if known is None else known.relation
    return None if None in inputs.values() else _digest(node.definition, inputs)


def _states(connection: psycopg.Connection[Any], relation: tuple[str, str] | None) -> dict[tuple[str, str], str]:
    """The state of every relation, or of one, by schema and name."""
    schemas, name = (list(SCHEMA_OWNERS), None) if relation is None else ([relation[0]], relation[1])
    # Counts start again after a crash or a reset; without them every table may have changed.
    rows = connection.execute(
        "select nspname, relname, concat_ws(' ', epochs.epoch, concat_ws(':', pg_class.oid,"
        " case when relkind != 'v' then relfilenode end), case when relkind != 'v' then concat_ws(':',"
        " pg_stat_get_tuples_inserted(pg_class.oid), pg_stat_get_tuples_updated(pg_class.oid),"
        " pg_stat_get_tuples_deleted(pg_class.oid)) end)"
        " from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace"
        " cross join (select concat_ws('_',"
        " extract(epoch from (select stats_reset from pg_stat_database where datname = current_database())),"
        " extract(epoch from (select stats_reset from pg_stat_bgwriter)),"
        " case when not current_setting('track_counts')::boolean then clock_timestamp() end) as epoch) as epochs"
        " where nspname = any(%s) and relname = coalesce(%s, relname) and relkind in ('r', 'p', 'v', 'm')",
        (schemas, name),
    ).fetchall()
    return {(schema, one): state for schema, one, state in rows}


def _unpublished(connection: psycopg.Connection[Any]) -> frozenset[tuple[str, str]]:
    row = connection.execute("select to_regclass('building.publications')").fetchone()
    if row is None or row[0] is None:
        # Nothing has been built yet.
        return frozenset()
    rows = connection.execute("select name from building.publications where is_whole or is_changed").fetchall()
    return frozenset(("building", str(name)) for (name,) in rows)


def _identity(state: str | None) -> str | None:
    """The part of a relation's state that stays the same while rows are written to it."""
    return None if state is None else " ".join(state.split(" ")[:2])


def _deleted(state: str | None) -> str | None:
    """The part of a table's state that counts deleted rows."""
    return None if state is None else state.rpartition(":")[2]


def _day(connection: psycopg.Connection[Any], moment: date | datetime | None) -> str:
    if moment is not None and not isinstance(moment, datetime):
        return moment.isoformat()
    row = connection.execute("select to_regclass('intermediate.int_identity__agency')").fetchone()
    if row is None or row[0] is None:
        # Nothing has been built yet.
        return ""
    row = connection.execute(
        "select (coalesce(%s::timestamptz, now()) at time zone timezone)::date from intermediate.int_identity__agency",
        (moment,),
    ).fetchone()
    return str(row[0]) if row else ""


def _await_other_sessions(connection: psycopg.Connection[Any]) -> None:
    """Wait until the sessions of loads and builds have ended, so that all their writes are counted."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while time.monotonic() < deadline:
        # Of another role's sessions only their existence is visible.
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid != pg_backend_pid()"
            " and (usename = 'loader' or usename = session_user and state = 'idle'"
            " and clock_timestamp() - state_change < %s * interval '1 second')",
            (_PUBLISHED_AFTER_SECONDS,),
        ).fetchone()
        if row is None or row[0] == 0:
            return
        time.sleep(0.05)
