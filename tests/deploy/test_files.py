"""The files of deploy/ agree with each other, with the settings, with Dagster's rules in the home, with the guide."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

from orchestration.graph.instance import ALONE_TAG, MAX_RUNTIME_SECONDS, dagster_folder
from orchestration.settings import PROJECT_FOLDER, SETTING_NAMES, Settings, load_settings
from sources.catalog import SOURCES
from tests.deploy.deployment import (
    CHECKOUT,
    DEPLOY,
    HOME,
    SERVICES,
    image_command,
    instructions,
    unit,
    yaml_file,
)

GUIDE = (PROJECT_FOLDER / "docs" / "production.md").read_text()
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())
# What Dagster, Python and others read; everything else that is set must be a setting of Workledger.
OTHERS = {"DAGSTER_HOME", "DO_NOT_TRACK", "PATH", "XDG_CACHE_HOME"}


def _is_known(name: str) -> bool:
    workspace = (DEPLOY / "workspace.yaml").read_text()
    return name in SETTING_NAMES or name in OTHERS or name.startswith("PYTHON") or f"env: {name}\n" in workspace


def test_the_guide_names_every_file() -> None:
    files = [path.relative_to(PROJECT_FOLDER).as_posix() for path in DEPLOY.rglob("*") if path.is_file()]
    assert len(files) > 10
    named = [file for file in files if file in GUIDE or file.removesuffix(".dockerignore") in GUIDE]
    assert files == [file for file in files if file in named or "deploy/systemd/" in file]
    assert all(name.removesuffix(".service") in GUIDE or name in GUIDE for name in UNITS)


def test_every_setting_of_the_example_is_known_and_fits(tmp_path: Path) -> None:
    text = (DEPLOY / "env.example").read_text()
    names = re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
    settings = {spec.variable(name) for spec in SOURCES.values() for name in spec.settings}
    assert not [name for name in names if name not in SETTING_NAMES and name not in settings]
    # As it is, and with every line in force.
    for form in (text, re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE)):
        (tmp_path / ".env").write_text(form.replace(HOME, str(tmp_path)))
        (tmp_path / "reference").mkdir(exist_ok=True)
        found = load_settings({}, env_file=tmp_path / ".env", project_folder=tmp_path)
        assert found.profile == "production"
        assert found.dagster_dsn
        assert found.warehouse_dsn


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_a_unit_starts_a_program_of_this_project_with_variables_that_somebody_reads(name: str) -> None:
    found = unit(name)
    program = found.command[0].removeprefix(f"{CHECKOUT}/.venv/bin/")
    assert program in {one.name for one in entry_points(group="console_scripts")}
    assert not [variable for variable in found.environment if not _is_known(variable)]
    assert found.environment["DAGSTER_HOME"] == f"{HOME}/dagster"
    assert (found.value("User"), found.value("StateDirectory")) == ("workledger", Path(HOME).name)
    for part in found.command:
        if part.startswith(f"{CHECKOUT}/deploy"):
            assert (PROJECT_FOLDER / part.removeprefix(f"{CHECKOUT}/")).is_file()


def test_the_units_differ_in_nothing_but_what_they_are_for() -> None:
    own = {"Description", "After", "Wants", "ExecStart", "Restart", "RestartSec", "ProtectHome", "TimeoutStopSec"}
    own |= {"Type", "ReadWritePaths", "WantedBy"}
    alike = {
        tuple(sorted(one for one in unit(name).directives if one[1] not in own))
        for name in UNITS
        if name.endswith(".service")
    }
    assert len(alike) == 1


def test_containers_run_what_the_units_run() -> None:
    services = yaml_file("compose.yaml")["services"]
    inside = {"127.0.0.1": "0.0.0.0"}  # noqa: S104 - the container's own network
    commands = {name: unit(f"workledger-{name}.service").command for name in SERVICES}
    for name, command in commands.items():
        started = [inside.get(part, part.removeprefix(f"{CHECKOUT}/.venv/bin/")) for part in command]
        assert (services[name].get("command") or image_command()) == started
    backup = unit("workledger-backup.service").command
    assert services["backup"]["command"][1:] == ["backup", "/backups", *backup[3:]]


def test_everybody_asks_the_code_server_where_it_listens() -> None:
    (server,) = (one["grpc_server"] for one in yaml_file("workspace.yaml")["load_from"])
    code = unit("workledger-code.service").command
    assert code[code.index("--port") + 1] == str(server["port"])
    assert code[code.index("--location-name") + 1] == server["location_name"]
    for name in SERVICES:
        assert unit(f"workledger-{name}.service").environment[server["host"]["env"]] == "127.0.0.1"
    compose = yaml_file("compose.yaml")
    assert compose["x-workledger"]["environment"][server["host"]["env"]] in compose["services"]
    (deployment,) = yaml_file("helm-values.yaml")["dagster-user-deployments"]["deployments"]
    assert (deployment["port"], deployment["dagsterApiGrpcArgs"]) == (server["port"], code[code.index("4000") + 1 :])
    (check,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    assert f'"--port", "{server["port"]}"' in check


def test_dagsters_rules_in_production_are_those_of_the_home(tmp_path: Path) -> None:
    own = yaml.safe_load((dagster_folder(Settings(profile="production", home=tmp_path)) / "dagster.yaml").read_text())
    production = yaml_file("dagster.yaml")
    for differing in ("storage", "run_launcher"):
        assert own.pop(differing) != production.pop(differing)
    # One machine's locks do what pools do for whoever shares a storage (decision 67).
    assert production["concurrency"].pop("pools") == {"default_limit": 1, "granularity": "run"}
    assert production["run_monitoring"].pop("free_slots_after_run_end_seconds") == 60
    assert production == own
    helm = yaml_file("helm-values.yaml")
    assert helm["concurrency"]["runs"]["tagConcurrencyLimits"][0]["key"] == ALONE_TAG
    assert helm["dagsterDaemon"]["runMonitoring"]["maxRuntimeSeconds"] == MAX_RUNTIME_SECONDS
    kept = helm["retention"]["sensor"]["purgeAfterDays"]
    assert kept == production["retention"]["sensor"]["purge_after_days"]


def test_the_image_is_installed_from_hashes_and_runs_as_nobody_in_particular() -> None:
    found = instructions()
    installs = [rest for word, rest in found if word == "RUN" and "pip install" in rest]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]
    assert re.search(r"^setuptools==", (PROJECT_FOLDER / "requirements.lock").read_text(), re.MULTILINE)
    (user,) = [rest for word, rest in found if word == "USER"]
    assert user == "10001:10001"
    assert [word for word, _ in found].count("HEALTHCHECK") == 1
    environment = {key for word, rest in found if word == "ENV" for key in re.findall(r"(?:^|\s)([A-Z_]+)=", rest)}
    assert not [name for name in environment if not _is_known(name)]


def test_the_image_holds_every_package_and_nothing_of_the_users() -> None:
    text = (PROJECT_FOLDER / "pyproject.toml").read_text()
    (listed,) = re.findall(r"^include = \[(.*)\]$", text, re.MULTILINE)
    packages = set(re.findall(r'"(\w+)\*"', listed))
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert packages <= kept
    assert all((PROJECT_FOLDER / name).exists() for name in kept)
    assert not {".env", ".git", ".workledger", "tests"} & kept


def test_only_the_proxy_is_reached_from_outside_and_everything_waits_for_what_is_healthy() -> None:
    compose = yaml_file("compose.yaml")
    services = compose["services"]
    assert [name for name, one in services.items() if "ports" in one] == ["proxy"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert {name for name, one in services.items() if "outside" in one["networks"]} == {"code", "proxy"}
    for name, one in services.items():
        waits = one.get("depends_on", {})
        assert waits or name == "postgres"
        for other, how in waits.items():
            assert how == {"condition": "service_healthy"}
            # The code server's check is the image's own.
            assert "healthcheck" in services[other] or other == "code"
    for one in (*compose["secrets"].values(), *compose["configs"].values()):
        assert (DEPLOY / one["file"]).is_file() or f"deploy/{one['file'].removeprefix('./')}" in GUIDE
    text = (DEPLOY / "compose.yaml").read_text()
    assert not [name for name in re.findall(r"\$\{(\w+)", text) if name not in GUIDE]
    assert not re.search(r"(?i)password: |_DSN:|secret: \S", text)
