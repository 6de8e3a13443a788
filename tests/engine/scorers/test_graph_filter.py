"""Graph filter: what is near in the graph, the broad currents, and no more memory than was asked for."""

import numpy as np
import pytest

from engine.checks import check_scorer
from engine.scorers.graph_filter import GraphFilter
from tests.engine.blocks import table, two_blocks


def scores(data, **settings):
    return GraphFilter(**settings).fit(data).score(np.arange(data.shape[0])).toarray()


@pytest.mark.parametrize("settings", [{}, {"factors": 2}, {"products": 20, "neighbours": 3, "factors": 1}])
def test_it_keeps_the_contract(settings):
    check_scorer(lambda: GraphFilter(**settings))


def test_customers_of_a_block_get_its_products_that_they_lack(shop):
    data = shop(*two_blocks())
    found = scores(data, factors=2)
    same = np.array([[int(c[1:]) % 2 == int(p[1]) for p in data.product_ids] for c in data.customer_ids])
    assert (found[same] > 0).all()
    assert (found[~same] == 0).all()


def test_the_scores_are_those_of_the_paper(shop):
    data = shop(*two_blocks(gaps=0.3), ("c00", "p15", 1), ("c01", "p05", 1))
    bought = table(data)
    normal = bought / np.sqrt(bought.sum(axis=1, keepdims=True)) / np.sqrt(bought.sum(axis=0))
    low = np.linalg.svd(normal)[2][:2].T
    root = np.sqrt(bought.sum(axis=0))
    expected = bought @ normal.T @ normal + 0.3 * bought / root @ low @ low.T * root
    found = scores(data, factors=2, half_life_days=float("inf")) / np.log(2)
    np.testing.assert_allclose(
        found, np.where(expected > 1e-3 * expected.max(axis=1, keepdims=True), expected, 0), rtol=1e-4
    )


def test_without_time_it_does_not_matter_when_things_were_bought(shop):
    lines = two_blocks()
    then = [(customer, product, 1 + 37 * place % 900) for place, (customer, product, _) in enumerate(lines)]
    found = [scores(shop(*each), half_life_days=float("inf")) for each in (lines, then)]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_the_order_of_lines_and_the_names_of_customers_do_not_matter(shop):
    lines = two_blocks()
    other = [(f"c{59 - int(customer[1:]):02}", product, days) for customer, product, days in lines[::-1]]
    np.testing.assert_allclose(scores(shop(*lines), factors=4), scores(shop(*other), factors=4)[::-1], atol=1e-5)


def test_only_so_many_links_and_products_are_kept(shop):
    data = shop(*two_blocks(), ("a", "rare", 1))
    fitted = GraphFilter(products=20, neighbours=4).fit(data)
    found = fitted.score(np.arange(data.shape[0]))
    assert data.product_ids.get_loc("rare") not in found.indices
    narrow = scores(data, products=20, neighbours=4, factors=1, alpha=0.0)
    assert np.count_nonzero(narrow) < np.count_nonzero(scores(data, products=20, alpha=0.0))


def test_a_block_of_customers_and_one_more_are_scored_like_each_alone(shop, monkeypatch):
    data = shop(*two_blocks())
    whole = scores(data)
    monkeypatch.setattr("engine.scorers.graph_filter.BLOCK", 7)
    np.testing.assert_allclose(scores(data), whole, rtol=1e-4)
    assert GraphFilter().fit(data).score(np.zeros(0, dtype=np.intp)).shape == (0, data.shape[1])
