"""GitHub: repositories, commits and pull requests."""

from sources.github.schema import SPEC

__all__ = ["SPEC"]
