"""Which suites exist: one for each source. What a suite expects stands in its own module."""

from collections.abc import Mapping
from typing import Final

from assets.suites.claude_code import SUITE as CLAUDE_CODE
from assets.suites.clickhouse import SUITE as CLICKHOUSE
from assets.suites.clockify import SUITE as CLOCKIFY
from assets.suites.github import SUITE as GITHUB
from assets.suites.jira import SUITE as JIRA
from assets.suites.plaid import SUITE as PLAID
from assets.suites.reference import SUITE as REFERENCE
from assets.suites.rules import Suite
from assets.suites.tempo import SUITE as TEMPO

SUITES: Final[Mapping[str, Suite]] = {
    suite.source: suite for suite in (CLAUDE_CODE, CLICKHOUSE, CLOCKIFY, GITHUB, JIRA, PLAID, REFERENCE, TEMPO)
}
