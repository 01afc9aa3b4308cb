"""Made-up secrets of `unseen_secrets.json`: ten sets, each written before its kinds were tried.

Each was measured before the rules were changed for it; docs/security.md has the figures. A kind is a label, a pattern
of its value, a variable (none where the texts are its own) and texts: one for each place, or one alone, which may hold
patterns, too. In a pattern, `<M24>` is 24 characters of an alphabet.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.sources.claude_code.planted_secrets import (
    BASE64,
    HEX,
    LETTERS,
    LOWER,
    PLACES,
    UPPER,
    URL_SAFE,
    Planted,
    some,
    uuid,
)

_ALPHABETS = {
    "a": LOWER,
    "A": UPPER,
    "M": LETTERS,
    "h": HEX,
    "H": HEX.upper(),
    "d": "0123456789",
    "l": "abcdefghijklmnopqrstuvwxyz",
    "L": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "B": BASE64,
    "U": URL_SAFE,
    "P": LETTERS + "!%*+?@^~",
    "q": "abcdefghijkmnpqrstuvwxyz23456789",
}
_WORDS = "".join(
    (
        "river copper lantern meadow falcon orbit velvet harbor thunder pickle maple saddle cobalt walnut ember ",
        "glacier puffin quartz radish summit tulip violet willow zephyr anchor basil cactus dagger elbow fjord",
    )
).split()
_GERMAN = "".join(
    ("Sommer Winter Fisch Garten Wolke Berg Hund Katze ", "Laterne Kaffee Zwiebel Morgen Apfel Fenster")
).split()
_MNEMONIC = "".join(
    (
        "abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve ",
        "acid actor actress actual adapt add addict adjust admit adult advance again age agent aisle alarm ",
        "album alien vessel vicious zoo",
    )
).split()
SETS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def plant(seed: int, names: tuple[str, ...] = tuple(SETS)) -> Iterator[Planted]:
    """One secret of every kind of some sets, each in five places, or in the only text that it has."""
    for name in names:
        for label, pattern, variable, own in SETS[name]["kinds"]:
            chance = Random(f"{seed}/{name}/{label}")
            secret = filled(chance, pattern)
            first, *rest = (variable or "").lower().split("_")
            parts = {
                "label": label,
                "secret": secret,
                "escaped": secret.replace("\n", "\\n"),
                "VARIABLE": variable or "",
                "variable": "_".join((first, *rest)),
                "dotted": ".".join((first, *rest)),
                "kebab": "-".join((first, *rest)),
                "camel": first + "".join(map(str.title, rest)),
            }
            if len(own) == 1:
                yield Planted(f"{name}: {label}", "text", secret, _with_parts(filled(chance, own[0]), parts))
                continue
            for number, place in enumerate(PLACES):
                template = own[number] if own and own[number] else chance.choice(SETS[name]["places"][number])
                text = _with_parts(template, parts)
                planted = parts["escaped"] if "{escaped}" in template else secret
                yield Planted(f"{name}: {label}", place, planted, text)


def filled(chance: Random, pattern: str) -> str:
    """A pattern with random characters in place of its marks, such as `<M24>`."""

    def made(match: re.Match[str]) -> str:
        return _value(chance, match[1], int(match[2] or 0))

    return re.sub(r"<(\w)(\d*)>", made, pattern)


def _with_parts(template: str, parts: dict[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        return parts.get(match[1], match[0])

    return re.sub(r"\{(\w+)\}", part, template)


def _value(chance: Random, kind: str, length: int) -> str:
    match kind:
        case "u":
            return uuid(chance)
        case "w":
            return chance.choice(_WORDS)
        case "W":
            return chance.choice(_WORDS).title()
        case "D":
            return chance.choice(_GERMAN)
        case "m":
            return " ".join(chance.choices(_MNEMONIC, k=length))
        case "c":
            return _card("37" if length == 15 else chance.choice(("4", "51", "54")), length, chance)
        case "g":
            return _in_fours(_card("4", 16, chance))
        case "i":
            return _iban(chance)
        case "I":
            return _in_fours(_iban(chance))
        case "e":
            encoded = base64.b64encode(chance.randbytes(length)).decode()
            return "\n".join(encoded[start : start + 64] for start in range(0, len(encoded), 64))
    value = some(chance, _ALPHABETS[kind], length)
    # A sign at an edge would be taken for punctuation.
    return "x" + value[1:-1] + "7" if kind == "P" else value


def _in_fours(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _card(prefix: str, length: int, chance: Random) -> str:
    digits = prefix + some(chance, "0123456789", length - len(prefix) - 1)
    doubled = [int(one) * (2 if place % 2 == 0 else 1) for place, one in enumerate(reversed(digits))]
    total = sum(one - 9 if one > 9 else one for one in doubled)
    return digits + str(-total % 10)


def _iban(chance: Random) -> str:
    account = some(chance, "0123456789", 18)
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"
