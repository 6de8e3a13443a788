"""Factors: hidden tastes are found, trust counts, and the steps lead to the least squares."""

import numpy as np
import pytest

from engine.checks import check_scorer
from engine.scorers.factors import Factors
from tests.engine.blocks import table, two_blocks

TIMELESS = float("inf")


def expected(data, **settings):
    fitted = Factors(**settings).fit(data)
    return fitted.customers @ fitted.products.T


@pytest.mark.parametrize("settings", [{}, {"factors": 3}, {"half_life_days": TIMELESS}])
def test_it_keeps_the_contract(settings):
    check_scorer(lambda: Factors(**settings))


def test_customers_of_a_block_get_its_products_that_they_lack(shop):
    data = shop(*two_blocks())
    found = expected(data, factors=2)
    same = np.array([[int(c[1:]) % 2 == int(p[1]) for p in data.product_ids] for c in data.customer_ids])
    lacked = same & (table(data) == 0)
    assert found[lacked].min() > 5 * np.abs(found[~same]).max()


def test_in_the_end_each_side_is_the_least_squares_given_the_other(shop):
    data = shop(*two_blocks())
    fitted = Factors(factors=2, alpha=5.0, ridge=0.02, half_life_days=TIMELESS, rounds=60).fit(data)
    trust = 5 * np.log1p(table(data))
    for who, extra in enumerate(trust):
        y, ridge = fitted.products, 0.02 * extra.sum()
        left = y.T @ y + (y.T * extra) @ y + ridge * np.eye(2)
        np.testing.assert_allclose(
            fitted.customers[who], np.linalg.solve(left, y.T @ ((1 + extra) * (extra > 0))), rtol=1e-3
        )


def test_what_was_bought_lately_counts_most_unless_time_is_left_out(shop):
    lately, long_ago = ([("z", f"p{block}{n}", days) for n in range(4)] for block, days in ((0, 1), (1, 400)))
    data = shop(*two_blocks(), *lately, *long_ago)
    z = data.customer_ids.get_loc("z")
    decayed, timeless = (expected(data, factors=2, half_life_days=each)[z] for each in (56, TIMELESS))
    assert decayed[:10].mean() > 1.3 * decayed[10:].mean()
    assert timeless[:10].mean() == pytest.approx(timeless[10:].mean(), rel=0.1)


def test_the_order_of_lines_and_the_names_of_customers_do_not_matter(shop):
    lines = two_blocks()
    other = [(f"c{59 - int(customer[1:]):02}", product, days) for customer, product, days in lines[::-1]]
    np.testing.assert_allclose(expected(shop(*lines)), expected(shop(*other))[::-1], atol=1e-4)


def test_another_seed_finds_the_same_tastes_by_another_way(shop):
    data = shop(*two_blocks())
    first, second = (expected(data, factors=2, seed=seed, rounds=30) for seed in (0, 1))
    np.testing.assert_allclose(first, second, atol=1e-3)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("entries", [1, 7])
def test_blocks_of_any_size_give_the_same_factors(shop, monkeypatch, entries):
    data = shop(*two_blocks())
    whole = expected(data)
    monkeypatch.setattr("engine.scorers.factors.ENTRIES", entries)
    monkeypatch.setattr("engine.scorers.factors.BLOCK", entries)
    np.testing.assert_allclose(expected(data), whole, atol=1e-4)
    assert Factors().fit(data).score(np.arange(60)).shape == data.shape
