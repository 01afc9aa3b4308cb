"""Plaid: linked bank accounts and their transactions."""

from sources.plaid.schema import SPEC

__all__ = ["SPEC"]
