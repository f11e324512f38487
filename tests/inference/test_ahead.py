"""Results in order, no further ahead than allowed."""

import itertools
import time

import pytest

from videomamba.inference.ahead import ahead


def test_results_come_in_order():
    assert list(ahead(lambda x: (time.sleep(0.002 * (x % 3)), x)[1], range(20), count=6)) == list(range(20))


def test_it_takes_no_more_items_than_allowed():
    taken = []
    results = ahead(lambda x: x, (taken.append(i) or i for i in itertools.count()), count=3)
    assert [next(results), next(results)] == [0, 1]
    assert len(taken) == 5
    results.close()


def test_an_error_is_the_caller_s():
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda x: 1 / x, [1, 0], count=2))
