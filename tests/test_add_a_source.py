"""The three steps of CONTRIBUTING.md, followed in a copy of the repository with a vendor that a local server plays."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer

TOKEN = "harvest-token"
THINGS = [
    {
        "id": f"t{number}",
        "name": f"Thing {number}",
        "owner": {"email": "ada@example.com"},
        "created_at": "2026-01-05T08:00:00Z",
    }
    for number in range(150)
]
# In one process, because importing Dagster and reading the manifest take longer than what is tried.
LOAD_AND_BUILD = """
import dagster as dg
from orchestration.definitions import definitions

schedule = definitions.resolve_schedule_def("harvest_schedule")
print("schedule", schedule.cron_schedule, schedule.job_name)
assert definitions.resolve_job_def(schedule.job_name).execute_in_process().success
view = dg.AssetKey(["staging", "stg_harvest__things"])
build = definitions.resolve_implicit_global_asset_job_def()
assert build.execute_in_process(asset_selection=[view]).success
"""


class Vendor(BaseHTTPRequestHandler):
    """Answers like the API that the template asks."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}" and url.path == "/v1/things"
        first = (query.get("page", 1) - 1) * query.get("page_size", 0)
        body = json.dumps(
            THINGS[first : first + query.get("page_size", 0)] if allowed else {"error": "refused"}
        ).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture(scope="module")
def vendor_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the first two steps were taken."""
    steps = (PROJECT_FOLDER / "CONTRIBUTING.md").read_text()
    project = tmp_path_factory.mktemp("copy") / "workledger"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "target", "node_modules")
    packages = ("sources", "assets", "dashboards", "invoicing", "orchestration", "publishing", "sandbox")
    for name in (*packages, "templates", "tests", "dbt_project", "reference"):
        shutil.copytree(PROJECT_FOLDER / name, project / name, ignore=ignored)
    for name in ("pyproject.toml", ".env.example"):
        shutil.copy(PROJECT_FOLDER / name, project / name)

    (copy,) = re.findall(r"^1\. .*`(python templates/new_source\.py harvest)`", steps, re.MULTILINE)
    done = subprocess.run([sys.executable, *copy.split()[1:]], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    register = r"^2\. .*add `([^`]*)` to `([^`]*)`, its settings to `([^`]*)`, and `([^`]*)` to the list in\s+`([^`]*)`"
    ((name, catalog, example, listed, report),) = re.findall(register, steps, re.MULTILINE)
    text = (project / catalog).read_text()
    (project / catalog).write_text(text.replace('    "tempo",\n', f'    "tempo",\n    {name},\n'))
    model = (project / report).read_text()
    (project / report).write_text(model.replace("'tempo'] %}", f"'tempo', {listed}] %}}"))
    with (project / example).open("a") as file:
        file.write("\n#SOURCES__HARVEST__API_TOKEN=\n#SOURCES__HARVEST__BASE_URL=\n")
    return project


@pytest.fixture
def environment(
    tmp_path_factory: pytest.TempPathFactory, server: EmbeddedServer, warehouse: Warehouse, vendor_url: str
) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    (home / "reference").mkdir()
    dsn = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.administrator(warehouse.database))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "WORKLEDGER_PROFILE": "production",
        "WORKLEDGER_HOME": str(home / "workledger"),
        "REFERENCE_DIR": str(home / "reference"),
        "WAREHOUSE_DSN": dsn,
        "SOURCES__HARVEST__API_TOKEN": TOKEN,
        "SOURCES__HARVEST__BASE_URL": vendor_url,
    }


def run(project: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)


def test_the_project_accepts_the_source(project: Path, environment: dict[str, str]) -> None:
    tests = ["tests/sources/test_catalog.py", "tests/orchestration/test_settings.py"]
    chosen = ["-k", "harvest or example_file or catalogue", "-p", "no:cacheprovider", "-q"]
    done = run(project, environment, "-m", "pytest", *tests, *chosen)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout


def test_it_loads_alone(project: Path, environment: dict[str, str], warehouse: Warehouse) -> None:
    done = run(project, environment, "-m", "sources.harvest", "--dsn", warehouse.dsn("loader"))
    assert done.returncode == 0, done.stderr
    assert ["things", "150", "rows", "handed", "over"] in [line.split() for line in done.stdout.splitlines()]


def test_the_doctor_tries_its_credentials(project: Path, environment: dict[str, str]) -> None:
    assert (
        "Harvest answers and accepts the credentials"
        in run(project, environment, "-m", "orchestration", "doctor").stdout
    )
    refused = run(project, environment | {"SOURCES__HARVEST__API_TOKEN": "wrong"}, "-m", "orchestration", "doctor")
    assert "check SOURCES__HARVEST__API_TOKEN" in refused.stdout + refused.stderr


def test_it_has_a_schedule_whose_job_loads_it_and_its_staging_view_is_built(
    project: Path, environment: dict[str, str], warehouse: Warehouse
) -> None:
    done = run(project, environment, "-c", LOAD_AND_BUILD)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "schedule 25 * * * * refresh_harvest" in done.stdout
    with warehouse.connect("transformer") as connection:
        query = "select count(*), min(thing_id), max(owner_email) from staging.stg_harvest__things"
        assert connection.execute(query).fetchone() == (150, "t0", "ada@example.com")
