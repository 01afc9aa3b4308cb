"""Secrets are taken out of texts before they land, with the rules of Kingfisher and the plugins of detect-secrets.

Kingfisher knows vendors' tokens by some 490 rules, which it runs over a text in one pass. detect-secrets scans files
line by line; here its plugins' own patterns run over whole texts, each only if a literal that every match must contain
is there. Its rules for assignments (`password = …`) expect source code; a transcript
mixes prose, shell and JSON, so the names come from its keyword plugin, the measure of randomness from its entropy
plugin, and the decision is made here. Not used: the IP address plugin (no secret) and entropy of any quoted string
(commit hashes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.filters.heuristic import is_potential_uuid, is_sequential_string
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.plugins.private_key import PrivateKeyDetector
from kingfisher_sdk import Rules, Scanner

# An address is no secret; what IBM's rule finds, the rules for assignments find at a fifth of the time.
_NOT_USED: Final = frozenset({"Public IP (ipv4)", "IBM Cloud IAM Key"})
_REPEATABLE: Final = "JSON Web Token"

_GITLAB: Final = (
    *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941"),
    *("glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
)
# What every match of a plugin's patterns contains: the least length of a stretch without white space, and one of some
# literals (in any case where written in lower case). A plugin that is not named here runs on every text.
_SIGNS: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "AWS Access Key": (20, ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws")),
    "Artifactory Credentials": (11, ("AKC", "AP")),
    "Azure Storage Account access key": (96, ("AccountKey=",)),
    "Basic Auth Credentials": (7, ("://",)),
    "Cloudant Credentials": (24, ("cloudant", "clou", "clkey", "clp", "clapi", "cltoken", "cl_", "cl-")),
    "Discord Bot Token": (58, (".",)),
    "GitHub Token": (40, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    "GitLab Token": (25, _GITLAB),
    "IBM COS HMAC Credentials": (48, ("secret",)),
    "JSON Web Token": (20, ("eyJ",)),
    "Mailchimp Access Key": (36, ("-us",)),
    "NPM tokens": (20, ("_authToken=",)),
    "Private Key": (3, ("BEGIN", "PuTTY")),
    "OpenAI Token": (51, ("T3BlbkFJ",)),
    "PyPI Token": (80, ("pypi-",)),
    "SendGrid API Key": (69, ("SG.",)),
    "Slack Token": (12, ("xox", "hooks.slack.com")),
    "SoftLayer Credentials": (64, ("softlayer", "slk", "slp", "sla", "slt", "sl_", "sl-")),
    "Square OAuth Secret": (50, ("sq0csp-",)),
    "Stripe Access Key": (32, ("k_live_",)),
    "Telegram Bot Token": (44, (":",)),
    "Twilio API Key": (34, ("AC", "SK")),
}

# Forms that detect-secrets does not know, or of which it knows a part alone.
_FURTHER: Final[tuple[tuple[str, int, tuple[str, ...], str], ...]] = (
    (
        PrivateKeyDetector.secret_type,
        3,
        ("private key", "putty-user-key-file"),
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)|PuTTY-User-Key-File-.*\Z",
    ),
    ("GitHub Token", 30, ("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}"),
    ("Anthropic API Key", 27, ("sk-ant-",), r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("OpenAI Token", 28, ("sk-proj-", "sk-svcacct-", "sk-admin-"), r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"),
    ("Google API Key", 39, ("AIza",), r"AIza[A-Za-z0-9_-]{35}"),
    (
        "JSON Web Token",
        40,
        ("eyJ",),
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?",
    ),
    ("Slack Token", 20, ("xapp-", "xoxe"), r"xapp-[0-9A-Za-z-]{20,}|xoxe[.-][0-9A-Za-z.-]{20,}"),
    ("Stripe Access Key", 24, ("k_test_", "whsec_"), r"[rs]k_test_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{24,}"),
    ("Bearer Token", 16, ("bearer",), r"(?i:\bbearer)[ \t]+(?=[^\s]*\d)([A-Za-z0-9._~+/-]{16,}=*)"),
    ("Basic Auth Credentials", 8, ("basic",), r"(?i:authorization\W{1,4}basic)[ \t]+([A-Za-z0-9+/]{8,}=*)"),
    (
        "Basic Auth Credentials",
        6,
        ("mysql", "mariadb", "sshpass", "docker login", "redis-cli"),
        r"\b(?:mysql(?:dump|admin)?|mariadb)\b[^\n|;]{0,200}?[ \t]-p['\"]?([^\s'\"$]{4,})"
        r"|\bsshpass[ \t]+-p[ \t]*['\"]?([^\s'\"$]{4,})"
        r"|\bdocker[ \t]+login\b[^\n|;]{0,200}?[ \t]-p[ \t]*['\"]?([^\s'\"$]{4,})"
        r"|\bredis-cli\b[^\n|;]{0,200}?[ \t]-a[ \t]+['\"]?([^\s'\"$]{4,})",
    ),
    (
        "Basic Auth Credentials",
        8,
        ("securestring",),
        r"(?i:convertto-securestring)[ \t]+(?:-string[ \t]+)?\\?['\"]([^'\"\\$]{4,})",
    ),
    (
        "Basic Auth Credentials",
        8,
        ("thin:", "sqlplus"),
        r"(?:thin:|sqlplus[ \t]+(?:-\S+[ \t]+)*)[\w.-]+/([^\s@/'\"$]{4,})@",
    ),
    (
        "Basic Auth Credentials",
        8,
        (":543", ":6432:"),
        r"(?<![\w.*-])[\w.*-]{1,253}:(?:543\d|6432):[\w*-]+:[A-Za-z*][\w*-]*:([^\s:'\"\\]{4,})",
    ),
    ("Basic Auth Credentials", 12, ('"auth',), r"\"auth\\*\"[ \t]*:[ \t]*\\*\"([A-Za-z0-9+/]{12,}=*)"),
    (
        "Password Hash",
        20,
        ("$apr1$", "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$argon2"),
        r"\$(?:apr1|1|5|6|y|argon2(?:i|d|id))\$[A-Za-z0-9./+=,$_-]{16,}|\$2[aby]\$\d\d\$[A-Za-z0-9./]{40,}",
    ),
    (
        "Session Cookie",
        16,
        ("cookie",),
        r"(?i:sess|sid\b|auth|jwt|csrf|xsrf|remember|logged_in|token)[\w.-]{0,64}=(?=[^;\s\"'\\]*\d)([^;\s\"'\\]{16,})",
    ),
    (
        "Secret Keyword",
        4,
        ("variable",),
        r"variable[ \t]+\\*\"[\w-]*(?:pass|secret|token|key)[\w-]*\\*\""
        r"[^}]{0,400}?default[ \t]*=[ \t]*\\*\"([^\"\\$]{4,})",
    ),
    ("Webhook", 60, ("/api/webhooks/",), r"/api/webhooks/\d+/([\w-]{40,})"),
    ("Webhook", 40, ("webhook",), r"(?i:webhook)[^\s\"'<>]{0,160}?/(?=[\w-]{0,60}\d)([\w-]{24,}(?:/[\w-]+)*)"),
    ("Private Key", 40, ('"kty',), r"\"kty\\*\"[^}]{0,2000}?\"[dk]\\*\"[ \t]*:[ \t]*\\*\"([\w-]{20,})"),
    (
        "Basic Auth Credentials",
        4,
        ("app passwor", "app-passwor", "app-specific"),
        r"(?i:app[ -](?:specific[ -])?passwor[dt])[^\n]{0,40}?\b([a-z]{4}(?:[ -][a-z]{4}){3})\b",
    ),
    ("Azure Shared Access Signature", 40, ("sig=",), r"\bsig=([A-Za-z0-9%+/=]{40,})"),
    ("Signature", 40, ("signature=",), r"(?i:signature)=([A-Za-z0-9%+/=_-]{40,})"),
    (
        "Basic Auth Credentials",
        4,
        ("signtool", "net use"),
        r"(?i:\b(?:signtool|net[ ]use)\b)[^\n]{0,200}?"
        r"[ \t](?:[/-]p(?:ass)?[: \t]+|[/-](?i:user|u)[: \t]\S{1,64}[ \t]+)['\"]?([^\s'\"$/-][^\s'\"]{3,})",
    ),
    ("Basic Auth Credentials", 4, ('send "', 'send \\"'), r"(?:\b|(?<=\\n))send[ \t]+\\*\"([^\s\"\\$]{4,})\\+r"),
    (
        "Basic Auth Credentials",
        4,
        ("auth", "credential", "login"),
        r"(?i:auth|credentials?|login)[ \t]*(?:[=:][ \t]*)?[(\[][ \t]*\\?['\"][^'\"\\\n]{1,64}\\?['\"]"
        r"[ \t]*,[ \t]*\\?['\"]"
        r"((?=[^'\"\\\n]*\d)[^\s'\"\\]{6,64})\\?['\"]",
    ),
    (
        "Basic Auth Credentials",
        6,
        ("-u ", "-user "),
        r"(?<!\S)(?:-u|--(?:proxy-)?user)[ \t]+['\"]?[\w.@-]+:([^\s'\"$]{4,})",
    ),
)

_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Vendors' public prefixes that Kingfisher lacks or knows in some contexts alone: kind, prefix, what follows it.
_PREFIXES: Final = (
    ("AWS Session Token", "IQoJb3JpZ2luX2Vj", r"[A-Za-z0-9+/]{60,}=*"),
    ("AWS Session Token", "FwoGZXIvYXdz", r"[A-Za-z0-9+/]{60,}=*"),
    ("Bitbucket App Password", "ATBB", r"[A-Za-z0-9_-]{24,}"),
    ("Contentful Token", "CFPAT-", r"[A-Za-z0-9_-]{40,}"),
    ("Databricks Token", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    ("Django Secret Key", "django-insecure-", r"[^\s'\"\\&]{30,}"),
    ("Docker Token", "dckr_", r"[po]at_[A-Za-z0-9_-]{20,}"),
    ("Facebook Token", "EAA", r"[A-Za-z0-9]{80,}"),
    ("Fly Token", "fm2_", r"[A-Za-z0-9+/=_-]{60,}"),
    ("Fly Token", "fo1_", r"[A-Za-z0-9_-]{40,}"),
    ("Google Client Secret", "GOCSPX-", r"[A-Za-z0-9_-]{20,}"),
    ("Google Token", "1//0", r"[A-Za-z0-9_-]{30,}"),
    ("Google Token", "ya29.", r"[A-Za-z0-9_-]{30,}"),
    ("Grafana Token", "glc_", r"[A-Za-z0-9+/=]{30,}"),
    ("HubSpot Token", "pat-", rf"[a-z]{{2}}\d-{_UUID}"),
    ("Hugging Face Token", "hf_", r"[A-Za-z0-9]{30,}"),
    ("LaunchDarkly Key", "sdk-", _UUID),
    ("LaunchDarkly Key", "api-", _UUID),
    ("Mailgun Key", "key-", r"[0-9a-f]{32}"),
    ("Mapbox Token", "sk.eyJ", r"[A-Za-z0-9_-]{30,}\.[A-Za-z0-9_-]{20,}"),
    ("Netlify Token", "nfp_", r"[A-Za-z0-9]{30,}"),
    ("New Relic Key", "NRAK-", r"[A-Z0-9]{27}"),
    ("Notion Token", "ntn_", r"[A-Za-z0-9]{40,}"),
    ("Notion Token", "secret_", r"[A-Za-z0-9]{43}"),
    ("NuGet Key", "oy2", r"[a-z0-9]{43}"),
    ("1Password Token", "ops_eyJ", r"[A-Za-z0-9_-]{60,}"),
    ("Pinecone Key", "pcsk_", r"[A-Za-z0-9_]{40,}"),
    ("PlanetScale Token", "pscale_", r"(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{30,}"),
    ("Plaid Access Token", "access-", rf"(?:sandbox|development|production)-{_UUID}"),
    ("Pulumi Token", "pul-", r"[0-9a-f]{40}"),
    ("Render Key", "rnd_", r"[A-Za-z0-9]{28,}"),
    ("Rust Registry Token", "cio", r"[A-Za-z0-9]{32}"),
    ("Square Token", "EAAA", r"[A-Za-z0-9_-]{60}"),
    ("Supabase Token", "sb_secret_", r"[A-Za-z0-9_-]{24,}"),
    ("WakaTime Key", "waka_", _UUID),
    ("Tailscale Key", "tskey-", r"[a-z]+-[A-Za-z0-9-]{20,}"),
)
# Tokens whose mark is not at their beginning: kind, the mark, the whole.
_MARKS: Final = (
    ("Azure Client Secret", "Q~", r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,37}"),
    ("New Relic Key", "NRAL", r"[0-9a-fA-F]{32,40}NRAL"),
    ("Terraform Cloud Token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
)

# Written in lower case and run on lower-cased texts: three times faster than IGNORECASE.
_PASSWORDS: Final = (
    r"passw(?:or)?d|passphrase|passcode|pwd|secret|contrase(?:ñ|n)a|(?:db|database|key)[_-]?pass|kennwort|passwort"
    r"|identified[ ]by|парол[ьяе]|rootpw"
)
# Also ordinary words, as in `PASS: 12 tests`; what follows them must look like a password.
_SHORT_PASSWORDS: Final = (
    r"pass(?:(?<![a-z]pass)|(?<=\\npass)|(?<=storepass)|(?<=requirepass)|(?<=userpass)|(?<=rootpass))(?![a-z])"
    r"|pw(?<![a-z]pw)(?![a-z])|psk|creds"
)
_KEY_OWNERS: Final = (
    *("account", "admin", "app", "application", "client", "encryption", "license", "licence"),
    *("auth", "deploy", "maps", "master", "server", "service", "shared", "signing", "storage", "write"),
)
_KEYS: Final = "|".join(
    [
        *(name.replace("_?", "[_-]?") for name in DENYLIST if name.endswith("_?key")),
        "access[_-]?key",
        "token(?!s|iz)",
        "pat(?:(?<=[_-]pat)|(?<=extpat))(?![a-z])",
        "credential",
        # The literal first: a look behind at every character costs half as much again.
        "(?P<any_key>key(?<=[_-]key))",
        "key(?:" + "|".join(f"(?<={name}key)" for name in _KEY_OWNERS) + ")",
        "jwt",
        "authkey",
        "токен",
        "ключ",
    ]
)
# What every name contains; those of the second list stand in texts with other letters than ASCII's alone.
_NAME_LITERALS: Final = (
    *("pass", "pw", "secret", "contrase", " pat ", "_pat", "extpat", "-pat", "key", "token", "cred", "kennwort", "jwt"),
    *("psk", "identified by"),
)
_FOREIGN_LITERALS: Final = ("schlüssel", "парол", "токен", "ключ")
_ASSIGNMENT: Final = re.compile(
    rf"(?:(?P<password>{_PASSWORDS})|{_KEYS}|(?P<short>{_SHORT_PASSWORDS}))[\w-]{{0,24}}[\]'\"`]{{0,2}}"
    # An escaped quote stands where JSON or a shell command quotes JSON.
    r"(?:\\?[\"'])?(?:[ \t]*(?::=|=>|={1,3}|!==?|:)[ \t]*|(?<=\w)[ \t]+(?:is[ \t]+)?(?=[\"'])"
    r"|(?<=\w)[ \t]+(?:is[ \t]+)?(?=\S*\d)|[ \t]+--(?:body|value|data|secret-string|plaintext)[ \t=]+"
    # Name and value of a pair, as in the environment of a container.
    r"|[,\s]{1,40}\\?[\"']?value\\?[\"']?[ \t]*[:=][ \t]*"
    # An element of XML; a cell of a table; a call that sets a value; a dash in a sentence.
    r"|>(?:<value>)?(?=[^<\s]{6,200}<)|[ \t]*(?P<cell>\|)[ \t]*(?=[^\s|]+[ \t]*\|)"
    r"|(?P<call>[(,])[ \t]*(?=\\?[\"'])|[ \t]+(?P<dash>[-–—])[ \t]+)"
    r"(?:n?\\?[\"'`](?P<quoted>[^\"'`\\\r\n]{4,600})(?=\\?[\"'`])"
    r"|(?P<brace>\{(?!\{))?(?P<bare>[^\s\"'`,;&|<>(){}\[\]\\]{6,200}))"
)
# What stands before a name that a call sets: `setPassword(`, `define('DB_PASSWORD',`, `.put("password",`.
_SETTER: Final = re.compile(
    r"(?:(?<![a-z])(?:set|with)[a-z\d_]*|(?:define|\w*env|setdefault|\.(?:put|set|header|append|add)\w*)"
    r"[ \t]*\([ \t]*\\?[\"'][\w.-]*)\Z"
)
# In prose words stand between the name and the value, which must then look more like a secret.
_TOLD: Final = re.compile(
    r"(?:(?P<password>passwor[dt]|kennwort|passphrase|парол[ьяею])|(?P<any_key>key)|token|secret|pat\b|schlüssel|credentials?"
    r"|токен|ключ)"
    r"(?:[ \t]+[a-zäöüßа-яё-]{2,16}){0,6}(?:[ \t]*[:=][ \t]*|[ \t]+(?:[-–—][ \t]+)?)[\"'`(*„“«]{0,2}"
    r"(?P<value>[^\s\"'`(),;“”»]{8,200})"
)
# Or the name comes last, as in `use … as the token`.
_TOLD_AFTER: Final = re.compile(
    r"[ \t](?:as|als|is|ist|for|für|как|это)[ \t]+(?:[\wäöüß.-]{1,16}[ \t]+){0,4}"
    r"(?:[\w-]{1,16}[_-])?(?:(?P<password>passwor[dt]|kennwort|passphrase|пароль)|(?P<any_key>key)|token|secret|schlüssel|токен|ключ)"
)
# A name of a login, then what looks like a password, as in `Zugangsdaten: admin / …`.
_LOGIN: Final = re.compile(
    r"(?:\bcreds\b|credentials|zugangsdaten|log-?in|logged[ ]in|anmelde\w*|логин)"
    r"[^\n]{0,40}?[ \t]*[ \t/:,(][ \t]*[\"'`„“«]?"
    r"(?P<value>(?<![\w.#?=&])(?=[^\s\d]*\d)[^\s\"'`\\/<>(){}\[\]|,;:=“”»]{8,64})(?![\w/(=])"
)
_LOGIN_LITERALS: Final = ("cred", "zugangsdaten", "login", "log in", "log-in", "logged in", "anmelde", "логин")
# A quoted word of every kind of character, alone or behind the name of a user, is a password whatever stands around it.
_QUOTED: Final = re.compile(
    r"[\"'](?:(?<![\w)\]].)|(?<=[ \t]-[pPwWaA].)|(?<=/[pP]:.))(?:\w{1,32}[:%](?=\w))?"
    r"(?P<value>(?=[A-Za-z\d])(?=[^\s\"']*(?:[!?#*~$%^&+@]|=\\?[\"']))(?=[^\s\"']*\d)(?=[^\s\"']*[A-Z])(?=[^\s\"']*[a-z])"
    r"[^\s\"'`\\/<>(){}\[\]|,;]{8,64})\\?[\"']"
)
_BASE64: Final = re.compile(r"(?:sha\d+-)?(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?\Z")
_SIGNS_OF_PASSWORDS: Final = frozenset("!?#*+~$%^&@=")
_SECRET_NAME: Final = re.compile(rf"(?:(?P<password>{_PASSWORDS})|{_KEYS})[\w-]{{0,24}}\Z")
_REFERENCE: Final = re.compile(
    r"[$<{%\[*.~/]|[A-Za-z_][\w-]*(?:(?:\.|::|->)[A-Za-z_]\w*)+\Z|(?:process|os|env|config|settings|self|this)\."
    r"|(?:x{3,}|\*{3,}|\.{3,})|\[redacted",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"(?:your|my|example|change|replace|insert|enter|dummy|placeholder|todo|none|null|undefined|required|optional)"
    r"(?:[-_ ]?[a-z]+)*\Z",
    re.IGNORECASE,
)
# A reference has names in it, no random value.
_RANDOM_PART: Final = re.compile(r"(?<=\w\.)(?=[A-Za-z\d]*\d[A-Za-z]*\d[A-Za-z]*\d)[A-Za-z\d]{16,}\Z")
_COMMIT_HASH: Final = re.compile(r"[0-9a-f]{7,12}\Z")
_RANDOM: Final = 3.0
"""Bits per character above which an assigned value of eight characters and more passes for random."""

_EDGES: Final = " \t\r\n\"'=:"


@dataclass(frozen=True, eq=False)
class _Rule:
    """One kind of secret; `stretch` and `literals` as in `_SIGNS`."""

    kind: str
    stretch: int
    literals: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    is_valid: Callable[[str], bool] | None = None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in the text the secrets stand."""
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                start, end = _secret_span(match)
                if self.is_valid is None or self.is_valid(text[start:end]):
                    yield start, end


def redact(text: str) -> str:
    """The text with every secret replaced by `[redacted: <kind>]`."""
    return _redact_short(text) if len(text) < _SHORT else _redact(text)


def _redact(text: str) -> str:
    longest = max(map(len, text.split()), default=0)
    if longest < 3:
        return text
    lowered = text.lower()
    in_any_case, exact = _rules_for(min(longest, _LONGEST_STRETCH))
    found = [rule for literal, rule in in_any_case if literal in lowered]
    found += [rule for literal, rule in exact if literal in text]
    for rule in dict.fromkeys(found):
        text = _replace(text, _to_the_end(text, rule.spans(text)), rule.kind)
    if longest >= _SHORTEST_TOKEN:
        text = _without_tokens(text)
    names = _NAME_LITERALS if lowered.isascii() else (*_NAME_LITERALS, *_FOREIGN_LITERALS)
    if any(literal in lowered for literal in names):
        text = _replace(text, _to_the_end(text, _assigned(text)), "Secret Keyword")
        text = _replace(text, _to_the_end(text, _told(text)), "Secret Keyword")
        text = _replace(text, _told_before(text), "Secret Keyword")
    if longest >= _SHORTEST_SIGNED and _SIGN.search(text):
        quoted = (match.span("value") for match in _QUOTED.finditer(text) if not _BASE64.match(match["value"]))
        text = _replace(text, quoted, "Secret Keyword")
        if any(literal in lowered for literal in _LOGIN_LITERALS):
            text = _replace(text, _logins(text), "Secret Keyword")
    if _SIX_DIGITS.search(text):
        text = _replace(text, _payment_numbers(text), "Payment Number")
    return text


def redact_value(value: Any, name: str = "") -> Any:
    """A JSON value with the secrets of all its texts replaced; a text below a name such as `password` counts whole."""
    if type(value) is str:
        named = _SECRET_NAME.search(name.lower()) if name else None
        if named is not None and _is_secret(
            value, is_password=bool(named["password"]), is_quoted=True, may_be_uuid=not named["any_key"]
        ):
            return "[redacted: Secret Keyword]"
        return redact(value)
    if type(value) is dict:
        return {redact(key): redact_value(item, key) for key, item in value.items()}
    if type(value) is list:
        return [redact_value(item, name) for item in value]
    return value


def _without_tokens(text: str) -> str:
    """The text without what Kingfisher's rules find, wherever in the text the same value stands."""
    for finding in _SCANNER.scan(text.encode("utf-8", "replace")):
        # A client id is found only to be paired with its secret; it is not visible.
        if finding.visible and len(finding.secret) >= _SHORTEST_FOUND and "[redacted" not in finding.secret:
            kind = f"[redacted: {finding.rule_id.rpartition('betterleaks.')[2]}]"
            text = re.sub(re.escape(finding.secret) + _REST_OF_WORD, lambda _, kind=kind: kind, text)  # type: ignore[misc]
    return text


def _payment_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Card numbers and IBANs whose check digits are right."""
    for match in _PAYMENT_NUMBER.finditer(text):
        number = re.sub("%20|[ -]", "", match.group())
        if number.isdigit():
            if _passes_luhn(number):
                yield match.span()
        elif int("".join(str(int(one, 36)) for one in number[4:] + number[:4])) % 97 == 1:
            yield match.span()


def _passes_luhn(number: str) -> bool:
    """Whether the digits of a card number pass the check of ISO/IEC 7812-1."""
    digits = [int(one) for one in reversed(number)]
    total = sum(digits[::2]) + sum(digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2])
    return total % 10 == 0 and len(set(number)) > 3


def _least_length(pattern: str) -> int:
    """How long the first stretch of a pattern such as `[0-9a-f]{32}` is at least; 16 where the pattern has several."""
    return max([16, *map(int, re.findall(r"^\[[^]]*\]\{(\d+)", pattern))])


def _rules() -> list[_Rule]:
    """What detect-secrets does not know, then its plugins that search by patterns."""
    rules = [
        _Rule(kind, stretch, literals, (re.compile(pattern, re.DOTALL),))
        for kind, stretch, literals, pattern in _FURTHER
    ]
    rules += [
        _Rule(
            kind,
            len(prefix) + _least_length(rest),
            (prefix,),
            (re.compile(rf"(?<![A-Za-z0-9]){re.escape(prefix)}{rest}"),),
        )
        for kind, prefix, rest in _PREFIXES
    ]
    rules += [
        _Rule(kind, 30, (mark,), (re.compile(rf"(?<![A-Za-z0-9_-]){pattern}"),)) for kind, mark, pattern in _MARKS
    ]
    plugins: Mapping[str, Any] = get_mapping_from_secret_type_to_class()
    for kind, plugin_class in sorted(plugins.items()):
        if issubclass(plugin_class, RegexBasedDetector) and kind not in _NOT_USED:
            plugin = plugin_class()
            stretch, literals = _SIGNS.get(kind, (0, ("",)))
            is_valid = getattr(plugin, "is_formally_valid", None)
            patterns = tuple(plugin.denylist)
            if kind == _REPEATABLE:
                # Otherwise a long run of `eyJ` is walked to its end from every one of them.
                patterns = tuple(re.compile(r"(?<![A-Za-z0-9_-])" + pattern.pattern) for pattern in patterns)
            rules.append(_Rule(kind, stretch, literals, patterns, is_valid))
    return rules


_RULES: Final = _rules()
_LONGEST_STRETCH: Final = max(rule.stretch for rule in _RULES)


@lru_cache
def _rules_for(longest: int) -> tuple[list[tuple[str, _Rule]], list[tuple[str, _Rule]]]:
    """The rules that a text can match, by literal: those that count in any case, and those that count as written.

    Args:
        longest: characters of the text's longest stretch without white space; most texts are words.
    """
    pairs = [(literal, rule) for rule in _RULES if rule.stretch <= longest for literal in rule.literals]
    return [one for one in pairs if one[0] == one[0].lower()], [one for one in pairs if one[0] != one[0].lower()]


# The names and short values in tools' inputs are few and come again and again.
_SHORT: Final = 64
_redact_short: Final = lru_cache(4096)(_redact)
_SHORTEST_TOKEN: Final = 16
_SHORTEST_FOUND: Final = 6
_SHORTEST_KEY: Final = 20
"""Characters below which the value of a key of any name (`cache_key`) is rather an id."""
_SCANNER: Final = Scanner(Rules(), base64=False)
_SHORTEST_SIGNED: Final = 8
_SIGN: Final = re.compile(r"[!?#*~$%^&+@]|=\\?[\"']")
_REST_OF_WORD: Final = r"(?:(?<=[A-Za-z0-9])[\w-]*)"
_WORD: Final = re.compile(r"[\w-]*", re.ASCII)
_NUMBERED: Final = re.compile(r"\w[#@?&=]\d+\Z|://|[?&]\w+=")
_LONGEST_TOLD: Final = 300
_LAST_WORD: Final = re.compile(r"(?<![^\s\"'`*(„«])[^\s\"'`*()„«“»\[\]{}<>,;|]{6,}\Z")
_THREE_DIGITS: Final = re.compile(r"\d.*\d.*\d")
_HEX_OR_UUID: Final = re.compile(r"[0-9a-f-]{7,}\Z")
_SIX_DIGITS: Final = re.compile(r"\d{4}(?:[ -]|%20)?\d{2}")
_PAYMENT_NUMBER: Final = re.compile(
    r"\b(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|5\d\d|2\d\d)|35[2-8]\d)([ -]|%20|)\d{4}\1\d{4}\1\d{4}"
    r"|3[47]\d\d([ -]?)\d{6}\2\d{5}"
    r"|[A-Z]{2}\d\d(?:(?: |%20)[A-Z0-9]{4}){2,7}(?:(?: |%20)[A-Z0-9]{1,3})?|[A-Z]{2}\d\d[A-Z0-9]{11,30})(?![\w-])"
)
_ENTROPY: Final = Base64HighEntropyString()


def _secret_span(match: re.Match[str]) -> tuple[int, int]:
    """The secret within a match: its group, unless that is a mere prefix of it (`ghp`) or there is none."""
    start = match.start()
    for group in range(1, (match.lastindex or 0) + 1):
        if match.start(group) > match.start():
            return match.span(group)
    text = match.group()
    stripped = text.strip(_EDGES)
    start += len(text) - len(text.lstrip(_EDGES))
    return start, start + len(stripped)


def _to_the_end(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that end where the word ends: a pattern of a certain length may stop within a longer secret."""
    for start, end in spans:
        yield start, _WORD.match(text, end).end() if text[end - 1 : end].isalnum() else end  # type: ignore[union-attr]


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    """Values that stand behind a name such as `db_password` or `--token`."""
    lowered = _lowered(text)
    for match in _ASSIGNMENT.finditer(lowered):
        group = "bare" if match["quoted"] is None else "quoted"
        start, end = match.span(group)
        value = text[start:end]
        if group == "bare":
            ended = value.rstrip(".:,")
            # `hunter2!` may be a password with a sign, or one at the end of a sentence.
            is_signed = (match["password"] or match["short"]) and any(one.isdigit() for one in value)
            value = ended if is_signed else value.rstrip(".:!?*")
            end = start + len(value)
        if match["any_key"] and (len(value) < _SHORTEST_KEY or "|" in value):
            continue
        if match["call"] and not _SETTER.search(lowered, max(match.start() - 40, 0), match.start()):
            continue
        is_password = bool(match["password"] or match["short"])
        # In a sentence or a table, what follows is as often a description.
        is_doubtful = match["short"] or match["cell"] or match["dash"] or match["brace"]
        is_long = len(value) >= _SHORTEST_TOKEN and match["short"] is None
        if is_doubtful and not is_long and not (is_password and _has_all_signs(value)):
            continue
        if _is_secret(value, is_password=is_password, is_quoted=group == "quoted", may_be_uuid=not match["any_key"]):
            yield start, end


def _has_all_signs(value: str) -> bool:
    """Whether a word has letters, digits and signs as passwords have, and is neither address nor code."""
    return (
        any(one.isalpha() for one in value)
        and any(one.isdigit() for one in value)
        and not _SIGNS_OF_PASSWORDS.isdisjoint(value)
        and not _REFERENCE.match(value)
        and not _NUMBERED.search(value)
    )


def _logins(text: str) -> Iterator[tuple[int, int]]:
    """Passwords that stand behind a login's name."""
    for match in _LOGIN.finditer(_lowered(text)):
        start, end = match.span("value")
        if _has_all_signs(text[start:end]):
            yield start, end


def _told_before(text: str) -> Iterator[tuple[int, int]]:
    """Values that a sentence names as a secret afterwards, as in `use … as the token`."""
    lowered = _lowered(text)
    for match in _TOLD_AFTER.finditer(lowered):
        before = text[max(match.start() - _LONGEST_TOLD, 0) : match.start()]
        bare = before.rstrip(" \t\"'`“»").removesuffix("**")
        word = _LAST_WORD.search(bare)
        if word is None:
            continue
        value = word.group()
        end = match.start() - (len(before) - len(bare))
        start = end - len(value)
        if match["password"]:
            if len(value) >= _SHORTEST_FOUND and _has_all_signs(value):
                yield start, end
        elif (
            len(value) >= _SHORTEST_KEY
            and _THREE_DIGITS.search(value)
            and not _HEX_OR_UUID.match(value if match["any_key"] else "")
            and "/" not in value[:1]
            and _is_secret(value, is_password=False, is_quoted=False, may_be_uuid=match["any_key"] is None)
        ):
            yield start, end


def _told(text: str) -> Iterator[tuple[int, int]]:
    """Values that a sentence names as a secret, as in `the token for staging is …`."""
    lowered = _lowered(text)
    for match in _TOLD.finditer(lowered):
        start, end = match.span("value")
        value = text[start:end].rstrip(".:?").removesuffix("**")
        has_both = any(one.isdigit() for one in value) and any(one.isalpha() for one in value)
        if not has_both or (_REFERENCE.match(value) and not _RANDOM_PART.search(value)) or "/" in value[:1]:
            continue
        before = lowered[max(match.start() - 7, 0) : match.start()].rstrip(" _-")
        may_be_uuid = match["any_key"] is None or before.endswith(("api", "secret"))
        if match["password"]:
            has_sign = any(not one.isalnum() and one not in "_-./:" for one in value)
            found = (has_sign or len(value) >= _SHORTEST_KEY) and not is_sequential_string(value)
        else:
            found = (len(value) >= _SHORTEST_KEY or _is_mixed(value)) and _is_secret(
                value, is_password=False, is_quoted=False, may_be_uuid=may_be_uuid
            )
        if found:
            yield start, start + len(value)


def _is_mixed(value: str) -> bool:
    """Whether a word of 16 letters and digits mixes cases as no identifier does."""
    return len(value) >= _SHORTEST_TOKEN and value.isalnum() and not (value.islower() or value.isupper())


@lru_cache(2)
def _lowered(text: str) -> str:
    """The text in lower case and of the same length: some letters grow when lower-cased, then only ASCII is."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else re.sub("[A-Z]+", lambda match: match[0].lower(), text)


def _is_secret(value: str, *, is_password: bool, is_quoted: bool, may_be_uuid: bool) -> bool:
    """Whether a value assigned to a telling name is a secret, and neither reference nor placeholder nor prose."""
    if len(value) < 4 or _PLACEHOLDER.match(value) or (_REFERENCE.match(value) and not _RANDOM_PART.search(value)):
        return False
    # Some vendors issue UUIDs as tokens; as a key of any name (`cache_key`) they are ids.
    if not may_be_uuid and is_potential_uuid(value):
        return False
    if any(character.isspace() for character in value):
        return False
    has_digit = any(character.isdigit() for character in value)
    has_sign = any(not character.isalnum() and character not in "_-./" for character in value)
    if is_password:
        if is_quoted:
            return has_digit or has_sign or _entropy(value) > _RANDOM
        return len(value) >= 6 and (has_digit or has_sign) and not is_sequential_string(value)
    if len(value) < 12 or not has_digit or value.replace(".", "").replace("_", "").isdigit():
        return False
    return not _COMMIT_HASH.match(value) and not is_sequential_string(value) and _entropy(value) > _RANDOM


def _entropy(value: str) -> float:
    return float(_ENTROPY.calculate_shannon_entropy(value))


def _replace(text: str, spans: Iterable[tuple[int, int]], kind: str) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done and end > start:
            parts += (text[done:start], f"[redacted: {kind}]")
            done = end
    if not parts:
        return text
    return "".join((*parts, text[done:]))
