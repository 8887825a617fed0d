"""What is left of the order of rows in parts that should be shuffled."""

import numpy as np
import pytest

from autograder.checking.shuffles import not_shuffled, numbered


def halves(rng, n):
    return np.concatenate([rng.permutation(n // 2), n // 2 + rng.permutation(n - n // 2)])


def evens_first(rng, n):
    return np.concatenate([rng.permutation(np.arange(0, n, 2)), rng.permutation(np.arange(1, n, 2))])


def draws(order, n, parts, count=6, seed=0):
    """Return in which part each row is; `order` returns rows in the order in which they are cut."""
    rng = np.random.default_rng(seed)
    return np.array([numbered(np.array_split(order(rng, n), parts), n) for _ in range(count)])


WRONG = {
    "turned on": lambda rng, n: np.roll(np.arange(n), rng.integers(n)),
    "in steps": lambda rng, n: (rng.choice([k for k in range(n) if np.gcd(k, n) == 1]) * np.arange(n)) % n,
    "in a fixed order": lambda rng, n: np.argsort(np.arange(n) * 13 % n, kind="stable"),
    "halves": halves,
    "even ones first": evens_first,
}


@pytest.mark.parametrize("order", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("n", "parts"), [(40, 2), (60, 5), (61, 10), (40, 20)])
def test_what_is_no_shuffle_is_found(order, n, parts):
    assert all(not_shuffled(draws(order, n, parts, seed=seed)) for seed in range(20))


def test_a_fifth_that_is_drawn_is_told_from_a_fifth_in_a_run():
    rng = np.random.default_rng(0)
    run = np.arange(43) < 9
    for _ in range(500):
        assert not_shuffled(np.array([rng.permutation(run) for _ in range(8)]).astype(int)) is None
        assert not_shuffled(np.array([np.roll(run, rng.integers(43)) for _ in range(8)]).astype(int))
        assert not_shuffled(np.array([np.roll(np.arange(43) % 5 == 0, rng.integers(43)) for _ in range(8)]).astype(int))


@pytest.mark.parametrize(("n", "parts"), [(40, 2), (45, 4), (60, 5), (61, 10), (40, 20), (100, 5)])
@pytest.mark.parametrize("count", [4, 6])
def test_a_shuffle_is_none_of_these(n, parts, count):
    found = (not_shuffled(draws(lambda rng, n: rng.permutation(n), n, parts, count, seed)) for seed in range(500))
    assert not any(found)
