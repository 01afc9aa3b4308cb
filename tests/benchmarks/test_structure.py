"""The figures of `benchmarks.structure`, on made-up trees that are small enough to count by hand."""

from pathlib import Path, PurePosixPath

import pytest

from benchmarks import structure


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "shop/__init__.py": "",
        "shop/till.py": "from shop import shelf\n\ndef pay():\n    import depot.lorry\n\n    return shelf\n",
        "shop/shelf.py": "from .back.room import crate\n\nprint(crate)\n",
        "shop/back/__init__.py": "from .. import till\n",
        "shop/back/room.py": "import json\n\nclass Crate:\n    def lift(self) -> str:\n        return json.dumps(1)\n",
        "depot/__init__.py": "",
        "depot/lorry.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_are_found_wherever_and_however_they_are_written(tree: Path) -> None:
    files = [PurePosixPath(file.relative_to(tree)) for file in tree.rglob("*.py")]

    imports = {module.name: module.imports for module in structure.read_modules(tree, files)}

    assert imports == {
        "shop": set(),
        "shop.till": {"shop.shelf", "depot.lorry"},
        "shop.shelf": {"shop.back.room"},
        "shop.back": {"shop.till"},
        "shop.back.room": set(),
        "depot": set(),
        "depot.lorry": set(),
    }


def test_packages_show_their_arrows_and_the_circle_of_their_rooms(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [PurePosixPath(file.relative_to(tree)) for file in tree.rglob("*.py")]
    modules = structure.read_modules(tree, files)

    structure.print_packages(modules, ["depot", "shop"])

    printed = " ".join(capsys.readouterr().out.split())
    assert "backward 1 1" in printed
    assert "shop → depot 1" in printed
    # Rooms, arrows, edges, mutual, circles, rooms in circles, floors.
    assert "shop 3 3 3 0 1 3 1" in printed
    assert "circle of 3: shop.back, shop.shelf, shop.till" in printed


def test_functions_are_measured_with_the_class_they_belong_to(tree: Path) -> None:
    files = [PurePosixPath("shop/back/room.py"), PurePosixPath("shop/till.py")]

    functions = [one for module in structure.read_modules(tree, files) for one in module.functions]

    assert functions == [
        structure.Function("shop.back.room", "Crate.lift", 2, has_return_type=True),
        structure.Function("shop.till", "pay", 4, has_return_type=False),
    ]


def test_a_ref_to_a_later_folder_is_backward(capsys: pytest.CaptureFixture[str]) -> None:
    folders = {"a": "staging/tempo", "b": "marts/time", "c": "intermediate/billing", "d": "reports", "e": "attic"}
    refs = {"b": ["a", "c"], "c": ["a", "b"], "d": ["c", "a"], "e": ["d"]}
    nodes = {
        f"model.{name}": {
            "resource_type": "model",
            "path": f"{folder}/{name}.sql",
            "depends_on": {"nodes": [f"model.{used}" for used in refs.get(name, [])]},
        }
        for name, folder in folders.items()
    }
    nodes["test.a"] = {"resource_type": "test", "depends_on": {"nodes": ["model.a"]}}

    structure.print_models({"nodes": nodes}, [["staging"], ["time"], ["billing"], ["reports"]])

    printed = " ".join(capsys.readouterr().out.split())
    assert "model 5 snapshot 0 test 1 together 6" in printed
    assert "attic 1 not in the order" in printed
    assert (
        "arrows 7 7 between folders of the order 6 6 backward 1 1 mutual 2 2 circles 1 folders in circles 2" in printed
    )
    assert "time → billing 1" in printed
    assert "billing ↔ time: 1/1" in printed


@pytest.mark.parametrize(
    ("arrows", "floors", "circles"),
    [
        ([("a", "b"), ("b", "c"), ("a", "c")], 3, []),
        # A circle is one floor, also below a folder that reaches nothing else.
        ([("a", "b"), ("b", "c"), ("c", "b")], 2, [["b", "c"]]),
        ([("a", "b"), ("b", "a"), ("c", "d"), ("d", "e"), ("e", "c")], 1, [["c", "d", "e"], ["a", "b"]]),
    ],
)
def test_circles_and_floors(arrows: list[tuple[str, str]], floors: int, circles: list[list[str]]) -> None:
    assert structure._floors(arrows) == floors
    assert structure._circles(arrows) == circles
