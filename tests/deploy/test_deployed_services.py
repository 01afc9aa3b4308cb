"""The services of deploy/, started by the command lines of their units: a schedule, a sensor and runs go through them.

`make test-deploy` runs it, `make test` does not. Dagster's runs are in Postgres, on the tests' embedded server; Caddy,
hadolint and systemd read the files that are theirs.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import psutil
import psycopg
import pytest
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData

from assets.keys import job_name
from orchestration.graph.instance import open_instance
from orchestration.graph.locks import locked
from orchestration.graph.processes import PROCESS_TAG, process_id
from orchestration.graph.schedules import SOURCE_TAG
from orchestration.settings import PROJECT_FOLDER, Settings, load_settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from tests.deploy.deployment import CHECKOUT, DEPLOY, HOME, SERVICES, unit, yaml_file

pytestmark = pytest.mark.deploy

TOOLS = PROJECT_FOLDER / ".venv" / "audit" / "bin"
USER, PASSWORD = "ann", "correct horse"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until(what: Callable[[], Any], seconds: float = 180, told: Callable[[], object] = str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, told()
        time.sleep(0.5)
    return found


class Server:
    """A machine on which the services run: its folders, its settings, its processes."""

    def __init__(self, folder: Path, warehouse_dsn: str, dagster_dsn: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.checkout = folder / "checkout"
        self.ports = {"4000": str(_free_port()), "3000": str(_free_port())}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for path in (self.home / "dagster", self.home / "reference"):
            path.mkdir(parents=True)
        # As the guide says: a checkout with its `.env`, dagster.yaml in Dagster's folder of the home.
        self.checkout.mkdir()
        for path in PROJECT_FOLDER.iterdir():
            if path.is_file() and not path.name.startswith("."):
                shutil.copy(path, self.checkout)
            elif (path / "__init__.py").exists() or path.name in ("dbt_project", "deploy", "reference"):
                shutil.copytree(path, self.checkout / path.name, ignore=shutil.ignore_patterns("__pycache__", "target"))
        (self.checkout / ".venv").symlink_to(PROJECT_FOLDER / ".venv")
        shutil.copy(DEPLOY / "dagster.yaml", self.home / "dagster" / "dagster.yaml")
        text = (DEPLOY / "env.example").read_text().replace(HOME, str(self.home))
        text = re.sub(r"^(WAREHOUSE_DSN)=.*$", rf"\1={warehouse_dsn}", text, flags=re.MULTILINE)
        text = re.sub(r"^(DAGSTER_DSN)=.*$", rf"\1={dagster_dsn}", text, flags=re.MULTILINE)
        (self.checkout / ".env").write_text(text)
        workspace = self.checkout / "deploy" / "workspace.yaml"
        workspace.write_text(workspace.read_text().replace("4000", self.ports["4000"]))

    @property
    def settings(self) -> Settings:
        return load_settings({}, env_file=self.checkout / ".env", project_folder=self.checkout)

    @property
    def environment(self) -> dict[str, str]:
        """What systemd gives a service, and nothing of this test's own; Python takes the code from the checkout."""
        given = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8"}
        # So that Kingfisher need not compile its rules again.
        given["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        return {**given, "PYTHONPATH": str(self.checkout), "DAGSTER_HOME": str(self.home / "dagster")}

    def start(self, name: str) -> None:
        """Start a service by the command line and the environment of its unit."""
        found = unit(f"workledger-{name}.service")
        replaced = {CHECKOUT: str(self.checkout), HOME: str(self.home), **self.ports}

        def here(text: str) -> str:
            for old, new in replaced.items():
                text = text.replace(old, new) if len(old) > 4 else new if text == old else text
            return text

        environment = {key: here(value) for key, value in found.environment.items()} | self.environment
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [here(part) for part in found.command],
                cwd=self.checkout,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def end(self, name: str) -> None:
        """End one service, as systemd does."""
        self.processes[name].terminate()
        self.processes[name].wait(60)

    def stop(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def answers(self) -> bool:
        address = f"http://127.0.0.1:{self.ports['3000']}/server_info"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
        return False


@pytest.fixture(scope="module")
def machine(server: EmbeddedServer, warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    name = f"dagster_{uuid4().hex[:12]}"
    with psycopg.connect(**server.administrator(), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    form = "postgresql://{user}:{password}@{host}:{port}/{dbname}"
    dsns = [form.format(**server.administrator(one)) for one in (warehouse.database, name)]
    machine = Server(tmp_path_factory.mktemp("server"), *dsns)
    with pytest.MonkeyPatch.context() as patch:
        # Dagster's storage reads its address in this process as well.
        patch.setenv("DAGSTER_DSN", dsns[1])
        # As the guide says, before anything is started.
        first = [str(machine.checkout / ".venv" / "bin" / "workledger"), "run"]
        done = subprocess.run(first, env=machine.environment, cwd=machine.checkout, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            for service in SERVICES:
                machine.start(service)
            _until(machine.answers)
            yield machine
        finally:
            machine.stop()


def _failures(machine: Server) -> str:
    """Why runs failed."""
    with open_instance(machine.settings) as instance:
        found = {
            run.run_id: [
                entry.get_dagster_event().step_failure_data
                for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            ]
            for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        }
    return "\n".join(
        f"{run_id[:8]}: {data.error.to_string() if data.error else data.user_failure_data}"
        for run_id, failures in found.items()
        for data in failures
    )


def _runs(machine: Server, **filters: Any) -> list[dg.DagsterRun]:
    with open_instance(machine.settings) as instance:
        return list(instance.get_runs(dg.RunsFilter(**filters)))


def test_a_sensor_starts_a_run_that_lands_a_file(machine: Server, warehouse: Warehouse) -> None:
    (machine.home / "reference" / "clients.csv").write_text("client,company_name,status\nacme,Acme Inc,active\n")
    (run, *_) = _until(
        lambda: _runs(machine, tags={"dagster/sensor_name": "reference_files"}, statuses=[dg.DagsterRunStatus.SUCCESS]),
        told=lambda: _failures(machine),
    )
    assert run.job_name == job_name("reference")
    with warehouse.connect("owner") as connection:
        assert connection.execute("select client from raw_reference.clients").fetchall() == [("acme",)]


def test_a_run_of_a_killed_process_fails_and_is_repeated(machine: Server) -> None:
    status = dg.DagsterRunStatus
    job = job_name("reference")
    # A load that hangs, as it waits for this process.
    with locked(machine.home / "dlt" / "reference.lock", "Reference files", print):
        (machine.home / "reference" / "clients.csv").write_text("client,company_name,status\nacme,Acme Ltd,active\n")
        started = {"job_name": job, "statuses": [status.STARTED]}
        (run,) = _until(lambda: [one for one in _runs(machine, **started) if PROCESS_TAG in one.tags])
        number = process_id(run.tags[PROCESS_TAG])
        assert number is not None
        assert machine.processes["code"].pid in [one.pid for one in psutil.Process(number).parents()]
        psutil.Process(number).kill()
        _until(lambda: _runs(machine, run_ids=[run.run_id], statuses=[status.FAILURE]))
    (again,) = _until(
        lambda: _runs(machine, tags={"dagster/parent_run_id": run.run_id}, statuses=[status.SUCCESS]),
        told=lambda: _failures(machine),
    )
    assert again.job_name == job


def test_a_schedule_starts_a_run_also_when_the_daemon_was_down_at_its_hour(machine: Server) -> None:
    def state() -> InstigatorState | None:
        with open_instance(machine.settings) as instance:
            found = instance.all_instigator_state()
        return next((one for one in found if one.instigator_name == "clockify_schedule"), None)

    known = _until(state)
    machine.end("daemon")
    # As if it had been seen an hour ago, and the daemon had been away since.
    earlier = ScheduleInstigatorData(known.instigator_data.cron_schedule, time.time() - 3700)
    with open_instance(machine.settings) as instance:
        instance.update_instigator_state(known.with_data(earlier))
    machine.start("daemon")
    tags = {"dagster/schedule_name": "clockify_schedule", SOURCE_TAG: "clockify"}
    (run, *_) = _until(
        lambda: _runs(machine, tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS]), told=lambda: _failures(machine)
    )
    assert run.job_name == job_name("clockify")


def test_what_has_landed_is_built_by_a_run_that_the_daemon_asks_for(machine: Server, warehouse: Warehouse) -> None:
    def clients() -> list[tuple[str, str]]:
        with warehouse.connect("analyst") as connection:
            return connection.execute("select name, company_name from marts.clients").fetchall()

    _until(lambda: clients() == [("acme", "Acme Ltd")], 400, lambda: _failures(machine))
    tags = {"dagster/from_automation_condition": "true"}
    assert _runs(machine, tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])


def test_no_service_has_complained(machine: Server) -> None:
    for name in SERVICES:
        assert machine.processes[name].poll() is None, machine.log(name)
        assert "Traceback" not in machine.log(name), machine.log(name)


def test_the_health_checks_of_containers_pass(machine: Server) -> None:
    programs = {name: str(Path(sys.executable).with_name(name)) for name in ("dagster", "dagster-daemon")}
    services = yaml_file("compose.yaml")["services"]
    checks = [["CMD", "dagster", "api", "grpc-health-check", "--port", "4000"]]
    checks += [services[name]["healthcheck"]["test"] for name in ("daemon", "webserver")]
    for _, program, *arguments in checks:
        arguments = [re.sub(r"(?<![\d.])(3000|4000)", lambda one: machine.ports[one[0]], part) for part in arguments]
        command = [programs.get(program, sys.executable), *arguments]
        done = subprocess.run(command, env=machine.environment, cwd=machine.checkout, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)


# --- the files, as the tools read them that they are for ---------------------------------------------------------


def _tool(name: str) -> str:
    tool = TOOLS / name
    if not tool.exists():
        pytest.skip(f"{tool} is not there; `make test-deploy` installs it")
    return str(tool)


def test_the_proxy_asks_for_a_password_and_hands_on(machine: Server, tmp_path: Path) -> None:
    caddy = _tool("caddy")
    hashed = subprocess.run(
        [caddy, "hash-password", "--plaintext", PASSWORD], check=True, capture_output=True, text=True
    ).stdout.strip()
    users = tmp_path / "users"
    users.write_text(f"{USER} {hashed}\n")
    file = tmp_path / "Caddyfile"
    # No port of its own for administration, beside others on this machine.
    text = (DEPLOY / "Caddyfile").read_text().replace("/etc/caddy/users", str(users))
    file.write_text(f"{{\n\tadmin off\n}}\n{text}")
    port = _free_port()
    environment = {
        **os.environ,
        "SITE_ADDRESS": f"http://127.0.0.1:{port}",
        "WEBSERVER_ADDRESS": f"127.0.0.1:{machine.ports['3000']}",
        "HOME": str(tmp_path),
    }
    log = (tmp_path / "caddy.log").open("wb")
    command = [caddy, "run", "--config", str(file), "--adapter", "caddyfile"]
    with log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
        try:

            def status(password: str | None) -> int:
                request = urllib.request.Request(f"http://127.0.0.1:{port}/server_info")
                if password is not None:
                    token = b64encode(f"{USER}:{password}".encode()).decode()
                    request.add_header("Authorization", f"Basic {token}")
                try:
                    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - of this machine
                        assert answer.headers["X-Frame-Options"] == "DENY"
                        return int(answer.status)
                except urllib.error.HTTPError as error:
                    return error.code
                except OSError:
                    return 0

            assert _until(lambda: status(None), 30) == 401
            assert status("wrong") == 401
            assert status(PASSWORD) == 200
        finally:
            process.terminate()


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    if not (tool := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not there")
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace(f"{CHECKOUT}/.venv/bin", str(Path(sys.executable).parent))
        text = text.replace(CHECKOUT, str(PROJECT_FOLDER))
        (tmp_path / path.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([tool, "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_hadolint_reads_the_container_file() -> None:
    done = subprocess.run([_tool("hadolint"), str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
