"""Tokens by the forms that vendors give them: rules of Kingfisher and detect-secrets, and what they lack."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any, Final

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector
from kingfisher_sdk import Rules, Scanner

from sources.claude_code.redaction.commands import COMMAND_FORMS
from sources.claude_code.redaction.forms import FORMS
from sources.claude_code.redaction.looks import familiar, has_all_signs, is_chosen, look_of
from sources.claude_code.redaction.texts import START, in_lower_case, lines_with, replace, word_starts

# An address is no secret; what the other rules find, Kingfisher's and the general ones find, too, in less time.
_NOT_USED: Final = frozenset(
    (
        *("Public IP (ipv4)", "IBM Cloud IAM Key", "IBM COS HMAC Credentials", "Cloudant Credentials"),
        *("SoftLayer Credentials", "Artifactory Credentials", "Private Key", "Telegram Bot Token", "Discord Bot Token"),
    )
)
_REPEATABLE: Final = "JSON Web Token"
_GITLAB: Final = (
    *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941"),
    *("glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
)
# What every match of a plugin's patterns contains: the least length of a stretch without white space, and one of some
# literals (in any case where written in lower case). A plugin that is not named here runs on every text.
_SIGNS: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "AWS Access Key": (20, ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws")),
    "Azure Storage Account access key": (96, ("AccountKey=",)),
    "Basic Auth Credentials": (7, ("://",)),
    "GitHub Token": (40, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    "GitLab Token": (25, _GITLAB),
    "JSON Web Token": (20, ("eyJ",)),
    "Mailchimp Access Key": (36, ("-us",)),
    "NPM tokens": (20, ("_authToken=",)),
    "OpenAI Token": (51, ("T3BlbkFJ",)),
    "PyPI Token": (80, ("pypi-",)),
    "SendGrid API Key": (69, ("SG.",)),
    "Slack Token": (12, ("xox", "hooks.slack.com")),
    "Square OAuth Secret": (50, ("sq0csp-",)),
    "Stripe Access Key": (32, ("k_live_",)),
    "Twilio API Key": (34, ("AC", "SK")),
}
_EXAMPLES: Final = ("password", "passwd", "pass", "pwd", "secret", "guest")
# Kinds whose matches must look like a secret, too.
_VALID: Final[Mapping[str, Callable[[str], bool]]] = {
    # Not `user:password@localhost` of a manual.
    "Basic Auth Credentials": lambda value: value.lower() not in _EXAMPLES and value[0] not in "<[{",
    "Webhook URL": lambda value: look_of(value) in ("random", "hex"),
    "Application Password": lambda value: familiar(value) < 0.65,
    "Argument": lambda value: bool(is_chosen(value) or has_all_signs(value) or look_of(value)),
    "Login": lambda value: look_of(value) != "",
}
# Of these the literals stand within the stretch, as written.
_TOKENS: Final = frozenset(
    (
        "Anthropic API Key",
        "GitHub Token",
        "Google API Key",
        "JSON Web Token",
        "OpenAI Token",
        "Password Hash",
        "Slack Token",
    )
) | {"Stripe Access Key"}
# Of these a secret may have no digit in its line.
_WORDS: Final = frozenset(("Secret Keyword", "Application Password"))
_ACROSS: Final = _WORDS | {"Private Key", "Login Transcript"}
# Of these the literals may stand before the stretch.
_NAMED: Final = frozenset(("AWS Access Key", "Azure Storage Account access key"))
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Vendors' public prefixes that Kingfisher lacks or knows in some contexts alone: kind, prefix, what follows it.
_PREFIXES: Final = (
    ("AWS Session Token", "IQoJb3JpZ2luX2Vj", r"[A-Za-z0-9+/]{60,}=*"),
    ("AWS Session Token", "FwoGZXIvYXdz", r"[A-Za-z0-9+/]{60,}=*"),
    ("Bitbucket App Password", "ATBB", r"[A-Za-z0-9_-]{24,}"),
    ("Contentful Token", "CFPAT-", r"[A-Za-z0-9_-]{40,}"),
    ("Databricks Token", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    ("Django Secret Key", "django-insecure-", r"[^\s'\"\\]{30,}"),
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
    ("Telegram Bot Token", ":AA", r"(?:bot)?\d{8,10}:AA[A-Za-z0-9_-]{32,33}"),
    ("Terraform Cloud Token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
)
_EDGES: Final = " \t\r\n\"'=:"


@dataclass(frozen=True, eq=False)
class _Rule:
    """One kind of secret; `stretch` and `literals` as in `_SIGNS`."""

    kind: str
    stretch: int
    literals: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    is_valid: Callable[[str], bool] | None = None
    is_token: bool = False
    """Whether the literals stand within the stretch, as written."""
    crosses_lines: bool = False
    """Whether a match may begin in another line than the one that holds the literal."""
    begins_words: bool = False
    """Whether the literals begin a word, where they begin with letters."""

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in the text the secrets stand."""
        for line in self._lines(text):
            for pattern in self.patterns:
                for match in pattern.finditer(text, *line):
                    start, end = _secret_span(match)
                    if self.is_valid is None or self.is_valid(text[start:end]):
                        yield start, end

    def _lines(self, text: str) -> list[tuple[int, int]]:
        """The parts of the text that can match: a search from every character of a long text takes its time."""
        if self.crosses_lines or "" in self.literals or "\n" not in text:
            return [(0, len(text))]
        lower = tuple(literal for literal in self.literals if literal == literal.lower())
        exact = tuple(literal for literal in self.literals if literal != literal.lower())
        lines = {*lines_with(in_lower_case(text), lower), *lines_with(text, exact)}
        return sorted(lines)


def without_tokens(text: str) -> str:
    """The text without what Kingfisher's rules find, wherever in the text the same value stands."""
    for finding in _SCANNER.scan(text.encode("utf-8", "replace")):
        # A client id is found only to be paired with its secret; it is not visible.
        if (
            finding.visible
            and len(finding.secret) >= _SHORTEST_FOUND
            and "[redacted" not in finding.secret
            and finding.secret.lower() not in _EXAMPLES
        ):
            found = re.finditer(re.escape(finding.secret) + _REST_OF_WORD, text)
            text = replace(text, [match.span() for match in found], finding.rule_id.rpartition("betterleaks.")[2])
    return text


def _least_length(pattern: str) -> int:
    """How long the first stretch of a pattern such as `[0-9a-f]{32}` is at least; 16 where the pattern has several."""
    return max([16, *map(int, re.findall(r"^\[[^]]*\]\{(\d+)", pattern))])


def _rules() -> list[_Rule]:
    """What detect-secrets does not know, then its plugins that search by patterns."""
    rules = [
        _Rule(
            kind,
            stretch,
            literals,
            (re.compile(pattern, re.DOTALL),),
            _VALID.get(kind),
            kind in _TOKENS,
            kind in _ACROSS,
        )
        for kind, stretch, literals, pattern in FORMS
    ]
    rules += [
        _Rule(
            kind,
            stretch,
            literals,
            (re.compile(pattern, re.DOTALL),),
            _VALID.get(kind),
            begins_words=kind not in _WORDS,
            crosses_lines=kind in _ACROSS,
        )
        for kind, stretch, literals, pattern in COMMAND_FORMS
    ]
    rules += [
        _Rule(
            kind,
            len(prefix) + _least_length(rest),
            (prefix,),
            (re.compile(rf"(?<![A-Za-z0-9]){re.escape(prefix)}{rest}"),),
            is_token=True,
        )
        for kind, prefix, rest in _PREFIXES
    ]
    rules += [
        _Rule(kind, 30, (mark,), (re.compile(rf"(?<![A-Za-z0-9_-]){pattern}"),), is_token=True)
        for kind, mark, pattern in _MARKS
    ]
    plugins: Mapping[str, Any] = get_mapping_from_secret_type_to_class()
    for kind, plugin_class in sorted(plugins.items()):
        if issubclass(plugin_class, RegexBasedDetector) and kind not in _NOT_USED:
            plugin = plugin_class()
            stretch, literals = _SIGNS.get(kind, (0, ("",)))
            is_valid = getattr(plugin, "is_formally_valid", _VALID.get(kind))
            patterns = tuple(plugin.denylist)
            if kind == _REPEATABLE:
                # Otherwise a long run of `eyJ` is walked to its end from every one of them.
                patterns = tuple(re.compile(r"(?<![A-Za-z0-9_-])" + pattern.pattern) for pattern in patterns)
            rules.append(_Rule(kind, stretch, literals, patterns, is_valid, stretch >= 20 and kind not in _NAMED))
    return rules


_RULES: Final = _rules()
# Rare first; every literal contains the last one.
_STEMS: Final = (
    "$",
    "pass",
    "auth",
    "secret",
    "hook",
    "user",
    "://",
    "key",
    " -",
    '"',
    "\\",
    "(",
    "_",
    "-",
    "/",
    "=",
    ":",
    "e",
    "",
)


def _first_word(literal: str) -> str:
    """The beginning of the word that a literal begins with, or nothing."""
    word = re.match("[a-z]+", literal)
    return word[0][:START] if word and (len(word[0]) >= START or word.end() < len(literal)) else ""


_BY_WORD: Final[dict[str, list[tuple[str, _Rule]]]] = {}
for _one in _RULES:
    for _literal in _one.literals if _one.begins_words else ():
        if _first_word(_literal):
            _BY_WORD.setdefault(_first_word(_literal), []).append((_literal, _one))
_LONGEST_STRETCH: Final = max(rule.stretch for rule in _RULES)


def rules_in(text: str, tokens: str, lines: str, longest: int) -> Iterable[_Rule]:
    """The rules that a text can match.

    Args:
        text: the whole text.
        tokens: its stretches of 20 characters and more without white space, joined.
        lines: its telling lines.
        longest: characters of its longest stretch without white space; most texts are words.
    """
    places = (in_lower_case(text), text, in_lower_case(lines), lines, tokens)
    found = [
        rule
        for number, stem, literals, rules in _rules_by_place(min(longest, _LONGEST_STRETCH))
        if places[number] and stem in places[number]
        for rule in compress(rules, map(places[number].__contains__, literals))
    ]
    starts = word_starts(lines)
    found += [rule for start in starts & _BY_WORD.keys() for literal, rule in _BY_WORD[start] if literal in places[2]]
    return dict.fromkeys(found)


@lru_cache
def _rules_by_place(longest: int) -> list[tuple[int, str, tuple[str, ...], tuple[_Rule, ...]]]:
    """Literals and their rules: those to look for in the whole text, in telling lines, and in long stretches.

    Literals with a common stem come together: a text that lacks the stem has none of them.
    """
    pairs = [
        (literal, rule)
        for rule in _RULES
        if rule.stretch <= longest
        for literal in rule.literals
        if not (rule.begins_words and _first_word(literal))
    ]
    tokens = [pair for pair in pairs if pair[1].is_token]
    others = [pair for pair in pairs if not pair[1].is_token]
    lists = [
        [pair for pair in others if pair[1].crosses_lines is crossing and (pair[0] == pair[0].lower()) is lower]
        for crossing in (True, False)
        for lower in (True, False)
    ]
    groups: dict[tuple[int, str], list[tuple[str, _Rule]]] = {}
    for number, one in enumerate((*lists, tokens)):
        for literal, rule in one:
            stem = next(stem for stem in _STEMS if stem in literal)
            groups.setdefault((number, stem), []).append((literal, rule))
    return [
        (number, stem, tuple(literal for literal, _ in group), tuple(rule for _, rule in group))
        for (number, stem), group in groups.items()
    ]


_SHORTEST_FOUND: Final = 6
_SCANNER: Final = Scanner(Rules(), base64=False)
_REST_OF_WORD: Final = r"(?:(?<=[A-Za-z0-9])[\w-]*)"


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
