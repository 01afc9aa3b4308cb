"""Reading ahead: order, failures in their place, and an end when nobody wants more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sources.kit.walk import ahead


def test_items_come_in_their_order_and_some_are_made_in_advance() -> None:
    made: list[int] = []
    enough = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                enough.set()
            yield number

    walk = ahead(numbers(), most=2)
    assert next(walk) == 0
    assert enough.wait(5)
    assert list(walk) == list(range(1, 10))
    assert made == list(range(10))


def test_a_failure_comes_after_what_was_made_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    seen: list[int] = []
    with pytest.raises(KeyError, match="three"):
        seen.extend(ahead(numbers()))
    assert seen == [1, 2]


def test_who_stops_early_stops_the_thread() -> None:
    def numbers() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    walk = ahead(numbers())
    assert next(walk) == 0
    walk.close()
    assert not any(thread.name == "workledger-ahead" for thread in threading.enumerate())
