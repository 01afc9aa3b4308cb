"""The GraphQL texts that are sent to GitHub. Their fields are the columns of the raw tables."""

from __future__ import annotations

COMMIT_FIELDS = """
oid message authoredDate committedDate additions deletions changedFilesIfAvailable
author { name email date user { login databaseId } }
committer { name email date user { login databaseId } }
authors(first: 20) { totalCount nodes { name email user { login databaseId } } }
parents(first: 1) { totalCount }
"""

PULL_REQUEST_FIELDS = """
fullDatabaseId number title state isDraft createdAt updatedAt closedAt mergedAt
additions deletions changedFiles baseRefName headRefName
author { __typename login }
mergedBy { __typename login }
mergeCommit { oid }
commits(first: 1) { totalCount }
reviews(first: 20) { totalCount nodes { submittedAt state author { __typename login } } }
"""

OVERVIEW = """
query Overview($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    databaseId
    defaultBranchRef { name target { __typename oid ... on Commit { history(first: 1) { totalCount } } } }
    pullRequests(first: 1, orderBy: {field: UPDATED_AT, direction: DESC}) { totalCount nodes { updatedAt } }
  }
}
"""

COMMITS = f"""
query Commits($owner: String!, $name: String!, $oid: GitObjectID!, $first: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    object(oid: $oid) {{
      __typename
      ... on Commit {{
        history(first: $first, after: $after) {{
          totalCount
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ {COMMIT_FIELDS} }}
        }}
      }}
    }}
  }}
}}
"""

PULL_REQUESTS = f"""
query PullRequests($owner: String!, $name: String!, $first: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequests(first: $first, after: $after, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ {PULL_REQUEST_FIELDS} }}
    }}
  }}
}}
"""
