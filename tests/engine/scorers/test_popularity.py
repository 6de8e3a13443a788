"""Popularity: one customer one vote, the newest count most, overall and in each segment."""

import numpy as np
import pytest

from engine.scorers.popularity import Popularity, SegmentPopularity, votes


def test_a_vote_halves_with_every_half_life_and_one_customer_has_at_most_one(shop):
    data = shop(("a", "p", 14), ("a", "q", 1e-6), ("a", "q", 1e-6), ("b", "q", 28))
    np.testing.assert_allclose(votes(data.history, 14).toarray(), [[0.5, 1], [0, 0.25]], rtol=1e-6)
    np.testing.assert_allclose(Popularity(14).fit(data).popular, [0.5, 1.25], rtol=1e-6)


def test_everybody_gets_the_same_and_only_so_many(shop):
    data = shop(("a", "p", 1), ("b", "p", 1), ("b", "q", 1), ("b", "r", 40))
    scores = Popularity(candidates=2).fit(data).score(np.array([0, 1, -1])).toarray()
    assert (scores == scores[0]).all()
    assert np.flatnonzero(scores[0]).tolist() == [0, 1]


def test_a_segment_gets_what_it_buys_more_than_everybody_first(shop):
    lines = [(f"{segment}{n}", "milk", 1) for segment in "ab" for n in range(10)]
    lines += [(f"a{n}", "oats", 1) for n in range(9)] + [(f"b{n}", "beans", 1) for n in range(9)]
    data = shop(*lines)
    segment = np.array([0 if customer.startswith("a") else 1 for customer in data.customer_ids])
    top = SegmentPopularity().fit(data).top(segment, 2)
    first = top.groupby("segment").first()
    assert data.product_ids[first["product"]].tolist() == ["oats", "beans"]
    assert (first["lift"] > 1.2).all()
    assert (top.groupby("segment")["score"].diff().dropna() <= 0).all()


def test_a_segment_without_votes_and_customers_without_a_segment_have_no_top(shop):
    data = shop(("a", "p", 1), ("b", "q", 1))
    fitted = SegmentPopularity().fit(data)
    assert fitted.top(np.array([1, -1]), 5)[["segment", "product"]].values.tolist() == [[1, 0]]
    assert fitted.top(np.array([-1, -1]), 5).empty


def test_one_segment_of_all_has_the_order_of_popularity(shop):
    data = shop(("a", "p", 1), ("b", "p", 1), ("b", "q", 1))
    top = SegmentPopularity().fit(data).top(np.array([0, 0]), 5)
    assert top["product"].tolist() == [0, 1]
    assert top["lift"].tolist() == pytest.approx([1, 1])
