"""The raw tables of GitHub: names, keys and typed columns; and the SPEC.

In `record`, commits and pull requests have GraphQL's names, repositories REST's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import NOT_VISIBLE_SINCE, QUARANTINE, Column, Table

REPOSITORIES = Table(
    name="repositories",
    description="Repositories, by the id that survives a rename.",
    key=("id",),
    columns=(
        Column("id", "bigint", "GitHub's id of the repository."),
        Column("full_name", "text", "organization/name as it is now.", required=True),
        Column("name", "text", "Name without the organization."),
        Column("owner_login", "text", "The organization or user that owns it.", path="owner.login"),
        Column("default_branch", "text", "Name of the branch whose commits are read."),
        Column("is_fork", "boolean", "Whether it was forked from another repository.", path="fork"),
        Column("is_archived", "boolean", "Whether it is read-only.", path="archived"),
        Column("is_private", "boolean", "Whether it is private.", path="private"),
        Column("created_at", "timestamp", "When it was created, UTC."),
        Column("is_deleted", "boolean", "Whether it is gone: a public one that GitHub does not know any more."),
        Column("deleted_at", "timestamp", "Start of the run that first could not see it, UTC."),
        NOT_VISIBLE_SINCE,
    ),
)

COMMITS = Table(
    name="commits",
    description="Commits of each repository's default branch, with GitHub's reading of co-author trailers.",
    key=("repository_id", "sha"),
    columns=(
        Column("sha", "text", "Hash of the commit.", path="oid"),
        Column("repository_id", "bigint", "The repository that it was read in."),
        Column("message", "text", "The whole message.", required=False),
        Column("authored_at", "timestamp", "The author's clock, UTC; may lie in the future.", path="authoredDate"),
        Column("committed_at", "timestamp", "The committer's clock, UTC.", path="committedDate"),
        Column("author_name", "text", "The author's name as git has it.", path="author.name"),
        Column("author_email", "text", "The author's e-mail as git has it.", path="author.email"),
        Column(
            "author_login",
            "text",
            "GitHub login of that e-mail; null where it maps to no user.",
            path="author.user.login",
        ),
        Column("committer_email", "text", "The committer's e-mail.", path="committer.email"),
        Column("authors", "json", "Author first, then Co-authored-by trailers.", path="authors.nodes"),
        Column("additions", "bigint", "Lines added."),
        Column("deletions", "bigint", "Lines deleted."),
        Column("changed_files", "bigint", "Files changed.", path="changedFilesIfAvailable"),
        Column("parent_count", "bigint", "Number of parents; two or more is a merge.", path="parents.totalCount"),
        Column("is_reachable", "boolean", "Whether the default branch still contains it.", required=True),
    ),
)

PULL_REQUESTS = Table(
    name="pull_requests",
    description="Pull requests with sizes and first reviews.",
    key=("id",),
    identity=("repository_id", "number"),
    columns=(
        Column("id", "bigint", "GitHub's id of the pull request.", path="fullDatabaseId"),
        Column("repository_id", "bigint", "The repository that it belongs to.", required=True),
        Column("number", "bigint", "Number within the repository.", required=True),
        Column("title", "text", "Title."),
        Column("state", "text", "OPEN, CLOSED or MERGED."),
        Column("is_draft", "boolean", "Whether it is a draft.", path="isDraft"),
        Column("author_login", "text", "Who opened it; null for a deleted account.", path="author.login"),
        Column("author_type", "text", "User, Bot, Mannequin and so on.", path="author.__typename"),
        Column("created_at", "timestamp", "When it was opened, UTC.", path="createdAt"),
        Column("updated_at", "timestamp", "When it was last touched, UTC.", path="updatedAt"),
        Column("closed_at", "timestamp", "When it was closed or merged, UTC.", path="closedAt"),
        Column("merged_at", "timestamp", "When it was merged, UTC.", path="mergedAt"),
        Column("merged_by_login", "text", "Who merged it.", path="mergedBy.login"),
        Column("merge_commit_sha", "text", "The commit that merging made.", path="mergeCommit.oid"),
        Column("base_branch", "text", "The branch that it goes to.", path="baseRefName"),
        Column("head_branch", "text", "The branch that it comes from.", path="headRefName"),
        Column("additions", "bigint", "Lines added."),
        Column("deletions", "bigint", "Lines deleted."),
        Column("changed_files", "bigint", "Files changed.", path="changedFiles"),
        Column("commit_count", "bigint", "Commits that it holds.", path="commits.totalCount"),
        Column("reviews", "json", "The first reviews: submittedAt, state, author.", path="reviews.nodes"),
    ),
)

TABLES = (REPOSITORIES, COMMITS, PULL_REQUESTS)

SPEC: Final = SourceSpec(
    name="github",
    title="GitHub",
    tables=(*TABLES, QUARANTINE),
    owner="team:engineering",
    cron="10 * * * *",
    fresh_within=timedelta(hours=3),
    required_settings=("token",),
    optional_settings=("base_url", "organizations", "repositories"),
    probe="repositories",
    sandbox_settings={
        "base_url": "{url}/github/api/v3",
        "token": "sandbox-github-token",
    },
    is_vendor=True,
    age_tables=("commits", "pull_requests", "repositories"),
)
