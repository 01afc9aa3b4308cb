"""Text from outside, safe to print to a terminal or a log."""

import re
from typing import Final

# Control characters but tab and line feed, and those that turn the direction of writing.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text with control characters written out, such as `\\x1b`, so that none of them commands a terminal."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
