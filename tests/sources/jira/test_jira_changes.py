"""What happens in Jira between two runs arrives in raw: after the second run raw equals the sandbox's truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jira_world import Jira, history, issue


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_first_run_lands_everything(make_jira: Callable[..., Jira], small_pages: None, deployment: str) -> None:
    jira = make_jira(
        [issue(number) for number in range(1, 31)],
        [history(number, 1 + number % 9) for number in range(1, 40)],
        deployment=deployment,
    )
    jira.run()
    assert jira.landed() == jira.truth()
    assert len(jira.histories()) == 39
    assert jira.marks() == {}
    assert jira.rows("select distinct story_points, assignee_id, description_text from issues where id = '1004'") == [
        (3, "712020:1", "Text 4")
    ]
    assert jira.rows("select count(*) from users") == [(2,)]
    assert jira.rows("select count(*) from projects where state = 'live'") == [(2,)]
    assert {row[0] for row in jira.rows("select id from fields where is_story_points")} == {
        "customfield_10016",
        "customfield_10026",
    }
