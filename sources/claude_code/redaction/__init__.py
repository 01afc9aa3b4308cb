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
from itertools import compress
from typing import Any, Final

from sources.claude_code.redaction.carriers import unwrapped
from sources.claude_code.redaction.names import assigned, is_named_secret, pins, tabled, told, told_before
from sources.claude_code.redaction.numbers import EIGHT_DIGITS, PHRASES, mnemonics, payment_numbers
from sources.claude_code.redaction.surroundings import near, random, signed
from sources.claude_code.redaction.texts import replace, to_the_end
from sources.claude_code.redaction.vendors import LONGEST_STRETCH, rules_for, without_tokens

__all__ = ["redact", "redact_value"]

_SHORT: Final = 64
_SHORTEST_TOKEN: Final = 16
_SHORTEST_RANDOM: Final = 20


def redact(text: str) -> str:
    """The text with every secret replaced by `[redacted: <kind>]`."""
    return _redact_short(text) if len(text) < _SHORT else _redact(text)


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
    words = text.split()
    longest = max(map(len, words), default=0)
    if longest < 3:
        return text
    lowered = text.lower()
    in_any_case, exact, in_tokens = rules_for(min(longest, LONGEST_STRETCH))
    found = (
        *compress(in_any_case[1], map(lowered.__contains__, in_any_case[0])),
        *compress(exact[1], map(text.__contains__, exact[0])),
    )
    before = text
    tokens = ""
    if longest >= _SHORTEST_RANDOM:
        tokens = " ".join([word for word in words if len(word) >= _SHORTEST_RANDOM])
        found = (*found, *compress(in_tokens[1], map(tokens.__contains__, in_tokens[0])))
    for rule in dict.fromkeys(found):
        text = replace(text, to_the_end(text, rule.spans(text)), rule.kind)
    if longest >= _SHORTEST_TOKEN:
        text = without_tokens(text)
    if longest >= _SHORTEST_RANDOM and any(True for _ in random(tokens)):
        text = replace(text, random(text), "Random Value")
    text = replace(text, assigned(text), "Secret Keyword")
    text = replace(text, told(text), "Secret Keyword")
    text = replace(text, told_before(text), "Secret Keyword")
    text = replace(text, tabled(text), "Secret Keyword")
    text = replace(text, pins(text), "PIN")
    text = replace(text, near(text, words if text is before else text.split()), "Secret Keyword")
    text = replace(text, signed(text, words if text is before else text.split()), "Random Value")
    if len(words) >= 12 and (any(map(lowered.__contains__, PHRASES)) or "".join(words).isalpha()):
        text = replace(text, mnemonics(text), "Mnemonic")
    if EIGHT_DIGITS.search(text):
        text = replace(text, payment_numbers(text), "Payment Number")
    return unwrapped(text, tokens, redact)


# The names and short values in tools' inputs are few and come again and again.
_redact_short: Final = lru_cache(4096)(_redact)
