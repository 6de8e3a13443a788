"""Promotion lift: rates as a count by hand gives them, of what was announced by then."""

from math import log

import numpy as np
import pandas as pd
import pytest

from engine.promotion_lift import NAMES, promotion_lift
from tests.engine.conftest import AS_OF

DAY = pd.Timedelta(days=1)
# On sale for 100 days. Ann buys ale on and off offer, Ben tries it on offer.
LINES = [("ann", "ale", 100), ("ann", "ale", 42), ("ben", "ale", 41), ("ann", "ale", 10), ("ann", "nuts", 50)]


def offers(*spans):
    """Offers of (product, kind, days ago that it began, days ago that it ended)."""
    frame = pd.DataFrame(spans, columns=["product_id", "kind", "from", "to"])
    starts, ends = (AS_OF - pd.to_timedelta(frame[name], unit="D") for name in ("from", "to"))
    return frame.assign(starts_at=starts, ends_at=ends, announced_at=starts - DAY)


def lift(shop, product, *spans, lines=LINES):
    data = shop(*lines, offers=offers(*spans))
    table = promotion_lift(data)
    assert np.isfinite(table).all()
    return dict(zip(NAMES, table[data.product_ids.get_loc(product)].tolist(), strict=True))


def test_rates_are_those_while_an_offer_ran_over_those_while_none_did(shop):
    """Two of four purchases, and one of two trials, in the 7 days of 100 in which ale was in the mailer."""
    found = lift(shop, "ale", ("ale", "mailer", 45, 38))
    assert found["lift on mailer"] == pytest.approx(log(3 / 14) - log(3 / 100), abs=1e-5)
    assert found["trial lift on mailer"] == pytest.approx(log(2 / 14) - log(2 / 100), abs=1e-5)
    assert found["lift on other"] == pytest.approx(log(1 / 7) - log(5 / 107), abs=1e-5)


def test_of_an_offer_that_runs_on_only_the_days_so_far_count(shop):
    expected = log(3 / 22) - log(3 / 92)  # 7 days, and the last 8
    late = [("ale", "mailer", 45, 38), ("ale", "mailer", 11, 4), ("ale", "mailer", 1, -30), ("ale", "mailer", -3, -9)]
    lines = [*LINES[:3], ("ann", "ale", 11.5), ("ann", "nuts", 50)]
    assert lift(shop, "ale", *late, lines=lines)["lift on mailer"] == pytest.approx(expected, abs=1e-5)


def test_days_before_a_product_was_on_sale_do_not_count(shop):
    early = lift(shop, "ale", ("ale", "mailer", 45, 38), ("ale", "mailer", 300, 200))
    assert early == lift(shop, "ale", ("ale", "mailer", 45, 38))


@pytest.mark.parametrize("other", [("ale", 45, 38), ("ale", 44, 40), ("ale", 41, 38), ("nuts", 60, 1), ("rope", 60, 1)])
def test_offers_that_overlap_and_those_of_other_products_change_nothing(shop, other):
    product, start, end = other
    again = lift(shop, "ale", (product, "mailer", start, end), ("ale", "mailer", 45, 38))
    assert again == lift(shop, "ale", ("ale", "mailer", 45, 38))


def test_offers_that_follow_each_other_are_as_one(shop):
    assert lift(shop, "ale", ("ale", "mailer", 45, 41.5), ("ale", "mailer", 41.5, 38)) == lift(
        shop, "ale", ("ale", "mailer", 45, 38)
    )


def test_an_offer_without_an_end_and_one_that_ends_before_it_begins_are_no_trouble(shop):
    far = lift(shop, "ale", ("ale", "mailer", 45, -300_000), ("nuts", "mailer", 3, 9))
    assert far["lift on mailer"] == pytest.approx(log(4 / 52) - log(2 / 62), abs=1e-5)


def test_where_nothing_is_known_of_offers_nothing_is_told(shop):
    assert not promotion_lift(shop(*LINES)).any()
    assert not promotion_lift(shop(*LINES, offers=offers())).any()


def test_purchases_in_more_than_one_slice_count_as_in_one(shop, monkeypatch):
    whole = lift(shop, "ale", ("ale", "mailer", 45, 38))
    monkeypatch.setattr("engine.promotion_lift.SLICE", 2)
    assert lift(shop, "ale", ("ale", "mailer", 45, 38)) == whole
