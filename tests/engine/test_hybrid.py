"""The hybrid: what it ranks by is what its reasons may say."""

import numpy as np

from engine.hybrid import Hybrid
from engine.moment import FEATURES, OFFERED

BOTH = [(f"c{n}", product, 2) for n in range(9) for product in ("ale", "nuts")]


def test_evidence_that_the_order_does_not_use_lifts_nothing(shop):
    data = shop(*BOTH, ("a", "ale", 1), ("z", "rope", 1))
    hybrid = Hybrid().fit(data)
    found = hybrid.candidates(np.array([0]))
    nuts = found.product == data.product_ids.get_loc("nuts")
    assert hybrid.any is None  # nothing to learn from: own purchases and neighbours rank
    features = found.features[nuts]
    for evidence, lifts in ((["neighbours"], True), (OFFERED, False)):
        bare = np.where(np.isin(FEATURES, evidence), 0, features).astype(np.float32)
        assert hybrid.lifted(features, bare, only_new=True).tolist() == [lifts]
