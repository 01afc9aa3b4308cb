"""What happens in Tempo between two runs arrives in raw: after the second run raw equals the sandbox's truth."""

from __future__ import annotations

from collections.abc import Callable

from tempo_world import Tempo, worklog


def test_first_run(make_tempo: Callable[..., Tempo]) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 40)])
    tempo.run()
    assert tempo.landed() == tempo.truth()
    assert tempo.marks() == {}
