"""The recommender: sound slates from little data, nothing from after the cut-off, rules before the cut."""

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.errors import BadFrame, BadModel, NotFitted, NothingToLearn
from engine.recommender import Recommender
from engine.slate import SlateRules

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")


def products(n=30):
    return pd.DataFrame(
        {
            "product_id": [f"p{k}" for k in range(n)],
            "title": [f"Product {k}" for k in range(n)],
            "category_path": [f"Grocery > Shelf {k % 5} > Kind {k}" for k in range(n)],
            "brand": "Mill",
            "size": "1 lb",
            "available": True,
            "recommendable": [k != 0 for k in range(n)],
        }
    )


def purchases(customers=40, weeks=10, seed=1):
    rng = np.random.default_rng(seed)
    rows = [
        (
            f"c{c}",
            f"o{c}-{w}",
            f"p{(c + int(k)) % 30}",
            AS_OF - pd.Timedelta(days=7 * w + float(rng.uniform(0.5, 6))),
            1.0,
            250.0,
        )
        for c in range(customers)
        for w in range(weeks)
        for k in rng.choice(8, 3, replace=False)
    ]
    return pd.DataFrame(
        rows, columns=["customer_id", "order_id", "product_id", "at", "quantity", "price_minor"]
    ).sort_values("at")


def fitted(bought=None, catalogue=None, offers=None):
    data = Dataset.from_frames(
        purchases() if bought is None else bought,
        products() if catalogue is None else catalogue,
        None,
        offers,
        as_of=AS_OF,
    )
    return Recommender().fit(data)


def test_slates_are_full_ranked_and_without_what_is_not_recommendable():
    slates = fitted().recommend(["c1", "c2"], 8)
    assert slates.groupby("customer_id")["rank"].apply(list).tolist() == [list(range(1, 9))] * 2
    assert "p0" not in set(slates["product_id"])
    assert not slates.duplicated(["customer_id", "product_id"]).any()


def test_scrambling_everything_after_the_cut_off_changes_nothing():
    cut = AS_OF - pd.Timedelta(weeks=3)
    bought = purchases()
    scrambled = bought.copy()
    late = scrambled["at"] >= cut
    scrambled.loc[late, "product_id"] = np.random.default_rng(0).permutation(scrambled.loc[late, "product_id"])
    slates = [
        Recommender().fit(Dataset.from_frames(frame, products(), as_of=cut)).recommend(["c1", "c5", "c9"], 10)
        for frame in (bought, scrambled)
    ]
    pd.testing.assert_frame_equal(*slates)


def test_an_offer_not_yet_announced_is_not_known():
    def offer(announced):
        return pd.DataFrame(
            {
                "product_id": ["p9"],
                "kind": ["mailer"],
                "starts_at": [AS_OF],
                "ends_at": [AS_OF + pd.Timedelta(days=7)],
                "announced_at": [announced],
            }
        )

    known = Dataset.from_frames(purchases(), products(), None, offer(AS_OF - pd.Timedelta(seconds=1)), as_of=AS_OF)
    unknown = Dataset.from_frames(purchases(), products(), None, offer(AS_OF), as_of=AS_OF)
    assert known.on_offer.sum() == 1
    assert unknown.on_offer.sum() == 0


def test_only_new_leaves_out_whatever_was_bought_before():
    bought = purchases()
    slates = fitted(bought).recommend(["c3"], 5, only_new=True)
    assert len(slates) == 5
    assert not set(slates["product_id"]) & set(bought.loc[bought["customer_id"] == "c3", "product_id"])


def test_somebody_unknown_gets_what_is_popular():
    slates = fitted().recommend(["never seen"], 5)
    assert len(slates) == 5
    assert set(slates["reason_kind"]) == {"popularity"}


def test_rules_do_not_starve_the_slate():
    rules = SlateRules(max_per_category=1, excluded=pd.DataFrame({"customer_id": ["c1"], "product_id": ["p3"]}))
    slates = fitted().recommend(["c1"], 5, rules=rules)
    shelves = [int(product[1:]) % 5 for product in slates["product_id"]]
    assert sorted(shelves) == [0, 1, 2, 3, 4]
    assert "p3" not in set(slates["product_id"])


def test_what_was_just_bought_is_left_out_unless_it_is_due():
    bought = purchases()
    model = fitted(bought)
    slates = model.recommend(["c4"], 10, rules=SlateRules(not_bought_days=30))
    mine = bought[(bought["customer_id"] == "c4") & bought["product_id"].isin(slates["product_id"])]
    for _, days in mine.groupby("product_id")["at"]:
        since = (AS_OF - days.max()) / pd.Timedelta(days=1)
        gap = (days.max() - days.min()) / pd.Timedelta(days=1) / max(len(days) - 1, 1)
        assert since > 30 or since >= gap * 0.99


def test_reasons_agree_with_the_data():
    bought = purchases()
    slates = fitted(bought).recommend(["c7"], 10)
    mine = set(bought.loc[bought["customer_id"] == "c7", "product_id"])
    for pick in slates.itertuples():
        assert (pick.reason_kind == "repeat") == (pick.product_id in mine)


def test_one_customer_and_one_product_make_a_sound_slate():
    one = purchases().head(1)
    assert len(fitted(one).recommend([one["customer_id"].iloc[0]], 5)) == 1


def test_all_out_of_stock_gives_no_pick():
    assert fitted(catalogue=products().assign(available=False)).recommend(["c1"], 5, rules=SlateRules()).empty


def test_no_purchases_and_missing_columns_are_refused():
    with pytest.raises(NothingToLearn, match="sync orders"):
        fitted(purchases().head(0))
    with pytest.raises(BadFrame, match="quantity"):
        fitted(purchases().drop(columns="quantity"))
    with pytest.raises(NotFitted):
        Recommender().recommend(["c1"], 3)


def test_a_saved_model_gives_the_same_slates_and_a_damaged_one_is_refused(tmp_path):
    model = fitted()
    model.save(tmp_path / "m.model")
    pd.testing.assert_frame_equal(
        Recommender.load(tmp_path / "m.model").recommend(["c1"], 5), model.recommend(["c1"], 5)
    )
    (tmp_path / "m.model").write_bytes((tmp_path / "m.model").read_bytes()[:-1])
    with pytest.raises(BadModel, match="train"):
        Recommender.load(tmp_path / "m.model")


def test_top_products_of_a_segment_are_those_it_buys():
    segments = pd.DataFrame(
        {"customer_id": [f"c{n}" for n in range(40)], "segment": ["low" if n < 10 else "high" for n in range(40)]}
    )
    top = fitted().segment_slates(segments, 3)
    assert top.groupby("segment").size().to_dict() == {"high": 3, "low": 3}
