"""What secrets come wrapped in: colours of a terminal, percent-encoding, base64."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from sources.claude_code.redaction.looks import looks_random

# What is public in a file of keys; it holds nothing but base64, and maybe some lines with a name.
PUBLIC: Final = re.compile(
    r"(-{4,5}[ ]?BEGIN (?:[A-Z0-9]+ ){0,3}(?:CERTIFICATE(?: REQUEST)?|PUBLIC KEY(?: BLOCK)?|SIGNATURE|CRL"
    r"|PARAMETERS|PKCS7|CMS)"
    r"[ ]?-{4,5}(?:(?:\s|\\[nrt]|>)*[A-Za-z\d+/=]+|(?:\s|\\[nrt])+(?:Version|Comment|Hash|Subject): [^\n\\]*)*"
    r"(?:(?:\s|\\[nrt])*-{4,5}[ ]?END [A-Z0-9 ]{3,40}-{4,5})?)"
)
_COLOURS: Final = re.compile(r"(?:\x1b|\\u001b|\\x1b|\\033|\\e)\[[\d;]*m")
_COLOUR_SIGNS: Final = ("\x1b[", "1b[", "\\033[", "\\e[")
_ENCODED: Final = re.compile(r"%(?:3[ad]|22|7b)|(?:bearer|basic)%20", re.IGNORECASE)
_STRETCH: Final = re.compile(r"[^\s\"'`<>|]+")
_WHITE_SPACE: Final = str.maketrans("", "", "\r\n\t")
_BASE64: Final = re.compile(r"(?<![A-Za-z\d+/_-])[A-Za-z\d+/]{24,4000}+={0,2}(?![\w+/-])")
# An id and its key, as services encode them.
_PAIR: Final = re.compile(r"[\w.-]{3,64}:(?P<secret>[\w-]{16,64})\Z")


def unwrapped(text: str, longer: str, redact: Callable[[str], str]) -> str:
    """The text, opened where there is a secret in what it wraps.

    Colours and percent-encoding go where they hide a secret; base64 that hides one is replaced as a whole.

    Args:
        text: a text whose visible secrets are gone.
        longer: its longer stretches without white space, joined.
        redact: what replaces the secrets of an opened text.
    """
    if "[" in text and any(map(text.__contains__, _COLOUR_SIGNS)):
        plain = _COLOURS.sub("", text)
        cleaned = plain if plain == text else redact(plain)
        if cleaned != plain:
            text = cleaned
    if "%" in text and _ENCODED.search(text):
        text = _STRETCH.sub(lambda match: _decoded(match[0], redact), text)
    if not _BASE64.search(longer):
        return text
    return _BASE64.sub(lambda match: "[redacted: Base64]" if _hides_secret(match[0], redact) else match[0], text)


def _decoded(word: str, redact: Callable[[str], str]) -> str:
    if not _ENCODED.search(word):
        return word
    plain = unquote(word)
    cleaned = redact(plain)
    return word if cleaned == plain else cleaned


def hides_text(word: str) -> bool:
    """Whether a word is a text in base64: random bytes are never all printable."""
    return _opened(word) is not None


def _hides_secret(word: str, redact: Callable[[str], str]) -> bool:
    plain = _opened(word)
    if plain is None:
        return False
    pair = _PAIR.match(plain)
    return redact(plain) != plain or (pair is not None and looks_random(pair["secret"]))


def _opened(word: str) -> str | None:
    try:
        plain = base64.b64decode(word.rstrip("=") + "=" * (-len(word.rstrip("=")) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return plain if plain.translate(_WHITE_SPACE).isprintable() else None
