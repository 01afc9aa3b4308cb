"""Typical secrets vanish, ordinary text survives. The secrets are made up, and in pieces so that no scanner stirs."""

import re
import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector

from sources.claude_code.redaction import redact, redact_value
from tests.sources.claude_code import further_secrets, unseen_secrets
from tests.sources.claude_code.claude_code_texts import landed_texts
from tests.sources.claude_code.planted_secrets import PLACES, plant

RANDOM = "aZ3kQ9" + "xT7mB2vN8sLp4"
GITHUB = "gh" + "p_" + "k3J9dLq0WmZx8RtYv6BnC1sAf5Gh2EuT7iOp"
AWS = "AK" + "IA" + "Q3EXSVJ7RTNWD5BA"
AWS_SECRET = "q7Wn/Xv2+LbT9cRk" + "8ZsYp4MdJh6Gf1AeUoI3Nt0B"
KEY = "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"the key is {AWS}, use it", AWS),
        (f'aws_secret_access_key = "{AWS_SECRET}"', AWS_SECRET),
        (f"AWS_SECRET_ACCESS_KEY={AWS_SECRET}", AWS_SECRET),
        (f"export GITHUB_TOKEN={GITHUB}", GITHUB),
        (f"git push https://{GITHUB}@github.com/a/b", GITHUB),
        ("github_pat_" + "11ABCDEFG0" + RANDOM + RANDOM, RANDOM),
        (f"-----BEGIN RSA {KEY}\nMIIEow{RANDOM}\nAoGB{RANDOM}\n-----END RSA {KEY}\nthe end", RANDOM),
        (f"-----BEGIN OPENSSH {KEY}\nb3BlbnNz{RANDOM}", RANDOM),
        (f"-----BEGIN {KEY}\\nMIIE{RANDOM}\\n-----END {KEY}", RANDOM),
        ("git clone https://bob:s3cr3tpw@example.com/x", "s3cr3tpw"),
        ("postgresql://app:hunter2@db:5432/x", "hunter2"),
        ("my password is hunter2", "hunter2"),
        ("password: hunter2!x", "hunter2!x"),
        ("DB_PASSWORD=Xy7kQ9vv2", "Xy7kQ9vv2"),
        ('{"password": "sw0rdfish"}', "sw0rdfish"),
        ("db_passwd = 'swordfish!'", "swordfish!"),
        (f'{{\\"api_key\\": \\"{RANDOM}\\"}}', RANDOM),
        (f"api_key: {RANDOM}", RANDOM),
        (f"--token {RANDOM}", RANDOM),
        (f"client_secret={RANDOM}", RANDOM),
        (f"Authorization: Bearer {RANDOM}", RANDOM),
        ("curl -u admin:passw0rd https://example.com", "passw0rd"),
        (f"//registry.npmjs.org/:_authToken=npm_{RANDOM}", RANDOM),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_Xg", "dozjgNryP4J3jVmNHl0w5N_Xg"),
        ("sk-" + "ant-api03-" + RANDOM + RANDOM, RANDOM),
        (f"try this one: {RANDOM}{RANDOM}", RANDOM + RANDOM),
        (f"https://example.com/d2/{RANDOM}{RANDOM}", RANDOM + RANDOM),
        ("Das Kennwort lautet Garten.486.Morgen", "Garten.486.Morgen"),
        ("le mot de passe est Pickle#656", "Pickle#656"),
        ("the card's PIN is 201529", "201529"),
        ("Twilio:\n```\nauth token\n7a3820fae390d6388113b36e5feffc39\n```", "7a3820fae390d6388113b36e5feffc39"),
        ("zip -P maple3952Copper a.zip f", "maple3952Copper"),
        ("words: airport able acid actor add adult again age alarm album alien zoo", "airport able acid"),
        ("xox" + "b-123456789012-abcdefghij", "123456789012-abcdefghij"),
        ("sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc"),
    ],
)
def test_typical_secrets_vanish_and_the_text_around_them_stays(text: str, secret: str) -> None:
    redacted = redact(f"First line.\n{text}\nLast line.")
    assert secret not in redacted
    assert "[redacted: " in redacted
    assert redacted.startswith("First line.\n")


@pytest.mark.parametrize(
    "text",
    [
        "Please fix CON-76 before Friday; the tests in tests/test_api.py fail with a 500.",
        "commit 50bdf98 and 5c0375b457a54f26b12dd022ee4e51b712345678 are merged",
        '{"commit": "5c0375b457a54f26b12dd022ee4e51b712345678", "id": "805e777b-8363-4702-b779-be58fe30fcf2"}',
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "the token count is 12345, max_tokens: 200000, input_tokens: 123456789012",
        "password: string; // the user's password",
        "const token = generateToken(user);",
        "token = process.env.API_TOKEN_2",
        'secret = os.environ["S3_SECRET"]',
        "api_key=${API_KEY2} and password={{ vault.password1 }}",
        "Please reset my password today, and keep the secret safe.",
        "tokenizer=bert-base-uncased-v12",
        "foreign_key: accounts_2024_id, primary key: user_id_2, cache_key: session:12:user:99",
        "keyboard: qwerty1; pass rate: 98.5%; http://localhost:8080/path@2x",
        "git show HEAD:src/token_utils2.py",
        "password=<your-password> or password: ********",
        "PASS: test_login2 (0.03 s), pass rate: 98.5%, pw = readline(), creds = load_creds2()",
        'status = {"INSIGHTS_PASS": "insights_pass_2"}; window = "?start=2026-03-02T00:00:00Z&end=2026-03-02T23:59Z"',
        "sum(cache_creation_5m_tokens + cache_creation_1h_tokens)::bigint as cache_tokens",
        'moment.strftime("%Y-%m-%dT%H:%M")',
        "| name | type |\n| --- | --- |\n| password | varchar(255) |\n| api_key | text_v2 |",
        "echo $password | sha256sum; jq '.token | @base64d' x2.json",
        'getSecret("db-password-2"), reset_password("x9")',
        "the login page of issue-2024#12 at /login?next=2 is broken; <key>CFBundleVersion2</key>",
        "use 5c0375b457a54f26b12dd022ee4e51b712345678 as the cache key, and name_of_the_column_2 as the key",
        "    --hash=sha256:a931079504ecc49efed7744c476a5c343a92fabf66dec2db95edb1b2fdc770e2 # api key token",
        "toolu_01Pe2ttSuQPX1nFm5dGe37bH and msg_01J6DPiGJcuVzMb47chNN9Q2 of the session with the token",
        "build/client/assets/chunk-PVWAREVJ-h9MqKL48.js, /plan?id=cmfppfndo0001lisff6r1o6r4",
        "np.array([w, pw]) is np.float64(pw), hermiteGauss2 is near the password",
        "the exit code is 127, pin the version to 2024.1, security code review of 2024-05-06",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7kL8mQ2xT7mB2vN8sLp4aZ3kQ9rWyU6hG5fD1cV0bX me@host",
        "a list of plain words like this one may well run on over more than twelve of them",
        'integrity: "sha512-aB3+cD4eF5gH6+iJ7kL8mA==" and the value "bXkgdGV4dCBpcyBoZXJlMQ=="',
    ],
)
def test_ordinary_text_survives(text: str) -> None:
    assert redact(text) == text


ORDINARY_TEXTS = Path(__file__).with_name("ordinary_texts.txt").read_text(encoding="utf-8").splitlines()


def test_commits_ids_check_sums_and_placeholders_survive() -> None:
    assert len(ORDINARY_TEXTS) > 350
    texts = [
        unseen_secrets.filled(Random(f"{seed}{line}"), line.replace("\\n", "\n"))
        for line in ORDINARY_TEXTS
        for seed in range(3)
    ]
    assert [text for text in texts if redact(text) != text] == []


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("\x1b[1mpassword\x1b[0m: \x1b[33mtiger12\x1b[0m", "password: [redacted: Secret Keyword]"),
        ("next=%2Fcb%3Fpassword%3Dtiger12%26x%3D1", "next=/cb?password=[redacted: Secret Keyword]&x=1"),
        (f"echo {b64encode(b'DB_PASSWORD=tiger12').decode()} | base64 -d", "echo [redacted: Base64] | base64 -d"),
        (f'{{"log": "{{\\\\\\"token\\\\\\":\\\\\\"{RANDOM}\\\\\\"}}"}}', "[redacted: Secret Keyword]"),
    ],
    ids=["colours", "percent-encoding", "base64", "JSON in JSON in JSON"],
)
def test_secrets_vanish_from_what_wraps_them(text: str, redacted: str) -> None:
    assert redacted in redact(text)
    assert "tiger12" not in redact(text)
    assert RANDOM not in redact(text)


@pytest.mark.parametrize(
    "text", ["| KEY | {} |", "$ wg genkey\n{}\n$ ls", '"SecretAccessKey": "{}",', "token: {}\nx: 1"]
)
def test_nothing_but_the_value_in_base64_goes(text: str) -> None:
    for seed in range(20):
        value = b64encode(Random(seed).randbytes(32)).decode()
        cleaned = re.sub(r"\[redacted: [^]]*\]", "{}", redact(text.replace("{}", f"{value[:21]}/{value[22:]}")))
        assert cleaned == text


def test_a_key_of_django_goes_up_to_the_closing_quote() -> None:
    signs = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"
    for seed in range(20):
        value = "django-insecure-" + "".join(Random(seed).choices(signs, k=50))
        assert re.fullmatch(r"SECRET_KEY = '\[redacted: [^]]*\]'", redact(f"SECRET_KEY = '{value}'"))


@pytest.mark.parametrize(
    "text",
    [
        "password = row.field1234;",
        "password = row.field1234(x)",
        "p" + "k_test_" + "TYooMQauvdEDq54NiTphI7jx",
        "the login step / redirect-page302",
        f'new Map("abc", "{Random(4).randbytes(16).hex()}")',
    ],
)
def test_code_and_public_keys_survive(text: str) -> None:
    assert redact(text) == text


def test_the_private_key_of_a_wallet_vanishes() -> None:
    key = Random(5).randbytes(32).hex()
    assert key not in redact(f"PRIVATE_KEY=0x{key} # signs the tx")


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("REDIS_URL=redis://:velvet@cache:6379", ["velvet"]),
        ('[{"text": "wie ist das Passwort vom NAS?"},\n{"text": "gartenzaun77"}]', ["gartenzaun77"]),
        ("ParameterKey=DBPassword,ParameterValue=SqE.iolHFPnsPPfaZYnEI", ["SqE.iolHFPnsPPfaZYnEI"]),
        ("    Schlüsselinhalt            : Blumen wiese 22", ["Blumen wiese 22"]),
        ('{"content": "\\tpsk=\\"swear until gloom discover\\"\\n"}', ["swear until gloom discover"]),
        ("<AdministratorPassword>\n  <Value>hamburg95!</Value>", ["hamburg95!"]),
        ("net-snmp-create-v3-user -A kestrel991x -X boreal223q -a SHA mon", ["kestrel991x", "boreal223q"]),
        ("snmp-server user m g v3 auth sha kestrel991x priv aes 128 boreal223q", ["kestrel991x", "boreal223q"]),
        ('createUser mon SHA "EaPgS0c1Gcso" AES "kPq8Wz11mmQQ"', ["EaPgS0c1Gcso", "kPq8Wz11mmQQ"]),
        ("S: 334 UGFzc3dvcmQ6\nC: TDFnaHRo", ["TDFnaHRo"]),
        ("USER bob\n+OK\nPASS meadow1\n+OK Logged in", ["meadow1"]),
        ("ftp -n host <<EOF\\nuser web kwiatek2584!\\nbin", ["kwiatek2584!"]),
        ("models.execute_kw('prod', 2, 'krakow1913*', 'res.partner', 'search')", ["krakow1913*"]),
    ],
)
def test_logins_vanish_from_transcripts_chats_and_settings_of_devices(text: str, secrets: list[str]) -> None:
    assert [secret for secret in secrets if secret in redact(text)] == []


def test_what_wraps_no_secret_stays_as_it_is() -> None:
    for text in ("\x1b[32m2 tests passed\x1b[0m", "next=%2Fcb%3Ftab%3D2", b64encode(b"Lorem ipsum dolor 12").decode()):
        assert redact(text) == text


def test_the_whole_value_goes_whatever_signs_it_has() -> None:
    choices = Random(1)
    half = "".join(choices.choices("abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789", k=20))
    value = f"{half[:9]}/{half[9:15]}+x7Q/{half}="
    for text in (
        '{"SecretAccessKey": "%s"}',
        "PrivateKey = %s",
        "  token: '%s',",
        'sasl.jaas.config=Plain required username="u" password="%s";',
        "$ wg genkey\n%s",
    ):
        redacted = redact(text % value)
        assert not [value[at : at + 8] for at in range(len(value) - 7) if value[at : at + 8] in redacted], redacted


def test_two_words_and_a_number_behind_the_name_of_a_password_are_one() -> None:
    for number, sign in ((6584, "."), (8990, "_"), (731, "-")):
        value = f"falcon{sign}tiger{number}"
        for text in (
            f"DB_PASSWORD={value}",
            f"password: {value}",
            f'psk="{value}"',
            f"the password is {value}, check the nginx config",
            f"das Passwort ist {value}.",
            f"creds are admin / {value}",
        ):
            assert value not in redact(text), text
    for code in ("password = settings.db_password2", "password: config.auth.token1", "PASSWORD=os.environ2"):
        assert redact(code) == code


def test_a_key_beside_what_asks_for_it_is_one() -> None:
    sid, token = f"AC{Random(2).randbytes(16).hex()}", Random(3).randbytes(16).hex()
    assert token not in redact(f"client = Client('{sid}', '{token}')")
    assert token not in redact(f"const client = algoliasearch('901FQOXKYA', '{token}');")


def test_names_of_resources_and_public_keys_survive() -> None:
    for text in (
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/shop/db-AbCdEf",
        "pod/shop-api-7d9f8b6c5d-x2k9q 1/1 Running 0 3d4h",
        f"the wallet 0x{Random(4).randbytes(20).hex()} is public",
        f"tx 0x{Random(5).randbytes(32).hex()} mined in block 46147",
    ):
        assert redact(text) == text


def test_columns_of_tables_with_a_telling_head_are_redacted() -> None:
    table = "| user | password |\n| --- | --- |\n| bob | Tulip43!moon |\n| ann | |\n"
    assert redact(table) == table.replace("Tulip43!moon", "[redacted: Secret Keyword]")
    assert redact("name,token,size\nbob,kQ9xT7mB2vN8,12\n") == "name,token,size\nbob,[redacted: Secret Keyword],12\n"


def test_names_redact_the_values_below_them() -> None:
    value = {"headers": {"password": "tiger12", "list": [{"api_token": RANDOM}]}, "n": 3, "command": "ls -la"}
    assert redact_value(value) == {
        "headers": {
            "password": "[redacted: Secret Keyword]",
            "list": [{"api_token": "[redacted: Secret Keyword]"}],
        },
        "n": 3,
        "command": "ls -la",
    }


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 300_000,
        "password=" * 100_000,
        "https://a:b" * 80_000,
        "-----BEGIN RSA PRIVATE KEY-----\n" * 30_000,
        "cookie auth" * 80_000,
        "a:5432:b" * 100_000,
        "the token for " * 60_000,
        "DE12 3456 " * 80_000,
        "mysql " * 100_000,
        "secretly is token " * 50_000,
        "x" * 200 + " is a key " * 60_000,
        "login /" * 100_000,
        "auth('a','" * 80_000,
        "'Aa1:" * 100_000,
        "password value=" * 60_000,
        "https://webhook/" * 50_000,
        # These took minutes, or for ever, until they were found.
        "SECRET=YOUR_VERY_LONG_AND_SECURE_CLIENT_SECRET_GOES_HERE_1234567890",
        "token,key\n1,2\n" * 40_000,
        "/hook/a1" * 80_000,
        "WIFI:a1" * 60_000,
        "%3D%22a1" * 60_000,
        "echo a1 | " * 80_000,
        'password 1?"' * 80_000,
        "USER a\\nPASS " * 80_000,
        "AUTH PLAIN 334 UGFzc3dvcmQ6\\n" * 20_000,
        "auth" + " " * 200_000 + "createuser 1",
        "1 as password " * 60_000,
    ],
    ids=[
        *("eyJ", "password", "url", "key", "cookie", "pgpass", "told", "iban", "mysql", "told_before", "long_word"),
        *("login", "pair", "quoted", "value", "webhook"),
        *("placeholder", "table", "hook", "wifi", "percent", "pipe", "question", "ftp", "smtp", "blanks", "told_after"),
    ],
)
def test_no_text_takes_forever(text: str) -> None:
    began = time.process_time()
    redact(text)
    # Quadratic behaviour would take minutes.
    assert time.process_time() - began < 10


SAMPLES = {
    "AWS Access Key": [AWS, f"aws_token: '{AWS_SECRET}'"],
    "Artifactory Credentials": [" AKC" + "p8nQ2xT7mB2vN8sLp4aZ3kQ9rW "],
    "Azure Storage Account access key": ["AccountKey=" + "a1B2" * 22],
    "Basic Auth Credentials": ["https://u:p4ss@h"],
    "Cloudant Credentials": ["cloudant_password = " + "0a1b" * 16, "https://acc:" + "0a1b" * 16 + "@acc.cloudant.com"],
    "Discord Bot Token": ["M" + "a1B2c3D4e5F6g7H8i9J0k1L" + ".a1B2c3." + "a1B2c3D4e5F6g7H8i9J0k1L2m3N"],
    "GitHub Token": [GITHUB],
    "GitLab Token": ["glp" + "at-" + "a1B2c3D4e5F6g7H8i9J0", "GR1348941" + "a1B2c3D4e5F6g7H8i9J0"],
    "IBM COS HMAC Credentials": ["secret_access_key=" + "0a1b2c" * 8],
    "IBM Cloud IAM Key": ["ibm_cloud_api_key: " + "a1B2c3D4" * 5 + "e5F6"],
    "JSON Web Token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_Xg"],
    "Mailchimp Access Key": ["0a1b2c3d" * 4 + "-us12"],
    "NPM tokens": ["//registry.npmjs.org/:_authToken=npm_a1B2c3D4"],
    "OpenAI Token": ["sk-" + "a1B2c3D4e5F6g7H8i9J0" + "T3BlbkFJ" + "a1B2c3D4e5F6g7H8i9J0"],
    "Private Key": ["-----BEGIN EC " + KEY],
    "PyPI Token": ["pypi-" + "AgEIcHlwaS5vcmc" + "a1B2c3D4e5" * 8],
    "SendGrid API Key": ["SG." + "a1B2c3D4e5F6g7H8i9J0k1" + "." + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V"],
    "Slack Token": ["xox" + "p-12-34-abc", "https://hooks.slack.com/services/T1/B2/c3"],
    "SoftLayer Credentials": ["softlayer_api_key=" + "0a1b2c3d" * 8],
    "Square OAuth Secret": ["sq0csp-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V"],
    "Stripe Access Key": ["rk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"],
    "Telegram Bot Token": ["123456789:" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R"],
    "Twilio API Key": ["AC" + "0a1b2c3d" * 4, "SK" + "0a1b2c3d" * 4],
}


PLUGINS: Mapping[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()


def pattern_plugins() -> list[str]:
    return sorted(kind for kind, plugin in PLUGINS.items() if issubclass(plugin, RegexBasedDetector))


@pytest.mark.parametrize("kind", [kind for kind in pattern_plugins() if kind != "Public IP (ipv4)"])
def test_the_shortcuts_hide_nothing_that_a_plugin_finds(kind: str) -> None:
    plugin = PLUGINS[kind]()
    for sample in SAMPLES[kind]:
        assert set(plugin.analyze_string(sample)), f"{sample} is no sample of {kind}"
        assert redact(f"see {sample} there") != f"see {sample} there"


KINDS = sorted({planted.kind for planted in plant(1)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_secret_of_every_kind_vanishes_in_every_place(kind: str) -> None:
    planted = [one for seed in (1, 31) for one in plant(seed) if one.kind == kind]
    assert {one.place for one in planted} == set(PLACES)
    assert [(one.place, one.text) for one in planted if one.secret in redact(one.text)] == []


def test_of_the_planted_secrets_at_least_98_in_100_vanish() -> None:
    assert len(KINDS) >= 100
    whole: dict[tuple[int, str, str], bool] = {}
    for seed in range(101, 106):
        for one in plant(seed):
            gone = one.secret not in redact(one.text)
            key = (seed, one.kind, one.secret)
            whole[key] = whole.get(key, True) and gone
    assert len(whole) >= 200
    assert sum(whole.values()) / len(whole) >= 0.98


def test_of_secrets_in_forms_that_were_unknown_at_first_most_vanish() -> None:
    places: dict[str, list[bool]] = {}
    for seed in (101, 102):
        for one in further_secrets.plant(seed):
            places.setdefault(one.kind, []).append(one.secret not in redact(one.text))
    assert len(places) > 250
    gone = [vanished for each in places.values() for vanished in each]
    assert sum(gone) / len(gone) >= 0.99
    assert [kind for kind, each in places.items() if not any(each)] == []


def test_of_secrets_that_were_written_without_the_rules_most_vanish() -> None:
    gone: dict[str, list[bool]] = {}
    for one in unseen_secrets.plant(101):
        gone.setdefault(one.kind.partition(":")[0], []).append(one.secret not in redact(one.text))
    shares = {name: sum(each) / len(each) for name, each in gone.items()}
    assert sum(map(len, gone.values())) > 3_500
    assert min(shares.values()) >= 0.98, shares
    assert sum(shares.values()) / len(shares) >= 0.99, shares


def test_real_transcripts_hold_no_false_redaction(shared_folder: Path) -> None:
    folder = shared_folder / "transcripts"
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist")
    texts = landed_texts(folder)
    assert len(texts) > 5_000
    # None of them holds a secret, which was looked up by hand.
    assert [text for text in texts if redact(text) != text] == []
