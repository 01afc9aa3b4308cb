"""Expectations of GitHub's raw tables. Rules for what people set (clocks, addresses) are tolerant."""

from typing import Final

from assets.suites.rules import (
    EMAIL,
    GIT_SHA,
    Suite,
    between,
    filled,
    matches,
    not_below,
    one_of,
    plausible_time,
)
from sources.github import schema

# Users 1 to 39 characters, organizations' managed users with `_suffix`, bots with `[bot]`.
_LOGIN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$"
_MOST_LINES: Final = 10_000_000

SUITE: Final = Suite(
    "github",
    {
        schema.REPOSITORIES: (
            between("id", 1, severity="critical"),
            matches("full_name", r"^[A-Za-z0-9_-]+/[A-Za-z0-9._-]+$"),
            matches("owner_login", _LOGIN),
            *plausible_time("created_at", "deleted_at"),
        ),
        schema.COMMITS: (
            matches("sha", GIT_SHA),
            matches("author_email", EMAIL, mostly=0.9, severity="warning"),
            matches("committer_email", EMAIL, mostly=0.9, severity="warning"),
            matches("author_login", _LOGIN),
            *(between(column, 0, _MOST_LINES) for column in ("additions", "deletions", "changed_files")),
            between("parent_count", 0, 100),
            filled("committed_at", mostly=0.99),
            # From the clocks of people's machines.
            *plausible_time("authored_at", "committed_at", mostly=0.99),
        ),
        schema.PULL_REQUESTS: (
            between("id", 1, severity="critical"),
            between("number", 1, severity="critical"),
            one_of("state", ("OPEN", "CLOSED", "MERGED"), mostly=1, severity="critical"),
            one_of("author_type", ("User", "Bot", "Mannequin", "Organization", "EnterpriseUserAccount")),
            matches("author_login", _LOGIN),
            matches("merged_by_login", _LOGIN),
            matches("merge_commit_sha", GIT_SHA),
            *(between(column, 0, _MOST_LINES) for column in ("additions", "deletions", "changed_files")),
            between("commit_count", 0, 100_000),
            filled("created_at"),
            not_below("updated_at", "created_at"),
            not_below("closed_at", "created_at"),
            not_below("merged_at", "created_at"),
            *plausible_time("created_at", "updated_at", "closed_at", "merged_at"),
        ),
    },
)
