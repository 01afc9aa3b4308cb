"""What `make audit` says: a known vulnerability, a package that nobody knows, a service that cannot be reached."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from audits.vulnerabilities import audit

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / ".venv" / "audit"


@pytest.fixture
def pip_audit(tmp_path: Path) -> Path:
    """A stand-in for pip-audit, which prints what is in files beside it."""
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\nbeside = pathlib.Path(__file__).parent\n"
        "sys.stdout.write((beside / 'out').read_text()); sys.stderr.write((beside / 'err').read_text())\n"
    )
    program.chmod(0o755)
    (tmp_path / "out").touch()
    (tmp_path / "err").touch()
    return program


def test_a_known_vulnerability_is_named_and_an_unknown_package_is_not_passed_over(pip_audit: Path) -> None:
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["1.2"], "aliases": [], "description": ""}
    packages = [
        {"name": "good", "version": "1.0", "vulns": []},
        {"name": "bad", "version": "1.1", "vulns": [flaw]},
        {"name": "private", "skip_reason": "Dependency not found on PyPI and could not be audited: private (1)"},
    ]
    pip_audit.with_name("out").write_text(json.dumps({"dependencies": packages, "fixes": []}))
    lines, found = audit(str(pip_audit), "x.lock")
    assert found
    assert lines == [
        "x.lock: bad 1.1 has PYSEC-2026-1; fixed in 1.2.",
        "x.lock: 2 of 3 packages audited, known vulnerabilities: 1.",
        "x.lock: not audited, because the index reached from here has no advisories of private.",
    ]


def test_a_service_that_cannot_be_reached_is_said(pip_audit: Path) -> None:
    pip_audit.with_name("err").write_text("Traceback\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(…)\n")
    assert audit(str(pip_audit), "x.lock") == (
        ["x.lock: not audited, because no service of advisories can be reached from here."],
        False,
    )


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-audit.lock"])
def test_each_locked_package_has_a_hash_and_no_index_is_named(name: str) -> None:
    text = (PROJECT / name).read_text()
    entries = re.split(r"^(?=[\w.-]+(?:\[[^\]]*\])?==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 20
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"--(?:extra-)?index-url|--find-links|https?://|file:", text)


@pytest.mark.skipif(not (TOOLS / ".ready").exists(), reason="the tools of `make audit` are not installed")
def test_the_bill_of_materials_names_every_locked_package_and_is_the_same_each_time(tmp_path: Path) -> None:
    bills = []
    for name in ("first.json", "second.json"):
        command = [
            str(TOOLS / "bin" / "cyclonedx-py"),
            "requirements",
            "requirements.lock",
            "--pyproject",
            "pyproject.toml",
        ]
        options = ["--output-reproducible", "--output-file", str(tmp_path / name)]
        subprocess.run([*command, *options], cwd=PROJECT, check=True, capture_output=True)
        bills.append((tmp_path / name).read_bytes())
    assert bills[0] == bills[1]
    bill = json.loads(bills[0])
    locked = re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", (PROJECT / "requirements.lock").read_text(), re.MULTILINE)
    assert bill["bomFormat"] == "CycloneDX"
    assert sorted(one["name"] for one in bill["components"]) == sorted(locked)
