"""The ClickHouse mirror of Tempo, Jira and the contract pipeline, landed as it is."""

from sources.clickhouse.schema import SPEC

__all__ = ["SPEC"]
