"""Card numbers and IBANs with valid check digits, and phrases that open a wallet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sources.claude_code.redaction.texts import in_lower_case

_PHRASES: Final = ("seed", "mnemonic", "phrase", "recover", "wallet", '"words', "words:")
_MNEMONIC: Final = re.compile(r"(?:\A|[\s\"'`:=])(?P<words>(?:[a-z]{3,8} ){11,23}[a-z]{3,8})(?![^\s\"'`.,\\])")


# Spelled out, for a pattern that starts with a set is searched three times faster than one that starts with a repeat.
EIGHT_DIGITS: Final = re.compile(r"\d\d\d\d(?:[ -]|%20)?\d\d\d\d")
_PAYMENT_NUMBER: Final = re.compile(
    r"\b(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|5\d\d|2\d\d)|35[2-8]\d)([ -]|%20|)\d{4}\1\d{4}\1\d{4}"
    r"|3[47]\d\d([ -]?)\d{6}\2\d{5}"
    r"|[A-Z]{2}\d\d(?:(?: |%20)[A-Z0-9]{4}){2,7}(?:(?: |%20)[A-Z0-9]{1,3})?|[A-Z]{2}\d\d[A-Z0-9]{11,30})(?![\w-])"
)
_JOINING: Final = frozenset(
    [
        "the",
        "and",
        "are",
        "was",
        "for",
        "with",
        "from",
        "not",
        "but",
        "has",
        "have",
        "its",
        "they",
        "this",
        "that",
        "into",
        "can",
        "all",
        "you",
    ]
)


def mentions_phrase(text: str) -> bool:
    """Whether a text speaks of what a phrase of words opens."""
    return any(map(in_lower_case(text).__contains__, _PHRASES))


def payment_numbers(text: str) -> Iterator[tuple[int, int]]:
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


def mnemonics(text: str) -> Iterator[tuple[int, int]]:
    """Phrases of 12 to 24 words as BIP-39 has them: of three to eight letters, none that joins a sentence."""
    for match in _MNEMONIC.finditer(text):
        words = match["words"].split()
        if len(words) % 3 == 0 and _JOINING.isdisjoint(words):
            yield match.span("words")
