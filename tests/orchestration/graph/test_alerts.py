"""People are told once when something breaks and once when it is over, by mail and by a webhook, across restarts."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Mailbox
from aiosmtpd.smtp import AuthResult, LoginPassword

from assets.checks import FILES, NO_FILE_REJECTED
from assets.keys import raw_key
from assets.nodes import BUILT_NODES, FAILURES
from invoicing.delivery.port import NotSentError, RefusedError, UncertainError
from orchestration.graph import alerts
from orchestration.graph.alerts import alert_sensor, look, trial
from orchestration.graph.instance import ALONE_TAG, open_instance
from orchestration.graph.notifiers import Message, Notifier, open_notifiers
from orchestration.graph.schedules import CHECK_TAGS
from orchestration.settings import Settings
from sources.catalog import SOURCES

NOW = datetime.now(UTC)
UNIQUE = dg.AssetCheckKey(dg.AssetKey(["marts", "clients"]), "unique_key")
REJECTED = dg.AssetCheckKey(raw_key("reference", "rejected_files"), NO_FILE_REJECTED)
CHECKS = {UNIQUE: "Every client is there once.", REJECTED: "Every file is sound."}


@dataclass
class Memory:
    """A notifier that remembers."""

    name: str = "memory"
    messages: list[Message] = field(default_factory=list)
    fault: BaseException | None = None

    def send(self, message: Message) -> None:
        if self.fault is not None:
            raise self.fault
        self.messages.append(message)

    def told(self) -> str:
        text = "\n".join(message.text for message in self.messages)
        self.messages.clear()
        return text


@dg.op
def fails(context: dg.OpExecutionContext) -> None:
    kind = context.run.tags["kind"]
    if kind == "build":
        failures = ["marts.clients failed: secret value", "marts.projects failed"]
        raise dg.Failure("2 failed, the first with: secret value", metadata={FAILURES: dg.MetadataValue.json(failures)})
    if kind == "error":
        raise ValueError("no space left on device")
    if kind == "load":
        raise dg.Failure("Tempo refuses the token; set SOURCES__TEMPO__API_TOKEN to one that may read worklogs.")


@dg.job(executor_def=dg.in_process_executor)
def a_job() -> None:
    fails()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(profile="production", home=tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as one:
        yield one


@pytest.fixture
def memory() -> Memory:
    return Memory()


def run(instance: dg.DagsterInstance, name: str, kind: str, **tags: str) -> None:
    """A run of a load, build or expectations; `kind` says how it ends."""
    result = a_job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={ALONE_TAG: name, "kind": kind, "dagster/max_retries": "0", **tags},
    )
    assert result.success == (kind == "good")


def check(instance: dg.DagsterInstance, key: dg.AssetCheckKey, passed: bool, **rest: Any) -> None:
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, passed=passed, metadata={}, **rest)
        if "metadata" not in rest
        else dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, passed=passed, **rest)
    )


def test_a_failed_load_is_told_once_with_what_mends_it_and_its_end_once(
    instance: dg.DagsterInstance, memory: Memory
) -> None:
    assert look(instance, CHECKS, [memory], NOW) == []
    run(instance, "tempo", "load")
    look(instance, CHECKS, [memory], NOW)
    (message,) = memory.messages
    assert message.subject.startswith("Workledger: Tempo refuses the token; set SOURCES__TEMPO__API_TOKEN")
    assert memory.told().count("set SOURCES__TEMPO__API_TOKEN to one that may read worklogs; run ") == 1
    # It fails again, and again: that is the same incident.
    for _ in range(2):
        run(instance, "tempo", "load")
        look(instance, CHECKS, [memory], NOW)
    assert memory.messages == []
    run(instance, "tempo", "good")
    look(instance, CHECKS, [memory], NOW)
    look(instance, CHECKS, [memory], NOW)
    (message,) = memory.messages
    assert message.subject == "Workledger: 1 over"
    assert message.text.startswith("Over:\n- since ")
    # The next failure is another incident.
    memory.told()
    run(instance, "tempo", "load")
    look(instance, CHECKS, [memory], NOW)
    assert memory.told().startswith("Broken:")


def test_a_failure_that_is_repeated_is_no_incident_until_the_repetition_fails(
    instance: dg.DagsterInstance, memory: Memory
) -> None:
    run(instance, "jira", "load", **{"dagster/max_retries": "1", "dagster/retry_on_asset_or_op_failure": "true"})
    look(instance, CHECKS, [memory], NOW)
    assert memory.messages == []
    run(instance, "jira", "error")
    look(instance, CHECKS, [memory], NOW)
    assert "no space left on device" in memory.told()


def test_a_later_load_or_build_by_hand_ends_it(instance: dg.DagsterInstance, memory: Memory) -> None:
    run(instance, "tempo", "load")
    run(instance, "build", "build")
    look(instance, CHECKS, [memory], NOW)
    told = memory.told()
    assert "2 models or tests of the build failed; run " in told
    assert "secret value" not in told
    instance.report_runless_asset_event(dg.AssetMaterialization(raw_key("tempo", SOURCES["tempo"].tables[0].name)))
    instance.report_runless_asset_event(dg.AssetMaterialization(BUILT_NODES))
    look(instance, CHECKS, [memory], NOW)
    assert memory.told().count("- since") == 2


def test_a_run_whose_process_died_is_told(instance: dg.DagsterInstance, memory: Memory) -> None:
    dead = instance.create_run_for_job(a_job, status=dg.DagsterRunStatus.STARTED, tags=CHECK_TAGS)
    instance.report_run_failed(dead, "The process that executed it has died.")
    look(instance, CHECKS, [memory], NOW)
    assert "The check against expectations failed: The process that executed it has died; run " in memory.told()


def test_a_source_is_silent_beyond_its_freshness_and_only_while_somebody_watches(
    instance: dg.DagsterInstance, memory: Memory
) -> None:
    for spec in SOURCES.values():
        instance.report_runless_asset_event(dg.AssetMaterialization(raw_key(spec.name, spec.tables[0].name)))
    instance.report_runless_asset_event(dg.AssetMaterialization(BUILT_NODES))
    moment = datetime.now(UTC)
    for _ in range(8):
        look(instance, CHECKS, [memory], moment)
        moment += timedelta(minutes=10)
    # Tempo, Jira and the mirror are to be loaded within the hour, everything else later.
    told = memory.told()
    assert told.count("has not been loaded since") == 3
    assert "Tempo has not been loaded since" in told
    assert "within an hour; look whether schedule tempo_schedule is on" in told
    # The daemon was away for two days: silence counts from now on, and what was told is over.
    moment += timedelta(days=2)
    look(instance, CHECKS, [memory], moment)
    assert memory.told().count("- since") == 3
    while moment < NOW + timedelta(days=2, hours=30):
        moment += timedelta(minutes=10)
        look(instance, CHECKS, [memory], moment)
    assert "The warehouse has not been built whole since" in memory.told()


def test_a_broken_check_is_told_without_the_rows_and_one_that_is_planned_again_stays_broken(
    instance: dg.DagsterInstance, memory: Memory
) -> None:
    check(instance, UNIQUE, False, description="2 rows break it, such as name = Secret Ltd")
    check(instance, dg.AssetCheckKey(UNIQUE.asset_key, "gone"), False)
    look(instance, CHECKS, [memory], NOW)
    told = memory.told()
    assert "unique_key of marts/clients does not hold (Every client is there once)" in told
    assert "Secret Ltd" not in told
    assert "gone" not in told
    asset = dg.asset(key=UNIQUE.asset_key, check_specs=[dg.AssetCheckSpec("unique_key", asset=UNIQUE.asset_key)])(
        lambda: None
    )
    job = dg.Definitions(assets=[asset]).resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(job)
    look(instance, CHECKS, [memory], NOW)
    assert memory.messages == []
    check(instance, UNIQUE, True)
    look(instance, CHECKS, [memory], NOW)
    assert memory.told().startswith("Over:")


def test_a_warning_is_no_incident(instance: dg.DagsterInstance, memory: Memory) -> None:
    check(instance, UNIQUE, False, severity=dg.AssetCheckSeverity.WARN)
    look(instance, CHECKS, [memory], NOW)
    assert memory.messages == []


def test_each_refused_file_is_an_incident_of_its_own(instance: dg.DagsterInstance, memory: Memory) -> None:
    def refuse(**files: str) -> None:
        metadata = {FILES: dg.MetadataValue.json({f"{name}.csv": said for name, said in files.items()})}
        check(instance, REJECTED, not files, metadata=metadata)
        look(instance, CHECKS, [memory], NOW)

    refuse(clients="clients.csv, row 3, status: 'activ' is none of active, archived.")
    assert "row 3, status: 'activ' is none of active, archived; the last good version of clients.csv" in memory.told()
    refuse(clients="clients.csv, row 4: name is empty.", rates="rates.csv has no header.")
    told = memory.told()
    assert "rates.csv has no header" in told
    assert "clients.csv" not in told
    refuse(rates="rates.csv has no header.")
    assert memory.told().startswith("Over:\n- since")
    refuse()
    assert "rates.csv" in memory.told()


def test_many_incidents_at_once_are_one_message(instance: dg.DagsterInstance, memory: Memory) -> None:
    keys = {dg.AssetCheckKey(dg.AssetKey(["marts", f"t{number}"]), "unique_key"): "" for number in range(30)}
    for key in keys:
        check(instance, key, False)
    look(instance, keys, [memory], NOW)
    (message,) = memory.messages
    assert message.subject == "Workledger: 30 broken"
    assert message.text.count("\n- ") == 21
    assert "… and 10 more" in message.text


# --- at most once ------------------------------------------------------------------------------------------------


class _KilledError(BaseException):
    """The process dies here."""


def test_a_process_that_dies_while_it_sends_tells_nobody_twice(settings: Settings, memory: Memory) -> None:
    with open_instance(settings) as instance:
        run(instance, "tempo", "load")
        memory.fault = _KilledError()
        with pytest.raises(_KilledError):
            look(instance, CHECKS, [memory], NOW)
    memory.fault = None
    # Another process, later.
    with open_instance(settings) as instance:
        look(instance, CHECKS, [memory], NOW)
        assert memory.messages == []
        run(instance, "tempo", "good")
        look(instance, CHECKS, [memory], NOW)
        assert memory.told().startswith("Over:")


def test_what_was_told_before_a_restart_is_not_told_again(settings: Settings, memory: Memory) -> None:
    for count in (1, 0, 0):
        with open_instance(settings) as instance:
            if count:
                run(instance, "tempo", "load")
            look(instance, CHECKS, [memory], NOW)
            assert len(memory.messages) == count
        memory.messages.clear()


def test_what_was_certainly_not_sent_is_tried_again_after_longer_and_longer_pauses(
    instance: dg.DagsterInstance, memory: Memory
) -> None:
    other = Memory("other")
    run(instance, "tempo", "load")
    memory.fault = NotSentError("the mail server does not answer")
    tries = []
    for minute in range(20):
        said = look(instance, CHECKS, [memory, other], NOW + timedelta(minutes=minute))
        if any("tried again" in sentence for sentence in said):
            tries.append(minute)
    # The other one has told it at the first look, and once.
    assert len(other.messages) == 1
    assert tries == [0, 1, 3, 7, 15]
    memory.fault = None
    for minute in range(20, 40):
        look(instance, CHECKS, [memory, other], NOW + timedelta(minutes=minute))
    assert len(memory.messages) == 1
    assert len(other.messages) == 1


def test_what_was_over_before_it_could_be_told_is_not_told(instance: dg.DagsterInstance, memory: Memory) -> None:
    other = Memory("other")
    run(instance, "tempo", "load")
    memory.fault = NotSentError("no")
    look(instance, CHECKS, [memory, other], NOW)
    run(instance, "tempo", "good")
    memory.fault = None
    look(instance, CHECKS, [memory, other], NOW + timedelta(minutes=5))
    assert memory.messages == []
    assert [message.subject for message in other.messages][1:] == ["Workledger: 1 over"]
    # Nothing is left of it.
    assert alerts._read(instance, NOW).incidents == {}


# --- mail and webhook --------------------------------------------------------------------------------------------


class _Box(Mailbox):
    def __init__(self) -> None:
        super().__init__(EmailMessage)
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
def box() -> _Box:
    return _Box()


@pytest.fixture
def mail_server(box: _Box) -> Iterator[Controller]:
    def login(*arguments: Any) -> AuthResult:
        given = arguments[-1]
        return AuthResult(success=given == LoginPassword(b"ann", b"p@ss"), handled=False)

    # The login of this machine's own server may come unencrypted.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, authenticator=login, auth_require_tls=False)
    controller.start()
    yield controller
    controller.stop()


def _mail(controller: Controller, login: str = "ann:p%40ss", port: int | None = None) -> Notifier:
    first, second = open_notifiers(
        Settings(
            profile="production",
            home=Path("/nonexistent"),
            smtp_dsn=f"smtp://{login}@127.0.0.1:{port or controller.port}",
            mail_from="workledger@example.com",
            alert_mail_to=("ann@example.com", "bob@example.com"),
        )
    )
    assert (first.name, second.name) == ("mail to ann@example.com", "mail to bob@example.com")
    return first


def test_a_mail_arrives_whole_with_an_id_that_comes_from_its_key(mail_server: Controller, box: _Box) -> None:
    message = Message(
        "key-1", "Workledger: Ada Łovelace\r\nBcc: eve@example.com", "Broken:\n- clients.csv, row 3: \x1b[31m"
    )
    for _ in range(2):
        _mail(mail_server).send(message)
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@example.com>")
    assert first["To"] == "ann@example.com"
    assert "Bcc" not in first
    assert str(make_header(decode_header(first["Subject"]))) == "Workledger: Ada Łovelace Bcc: eve@example.com"
    assert first.get_payload(decode=True).decode().splitlines() == ["Broken:", "- clients.csv, row 3: \\x1b[31m"]


def test_a_mail_server_that_refuses_is_named_without_the_password(mail_server: Controller, box: _Box) -> None:
    with pytest.raises(RefusedError, match=r"SMTP server 127\.0\.0\.1:\d+ does not accept the login .*535") as refusal:
        _mail(mail_server, "ann:topsecret").send(Message("k", "s", "t"))
    assert "topsecret" not in str(refusal.value)
    assert box.mails == []


def test_a_mail_server_that_is_not_there_is_named(mail_server: Controller) -> None:
    address = _mail(mail_server, port=1)
    with pytest.raises(NotSentError, match=r"SMTP server 127\.0\.0\.1:1 cannot be reached .* refused"):
        address.send(Message("k", "s", "t"))


def test_a_password_is_not_sent_unencrypted_to_another_machine(
    mail_server: Controller, box: _Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invoicing.delivery.mail._LOCAL", ())
    with pytest.raises(RefusedError, match="STARTTLS extension not supported"):
        _mail(mail_server).send(Message("k", "s", "t"))
    assert box.mails == []


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if server.status == 0:
            # The answer is lost.
            self.connection.close()
            return
        server.posts.append((json.loads(body), self.headers["Idempotency-Key"]))
        self.send_response(server.status)
        if server.status == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.status, server.posts = 200, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def _webhook(hook: Any) -> Notifier:
    address = f"http://127.0.0.1:{hook.server_port}/services/topsecret"
    (notifier,) = open_notifiers(Settings(profile="production", home=Path("/nonexistent"), alert_webhook=address))
    return notifier


def test_a_webhook_is_posted_a_text_with_its_key(hook: Any) -> None:
    _webhook(hook).send(Message("key-1", "Workledger: 1 over", "Over:\n- it"))
    ((body, key),) = hook.posts
    assert (body["text"], body["key"], key) == ("Workledger: 1 over\nOver:\n- it", "key-1", "key-1")


@pytest.mark.parametrize(("status", "kind"), [(500, NotSentError), (302, NotSentError), (0, UncertainError)])
def test_a_webhook_that_fails_is_named_without_its_address(hook: Any, status: int, kind: type[Exception]) -> None:
    hook.status = status
    with pytest.raises(kind, match=r"the webhook at 127\.0\.0\.1 ") as refusal:
        _webhook(hook).send(Message("k", "s", "t"))
    assert "topsecret" not in str(refusal.value)


def test_the_sensor_is_off_until_somebody_is_named_and_then_tells(
    settings: Settings, instance: dg.DagsterInstance, hook: Any
) -> None:
    off = alert_sensor(settings, CHECKS)
    assert off.default_status is dg.DefaultSensorStatus.STOPPED
    said = off.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert said.skip_message is not None
    assert said.skip_message.startswith("Neither ALERT_MAIL_TO nor ALERT_WEBHOOK")
    address = f"http://127.0.0.1:{hook.server_port}/"
    on = alert_sensor(replace(settings, alert_webhook=address), CHECKS)
    assert on.default_status is dg.DefaultSensorStatus.RUNNING
    run(instance, "tempo", "load")
    for expected in ("Told by webhook: 1 broken, 0 over.", "Nothing has broken, and nothing is over."):
        assert on.evaluate_tick(dg.build_sensor_context(instance=instance)).skip_message == expected
    assert len(hook.posts) == 1


def test_a_trial_goes_to_everybody(hook: Any) -> None:
    assert list(trial([_webhook(hook)])) == [("webhook", None)]
    hook.status = 404
    assert list(trial([_webhook(hook)])) == [("webhook", "the webhook at 127.0.0.1 refuses the message (status 404).")]
    assert hook.posts[0][0]["subject"] == "Workledger: a trial"
