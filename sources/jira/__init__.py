"""Jira Cloud and Data Center: issues, their changelog, fields, projects and users."""

from sources.jira.schema import SPEC

__all__ = ["SPEC"]
