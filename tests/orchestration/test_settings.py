"""What settings accept, imply and refuse; and that `.env.example` tells of all of them."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.settings import PROFILES, PROJECT_FOLDER, SETTING_NAMES, Settings, load_settings
from sources.catalog import SOURCES


def load(environment: dict[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Settings of a project whose folder is empty unless one is given."""
    folder = folder or Path("/nonexistent")
    return load_settings(environment or {}, env_file=folder / ".env", project_folder=folder)


def test_an_empty_environment_means_a_sandbox_in_the_project() -> None:
    settings = load()
    assert settings.profile == "sandbox"
    assert settings.home == Path("/nonexistent/.workledger")
    assert settings.reference_dir is None
    assert (settings.worklog_route, settings.session_text, settings.as_of) == ("tempo", "redacted", None)
    assert (settings.warehouse_query_timeout_seconds, settings.clickhouse_query_timeout_seconds) == (5, 15)


@pytest.mark.parametrize(
    "environment",
    [
        {"SOURCES__CLOCKIFY__API_KEY": "key"},
        {"CLICKHOUSE_DSN": "http://mirror:8123/"},
        {"REFERENCE_DIR": "/"},
        {"WORKLEDGER_PROFILE": "production"},
    ],
)
def test_something_of_ones_own_to_read_means_production(environment: dict[str, str]) -> None:
    assert load(environment).profile == "production"


def test_session_roots_in_the_reference_folder_mean_production_and_a_header_alone_does_not(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    roots = tmp_path / "reference" / "session_roots.csv"
    roots.write_text("path,email,host\n")
    assert load(folder=tmp_path).profile == "sandbox"
    roots.write_text("path,email,host\n/home/ada/.claude/projects,ada@example.com,\n")
    assert load(folder=tmp_path).profile == "production"


def test_a_dataset_folder_means_a_sandbox_even_beside_a_mirror(tmp_path: Path) -> None:
    settings = load({"SANDBOX_DIR": str(tmp_path), "CLICKHOUSE_DSN": "http://mirror:8123/"})
    assert (settings.profile, settings.sandbox_dir) == ("sandbox", tmp_path)


def test_a_dataset_folder_and_production_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SANDBOX_DIR is set while WORKLEDGER_PROFILE is production"):
        load({"SANDBOX_DIR": str(tmp_path), "WORKLEDGER_PROFILE": "production"})


def test_the_environment_goes_before_the_file_and_empty_values_count_as_absent(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# comment\nSESSION_TEXT=none\nexport WORKLOG_ROUTE='clickhouse'\nAS_OF=\n")
    settings = load({"SESSION_TEXT": "full", "WORKLOG_ROUTE": ""}, tmp_path)
    assert (settings.session_text, settings.worklog_route, settings.as_of) == ("full", "tempo", None)
    assert load(folder=tmp_path).worklog_route == "clickhouse"


def test_relative_paths_start_where_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".env").write_text("WORKLEDGER_HOME=state\n")
    monkeypatch.chdir(elsewhere)
    assert load(folder=tmp_path).home == tmp_path / "state"
    assert load({"WORKLEDGER_HOME": "state"}, tmp_path).home == elsewhere / "state"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"WORKLEDGER_PROFIL": "sandbox"}, r"WORKLEDGER_PROFIL in the environment .* WORKLEDGER_PROFILE is meant"),
        ({"WORKLEDGER_PROFILE": "prodction"}, r"must be one of sandbox, production \(perhaps production\)"),
        ({"WORKLOG_ROUTE": "jira"}, "WORKLOG_ROUTE=jira in the environment does not fit: it must be one of tempo"),
        ({"SESSION_TEXT": "Full"}, r"one of full, redacted, none \(perhaps full\)"),
        ({"AS_OF": "30.06.2026"}, "AS_OF=30.06.2026 .* must be a date like 2026-06-30"),
        ({"AS_OF": "2026-02-30"}, "must be a date"),
        ({"WAREHOUSE_PORT": "80"}, "must be a port number from 1024 to 65535"),
        ({"WAREHOUSE_QUERY_TIMEOUT_SECONDS": "5s"}, "must be a number of seconds"),
        ({"REFERENCE_DIR": "/no/such"}, "there is no folder /no/such; create it or name another"),
        ({"SOURCES__CLOKIFY__API_KEY": "k"}, "names no source of Workledger; perhaps clockify is meant"),
        ({"SOURCES__CLOCKIFY__APIKEY": "k"}, r"no setting of Clockify; did you mean SOURCES__CLOCKIFY__API_KEY\?"),
        ({"SOURCES__TEMPO__X": "k"}, "its settings are SOURCES__TEMPO__API_TOKEN, SOURCES__TEMPO__BASE_URL"),
        (
            {"SOURCES__CLAUDE_CODE__FOO": "k"},
            "no setting of Claude Code transcripts; it has none; .env.example says how",
        ),
        ({"SOURCES__CLICKHOUSE__DSN": "http://x"}, r"has no effect; unset it and set CLICKHOUSE_DSN\.$"),
        ({"SOURCES__REFERENCE__FOLDER": "/x"}, r"has no effect; unset it and set REFERENCE_DIR\.$"),
        ({"SOURCES__CLAUDE_CODE__SESSION_TEXT": "full"}, r"has no effect; unset it and set SESSION_TEXT\.$"),
        (
            {"SOURCES__CLAUDE_CODE__ROOTS": "/x"},
            "unset it and name the folders of transcripts in REFERENCE_DIR/session_roots.csv",
        ),
        (
            {"WORKLEDGER_PROFILE": "sandbox", "SOURCES__CLOCKIFY__API_KEY": "k"},
            "has no effect in a sandbox, .* unset it, or set WORKLEDGER_PROFILE=production",
        ),
        ({"SANDBOX_DIR": "/", "SOURCES__JIRA__EMAIL": "e"}, "has no effect in a sandbox, .* or unset SANDBOX_DIR"),
        (
            {"WAREHOUSE_DSN": "postgresql://u@h/d", "WAREHOUSE_PORT": "5433"},
            "WAREHOUSE_PORT in the environment has no effect beside WAREHOUSE_DSN",
        ),
        (
            {"SOURCES__CLOCKIFY__ACCEPT_LOSS": "yes"},
            "ACCEPT_LOSS=yes .* must be the day .UTC. on which it counts, like 2026-06-30",
        ),
        ({"SOURCES__REFERENCE__ACCEPT_LOSS": "2026-06-30"}, "no setting of"),
        ({"SOURCES__CLOCKIFY": "k"}, "lacks the setting; the form is SOURCES__<SOURCE>__<SETTING>"),
        ({"ALERT_MAIL_TO": "a@x.com"}, "ALERT_MAIL_TO .* has no effect without SMTP_DSN and MAIL_FROM; set them"),
        ({"SMTP_DSN": "smtp://h"}, "SMTP_DSN .* has no effect without MAIL_FROM; set all of them"),
        ({"STORAGE_URL": "ftp://h"}, "must be a folder or look like s3://bucket/prefix"),
        ({"PLANFACT_API_KEY": "k"}, "PLANFACT_API_KEY .* has no effect in a sandbox, whose invoices stay in it"),
        ({"ALERT_MAIL_TO": "a@x.com;b@x.com"}, "must be e-mail addresses like ann@example.com, separated by commas"),
        ({"MAIL_FROM": "Ann <a>"}, "must be an address like billing@agency.example"),
        ({"SMTP_DSN": "mail.example.com"}, "must look like smtp://user:password@host:587 .STARTTLS. or smtps://"),
        ({"SMTP_DSN": "smtp://u:p@ss@h"}, "special characters in user and password written as %40"),
        ({"ALERT_WEBHOOK": "hooks.example.com/x"}, "must look like https://host/path"),
        ({"DAGSTER_DSN": "mysql://h/d"}, "must look like postgresql://user:password@host:5432/database"),
        (
            {"PUBLISH_CLICKHOUSE_CLUSTER": "c"},
            "PUBLISH_CLICKHOUSE_CLUSTER .* has no effect without PUBLISH_CLICKHOUSE_DSN",
        ),
        (
            {"PUBLISH_CLICKHOUSE_DSN": "clickhouse://u@h:8123/"},
            "a server reads the warehouse itself, so set PUBLISH_WAR",
        ),
        (
            {"PUBLISH_CLICKHOUSE_DSN": "chdb:///x", "WAREHOUSE_DSN": "postgresql://u@h/d"},
            "the embedded engine reads your own warehouse with a login for that, so set PUBLISH_WAREHOUSE_DSN to it",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_mend(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load(environment)


def test_a_yes_to_a_loss_or_an_account_counts_in_a_sandbox_too_and_sets_no_profile() -> None:
    settings = load({"SOURCES__CLOCKIFY__ACCEPT_LOSS": "2026-06-30", "SOURCES__JIRA__ACCEPT_ACCOUNT": "acme.example"})
    assert settings.profile == "sandbox"
    assert settings.sources == {"clockify": {"accept_loss": "2026-06-30"}, "jira": {"accept_account": "acme.example"}}
    assert load({"SOURCES__CLOCKIFY__API_KEY": "k", "SOURCES__JIRA__ACCEPT_LOSS": "2026-06-30"}).profile == "production"


def test_the_file_is_held_to_known_names_and_form(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WAREHOUSE_DNS=postgresql://a@b/c\n")
    with pytest.raises(SettingsError, match=r"WAREHOUSE_DNS in .*\.env is no setting .* WAREHOUSE_DSN is meant"):
        load(folder=tmp_path)
    (tmp_path / ".env").write_text("AS_OF=2026-06-30\njust words\n")
    with pytest.raises(SettingsError, match=r"Line 2 of .*\.env is not of the form NAME=value"):
        load(folder=tmp_path)


def test_other_programs_variables_are_left_alone() -> None:
    assert load({"PATH": "/bin", "AS_OFF": "x", "WORKLEDGER_SHARED": "/x", "DAGSTER_HOME": "/x"}).profile == "sandbox"


@pytest.mark.parametrize(
    "environment",
    [
        {"WAREHOUSE_DSN": "topsecret"},
        {"CLICKHOUSE_DSN": "ftp://user:topsecret@host"},
        {"WAREHOUSE_DSN": "mysql://u:topsecret@h/d"},
        {"DAGSTER_DSN": "mysql://u:topsecret@h/d"},
        {"SMTP_DSN": "u:topsecret@h"},
        {"SMTP_DSN": "smtp://u:top@secret:topsecret@h"},
        {"ALERT_WEBHOOK": "ftp://h/topsecret"},
        {"PUBLISH_CLICKHOUSE_DSN": "clickhouse://u:topsecret@h:8123/"},
        {"PUBLISH_WAREHOUSE_DSN": "postgresql://u:topsecret@h/d"},
    ],
)
def test_no_refusal_repeats_a_secret(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(environment)
    assert "topsecret" not in str(refusal.value)


def test_no_representation_shows_a_secret() -> None:
    mail = {"SMTP_DSN": "smtp://u:topsecret@h", "MAIL_FROM": "a@x.com", "ALERT_MAIL_TO": "a@x.com, b@x.com"}
    settings = load(
        {
            "WAREHOUSE_DSN": "postgresql://u:topsecret@h/d",
            "DAGSTER_DSN": "postgresql://u:topsecret@h/d",
            "SOURCES__JIRA__API_TOKEN": "topsecret",
            "ALERT_WEBHOOK": "https://h/topsecret",
            "PUBLISH_CLICKHOUSE_DSN": "clickhouse://u:topsecret@h:8123/",
            "PUBLISH_WAREHOUSE_DSN": "postgresql://u:topsecret@h/d",
            **mail,
        }
    )
    assert settings.alert_mail_to == ("a@x.com", "b@x.com")
    assert "topsecret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-30", date(2026, 6, 30)),
        ("2026-06-30T18:00:00Z", datetime(2026, 6, 30, 18, tzinfo=UTC)),
        ("2026-06-30T18:00:00", datetime(2026, 6, 30, 18, tzinfo=UTC)),
    ],
)
def test_the_clock_is_a_date_or_a_time(text: str, moment: date | datetime) -> None:
    assert load({"AS_OF": text}).as_of == moment


def test_a_source_is_handed_its_own_settings_by_dlts_names() -> None:
    settings = load({"SOURCES__PLAID__SECRET": "s", "SOURCES__JIRA__EMAIL": "e"})
    assert settings.sources == {"plaid": {"secret": "s"}, "jira": {"email": "e"}}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_map_that_lacks_a_profile_raises_in_every_profile(profile: str) -> None:
    settings = load({"WORKLEDGER_PROFILE": profile})
    assert settings.by_profile({"sandbox": "sandbox", "production": "production"}) == profile
    with pytest.raises(SettingsError, match="every map names sandbox, production"):
        settings.by_profile({profile: 1})  # type: ignore[dict-item]


def test_a_child_in_another_folder_loads_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = load({"SANDBOX_DIR": "dataset", "WORKLEDGER_HOME": "home"})
    monkeypatch.chdir("/")
    assert load(settings.as_environment()) == settings


def test_the_example_file_names_every_setting_and_no_other() -> None:
    text = (PROJECT_FOLDER / ".env.example").read_text()
    names = re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
    assert {name for name in names if not name.startswith("SOURCES__")} == set(SETTING_NAMES)
    assert len(names) == len(set(names))


def test_the_example_file_names_every_setting_of_every_source_that_has_credentials() -> None:
    text = (PROJECT_FOLDER / ".env.example").read_text()
    # The others are set up by files or by a setting of their own: CLICKHOUSE_DSN, REFERENCE_DIR, session_roots.csv.
    with_credentials = [spec for spec in SOURCES.values() if spec.probe]
    expected = [spec.variable(name) for spec in with_credentials for name in spec.settings]
    assert sorted(re.findall(r"^#(SOURCES__[A-Z_]+)=", text, re.MULTILINE)) == sorted(expected)


def test_the_example_file_is_valid_when_every_line_is_uncommented(tmp_path: Path) -> None:
    text = (PROJECT_FOLDER / ".env.example").read_text()
    (tmp_path / "reference").mkdir()
    (tmp_path / ".env").write_text(re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE))
    assert load(folder=tmp_path).profile == "production"


def test_no_other_module_reads_a_setting_from_the_environment() -> None:
    names = "|".join((*SETTING_NAMES, "SOURCES__"))
    reader = re.compile(rf"(environ|getenv)\S*[\[(]\s*f?[\"']({names})|load_dotenv|dotenv_values")
    assert reader.search('os.environ.get("AS_OF")')
    assert reader.search("getenv('SOURCES__JIRA__EMAIL')")
    modules = [
        file for package in ("orchestration", "assets", "sources") for file in (PROJECT_FOLDER / package).rglob("*.py")
    ]
    own = PROJECT_FOLDER / "orchestration" / "settings.py"
    assert own in modules
    assert [file for file in modules if file != own and reader.search(file.read_text())] == []
