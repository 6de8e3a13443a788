"""From candidates to slates: rules first, then the best, ties to the lower column."""

from dataclasses import replace

import numpy as np
import pandas as pd

from engine.candidates import Candidates
from engine.rerank import NO_PAIRS, Reranker, allowed, category_codes, showable
from engine.slate import NO_RULES, SlateRules


def candidates(*pairs):
    """Candidates of (row, product, score), with bought, due and last_days after them where they matter."""
    rows = [(*pair, *(False, False, np.inf)[len(pair) - 3 :]) for pair in pairs]
    row, product, score, bought, due, last_days = zip(*rows, strict=True) if rows else [()] * 6
    chance, last = np.array(score, dtype=np.float32), np.array(last_days, dtype=np.float32)
    gap = np.where(due, last, 0).astype(np.float32)
    times = np.array(bought, dtype=np.float32)
    row, product = np.array(row, np.intp), np.array(product, np.intp)
    found = Candidates.never_bought(row, product, chance)
    return replace(found, times=times, gap_days=gap, last_days=last)


def which(found, rules=NO_RULES, excluded=NO_PAIRS, *, only_new=False):
    return allowed(found, rules, excluded, only_new=only_new).tolist()


def shown(rules, *paths):
    """Which products with these category paths may be shown; the first is not available."""
    available = [False, *(True for _ in paths[1:])]
    return showable(pd.DataFrame({"category_path": paths, "available": available}), rules).tolist()


GOODS = pd.DataFrame(
    {
        "title": ["Milk", "Milk", "Tea", "", ""],
        "category_path": ["A > Milk", "A > Milk", "A > Tea", "A > Tea", "A > Nuts"],
        "brand": "Mill",
        "available": True,
    },
    index=[f"p{n}" for n in range(5)],
)


def slates(found, rules=NO_RULES, goods=GOODS, size=5):
    """The products chosen, all customers' one after the other."""
    return found.product[Reranker(goods, rules).slates(found, NO_PAIRS, size, only_new=False)].tolist()


def test_without_rules_everything_is_allowed():
    assert which(candidates((0, 0, 1), (0, 1, 1, True, False, 0.5))) == [True, True]
    assert shown(NO_RULES, "Food", "Drink") == [True, True]


def test_what_is_not_in_stock_is_left_out_where_the_rule_says_so():
    assert shown(SlateRules(), "Food", "Drink") == [False, True]


def test_unwanted_categories_are_left_out_at_whatever_level_they_stand():
    rules = SlateRules(in_stock=False, without_categories=("cigarettes", "Beer"))
    paths = ["Health > Cigarettes > Menthol", "CIGARETTES", "Drink > Beer and ale", "Drink > Beer", "", "Beer"]
    assert shown(rules, *paths) == [False, False, True, False, True, False]


def test_only_new_leaves_out_what_was_bought():
    assert which(candidates((0, 0, 1, True, True, 99), (0, 1, 1)), only_new=True) == [False, True]


def test_what_was_bought_lately_is_left_out_unless_it_is_due():
    found = candidates((0, 0, 1, True, False, 5), (0, 1, 1, True, True, 5), (0, 2, 1, True, False, 8), (1, 0, 1))
    assert which(found, SlateRules(not_bought_days=7)) == [False, True, True, True]


def test_an_excluded_pair_is_left_out_for_that_customer_only():
    found = candidates((0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1))
    assert which(found, excluded=np.array([[0, 1], [1, 7], [5, 0]])) == [True, False, True, True]


def test_products_without_a_category_are_not_of_one_category():
    codes = category_codes(pd.Series(["Food > Milk", "Food > Bread", "", "", "Food > Milk > Whole"]), level=1)
    assert codes[0] == codes[4]
    assert len(set(codes.tolist())) == 4
    assert len(set(category_codes(pd.Series(["Food > Milk", "Food > Bread"]), level=0).tolist())) == 1


def test_nothing_allowed_gives_nothing():
    assert slates(candidates((0, 0, 1)), SlateRules(), GOODS.assign(available=False)) == []
    assert slates(candidates()) == []
    assert which(candidates(), excluded=np.array([[0, 1]])) == []


def test_of_products_that_read_the_same_only_the_best_is_shown():
    found = candidates((0, 0, 1), (0, 1, 5), (0, 2, 4), (0, 3, 3), (0, 4, 2))
    assert slates(found, SlateRules(same_title_once=True, max_per_category=4)) == [1, 2, 3, 4]


def test_of_products_that_differ_in_size_only_the_best_is_shown():
    goods = GOODS.assign(title=["Ale 6 pack", "Ale 12-pack", "Ale light 6 pack", "", ""])
    found = candidates((0, 0, 1), (0, 1, 5), (0, 2, 4), (0, 3, 3), (0, 4, 2))
    assert slates(found, SlateRules(size_variants_once=True), goods) == [1, 2, 3, 4]
    other = goods.assign(brand=["Mill", "Dale", "Mill", "Mill", "Mill"])
    assert slates(found, SlateRules(size_variants_once=True), other) == [1, 2, 3, 4, 0]


def test_a_boost_lifts_a_category_a_brand_or_a_product():
    found = candidates((0, 0, 4), (0, 1, 3), (0, 2, 2), (0, 4, 1))
    assert slates(found) == [0, 1, 2, 4]
    assert slates(found, SlateRules(boosts=(("tea", 9.0),))) == [2, 0, 1, 4]
    assert slates(found, SlateRules(boosts=(("p4", 9.0),))) == [4, 0, 1, 2]
    assert slates(found, SlateRules(boosts=(("DALE", 0.1),)), GOODS.assign(brand=["Dale", *["Mill"] * 4])) == [
        1,
        2,
        4,
        0,
    ]


def test_at_least_so_many_of_a_name_are_shown_as_far_as_there_are():
    found = candidates((0, 0, 4), (0, 1, 3), (0, 2, 2), (0, 3, 1), (1, 0, 2), (1, 1, 1))
    assert slates(found, SlateRules(at_least=(("Tea", 1),)), size=2) == [0, 2, 0, 1]


def test_a_share_of_the_slate_is_new_to_the_customer():
    found = candidates(
        (0, 0, 9, True, False, 1), (0, 1, 8, True, False, 1), (0, 2, 7, True, False, 1), (0, 3, 2), (0, 4, 1)
    )
    assert slates(found, SlateRules(discoveries=0.0), size=2) == [0, 1]
    assert slates(found, SlateRules(discoveries=0.5), size=2) == [0, 3]
    assert slates(found, SlateRules(discoveries=1.0), size=2) == [3, 4]
    assert slates(found, SlateRules(discoveries=1.0), size=4) == [3, 4, 0, 1]  # too few are new: still a full slate


def test_rules_in_force_are_told_by_name():
    rules = SlateRules(discoveries=0.5, not_bought_days=7)
    assert rules.in_force() == ["not_bought_days", "in_stock", "discoveries"]
    assert rules.without("discoveries") == SlateRules(not_bought_days=7)
