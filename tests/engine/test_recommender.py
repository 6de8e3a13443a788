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


def fitted(bought=None, catalogue=None, offers=None, customers=None):
    data = Dataset.from_frames(
        purchases() if bought is None else bought,
        products() if catalogue is None else catalogue,
        customers,
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


def people(customers=42):
    """Customers c0 to c39 buy, c40 and c41 have not yet; who lives in the north buys lower products than the south."""
    ids = [f"c{n}" for n in range(customers)]
    north = [n % 30 < 15 if n < 40 else n == 40 for n in range(customers)]
    region = ["north" if up else "south" for up in north]
    return pd.DataFrame({"customer_id": ids, "email": [f"{i}@x.example" for i in ids], "region": region})


def test_who_has_not_bought_gets_what_customers_alike_buy_and_is_told_so():
    model = fitted(customers=people())
    slates = model.recommend(["c40", "c41"], 5)
    bought = purchases()
    north = bought["customer_id"].isin(people(40).query("region == 'north'")["customer_id"])
    for customer, mine in (("c40", north), ("c41", ~north)):
        told = slates[(slates["customer_id"] == customer) & (slates["reason_kind"] == "demographic")]
        assert set(told["reason"]) == {"Popular with customers like you"}
        for product in told["product_id"]:
            is_it = bought["product_id"] == product
            assert (is_it & mine).sum() / mine.sum() >= 1.2 * is_it.sum() / len(bought)
    assert slates.groupby("customer_id")["product_id"].apply(tuple).nunique() == 2


def test_attributes_of_customers_who_came_since_can_be_given():
    model = fitted(customers=people())
    later = pd.DataFrame({"customer_id": ["late"], "region": ["NORTH "]})
    same = model.recommend(["late"], 5, customers=later)
    pd.testing.assert_frame_equal(same.iloc[:, 1:], model.recommend(["c40"], 5).iloc[:, 1:])


def test_somebody_unknown_gets_plain_popularity_in_its_order():
    bought = purchases()
    weight = 0.5 ** ((AS_OF - bought["at"]) / pd.Timedelta(days=14))
    votes = weight.groupby([bought["customer_id"], bought["product_id"]]).sum().clip(upper=1)
    popular = votes.groupby("product_id").sum().drop("p0").sort_values(ascending=False).index[:5].tolist()
    for model in (fitted(), fitted(customers=people())):
        assert model.recommend(["never seen"], 5)["product_id"].tolist() == popular


def test_attributes_change_nothing_for_who_has_bought():
    known = [f"c{n}" for n in range(40)]
    pd.testing.assert_frame_equal(fitted(customers=people()).recommend(known, 6), fitted().recommend(known, 6))


def test_slates_do_not_depend_on_who_else_is_asked_for():
    model = fitted(customers=people())
    together = model.recommend(["c40", "c3", "never seen", "c41", "c1"], 4)
    for customer in together["customer_id"].unique():
        alone = model.recommend([customer], 4)
        pd.testing.assert_frame_equal(together[together["customer_id"] == customer].reset_index(drop=True), alone)


def test_slates_of_more_than_one_partition_equal_those_of_one_each(monkeypatch):
    rules = SlateRules(excluded=pd.DataFrame({"customer_id": ["c9", "c40", "gone"], "product_id": ["p3", "p4", "p1"]}))
    model, asked = fitted(customers=people()), [*(f"c{n}" for n in range(42)), "never seen"]
    whole = model.recommend(asked, 4, rules=rules)
    monkeypatch.setattr("engine.recommender.PARTITION", 4)
    pd.testing.assert_frame_equal(model.recommend(asked, 4, rules=rules), whole)


def test_a_customer_asked_for_twice_gets_two_slates_that_keep_the_rules():
    first = fitted().recommend(["c1"], 1)["product_id"].iloc[0]
    rules = SlateRules(excluded=pd.DataFrame({"customer_id": ["c1"], "product_id": [first]}))
    slates = fitted().recommend(["c1", "c1"], 3, rules=rules)
    assert slates["rank"].tolist() == [1, 2, 3, 1, 2, 3]
    assert first not in set(slates["product_id"])


def test_products_without_a_category_are_not_capped_as_if_they_were_one():
    bare = fitted(catalogue=products().assign(category_path=None))
    assert len(bare.recommend(["c1"], 6, rules=SlateRules(max_per_category=1))) == 6


def test_a_product_of_unknown_stock_is_not_in_stock():
    stock = [None if n == 3 else True for n in range(30)]
    slates = fitted(catalogue=products().assign(available=stock)).recommend(["c1", "c2"], 30, rules=SlateRules())
    assert "p3" not in set(slates["product_id"])


def test_nobody_asked_for_gives_an_empty_frame_of_the_same_columns():
    assert list(fitted().recommend([], 5)) == list(fitted().recommend(["c1"], 5))


def test_a_saved_model_holds_no_address(tmp_path):
    fitted(customers=people()).save(tmp_path / "m.model")
    assert b"x.example" not in (tmp_path / "m.model").read_bytes()
    assert Recommender.load(tmp_path / "m.model").recommend(["c40"], 3)["reason_kind"].iloc[0] == "demographic"


def test_a_segment_says_how_much_more_it_buys():
    north = people(40).rename(columns={"region": "segment"})[["customer_id", "segment"]]
    top = fitted().segment_slates(north, 30)
    said = top["reason"].str.extract(r"bought ([\d.]+) times as often as overall")[0].dropna().astype(float)
    assert (said >= 1.2).all()
    assert len(said) > 0
    assert set(top["reason"][top["reason"].str.startswith("pop")]) == {"popular here"}


def test_customers_without_a_segment_have_no_segment_slate():
    nobody = pd.DataFrame({"customer_id": ["gone"], "segment": ["x"]})
    assert fitted().segment_slates(nobody, 3).empty


def test_a_shop_of_one_product_that_everybody_buys_makes_a_sound_slate():
    one = purchases().assign(product_id="p1")
    slates = fitted(one).recommend(["c1", "c2", "never seen"], 5)
    assert slates["product_id"].tolist() == ["p1"] * 3
    assert np.isfinite(slates["score"]).all()


def test_a_shop_too_young_to_learn_from_still_fills_its_slates():
    young = purchases(customers=10, weeks=1)
    slates = fitted(young).recommend([f"c{n}" for n in range(10)], 6)
    assert (slates.groupby("customer_id").size() == 6).all()
    assert (slates["score"] >= 0).all()


def test_each_rule_in_force_tells_its_cost_in_expected_purchases():
    model, asked = fitted(), [f"c{n}" for n in range(40)]
    at_rest = model.rule_costs(asked, 5, SlateRules(in_stock=False, variety=0))
    assert at_rest["rule"].tolist() == ["all rules"]
    assert at_rest["cost"].tolist() == [0]
    rules = SlateRules(in_stock=False, max_per_category=1, discoveries=1.0)
    found = model.rule_costs(asked, 5, rules).set_index("rule")
    assert found.index.tolist() == ["max_per_category", "discoveries", "all rules"]
    assert (found["cost"] >= 0).all()
    # Of these customers all purchases are of what they bought before: to show nothing of it costs most.
    assert found.loc["all rules", "cost"] >= found.loc["discoveries", "cost"] > found.loc["max_per_category", "cost"]
    plain = model.recommend(asked, 5)
    assert found.loc["all rules", "expected"] == pytest.approx(plain["score"].sum() / 40, rel=1e-5)


def test_progress_is_told_of_every_customer():
    told = []
    fitted().recommend(["c1", "c2", "never seen"], 2, advance=told.append)
    assert sum(told) == 3
