"""Copies `templates/source` into the project under the name of a new source: `python templates/new_source.py NAME`."""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TEMPLATE = PROJECT / "templates" / "source"


def copy_template(name: str, project: Path = PROJECT) -> list[Path]:
    """Write the template's files with `example` replaced by `name`; return them.

    Raises `SystemExit` when the name is not a Python name in lower case, or one of the files already exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SystemExit(f"{name!r} cannot name a source; use lower-case letters, digits and underscores")
    files = {
        project / str(file.relative_to(TEMPLATE)).replace("example", name): file.read_text(encoding="utf-8")
        for file in sorted(TEMPLATE.rglob("*"))
        if file.suffix in {".py", ".sql", ".yml"}
    }
    if existing := [file for file in files if file.exists()]:
        raise SystemExit(f"{existing[0].relative_to(project)} already exists; choose another name or remove it")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        renamed = text.replace("example", name).replace("EXAMPLE", name.upper()).replace("Example", name.capitalize())
        file.write_text(renamed, encoding="utf-8")
    return list(files)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python templates/new_source.py NAME")
    for written in copy_template(sys.argv[1]):
        print(written.relative_to(PROJECT))
