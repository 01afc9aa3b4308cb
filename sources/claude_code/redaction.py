"""Secrets are taken out of texts before they land, with the plugins of detect-secrets. Which texts land: not here.

detect-secrets scans files line by line. Here its plugins' own patterns run over whole texts, each only if a literal
that every match must contain is there. Its rules for assignments (`password = …`) expect source code; a transcript
mixes prose, shell and JSON, so the names come from its keyword plugin, the measure of randomness from its entropy
plugin, and the decision is made here. Not used: the IP address plugin (no secret) and entropy of any quoted string
(commit hashes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.filters.heuristic import is_potential_uuid, is_sequential_string
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.plugins.private_key import PrivateKeyDetector

_NOT_SECRET: Final = frozenset({"Public IP (ipv4)"})
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
    "IBM Cloud IAM Key": (44, ("key", "pwd", "pass", "token")),
    "JSON Web Token": (20, ("eyJ",)),
    "Mailchimp Access Key": (36, ("-us",)),
    "NPM tokens": (20, ("_authToken=",)),
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
    ("Basic Auth Credentials", 6, ("-u ", "--user "), r"(?<!\S)(?:-u|--user)[ \t]+['\"]?[\w.@-]+:([^\s'\"$]{4,})"),
)

# Written in lower case and run on lower-cased texts: three times faster than IGNORECASE.
_PASSWORDS: Final = r"passw(?:or)?d|passphrase|passcode|pwd|secret|contrase(?:ñ|n)a|(?:db|database|key)[_-]?pass"
_KEYS: Final = "|".join(
    [
        *(name.replace("_?", "[_-]?") for name in DENYLIST if name.endswith("_?key")),
        "access[_-]?key",
        "token(?!s|iz)",
        "credential",
    ]
)
_NAME_LITERALS: Final = ("pass", "pwd", "secret", "contrase", "key", "token", "credential")
_ASSIGNMENT: Final = re.compile(
    rf"(?:(?P<password>{_PASSWORDS})|{_KEYS})[\w-]{{0,24}}[\]'\"`]{{0,2}}"
    # An escaped quote stands where JSON or a shell command quotes JSON.
    r"(?:\\?[\"'])?(?:[ \t]*(?::=|=>|={1,3}|!==?|:)[ \t]*|(?<=\w)[ \t]+(?:is[ \t]+)?(?=[\"'])"
    r"|(?<=\w)[ \t]+(?:is[ \t]+)?(?=\S*\d))"
    r"(?:\\?[\"'`](?P<quoted>[^\"'`\\\r\n]{4,200})(?=\\?[\"'`])|(?P<bare>[^\s\"'`,;&|<>(){}\[\]\\]{6,200}))"
)
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
    longest = max(map(len, text.split()), default=0)
    if longest < 3:
        return text
    lowered = text.lower()
    rules = [rule for literal, rule in _IN_ANY_CASE if literal in lowered]
    if longest >= _SHORTEST_EXACT:
        rules += [rule for literal, rule in _EXACT if literal in text]
    for rule in dict.fromkeys(rules):
        if longest >= rule.stretch:
            text = _replace(text, rule.spans(text), rule.kind)
    if any(literal in lowered for literal in _NAME_LITERALS):
        text = _replace(text, _assigned(text), "Secret Keyword")
    return text


def redact_value(value: Any, name: str = "") -> Any:
    """A JSON value with the secrets of all its texts replaced; a text below a name such as `password` counts whole."""
    if type(value) is str:
        named = _SECRET_NAME.search(name.lower()) if name else None
        if named is not None and _is_secret(value, is_password=bool(named["password"]), is_quoted=True):
            return "[redacted: Secret Keyword]"
        return redact(value)
    if type(value) is dict:
        return {redact(key): redact_value(item, key) for key, item in value.items()}
    if type(value) is list:
        return [redact_value(item, name) for item in value]
    return value


def _rules() -> list[_Rule]:
    """What detect-secrets does not know, then its plugins that search by patterns."""
    rules = [
        _Rule(kind, stretch, literals, (re.compile(pattern, re.DOTALL),))
        for kind, stretch, literals, pattern in _FURTHER
    ]
    plugins: Mapping[str, Any] = get_mapping_from_secret_type_to_class()
    for kind, plugin_class in sorted(plugins.items()):
        if issubclass(plugin_class, RegexBasedDetector) and kind not in _NOT_SECRET:
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
_IN_ANY_CASE: Final = [(text, rule) for rule in _RULES for text in rule.literals if text == text.lower()]
_EXACT: Final = [(text, rule) for rule in _RULES for text in rule.literals if text != text.lower()]
_SHORTEST_EXACT: Final = min(rule.stretch for _, rule in _EXACT)
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


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    """Values that stand behind a name such as `db_password` or `--token`."""
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters grow when lower-cased; then only what is ASCII is
        lowered = re.sub("[A-Z]+", lambda match: match[0].lower(), text)
    for match in _ASSIGNMENT.finditer(lowered):
        group = "bare" if match["quoted"] is None else "quoted"
        start, end = match.span(group)
        value = text[start:end]
        if group == "bare":
            value = value.rstrip(".:!?*")
            end = start + len(value)
        if _is_secret(value, is_password=bool(match["password"]), is_quoted=group == "quoted"):
            yield start, end


def _is_secret(value: str, *, is_password: bool, is_quoted: bool) -> bool:
    """Whether a value assigned to a telling name is a secret, and neither reference nor placeholder nor prose."""
    if len(value) < 4 or _REFERENCE.match(value) or _PLACEHOLDER.match(value) or is_potential_uuid(value):
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
