"""All settings, read from the environment and from `.env`; no other module reads them."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

from dotenv.parser import parse_stream

from orchestration.errors import SettingsError
from sources.catalog import SOURCES
from sources.kit.addresses import has_one_reading
from sources.kit.spec import ACCEPT_LOSS

Profile = Literal["sandbox", "production"]
WorklogRoute = Literal["tempo", "clickhouse"]
SessionText = Literal["full", "redacted", "none"]
Value = TypeVar("Value")

PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)
PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent

# Names that begin like settings but are read by the tests, or by a child process that this project itself starts.
_FOREIGN_NAMES: Final = frozenset({"WORKLEDGER_SHARED"})
_ADDRESS: Final = re.compile(r"[^\s@,<>\"]+@[^\s@,<>\"]+")


@dataclass(frozen=True)
class Settings:
    """All settings, validated.

    Paths are absolute. Values that may hold a secret are left out of the representation.
    """

    profile: Profile
    home: Path
    reference_dir: Path | None = None
    """REFERENCE_DIR; `inputs.reference` decides what is read without it."""
    sandbox_dir: Path | None = None
    """A dataset folder to serve instead of a generated one."""
    warehouse_dsn: str | None = field(default=None, repr=False)
    warehouse_port: int | None = None
    """Port of the embedded server; None takes a free one and keeps it."""
    warehouse_query_timeout_seconds: float = 5.0
    """Of analyst and finance, and of bi if it is over 60; 0 means no limit. Source: the data-flow seed's time-outs."""
    clickhouse_dsn: str | None = field(default=None, repr=False)
    clickhouse_query_timeout_seconds: float = 15.0
    """Source: the data-flow seed's time-outs."""
    publish_clickhouse_dsn: str | None = field(default=None, repr=False)
    """Where marts and reports are published; None publishes nothing."""
    publish_clickhouse_cluster: str | None = None
    """A cluster of replicas that publishing creates its tables on."""
    publish_warehouse_dsn: str | None = field(default=None, repr=False)
    """The warehouse as the ClickHouse server reaches it, with a login that reads marts and reports."""
    gotenberg_url: str | None = field(default=None, repr=False)
    """Prints the documents of invoices; None: plutoprint does."""
    as_of: date | datetime | None = None
    """The warehouse's clock; None is now. A date means its end in the agency's time zone."""
    worklog_route: WorklogRoute = "tempo"
    session_text: SessionText = "redacted"
    dagster_dsn: str | None = field(default=None, repr=False)
    """The database of `graph.postgres_storage`, which deploy/dagster.yaml names; without it nothing reads this."""
    smtp_dsn: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    storage_url: str | None = None
    """Where documents of delivered invoices go: a folder, or `s3://bucket/prefix`; None is a folder in the home."""
    storage_endpoint: str | None = None
    storage_region: str | None = None
    storage_access_key_id: str | None = field(default=None, repr=False)
    storage_secret_access_key: str | None = field(default=None, repr=False)
    planfact_api_key: str | None = field(default=None, repr=False)
    didox_partner_token: str | None = field(default=None, repr=False)
    didox_tin: str | None = None
    didox_password: str | None = field(default=None, repr=False)
    didox_base_url: str | None = None
    alert_mail_to: tuple[str, ...] = ()
    alert_webhook: str | None = field(default=None, repr=False)
    """Whoever knows the address of a webhook can write to it."""
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def as_environment(self) -> dict[str, str]:
        """Return the settings that name folders, for a child process that works in another folder than the user."""
        folders = {"WORKLEDGER_HOME": self.home, "REFERENCE_DIR": self.reference_dir, "SANDBOX_DIR": self.sandbox_dir}
        return {"WORKLEDGER_PROFILE": self.profile} | {name: str(path) for name, path in folders.items() if path}

    def by_profile(self, choices: Mapping[Profile, Value]) -> Value:
        """Pick this profile's value out of a map that must name every profile.

        Raises:
            SettingsError: a profile is missing from the map, whichever profile is in force.
        """
        absent = [profile for profile in PROFILES if profile not in choices]
        if absent:
            raise SettingsError(f"A map of profiles lacks {', '.join(absent)}; every map names {', '.join(PROFILES)}.")
        return choices[self.profile]


def load_settings(
    environment: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = PROJECT_FOLDER / ".env",
    project_folder: Path = PROJECT_FOLDER,
) -> Settings:
    """Read and validate all settings; the environment goes before `.env`, an empty value counts as absent.

    Relative paths of the environment start at the current folder, those of `.env` and the defaults at the project's.

    Args:
        environment: names and values; None is the process's own environment.
        env_file: the `.env` file; None reads none.
        project_folder: where defaults such as `.workledger` and `reference` lie.

    Raises:
        SettingsError: an unknown name, a value that does not fit, or a setting without effect; says what to do.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, _Given] = {}
    for name, value in _read_env_file(env_file).items():
        given[name] = _Given(name, value, str(env_file), project_folder)
    for name, value in environment.items():
        if name in _PARSERS or (name.startswith(("WORKLEDGER_", "SOURCES__")) and name not in _FOREIGN_NAMES):
            given[name] = _Given(name, value, "the environment", Path.cwd())
    given = {name: one for name, one in given.items() if one.text}
    sources: dict[str, dict[str, str]] = {}
    values: dict[str, object] = {}
    for name, one in given.items():
        if name.startswith("SOURCES__"):
            source, key = _source_key(one)
            sources.setdefault(source, {})[key] = one.text
        elif name in _PARSERS:
            values[_FIELDS[name]] = _PARSERS[name](one)
        else:
            raise SettingsError(f"{name} in {one.place} is no setting of Workledger{_suggestion(name, _PARSERS)}.")
    values.setdefault("home", project_folder / ".workledger")
    if "profile" not in values:
        values["profile"] = _implied_profile(values, sources, project_folder / "reference")
    if values["profile"] == "production" and "sandbox_dir" in values:
        raise SettingsError(
            "SANDBOX_DIR is set while WORKLEDGER_PROFILE is production; unset SANDBOX_DIR, "
            "or set WORKLEDGER_PROFILE=sandbox."
        )
    _refuse_without_effect(given, values["profile"])
    frozen = MappingProxyType({source: MappingProxyType(keys) for source, keys in sources.items()})
    return Settings(**values, sources=frozen)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Given:
    """One setting as it was found."""

    name: str
    text: str
    place: str
    base: Path

    def refuse(self, expectation: str, *, secret: bool = False) -> SettingsError:
        shown = "" if secret else f"={self.text}"
        return SettingsError(f"{self.name}{shown} in {self.place} does not fit: {expectation}.")


def _implied_profile(
    values: Mapping[str, object], sources: Mapping[str, Mapping[str, str]], reference: Path
) -> Profile:
    """Name the profile that what is set speaks for: a sandbox unless there is something of one's own to read."""
    if "sandbox_dir" in values:
        return "sandbox"
    own_input = (
        any(given.keys() - SOURCES[source].consents for source, given in sources.items())
        or "reference_dir" in values
        or "clickhouse_dsn" in values
        or _has_rows(reference / "session_roots.csv")
    )
    return "production" if own_input else "sandbox"


def _has_rows(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            # Spreadsheets leave rows of commas, and a first line that names the separator.
            return sum(1 for line in lines if line.strip(", \t\r\n") and not line.startswith("sep=")) > 1
    except OSError:
        return False


def _read_env_file(file: Path | None) -> dict[str, str]:
    if file is None or not file.exists():
        return {}
    values: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8") as stream:
            for binding in parse_stream(stream):
                if binding.error or (binding.key is not None and binding.value is None):
                    raise SettingsError(
                        f"Line {binding.original.line} of {file} is not of the form NAME=value; "
                        "correct the line or begin it with #."
                    )
                if binding.key is not None:
                    values[binding.key] = binding.value or ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}); make it a readable UTF-8 file or remove it.") from error
    return values


def _source_key(one: _Given) -> tuple[str, str]:
    parts = one.name.split("__")
    source = parts[1].lower()
    if source not in SOURCES:
        hint = _suggestion(source, SOURCES)
        raise SettingsError(
            f"{one.name} in {one.place} names no source of Workledger{hint}; the form is SOURCES__<SOURCE>__<SETTING> "
            f"with one of {', '.join(name.upper() for name in SOURCES)}."
        )
    if len(parts) < 3 or not all(parts[2:]):
        raise SettingsError(f"{one.name} in {one.place} lacks the setting; the form is SOURCES__<SOURCE>__<SETTING>.")
    key = ".".join(parts[2:]).lower()
    spec = SOURCES[source]
    if key in spec.consents:
        if key == ACCEPT_LOSS and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", one.text):
            raise one.refuse("it must be the day (UTC) on which it counts, like 2026-06-30")
        return source, key
    if key not in spec.settings:
        close = difflib.get_close_matches(key, spec.settings, n=1, cutoff=0.6)
        own = [spec.variable(name) for name in spec.settings if name not in spec.supplied_settings]
        listed = f"its settings are {', '.join(own)}." if own else "it has none; .env.example says how to set it up."
        hint = f"did you mean {spec.variable(close[0])}?" if close else listed
        raise SettingsError(f"{one.name} in {one.place} is no setting of {spec.title}; {hint}")
    if key in spec.supplied_settings:
        fix = spec.supplied_settings[key].format(reference_dir="REFERENCE_DIR")
        raise SettingsError(f"{one.name} in {one.place} has no effect; unset it and {fix}.")
    return source, key


def _refuse_without_effect(given: Mapping[str, _Given], profile: object) -> None:
    """Refuse what is known, but read by nothing under the other settings: whoever set it expects something of it."""
    if profile == "sandbox":
        for name, one in given.items():
            if name.startswith("SOURCES__") and not _is_consent(name):
                cause = "unset SANDBOX_DIR" if "SANDBOX_DIR" in given else "set WORKLEDGER_PROFILE=production"
                raise SettingsError(
                    f"{name} in {one.place} has no effect in a sandbox, which reads made-up systems alone; unset it, "
                    f"or {cause}."
                )
    for names in _TOGETHER:
        lacking = [name for name in names if name not in given]
        if lacking and len(lacking) < len(names):
            one = next(given[name] for name in names if name in given)
            raise SettingsError(
                f"{one.name} in {one.place} has no effect without {' and '.join(lacking)}; set all of them."
            )
    if profile == "sandbox":
        for name in (*_OUTWARD, *(name for name in given if name.startswith("STORAGE_"))):
            if name in given:
                raise SettingsError(
                    f"{name} in {given[name].place} has no effect in a sandbox, whose invoices stay in it; unset "
                    "it, or set WORKLEDGER_PROFILE=production."
                )
    if "WAREHOUSE_DSN" in given and "WAREHOUSE_PORT" in given:
        raise SettingsError(
            f"WAREHOUSE_PORT in {given['WAREHOUSE_PORT'].place} has no effect beside WAREHOUSE_DSN: it is the port of "
            "the embedded server; unset one of the two."
        )
    _refuse_half_of_publishing(given)
    if "ALERT_MAIL_TO" in given and "SMTP_DSN" not in given:
        raise SettingsError(
            f"ALERT_MAIL_TO in {given['ALERT_MAIL_TO'].place} has no effect without SMTP_DSN and MAIL_FROM; set them."
        )


def _refuse_half_of_publishing(given: Mapping[str, _Given]) -> None:
    target = given.get("PUBLISH_CLICKHOUSE_DSN")
    for name in ("PUBLISH_CLICKHOUSE_CLUSTER", "PUBLISH_WAREHOUSE_DSN"):
        if name in given and target is None:
            raise SettingsError(
                f"{name} in {given[name].place} has no effect without PUBLISH_CLICKHOUSE_DSN; set both, or unset it."
            )
    if target is None or "PUBLISH_WAREHOUSE_DSN" in given:
        return
    if not target.text.startswith("chdb:"):
        raise target.refuse(
            "a server reads the warehouse itself, so set PUBLISH_WAREHOUSE_DSN to its address and a login for that",
            secret=True,
        )
    if "WAREHOUSE_DSN" in given:
        raise target.refuse(
            "the embedded engine reads your own warehouse with a login for that, so set PUBLISH_WAREHOUSE_DSN to it",
            secret=True,
        )


# Settings that do nothing alone.
_TOGETHER: Final = (
    ("SMTP_DSN", "MAIL_FROM"),
    ("STORAGE_ACCESS_KEY_ID", "STORAGE_SECRET_ACCESS_KEY"),
    ("DIDOX_PARTNER_TOKEN", "DIDOX_TIN", "DIDOX_PASSWORD"),
)
_OUTWARD: Final = ("PLANFACT_API_KEY", "DIDOX_PARTNER_TOKEN")


def _is_consent(name: str) -> bool:
    source, key = name.removeprefix("SOURCES__").lower().split("__", 1)
    return key in SOURCES[source].consents


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; perhaps {close[0]} is meant" if close else "; .env.example lists them all"


def _choice(choices: tuple[str, ...]) -> Callable[[_Given], str]:
    def parse(one: _Given) -> str:
        if one.text not in choices:
            close = difflib.get_close_matches(one.text.lower(), choices, n=1)
            hint = f" (perhaps {close[0]})" if close else ""
            raise one.refuse(f"it must be one of {', '.join(choices)}{hint}")
        return one.text

    return parse


def _path(one: _Given) -> Path:
    return Path(os.path.abspath(one.base / Path(one.text).expanduser()))  # noqa: PTH100 - resolve() would follow links


def _existing_folder(one: _Given) -> Path:
    path = _path(one)
    if not path.is_dir():
        raise one.refuse(f"there is no folder {path}; create it or name another")
    return path


def _port(one: _Given) -> int:
    if not re.fullmatch(r"\d{1,5}", one.text) or not 1024 <= int(one.text) <= 65535:
        raise one.refuse("it must be a port number from 1024 to 65535")
    return int(one.text)


def _seconds(one: _Given) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", one.text):
        raise one.refuse("it must be a number of seconds, 0 for no limit")
    return float(one.text)


def _as_of(one: _Given) -> date | datetime:
    text = one.text
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise one.refuse("it must be a date like 2026-06-30 or a time like 2026-06-30T18:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _postgres_dsn(one: _Given) -> str:
    if not one.text.startswith(("postgresql://", "postgres://")):
        raise one.refuse("it must look like postgresql://user:password@host:5432/database", secret=True)
    return one.text


def _web_address(one: _Given) -> str:
    if not re.match(r"https?://[^\s/]", one.text):
        raise one.refuse("it must look like http://host:3000", secret=True)
    return one.text


def _clickhouse_dsn(one: _Given) -> str:
    if not re.match(r"(chdb|clickhouse|clickhouses|http|https)://", one.text):
        raise one.refuse("it must look like chdb:///folder or clickhouse://user:password@host:8123/", secret=True)
    return one.text


def _smtp_dsn(one: _Given) -> str:
    if not re.match(r"smtps?://", one.text) or not has_one_reading(one.text) or not urlsplit(one.text).hostname:
        raise one.refuse(
            "it must look like smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465 (TLS from "
            "the start), with special characters in user and password written as %40 and the like",
            secret=True,
        )
    return one.text


def _mail_from(one: _Given) -> str:
    if not re.fullmatch(r"([^<>]*<)?[^\s@<>]+@[^\s@<>]+>?", one.text):
        raise one.refuse("it must be an address like billing@agency.example or Agency <billing@agency.example>")
    return one.text


def _storage_url(one: _Given) -> str:
    if re.match(r"s3://[^/]+", one.text):
        return one.text.rstrip("/")
    if "://" in one.text:
        raise one.refuse("it must be a folder or look like s3://bucket/prefix")
    return str(_path(one))


def _http_url(one: _Given) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", one.text):
        raise one.refuse("it must look like https://host")
    return one.text.rstrip("/")


def _text(one: _Given) -> str:
    return one.text


def _addresses(one: _Given) -> tuple[str, ...]:
    found = tuple(part.strip() for part in one.text.split(","))
    if not all(map(_ADDRESS.fullmatch, found)):
        raise one.refuse("it must be e-mail addresses like ann@example.com, separated by commas")
    return found


def _webhook(one: _Given) -> str:
    if not re.fullmatch(r"https?://\S+", one.text) or not urlsplit(one.text).hostname:
        raise one.refuse("it must look like https://host/path", secret=True)
    return one.text


_PARSERS: Final[Mapping[str, Callable[[_Given], object]]] = {
    "WORKLEDGER_PROFILE": _choice(cast("tuple[str, ...]", PROFILES)),
    "WORKLEDGER_HOME": _path,
    "WAREHOUSE_DSN": _postgres_dsn,
    "WAREHOUSE_PORT": _port,
    "WAREHOUSE_QUERY_TIMEOUT_SECONDS": _seconds,
    "CLICKHOUSE_DSN": _clickhouse_dsn,
    "CLICKHOUSE_QUERY_TIMEOUT_SECONDS": _seconds,
    "PUBLISH_CLICKHOUSE_DSN": _clickhouse_dsn,
    "PUBLISH_CLICKHOUSE_CLUSTER": _text,
    "PUBLISH_WAREHOUSE_DSN": _postgres_dsn,
    "REFERENCE_DIR": _existing_folder,
    "SANDBOX_DIR": _existing_folder,
    "GOTENBERG_URL": _web_address,
    "AS_OF": _as_of,
    "WORKLOG_ROUTE": _choice(get_args(WorklogRoute)),
    "SESSION_TEXT": _choice(get_args(SessionText)),
    "DAGSTER_DSN": _postgres_dsn,
    "SMTP_DSN": _smtp_dsn,
    "MAIL_FROM": _mail_from,
    "STORAGE_URL": _storage_url,
    "STORAGE_ENDPOINT": _http_url,
    "STORAGE_REGION": _text,
    "STORAGE_ACCESS_KEY_ID": _text,
    "STORAGE_SECRET_ACCESS_KEY": _text,
    "PLANFACT_API_KEY": _text,
    "DIDOX_PARTNER_TOKEN": _text,
    "DIDOX_TIN": _text,
    "DIDOX_PASSWORD": _text,
    "DIDOX_BASE_URL": _http_url,
    "ALERT_MAIL_TO": _addresses,
    "ALERT_WEBHOOK": _webhook,
}
_FIELDS: Final = {name: name.removeprefix("WORKLEDGER_").lower() for name in _PARSERS}
SETTING_NAMES: Final = tuple(_PARSERS)
