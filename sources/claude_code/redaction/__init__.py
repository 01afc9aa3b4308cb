"""Secrets are taken out of texts before they land: by vendors' forms, by the words beside them, and by how they look.

Kingfisher knows vendors' tokens by some 490 rules, which it runs over a text in one pass. detect-secrets scans files
line by line; here its plugins' own patterns run over whole texts, each only if a literal that every match must contain
is there (`vendors`, `forms`). What no rule of a vendor knows is found by what holds for secrets in general:

- a value assigned to a telling name: `password = …`, `--token …`, `das Kennwort lautet …` (`names`);
- a value that looks random, or like a password, near a telling word (`surroundings`, `looks`);
- a value that is so random that it is a secret whatever stands around it: of a random value one pair of neighbouring
  characters in five is one of those that words are made of, of a word four in five are;
- card numbers, IBANs and phrases of wallets (`numbers`);
- any of these in base64 or percent-encoding, or between the colours of a terminal (`carriers`).

Not used: the IP address plugin (no secret) and entropy of any quoted string (commit hashes).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sources.claude_code.redaction.calls import called
from sources.claude_code.redaction.carriers import PUBLIC, unwrapped
from sources.claude_code.redaction.codes import coded
from sources.claude_code.redaction.groups import grouped
from sources.claude_code.redaction.names import (
    assigned,
    is_named_secret,
    phrases,
    told,
    told_before,
    told_starts,
    told_unspaced,
)
from sources.claude_code.redaction.numbers import EIGHT_DIGITS, mentions_phrase, mnemonics, payment_numbers
from sources.claude_code.redaction.surroundings import CAPITALS, near, random, signed
from sources.claude_code.redaction.texts import in_lower_case, replace, telling_lines, to_the_end
from sources.claude_code.redaction.vendors import rules_in, without_tokens

__all__ = ["redact", "redact_value"]

_SHORT: Final = 64
_SHORTEST_TOKEN: Final = 16
_SHORTEST_RANDOM: Final = 20
_SHORTEST_BASE64: Final = 24
_SHORTEST_PHRASE: Final = 12
"""Words."""


def redact(text: str) -> str:
    """The text with every secret replaced by `[redacted: <kind>]`."""
    if len(text) >= _SHORT:
        return _redact(text)
    # A word of a program is none, and names within tools' inputs are most of what comes.
    return text if len(text) < _SHORTEST_RANDOM and text.isidentifier() else _redact_short(text)


def redact_value(value: Any, name: str = "") -> Any:
    """A JSON value with the secrets of all its texts replaced; a text below a name such as `password` counts whole."""
    if type(value) is str:
        return "[redacted: Secret Keyword]" if name and is_named_secret(name, value) else redact(value)
    if type(value) is dict:
        return {redact(key): redact_value(item, key) for key, item in value.items()}
    if type(value) is list:
        return [redact_value(item, name) for item in value]
    return value


def _redact(text: str) -> str:
    if "BEGIN " in text and (parts := PUBLIC.split(text))[1:]:
        return "".join([part if place % 2 else _redact(part) for place, part in enumerate(parts)])
    original = text
    words = text.split()
    longest = max(map(len, words), default=0)
    if longest < 3:
        return text
    tokens = " ".join([word for word in words if len(word) >= _SHORTEST_RANDOM]) if longest >= _SHORTEST_RANDOM else ""
    lines = telling_lines(text)
    lowered = in_lower_case(text)
    # A shorter random value has a digit.
    numbered = tokens if lines or any(len(word) >= 30 and not word.islower() for word in tokens.split()) else ""
    for rule in rules_in(text, numbered, lines, longest):
        text = replace(text, to_the_end(text, rule.spans(text)), rule.kind)
    if longest >= _SHORTEST_TOKEN and (lines or numbered):
        text = without_tokens(text)
    if numbered and any(True for _ in random(numbered)):
        text = replace(text, random(text), "Random Value")
    if "pass" in lowered or "psk" in lowered or "kennwort" in lowered or "contrase" in lowered or not lowered.isascii():
        text = replace(text, phrases(text), "Secret Keyword")
    # Without a digit only what is quoted, behind an equals sign or in an element of XML is more than a word.
    if lines or '"' in text or "'" in text or "`" in text or "=" in text or "</" in text or CAPITALS.search(text):
        text = replace(text, assigned(text), "Secret Keyword")
    lines = lines if text is original else telling_lines(text)
    if lines or CAPITALS.search(text):
        text = _without_numbered(text, lines)
    if len(words) >= _SHORTEST_PHRASE and (mentions_phrase(text) or "".join(words).isalpha()):
        text = replace(text, mnemonics(text), "Mnemonic")
    return unwrapped(text, tokens if longest >= _SHORTEST_BASE64 else "", redact)


def _without_numbered(text: str, lines: str) -> str:
    """The text without the secrets of which each has a digit, and those in capital letters.

    Args:
        text: the whole text.
        lines: its telling lines.
    """
    original = text
    if starts := told_starts(lines):
        text = replace(text, told(text, starts), "Secret Keyword")
        text = replace(text, told_before(text, starts), "Secret Keyword")
    if not lines.isascii():
        text = replace(text, told_unspaced(text), "Secret Keyword")
    text = replace(text, chain(grouped(text, lines), called(text, lines)), "Secret Keyword")
    text = replace(text, coded(text, lines), "Code")
    words = _numbered_words(text, lines if text is original else telling_lines(text))
    cleaned = replace(text, near(text, words), "Secret Keyword")
    if cleaned is not text:
        words = _numbered_words(cleaned, telling_lines(cleaned))
    text = replace(cleaned, signed(cleaned, words), "Random Value")
    if EIGHT_DIGITS.search(lines):
        text = replace(text, payment_numbers(text), "Payment Number")
    return text


def _numbered_words(text: str, lines: str) -> list[str]:
    """What may be a password: words of telling lines, or all where some are in capitals."""
    return (text if CAPITALS.search(text) else lines).split()


# The names and short values in tools' inputs are few and come again and again.
_redact_short: Final = lru_cache(4096)(_redact)
