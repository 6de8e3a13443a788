"""Demographic: what people like this one buy, as far as it is known and as far as they differ."""

import numpy as np
import pandas as pd
import pytest

from engine.scorers.demographic import Demographic
from engine.scorers.popularity import Popularity

NOBODY = np.array([-1])


def lines(n=40):
    """Everybody buys milk, families diapers, singles beans; a whim for each third."""
    return [
        (f"c{k:02}", product, 1 + k % 5)
        for k in range(n)
        for product in ("milk", "diapers" if k % 2 else "beans", f"whim{k % 3}")
    ]


def people(n=42, **columns):
    frame = pd.DataFrame({"customer_id": [f"c{k:02}" for k in range(n)]})
    return frame.assign(**{"household": [("single", "family")[k % 2] for k in range(n)], **columns})


def order(data, scores):
    best = np.argsort(-scores.toarray()[0], kind="stable")
    return data.product_ids[best[: scores.nnz]].tolist()


def test_who_has_not_bought_gets_what_the_same_household_buys(shop):
    data = shop(*lines(), customers=people())
    fitted = Demographic().fit(data)
    single, family = (fitted.score_like(fitted.codes(pd.Index([who]))) for who in ("c40", "c41"))
    assert order(data, single).index("beans") < order(data, single).index("diapers")
    assert order(data, family).index("diapers") < order(data, family).index("beans")


@pytest.mark.parametrize("customers", [None, people().assign(household=None), people().head(19)])
def test_without_enough_known_it_is_plain_popularity(shop, customers):
    data = shop(*lines(), customers=customers)
    fitted, rows = Demographic().fit(data), np.arange(data.shape[0])
    assert fitted.people.shape[1] == 0
    np.testing.assert_allclose(fitted.score(rows).toarray(), Popularity().fit(data).score(rows).toarray())


def test_who_is_not_known_gets_plain_popularity(shop):
    data = shop(*lines(), customers=people())
    fitted = Demographic().fit(data)
    plain = Popularity().fit(data).score(NOBODY).toarray()
    np.testing.assert_allclose(fitted.score(NOBODY).toarray(), plain)
    np.testing.assert_allclose(fitted.score_like(fitted.codes(pd.Index(["stranger"]))).toarray(), plain)


def test_an_attribute_that_tells_nothing_changes_nothing(shop):
    alone = shop(*lines(), customers=people())
    coin = np.random.default_rng(1).permutation(["heads", "tails"] * 21)
    both = shop(*lines(), customers=people(coin=coin))
    with_coin, without = Demographic().fit(both), Demographic().fit(alone)
    ids = pd.Index(["c40", "c41"])
    assert list(with_coin.people) == ["household", "coin"]
    np.testing.assert_allclose(
        with_coin.score_like(with_coin.codes(ids)).toarray(),
        without.score_like(without.codes(ids)).toarray(),
        rtol=0.05,
    )


def test_an_attribute_told_twice_counts_once(shop):
    once, twice = shop(*lines(), customers=people()), shop(*lines(), customers=people(home=["s", "f"] * 21))
    scores = [
        fitted.score_like(fitted.codes(pd.Index(["c40"]))).toarray()
        for fitted in (Demographic().fit(once), Demographic().fit(twice))
    ]
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_attributes_given_later_are_those_that_count(shop):
    fitted = Demographic().fit(shop(*lines(), customers=people()))
    family, single = fitted.codes(pd.Index(["c41", "c40"])).tolist()
    later = pd.DataFrame({"customer_id": ["new", "c40", "odd"], "household": [" FAMILY", "family", "commune"], "x": 1})
    assert fitted.codes(pd.Index(["new", "c40", "odd", "c41"]), later).tolist() == [family, family, [-1], family]
    assert fitted.codes(pd.Index(["c40"]), later.drop(columns="household")).tolist() == [single]


def test_the_best_lift_is_that_of_the_group_that_buys_it_most(shop):
    data = shop(*lines(), customers=people())
    fitted = Demographic().fit(data)
    place = {product: column for column, product in enumerate(data.product_ids)}
    family = fitted.codes(pd.Index(["c41"] * 3))
    lift = fitted.best_lift(family, np.array([place["diapers"], place["milk"], place["beans"]]))
    assert lift[0] > 1.2
    assert lift[1] == pytest.approx(1, abs=0.1)
    assert lift[2] < 0.8
    assert fitted.best_lift(np.full((1, 1), -1), np.array([place["diapers"]])).tolist() == [1]


def test_of_a_product_that_is_not_among_the_popular_ones_no_lift_is_known(shop):
    data = shop(*lines(), customers=people())
    fitted, every = Demographic(candidates=2).fit(data), np.arange(data.shape[1])
    lift = fitted.best_lift(fitted.codes(pd.Index(["c41"] * len(every))), every)
    popular = fitted.score_like(fitted.codes(pd.Index(["c41"]))).indices
    assert len(popular) == 2
    assert lift[np.setdiff1d(every, popular)].tolist() == [1] * (len(every) - 2)


def test_a_product_that_a_group_never_bought_is_still_a_candidate(shop):
    data = shop(*lines(), customers=people())
    assert (np.diff(Demographic().fit(data).score(np.arange(40)).indptr) == data.shape[1]).all()
