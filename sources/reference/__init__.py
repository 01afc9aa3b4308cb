"""The reference files: the business's own decisions, read from CSV."""

from sources.reference.schema import SPEC

__all__ = ["SPEC"]
