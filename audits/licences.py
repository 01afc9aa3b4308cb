"""The licence of every locked dependency, and whether it is one that Workledger accepts.

    python -m audits.licences [--write]

Checks `docs/licences.md` against `requirements.lock` and the metadata of the installed packages, and the licences
against those that are accepted. `--write` writes the file again; a package that is not installed here, such as one for
Windows, keeps its row.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = PROJECT / "requirements.lock"
PAGE: Final = PROJECT / "docs" / "licences.md"

# Identifiers of spdx.org. Workledger is distributed without its dependencies and links against none of them, so a
# copyleft that ends at the library (LGPL, MPL) is accepted; one that reaches what uses it (GPL, AGPL) is not.
ACCEPTED: Final = frozenset(
    {"0BSD", "AFL-2.1", "Apache-2.0", "Artistic-1.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python"}
    | {"ISC", "LGPL", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Public-Domain", "Zlib"}
)
# Older packages write a name of their own instead of the identifier.
_NAMES: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Artistic License": "Artistic-1.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSF": "PSF-2.0",
    "Public Domain": "Public-Domain",
    "Python Software Foundation License": "PSF-2.0",
}
# Looked up by hand: the metadata names none, or several without saying whether one may be chosen.
_BY_HAND: Final[Mapping[str, str]] = {
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "saxonche": "MPL-2.0",
    "text-unidecode": "Artistic-1.0 OR GPL-2.0-or-later",
    "uvloop": "Apache-2.0 OR MIT",
}
_HEAD: Final = """\
# Licences

The licence of every package in `requirements.lock`, as its metadata gives it; `make lock` writes this page.
`tests/audits/test_licences.py` fails on a licence that is not accepted, see `audits/licences.py`.

| package | version | licence |
| --- | --- | --- |
"""


def locked(text: str) -> dict[str, str]:
    """Return name and version of each package in a lock file; versions by platform are joined by ` / `."""
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE):
        versions.setdefault(name, []).append(version)
    return {name: " / ".join(found) for name, found in versions.items()}


def licence(name: str) -> str | None:
    """Return the licence of an installed package, as an expression of spdx.org if it can be; None: not installed."""
    if name in _BY_HAND:
        return _BY_HAND[name]
    try:
        package = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if expression := package.get_all("License-Expression"):
        return str(expression[0])
    given = str((package.get_all("License") or [""])[0]).strip()
    given = _NAMES.get(given, given)
    if not refused(given) and given != "BSD":
        return given
    classified = [one.split(" :: ")[-1] for one in package.get_all("Classifier") or [] if one.startswith("License ::")]
    return " AND ".join(_NAMES.get(one, one) for one in classified) or given or "unknown"


def refused(expression: str) -> list[str]:
    """Return the licences of an expression that hold and are not accepted; of those joined by OR one may be chosen."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return [part for part in parts if not ACCEPTED.intersection(re.split(r"\s+OR\s+", part))]


def rows(page: str) -> dict[str, tuple[str, str]]:
    """Return version and licence by package, as the page gives them."""
    found = re.findall(r"^\| (\S+) \| (\d[\w./ ]*) \| (.+) \|$", page, re.MULTILINE)
    return {name: (version, said) for name, version, said in found}


def expected(known: Mapping[str, tuple[str, str]]) -> str:
    """Return the page as it should be; `known` gives what is not installed here."""
    lines = []
    for name, version in sorted(locked(LOCK.read_text()).items()):
        said = licence(name) or known.get(name, ("", "unknown"))[1]
        lines.append(f"| {name} | {version} | {said} |\n")
    return _HEAD + "".join(lines)


def findings(page: str) -> Iterator[str]:
    """Say what is wrong with a page: it is not that of the lock file, or a licence is not accepted."""
    if page != expected(rows(page)):
        yield "docs/licences.md is not that of requirements.lock; run python -m audits.licences --write"
    for name, (_, said) in rows(page).items():
        for one in refused(said):
            yield f"{name} has the licence {one}, which is not accepted; see ACCEPTED in audits/licences.py"


def main() -> None:
    """Check the page, or write it; end with 1 if something is wrong."""
    page = PAGE.read_text() if PAGE.exists() else ""
    if "--write" in sys.argv[1:]:
        page = expected(rows(page))
        PAGE.write_text(page)
    found = list(findings(page))
    print("\n".join(found) or f"{len(rows(page))} dependencies, each with a licence that is accepted.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
