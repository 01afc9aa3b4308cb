"""Clockify: workspaces, members, clients, projects, tags and time entries."""

from sources.clockify.schema import SPEC

__all__ = ["SPEC"]
