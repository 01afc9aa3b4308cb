"""What a build takes in: whatever happens between two builds, the second leaves what a build of everything would.

The model of a warehouse below knows only what Postgres and dbt do to relations: a table is written to where its rows
differ, and with another definition it is exchanged, and the views on it with it; a view shows what is there now;
incremental models keep the definition with which they began.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from psycopg import sql

from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.state import (
    BuildState,
    Catalog,
    Clock,
    CutOff,
    Graph,
    LastBuild,
    Node,
    Plan,
    plan,
    read_graph,
    record_builds,
    unready_tests,
)


class MissingError(Exception):
    """A relation that a node reads is missing."""


@dataclass
class World:
    """A graph, a warehouse in miniature, and what is remembered of builds."""

    graph: Graph
    clock: dict[Clock, str] = field(default_factory=lambda: {"date": "day 1", "instant": "now"})
    moment: int = 0
    states: dict[str, int] = field(default_factory=dict)
    """A number for each relation that exists; another one after every change of it."""
    identities: dict[str, int] = field(default_factory=dict)
    """A number for each relation; another one after every exchange."""
    rows: dict[str, Any] = field(default_factory=dict)
    """What raw tables and tables hold."""
    definitions: dict[str, str] = field(default_factory=dict)
    """The definition that the rows of incremental models follow."""
    built: dict[str, LastBuild] = field(default_factory=dict)
    changes: int = 0
    worked: set[str] = field(default_factory=set)
    """What the last run built, and did not find unchanged."""
    passed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each test read when it passed last, and the day."""
    followed: int = 0
    """How often a test looked at changed rows alone."""

    def change(self, name: str, rows: Any, *, is_exchange: bool = False) -> None:
        self.changes += 1
        self.states[name] = self.changes
        self.rows[name] = rows
        if is_exchange or name not in self.identities:
            self.identities[name] = self.changes

    def drop_views_on(self, name: str) -> None:
        for one, node in self.graph.nodes.items():
            if node.kind == "view" and name in node.parents and one in self.states:
                del self.states[one]
                self.drop_views_on(one)

    def exchange(self, name: str, rows: Any) -> None:
        """Put a new relation in its place and make the views on it again."""
        self.change(name, rows, is_exchange=True)
        for one, node in self.graph.nodes.items():
            if node.kind == "view" and name in node.parents and one in self.states:
                self.exchange(one, self.rows[one])

    def read(self, name: str) -> Any:
        if name not in self.states:
            raise MissingError(name)
        node = self.graph.nodes.get(name)
        if node is None or node.keeps_rows:
            return self.rows[name]
        # A view's text is that of its last build.
        definition, clock = self.rows[name]
        return (definition, clock, *(self.read(parent) for parent in node.parents))

    def build(self, name: str, *, is_refresh: bool) -> None:
        node = self.graph.nodes[name]
        clock = {"date": self.clock["date"], "instant": self.moment}[node.clock] if node.clock else None
        inputs = [self.read(parent) for parent in node.parents]
        if node.kind == "test":
            return
        if node.kind == "incremental" and name in self.states and not is_refresh:
            rows = (self.definitions[name], clock, *inputs)
            if rows != self.rows[name]:
                self.change(name, rows)
            return
        # Half of the columns are another definition's.
        has_other_columns = name not in self.states or self.definitions[name][-1] != node.definition[-1]
        self.definitions[name] = node.definition
        rows = (node.definition, clock) if node.kind == "view" else (node.definition, clock, *inputs)
        if has_other_columns or (node.kind == "view" and rows != self.rows[name]):
            self.exchange(name, rows)
        elif rows != self.rows[name]:
            self.change(name, rows)

    def state(self, name: str) -> str:
        return f"0 {self.identities[name]} {self.states[name]}"

    def catalog(self) -> Catalog:
        return Catalog({("", name): self.state(name) for name in self.states}, dict(self.clock))

    def run(self, picked: frozenset[str] | None, fails: frozenset[str], killed_after: int | None) -> Plan:
        """Build what is planned, or what is picked; some nodes fail, or the process dies."""
        self.moment += 1
        before, planned = self.catalog(), plan(self.graph, self.built, self.catalog())
        chosen = planned.nodes if picked is None else picked
        cut_off = CutOff(self.graph, self.built, before, planned)
        statuses: dict[str, str] = {}
        self.worked = set()
        began = dict(self.rows), dict(self.identities)
        for number, name in enumerate(one for one in self.graph.in_order if one in chosen):
            if number == killed_after:
                return planned
            bad = {one for one, status in statuses.items() if status not in ("success", "pass")}
            if self.graph.nodes[name].kind != "test" and bad & self._below(name):
                statuses[name] = "skipped"
                continue
            if picked is None and cut_off.is_unchanged(name):
                continue
            self.worked.add(name)
            if picked is None and cut_off.has_only_followed_changes(name):
                self.followed += 1
                self.assert_only_followed_changes(name, *began)
            try:
                if name in fails:
                    raise MissingError(name)
                self.build(name, is_refresh=planned.is_refresh)
                cut_off.built(name, self.state(name) if name in self.states else None)
                statuses[name] = "pass" if self.graph.nodes[name].kind == "test" else "success"
                if self.graph.nodes[name].kind == "test":
                    self.passed[name] = {
                        **{one: self.rows.get(one) for one in self._below(name)},
                        "day": self.clock["date"],
                    }
            except MissingError:
                statuses[name] = "fail" if self.graph.nodes[name].kind == "test" else "error"
        self.built = record_builds(self.graph, self.built, before, self.catalog(), statuses, is_whole=picked is None)
        return planned

    def assert_only_followed_changes(self, name: str, rows: dict[str, Any], identities: dict[str, int]) -> None:
        """What the test has not seen was written since this run began, to a table that it follows."""
        node = self.graph.nodes[name]
        assert self.passed[name]["day"] == self.clock["date"]
        for one in node.reads:
            if one in node.follows:
                assert rows[one] == self.passed[name][one]
                assert identities[one] == self.identities[one]
            else:
                assert self.rows[one] == self.passed[name][one]

    def _below(self, name: str) -> set[str]:
        found: set[str] = set()
        for parent in self.graph.nodes[name].parents:
            found |= {parent} | (self._below(parent) if parent in self.graph.nodes else set())
        return found

    def expected(self) -> dict[str, Any]:
        fresh = World(self.graph, dict(self.clock), self.moment)
        for source in self.graph.sources:
            fresh.change(source, self.rows[source])
        for name in self.graph.in_order:
            fresh.build(name, is_refresh=True)
        return {name: fresh.read(name) for name, node in self.graph.nodes.items() if node.kind != "test"}


def _graph(dice: random.Random) -> Graph:
    sources = {f"source {number}": ("", f"source {number}") for number in range(dice.randint(1, 3))}
    nodes: dict[str, Node] = {}
    for number in range(dice.randint(3, 9)):
        readable = [*sources, *(name for name, node in nodes.items() if node.kind != "test")]
        kind = dice.choice(["table", "table", "incremental", "view", "view", "test"])
        name = f"{kind} {number}"
        parents = tuple(dice.sample(readable, min(len(readable), dice.randint(1, 2))))
        clock: Clock | None = dice.choice([None, None, None, "date"]) if kind in ("table", "view") else None
        nodes[name] = Node(f"text {number}", parents, kind, None if kind == "test" else ("", name), clock)
        if kind == "test":
            reads = _stored(nodes, parents)
            follows = frozenset(one for one in reads if one in nodes and dice.random() < 0.7)
            nodes[name] = replace(nodes[name], reads=reads, follows=follows, clock="date")
    return _with_lineages(Graph(nodes, sources, {}))


def _stored(nodes: Mapping[str, Node], parents: tuple[str, ...]) -> tuple[str, ...]:
    """Parents, with what is below a view in its place."""
    found: dict[str, None] = {}
    for one in parents:
        below = _stored(nodes, nodes[one].parents) if one in nodes and nodes[one].kind == "view" else (one,)
        found |= dict.fromkeys(below)
    return tuple(found)


def _with_lineages(graph: Graph) -> Graph:
    def text(name: str) -> str:
        node = graph.nodes.get(name)
        return name if node is None else f"{node.definition}({','.join(map(text, node.parents))})"

    return replace(
        graph, lineages={name: text(name) for name, node in graph.nodes.items() if node.kind == "incremental"}
    )


def _happens(world: World, dice: random.Random) -> None:
    relations = [name for name, node in world.graph.nodes.items() if node.relation and name in world.states]
    tables = [name for name in relations if world.graph.nodes[name].keeps_rows]
    what = dice.choice(
        ["landed", "landed", "text", "day", "written to", "dropped", "part", "fails", "killed", "nothing"]
    )
    if what == "landed":
        source = dice.choice(list(world.graph.sources))
        world.change(source, f"rows {world.changes}")
    elif what == "text":
        name = dice.choice(list(world.graph.nodes))
        # The text of a view is part of that of a test which looks through it.
        changed = {
            one: replace(node, definition=f"text {dice.random()}")
            for one, node in world.graph.nodes.items()
            if one == name or (node.follows and name in world._below(one))
        }
        world.graph = _with_lineages(Graph({**world.graph.nodes, **changed}, world.graph.sources, {}))
    elif what == "day":
        world.clock["date"] = f"day {dice.random()}"
    elif what == "written to" and tables:
        # Incremental models cannot know what somebody else wrote; a table is rebuilt.
        name = dice.choice(tables)
        if world.graph.nodes[name].kind == "table":
            world.change(name, "somebody else's rows")
    elif what == "dropped" and relations:
        name = dice.choice(relations)
        del world.states[name]
        world.drop_views_on(name)
    elif what == "part":
        world.run(frozenset(dice.sample(list(world.graph.nodes), 2)), frozenset(), None)
    elif what == "fails":
        world.run(None, frozenset(dice.sample(list(world.graph.nodes), 2)), None)
    elif what == "killed":
        world.run(None, frozenset(), dice.randint(0, len(world.graph.nodes)))


@pytest.mark.parametrize("first_seed", range(0, 400, 100))
def test_whatever_happened_a_build_leaves_what_a_build_of_everything_would(first_seed: int) -> None:
    followed = 0
    for seed in range(first_seed, first_seed + 100):
        dice = random.Random(seed)
        world = World(_graph(dice))
        for source in world.graph.sources:
            world.change(source, "rows 0")
        for _ in range(12):
            for _ in range(dice.randint(0, 3)):
                _happens(world, dice)
            world.run(None, frozenset(), None)
            found = {name: world.read(name) for name, node in world.graph.nodes.items() if node.kind != "test"}
            assert found == world.expected(), f"seed {seed}"
            nothing = Plan(frozenset(), is_refresh=False)
            assert plan(world.graph, world.built, world.catalog()) == nothing, f"seed {seed}"
        followed += world.followed
    assert followed > 10


def _small() -> World:
    nodes = {
        "stage": Node("s", ("raw",), "view", ("", "stage"), None),
        "lines": Node("l", ("stage",), "table", ("", "lines"), None),
        "report": Node("r", ("lines",), "view", ("", "report"), None),
        "sessions": Node("i", ("stage",), "incremental", ("", "sessions"), None),
        "shown": Node("v", ("sessions",), "view", ("", "shown"), None),
        "months": Node("m", ("other",), "table", ("", "months"), "date"),
        "age": Node("a", ("other",), "table", ("", "age"), "instant"),
        "holds": Node("t", ("lines",), "test", None, None),
    }
    world = World(_with_lineages(Graph(nodes, {"raw": ("", "raw"), "other": ("", "other")}, {})))
    world.change("raw", 0)
    world.change("other", 0)
    world.run(None, frozenset(), None)
    return world


def _planned(world: World) -> set[str]:
    return set(plan(world.graph, world.built, world.catalog()).nodes)


@pytest.mark.parametrize(
    ("happens", "taken_in"),
    [
        (lambda _: None, set()),
        # Views on what is there are left alone; one on a table that may be exchanged is made again with it.
        (lambda world: world.change("raw", 1), {"lines", "report", "sessions", "holds", "age"}),
        (lambda world: world.change("other", 1), {"months", "age"}),
        (lambda world: world.clock.update(date="day 2"), {"months", "age"}),
        (lambda world: world.clock.update(instant="later"), {"age"}),
        (lambda world: world.states.pop("report"), {"report", "age"}),
    ],
    ids=["nothing", "rows landed", "other rows landed", "another day", "another as_of", "a view is gone"],
)
def test_a_build_takes_in_what_is_stale_and_no_more(happens: Callable[[World], Any], taken_in: set[str]) -> None:
    world = _small()
    happens(world)
    assert _planned(world) == taken_in


@pytest.mark.parametrize(
    ("raw", "worked"),
    [(0, {"lines", "sessions", "age"}), (1, {"lines", "sessions", "holds", "age"})],
    ids=["written, but equal", "changed"],
)
def test_what_depends_on_a_table_that_came_out_equal_is_not_built_in_the_same_run(raw: int, worked: set[str]) -> None:
    world = _small()
    world.change("raw", raw)
    world.run(None, frozenset(), None)
    assert world.worked == worked
    assert _planned(world) == set()


def test_a_killed_build_leaves_nothing_below_it_stale_for_ever() -> None:
    world = _small()
    world.change("raw", 1)
    # Lines and whatever comes before it are written, and nothing is noted.
    world.run(None, frozenset(), [one for one in world.graph.in_order if one in _planned(world)].index("lines") + 1)
    world.run(None, frozenset(), None)
    assert {"lines", "holds"} <= world.worked


def test_a_changed_definition_of_an_incremental_model_rebuilds_everything() -> None:
    world = _small()
    node = replace(world.graph.nodes["stage"], definition="another")
    world.graph = _with_lineages(Graph({**world.graph.nodes, "stage": node}, world.graph.sources, {}))
    assert plan(world.graph, world.built, world.catalog()) == Plan(frozenset(world.graph.nodes), is_refresh=True)


def test_a_part_of_a_build_records_no_new_definition() -> None:
    world = _small()
    node = replace(world.graph.nodes["sessions"], definition="another")
    world.graph = _with_lineages(Graph({**world.graph.nodes, "sessions": node}, world.graph.sources, {}))
    world.run(frozenset({"sessions"}), frozenset(), None)
    assert plan(world.graph, world.built, world.catalog()).is_refresh


def test_a_test_that_did_not_pass_runs_again_by_itself() -> None:
    world = _small()
    world.change("raw", 1)
    world.run(None, frozenset({"holds"}), None)
    assert _planned(world) == {"holds"}


def test_a_test_that_compares_a_chosen_model_with_one_still_to_be_built_from_it_is_left_out() -> None:
    # Time in status, whose end is the moment of the build, and a sum of it in another table.
    nodes = {
        "stints": Node("", ("source",), "table", ("", "stints"), "instant"),
        "shown": Node("", ("stints",), "view", ("", "shown"), None),
        "costs": Node("", ("shown",), "table", ("", "costs"), None),
        "report": Node("", ("costs",), "view", ("", "report"), None),
        "stints alone": Node("", ("stints",), "test", None, None),
        "view and table": Node("", ("shown", "stints"), "test", None, None),
        "sums agree": Node("", ("stints", "costs"), "test", None, None),
        "report agrees": Node("", ("stints", "report"), "test", None, None),
    }
    relations = {("", name): "1" for name in ("source", "stints", "shown", "costs", "report")}
    graph, catalog = Graph(nodes, {"source": ("", "source")}, {}), Catalog(relations, {})
    assert unready_tests(graph, catalog, frozenset({"stints"})) == ["sums agree", "report agrees"]
    assert unready_tests(graph, catalog, frozenset({"stints", "costs"})) == []
    # What is older is what the tests of a chosen model may lean on.
    assert unready_tests(graph, catalog, frozenset({"costs"})) == []


def test_what_a_load_brings_while_a_build_runs_is_left_for_the_next() -> None:
    world = _small()
    world.change("raw", 1)
    before = world.catalog()
    world.change("raw", 2)
    statuses = dict.fromkeys(plan(world.graph, world.built, before).nodes, "success")
    world.built = record_builds(world.graph, world.built, before, world.catalog(), statuses, is_whole=True)
    assert {"lines", "sessions", "holds"} <= _planned(world)


def test_the_day_that_a_build_used_is_noted_although_the_zone_came_to_be_within_it() -> None:
    world = _small()
    before = replace(world.catalog(), clock={"date": "", "instant": "now"})
    statuses = dict.fromkeys(world.graph.nodes, "success")
    world.built = record_builds(world.graph, {}, before, world.catalog(), statuses, is_whole=True)
    assert _planned(world) == set()


# --- dbt's manifest -----------------------------------------------------------------------------------------------


def _manifest() -> dict[str, Any]:
    def model(name: str, macros: list[str]) -> dict[str, Any]:
        return {
            "resource_type": "model",
            "schema": "marts",
            "name": name,
            "raw_code": f"select '{name}'",
            "config": {"materialized": "incremental", "full_refresh": None},
            "depends_on": {"macros": macros},
        }

    def macro(package: str, text: str, *below: str) -> dict[str, Any]:
        return {"package_name": package, "macro_sql": text, "depends_on": {"macros": list(below)}}

    return {
        "nodes": {
            "model.days": model("days", ["macro.workledger.rounding", "macro.dbt.run"]),
            "model.months": model("months", ["macro.workledger.month"]),
        },
        "sources": {"source.raw": {"schema": "raw", "identifier": "rows"}},
        "macros": {
            "macro.workledger.rounding": macro("workledger", "round()", "macro.workledger.digits"),
            "macro.workledger.digits": macro("workledger", "2"),
            "macro.workledger.month": macro("workledger", "month()", "macro.workledger.as_of_date"),
            "macro.workledger.as_of_date": macro("workledger", "today()"),
            "macro.workledger.get_incremental_changed_days_sql": macro("workledger", "delete; insert"),
            "macro.dbt.run": macro("dbt", "run()"),
        },
        "parent_map": {"model.days": ["source.raw"], "model.months": ["model.days"]},
    }


@pytest.mark.parametrize(
    "edit",
    [
        lambda manifest: manifest["nodes"]["model.days"].update(raw_code="select 2"),
        lambda manifest: manifest["nodes"]["model.days"]["config"].update(indexes=[{"columns": ["id"]}]),
        lambda manifest: manifest["macros"]["macro.workledger.rounding"].update(macro_sql="floor()"),
        lambda manifest: manifest["macros"]["macro.workledger.digits"].update(macro_sql="3"),
        lambda manifest: manifest["macros"]["macro.workledger.get_incremental_changed_days_sql"].update(
            macro_sql="merge"
        ),
    ],
    ids=["text", "configuration", "macro", "macro of a macro", "strategy of increments"],
)
def test_a_changed_text_changes_the_lineage_of_all_that_is_built_from_it(edit: Callable[[Any], Any]) -> None:
    edited = _manifest()
    edit(edited)
    former, now = read_graph(_manifest(), {}), read_graph(edited, {})
    assert former.lineages["model.days"] != now.lineages["model.days"]
    assert former.lineages["model.months"] != now.lineages["model.months"]


def test_what_is_built_from_a_model_does_not_change_its_lineage() -> None:
    edited = _manifest()
    edited["nodes"]["model.months"]["raw_code"] = "select 2"
    assert read_graph(edited, {}).lineages["model.days"] == read_graph(_manifest(), {}).lineages["model.days"]


def test_every_variable_except_the_clock_is_part_of_a_lineage() -> None:
    former = read_graph(_manifest(), {"worklog_route": "tempo", "as_of": "2026-01-01"})
    assert read_graph(_manifest(), {"worklog_route": "tempo", "as_of": None}).lineages == former.lineages
    assert read_graph(_manifest(), {"worklog_route": "clickhouse"}).lineages != former.lineages


def test_a_model_that_asks_for_the_clock_by_a_macro_of_a_macro_follows_it() -> None:
    graph = read_graph(_manifest(), {})
    assert {name: node.clock for name, node in graph.nodes.items()} == {"model.days": None, "model.months": "date"}


# --- the state of relations -----------------------------------------------------------------------------------------

RAW = ("raw_tempo", "worklogs")


@pytest.fixture(scope="module")
def raw(warehouse: Warehouse) -> Iterator[Warehouse]:
    _do(warehouse, "create table {} (id int)", "insert into {} select generate_series(1, 10)")
    yield warehouse
    _do(warehouse, "drop table {}")


def _do(warehouse: Warehouse, *statements: str) -> None:
    with warehouse.connect("loader") as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement).format(sql.Identifier(*RAW)))


@pytest.mark.parametrize(
    "statement",
    [
        "insert into {} values (11)",
        "update {} set id = 12 where id = 1",
        "delete from {} where id = 2",
        "truncate {}",
        "drop table {}; create table {} (id int)",
    ],
)
def test_whatever_is_done_to_a_table_changes_its_state(raw: Warehouse, statement: str) -> None:
    state = BuildState(raw)
    before = state.catalog().relations[RAW]
    assert state.catalog().relations[RAW] == before
    for one in statement.split("; "):
        _do(raw, one)
    assert state.catalog().relations[RAW] != before


def test_a_crash_changes_every_state_although_counts_may_reach_their_former_values() -> None:
    # Not pytest's own folder: the server runs as another user if root starts it, who may not enter that one.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedServer(Path(folder, "postgres"))
        try:
            state = BuildState(server.open("crashed", query_timeout_seconds=5))
            _do(state.warehouse, "create table {} (id int)")
            before = state.catalog().relations
            with state.warehouse.connect("owner") as connection:
                postmaster = psutil.Process(connection.info.backend_pid).parent()
            assert postmaster is not None
            postmaster.kill()
            postmaster.wait()
            after = BuildState(server.open("crashed", query_timeout_seconds=5)).catalog().relations
        finally:
            server.stop()
    assert before
    assert not set(before.values()) & set(after.values())


def test_the_last_builds_are_recorded_in_the_warehouse(raw: Warehouse) -> None:
    state = BuildState(raw)
    former: Mapping[str, LastBuild] = state.read()[0]
    model, failed = LastBuild("text", {"source.raw": "1"}, "state"), LastBuild("text", None, None)
    now = {**former, "model.a": model, "test.b": failed}
    state.write(former, now)
    assert BuildState(raw).read()[0] == now
