"""Tempo Cloud: worklogs, their deletions and accounts."""

from sources.tempo.schema import SPEC

__all__ = ["SPEC"]
