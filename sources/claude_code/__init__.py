"""Claude Code transcripts: what a host's session files say. Whose they are and what they cost does not belong here.

`claude_code` is the dlt source. It is looked up on first use, because helper processes import this package and must not
wait for dlt.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sources.claude_code.source import claude_code

__all__ = ["claude_code"]


def __getattr__(name: str) -> Any:
    if name == "claude_code":
        from sources.claude_code.source import claude_code

        return claude_code
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
