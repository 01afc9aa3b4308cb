"""Alerts: people are told once when something breaks and once when it is over.

What was told is noted in Dagster's storage before it is sent, so that a process that dies while it sends tells nobody
twice (decision 88). A message that was certainly not sent is tried again after 1, 2, 4 … 60 minutes.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from invoicing.delivery.port import NotSentError, RefusedError, UncertainError
from orchestration.graph.incidents import Incident, find_incidents
from orchestration.graph.notifiers import Message, Notifier, open_notifiers
from orchestration.graph.policies import sensor_status
from orchestration.settings import Settings

SENSOR_NAME: Final = "alerts"
INTERVAL_SECONDS: Final = 60
_STATE_KEY: Final = "workledger/alerts"
# After a longer absence of the daemon, silence counts from the present.
_ABSENT_AFTER: Final = timedelta(minutes=15)
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_SHOWN: Final = 20

_logger = logging.getLogger(__name__)


@dataclass
class Known:
    """An incident that people are told of, or will be.

    Attributes:
        sentence: what was wrong when it was found.
        since: when it was found, ISO 8601.
        ended: when it was over.
        told: the notifiers that have told of it.
        told_end: those that have told that it is over.
    """

    sentence: str
    since: str
    ended: str | None = None
    told: list[str] = field(default_factory=list)
    told_end: list[str] = field(default_factory=list)


@dataclass
class State:
    """What is noted between two looks.

    Attributes:
        looked: when the last look was, ISO 8601.
        watched_since: since when there was no longer absence.
        incidents: by key.
        failures: how often in a row each notifier has failed, and when it did last.
    """

    looked: str
    watched_since: str
    incidents: dict[str, Known] = field(default_factory=dict)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)


def alert_sensor(settings: Settings, checks: Mapping[dg.AssetCheckKey, str]) -> dg.SensorDefinition:
    """A sensor that starts nothing: it looks for what is broken and tells people; off until somebody is named.

    Args:
        settings: where to tell it.
        checks: the rule of every check that there is.
    """
    notifiers = open_notifiers(settings)

    @dg.sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        description="Tell people once when a run, source, check or reference file breaks, and once when it is over.",
        default_status=sensor_status(settings) if notifiers else dg.DefaultSensorStatus.STOPPED,
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not notifiers:
            return dg.SkipReason("Neither ALERT_MAIL_TO nor ALERT_WEBHOOK is set, so that there is nobody to tell.")
        sentences = look(context.instance, checks, notifiers, datetime.now(UTC))
        return dg.SkipReason(" ".join(sentences) or "Nothing has broken, and nothing is over.")

    return tell


def look(
    instance: dg.DagsterInstance,
    checks: Mapping[dg.AssetCheckKey, str],
    notifiers: Sequence[Notifier],
    now: datetime,
) -> list[str]:
    """Look once: compare what is broken with what was told, and tell everybody the difference.

    Args:
        instance: where runs, results of checks and the state of alerts are.
        checks: the rule of every check that there is.
        notifiers: where to tell it.
        now: the present.

    Returns:
        What was done, in sentences.
    """
    state = _read(instance, now)
    if now - datetime.fromisoformat(state.looked) > _ABSENT_AFTER:
        state.watched_since = now.isoformat()
    state.looked = now.isoformat()
    found = find_incidents(instance, checks, datetime.fromisoformat(state.watched_since), now)
    _compare(state, found, now)
    said = [sentence for notifier in notifiers if (sentence := _tell(instance, state, notifier, now))]
    names = {notifier.name for notifier in notifiers}
    state.incidents = {
        key: one for key, one in state.incidents.items() if one.ended is None or not names <= set(one.told_end)
    }
    _write(instance, state)
    return said


def trial(notifiers: Iterable[Notifier]) -> Iterable[tuple[str, str | None]]:
    """Send a trial to everybody; yield the notifier's name and, if it failed, why."""
    now = datetime.now(UTC)
    for notifier in notifiers:
        key = f"trial/{notifier.name}/{now.isoformat()}"
        text = "This is a trial of `workledger doctor --alert`: alerts of Workledger arrive here."
        try:
            notifier.send(Message(key, "Workledger: a trial", text))
        except (NotSentError, RefusedError, UncertainError) as error:
            yield notifier.name, f"{error}."
        else:
            yield notifier.name, None


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _compare(state: State, found: Iterable[Incident], now: datetime) -> None:
    """Note what is new and what is over; what breaks again before its end was told is the same incident."""
    broken = {one.key: one for one in found}
    for key, incident in broken.items():
        known = state.incidents.get(key)
        if known is None or known.told_end:
            state.incidents[key] = Known(incident.sentence, now.isoformat())
        else:
            known.ended = None
    for key, known in list(state.incidents.items()):
        if key in broken or known.ended is not None:
            continue
        if known.told:
            known.ended = now.isoformat()
        else:
            # Nobody knows of it.
            del state.incidents[key]


def _tell(instance: dg.DagsterInstance, state: State, notifier: Notifier, now: datetime) -> str | None:
    """Have one notifier tell what it has not told; return what was done."""
    name = notifier.name
    begun = [one for one in state.incidents.values() if one.ended is None and name not in one.told]
    over = [
        one
        for one in state.incidents.values()
        if one.ended is not None and name in one.told and name not in one.told_end
    ]
    for one in state.incidents.values():
        # Of what was over before it could be told here, nothing is told here.
        if one.ended is not None and name not in one.told and name not in one.told_end:
            one.told_end.append(name)
    if not (begun or over):
        return None
    count, last = state.failures.get(name, (0, now.isoformat()))
    pause = min(_FIRST_PAUSE * 2 ** (count - 1), _LONGEST_PAUSE) if count else timedelta()
    if now - datetime.fromisoformat(last) < pause:
        return None
    for one in begun:
        one.told.append(name)
    for one in over:
        one.told_end.append(name)
    # Before it is sent: whoever dies now has told it, and nobody tells it again.
    _write(instance, state)
    try:
        notifier.send(_message(begun, over))
    except (NotSentError, RefusedError) as error:
        for one in begun:
            one.told.remove(name)
        for one in over:
            one.told_end.remove(name)
        state.failures[name] = (count + 1, now.isoformat())
        _write(instance, state)
        said = f"The alert by {name} was not sent and is tried again: {error}."
        _logger.warning("%s", said)
        return said
    except UncertainError as error:
        state.failures.pop(name, None)
        said = f"The alert by {name} may have been sent and is not repeated: {error}."
        _logger.warning("%s", said)
        return said
    state.failures.pop(name, None)
    return f"Told by {name}: {len(begun)} broken, {len(over)} over."


def _message(begun: Sequence[Known], over: Sequence[Known]) -> Message:
    parts = [f"{len(begun)} broken"] if begun else []
    parts += [f"{len(over)} over"] if over else []
    (first, *rest) = [*begun, *over]
    subject = f"Workledger: {first.sentence}" if begun and not rest else f"Workledger: {', '.join(parts)}"
    lines: list[str] = []
    if begun:
        lines += ["Broken:", *_listed([one.sentence for one in begun]), ""]
    if over:
        lines += ["Over:", *_listed([f"since {_moment(one.ended)}: {one.sentence}" for one in over]), ""]
    lines.append(
        "Each is told once when it breaks and once when it is over; `workledger doctor` looks at the settings."
    )
    told = json.dumps([[one.sentence, one.since, one.ended] for one in (*begun, *over)])
    shown = subject if len(subject) <= 120 else f"{subject[:119]}…"
    return Message(hashlib.sha256(told.encode()).hexdigest()[:32], shown, "\n".join(lines))


def _listed(sentences: Sequence[str]) -> list[str]:
    more = [f"- … and {len(sentences) - _SHOWN} more"] if len(sentences) > _SHOWN else []
    return [f"- {sentence}" for sentence in sentences[:_SHOWN]] + more


def _moment(text: str | None) -> str:
    return f"{datetime.fromisoformat(text or ''):%Y-%m-%d %H:%M} UTC"


def _read(instance: dg.DagsterInstance, now: datetime) -> State:
    stored = instance.daemon_cursor_storage.get_cursor_values({_STATE_KEY}).get(_STATE_KEY)
    if stored is None:
        return State(looked=now.isoformat(), watched_since=now.isoformat())
    values = json.loads(stored)
    values["incidents"] = {key: Known(**known) for key, known in values["incidents"].items()}
    values["failures"] = {name: (count, last) for name, (count, last) in values["failures"].items()}
    return State(**values)


def _write(instance: dg.DagsterInstance, state: State) -> None:
    instance.daemon_cursor_storage.set_cursor_values({_STATE_KEY: json.dumps(asdict(state))})
