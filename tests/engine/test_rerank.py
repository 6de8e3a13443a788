"""From candidates to slates: rules first, then the best, ties to the lower column."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.hybrid import Candidates
from engine.rerank import NO_PAIRS, allowed, caps_of, category_codes, choose, showable
from engine.slate import NO_RULES, SlateRules


def candidates(*pairs):
    """Candidates of (row, product, score), with bought, due and last_days after them where they matter."""
    rows = [(*pair, *(False, False, np.inf)[len(pair) - 3 :]) for pair in pairs]
    row, product, score, bought, due, last_days = zip(*rows, strict=True) if rows else [()] * 6
    return Candidates(
        np.array(row, dtype=np.intp),
        np.array(product, dtype=np.intp),
        np.array(score, dtype=np.float32),
        np.array(bought, dtype=bool),
        np.array(due, dtype=bool),
        np.array(last_days, dtype=np.float32),
    )


def which(found, rules=NO_RULES, excluded=NO_PAIRS, *, only_new=False):
    return allowed(found, rules, excluded, only_new=only_new).tolist()


def shown(rules, *paths):
    """Which products with these category paths may be shown; the first is not available."""
    available = [False, *(True for _ in paths[1:])]
    return showable(pd.DataFrame({"category_path": paths, "available": available}), rules).tolist()


def picked(found, size, categories=(0, 0, 0, 0, 0, 0), most=None, good=None):
    good = np.ones(len(found.row), dtype=bool) if good is None else np.array(good)
    caps = [] if most is None else [(np.array(categories, dtype=np.int32), most)]
    chosen = found.take(choose(found, good, size, caps))
    return list(zip(chosen.row.tolist(), chosen.product.tolist(), strict=True))


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


def test_the_best_come_first_and_ties_go_to_the_lower_column():
    assert picked(candidates((0, 2, 1), (0, 0, 1), (0, 1, 2), (1, 1, 1)), 2) == [(0, 1), (0, 0), (1, 1)]


def test_what_is_not_allowed_makes_room_for_the_next():
    assert picked(candidates((0, 0, 3), (0, 1, 2), (0, 2, 1)), 2, good=[False, True, True]) == [(0, 1), (0, 2)]


def test_a_category_has_at_most_so_many_places():
    found = candidates((0, 0, 4), (0, 1, 3), (0, 2, 2), (0, 3, 1), (1, 1, 1))
    assert picked(found, 3, categories=(7, 7, 7, 8), most=2) == [(0, 0), (0, 1), (0, 3), (1, 1)]


def test_products_without_a_category_are_not_of_one_category():
    codes = category_codes(pd.Series(["Food > Milk", "Food > Bread", "", "", "Food > Milk > Whole"]), level=1)
    assert codes[0] == codes[4]
    assert len(set(codes.tolist())) == 4
    assert len(set(category_codes(pd.Series(["Food > Milk", "Food > Bread"]), level=0).tolist())) == 1


def test_nothing_allowed_gives_nothing():
    assert picked(candidates((0, 0, 1)), 2, good=[False]) == []
    assert picked(candidates(), 2) == []
    assert which(candidates(), excluded=np.array([[0, 1]])) == []


SCORED = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(1, 4)), unique_by=lambda pair: pair[:2], max_size=24
)


@settings(deadline=None)
@given(SCORED, st.integers(1, 6), st.one_of(st.none(), st.integers(1, 3)))
def test_slates_equal_those_chosen_one_by_one(pairs, size, most):
    categories = (0, 0, 0, 1, 1, 2)
    expected = []
    for row in range(4):
        taken = []
        for _, product, _ in sorted((p for p in pairs if p[0] == row), key=lambda pair: (-pair[2], pair[1])):
            alike = sum(categories[other] == categories[product] for other in taken)
            if len(taken) < size and (most is None or alike < most):
                taken.append(product)
        expected += [(row, product) for product in taken]
    assert picked(candidates(*pairs), size, categories, most) == expected


def test_of_products_that_read_the_same_only_the_best_is_shown():
    catalog = pd.DataFrame({"title": ["Milk", "Milk", "Tea", "", ""], "category_path": ["A > B"] * 5})
    caps = caps_of(catalog, SlateRules(same_title_once=True, max_per_category=4))
    found = candidates((0, 0, 1), (0, 1, 5), (0, 2, 4), (0, 3, 3), (0, 4, 2))
    chosen = found.take(choose(found, np.ones(5, dtype=bool), 5, caps))
    assert chosen.product.tolist() == [1, 2, 3, 4]
