"""Known vulnerabilities of the locked dependencies, by pip-audit.

    python -m audits.vulnerabilities PIP_AUDIT [LOCK_FILE]...

Ends with 1 if one is known. Where the service of advisories cannot be reached, or does not know a package, it says so:
nothing is known then, which is not the same as "nothing is wrong".
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

_MOST_NAMES: Final = 5


def audit(program: str, lock_file: str) -> tuple[list[str], bool]:
    """Run pip-audit on a lock file.

    Args:
        program: path of pip-audit.
        lock_file: pinned requirements with hashes; nothing is installed or resolved.

    Returns:
        Sentences, and whether a vulnerability is known.
    """
    options = ["--requirement", lock_file, "--require-hashes", "--disable-pip", "--format", "json"]
    done = subprocess.run([program, *options, "--progress-spinner", "off"], capture_output=True, text=True)
    try:
        return _report(lock_file, json.loads(done.stdout)["dependencies"])
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        reason = "no service of advisories can be reached from here" if "Connection" in said else said[:200]
        return [f"{lock_file}: not audited, because {reason}."], False


def _report(lock_file: str, packages: Sequence[dict[str, Any]]) -> tuple[list[str], bool]:
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    known = len(packages) - len(unknown)
    lines = [
        f"{lock_file}: {one['name']} {one['version']} has {flaw['id']}; "
        f"fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}."
        for one in packages
        for flaw in one.get("vulns", [])
    ]
    found = bool(lines)
    if known:
        lines.append(f"{lock_file}: {known} of {len(packages)} packages audited, known vulnerabilities: {len(lines)}.")
    if unknown:
        more = ", …" if len(unknown) > _MOST_NAMES else ""
        names = ", ".join(unknown[:_MOST_NAMES]) + more if known else "any package"
        lines.append(f"{lock_file}: not audited, because the index reached from here has no advisories of {names}.")
    return lines, found


def main() -> None:
    """Audit each lock file and print what is known."""
    program, *lock_files = sys.argv[1:]
    results = [audit(program, one) for one in lock_files or ["requirements.lock"]]
    for lines, _ in results:
        print("\n".join(lines))
    sys.exit(any(found for _, found in results))


if __name__ == "__main__":
    main()
