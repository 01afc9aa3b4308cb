"""Example: what it holds, in one sentence."""

from sources.example.schema import SPEC

__all__ = ["SPEC"]
