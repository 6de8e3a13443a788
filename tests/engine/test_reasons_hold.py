"""Reasons hold: without the evidence that a reason cites, the score falls; told of many picks of a made-up shop."""

import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.recommender import Recommender
from tests.benchmarks.shop import AS_OF, catalogue, purchases
from tests.engine.removal import fallen

SIZE = 8


@pytest.fixture(scope="module")
def recommender():
    """Fitted on 150 customers of a made-up shop, with a tenth of its products on offer."""
    goods, bought = catalogue(600), purchases(150, 600, 6_000)
    week = pd.Timedelta(days=7)
    offers = [
        {"product_id": n, "kind": "mailer", "starts_at": AS_OF - week * back, "ends_at": AS_OF - week * (back - 1)}
        for back in range(9)
        for n in range(back, 600, 10)
    ]
    offers = pd.DataFrame(offers).assign(announced_at=AS_OF - 9 * week)
    return Recommender().fit(Dataset.from_frames(bought, goods, None, offers, as_of=AS_OF))


@pytest.mark.slow
def test_without_what_a_reason_cites_the_score_falls(recommender):
    found = fallen(recommender, recommender.customer_ids, SIZE)
    assert len(found) > 900
    assert found["fell"].mean() > 0.95, found.groupby("reason_kind")["fell"].agg(["mean", "size"]).to_dict()
