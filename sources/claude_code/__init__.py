"""Claude Code transcripts: what the session files of a host say."""

from sources.claude_code.schema import SPEC

__all__ = ["SPEC"]
