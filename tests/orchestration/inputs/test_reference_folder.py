"""Which folder reference files are read from, and the session roots in it."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.inputs.reference import base_folder, reference_folder, session_roots
from orchestration.settings import PROJECT_FOLDER, Profile, Settings


@pytest.mark.parametrize(
    ("profile", "own", "expected"),
    [
        ("production", {}, PROJECT_FOLDER / "reference"),
        ("production", {"reference_dir": Path("/own")}, Path("/own")),
        ("sandbox", {"sandbox_dir": Path("/whole")}, Path("/whole/reference")),
        ("sandbox", {"sandbox_dir": Path("/bare")}, Path("/home/sandbox/no-reference")),
        ("sandbox", {}, Path("/home/sandbox/dataset/reference")),
        ("sandbox", {"reference_dir": Path("/own")}, Path("/own")),
    ],
    ids=["checkout", "own", "dataset", "dataset without reference files", "generated dataset", "own in a sandbox"],
)
def test_the_reference_folder_is_the_users_own_else_the_datasets_or_the_checkouts(
    tmp_path: Path, profile: Profile, own: dict[str, Path], expected: Path
) -> None:
    def within(path: Path) -> Path:
        return path if path.is_relative_to(PROJECT_FOLDER) else tmp_path / path.relative_to("/")

    for folder in ("whole/reference", "bare", "home/sandbox/dataset/reference"):
        (tmp_path / folder).mkdir(parents=True)
    settings: Any = {name: within(path) for name, path in own.items()}
    assert reference_folder(Settings(profile=profile, home=tmp_path / "home", **settings)) == within(expected)


def test_relative_session_roots_start_at_the_checkout_or_the_dataset(tmp_path: Path) -> None:
    assert base_folder(Settings(profile="production", home=tmp_path)) == PROJECT_FOLDER
    assert base_folder(Settings(profile="sandbox", home=tmp_path)) == tmp_path / "sandbox" / "dataset"


def test_session_roots_are_read_with_a_byte_order_mark_and_a_missing_file_has_none(tmp_path: Path) -> None:
    file = tmp_path / "session_roots.csv"
    settings = Settings(profile="production", home=tmp_path, reference_dir=tmp_path)
    assert session_roots(settings) == []
    file.write_bytes("\ufeffpath,email,host\r\n/é,ada@example.com,\r\n".encode())
    assert session_roots(settings) == [{"path": "/é", "host": ""}]
