"""Titles that read like products, not like database rows."""

import re
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.demo.titles import LONGEST_TITLE, brands, kind, path, readable_size, shelf_sizes, titles, words

UNITS = "oz|lb|ml|ft|pt|qt|kg|mg|mm|cm|yd|sq|fl"
ABBREVIATIONS = (
    "acc|asst|beeralemalt|bev|bnls|brd|brkfst|brst|btl|btr|catfd|chix|choc|chs|ckd|cnd|cntrl|conc|crbntd|crm|ctn|deod"
    "|dnrs|dogfd|drnk|dxm|etc|fem|flvr|flvrd|frd|fre|frz|frzn|grnd|hbc|horser|hygn|incl|ingrd|iqf|iws|jce|jhook|lndry"
    "|liq|liqs|med|mfg|misc|mlk|mnral|nat|ntrtnl|oj|org|otc|pcs|pk|pkg|plstc|ppk|prepack|preslcd|preportnd|prod|prpck"
    "|prslc|pwdr|refrig|refrgrated|rtd|rts|rw|sal|saus|sce|sft|sgl|shldr|shlfsh|sld|snck|sngl|srv|stk|supp|sv|sw|swt"
    "|syrp|tiss|trsh|veg|whl|wht|wtr|xpctrnt"
)
LEFTOVERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:{ABBREVIATIONS})\b",
        rf"\b(?!(?:{UNITS})\b)[b-df-hj-np-tv-xz]{{2,}}\b",  # a word without a vowel
        r"(?<![\w'])(?<!\d )[a-z](?![\w'])",  # a stray letter; "2 l" and "6 x 12 oz" are sizes
        r" or | and and |(?<!\d)/|/(?!\d)|[:*()]|(?:[^\w']| and| with)$",
        r"\b(\w+?)s? \1s?\b",  # a doubled word
    )
]


def leftovers(title):
    return any(pattern.search(title) for pattern in LEFTOVERS)


@pytest.mark.parametrize(
    ("description", "spelled"),
    [
        ("FRZN BREAKFAST FOODS", "frozen breakfast foods"),
        ("SFT DRNK 2 LITER BTL CARB INCL", "soft drinks"),
        ("FRZN SWEET ROLLS&MUFFINS", "frozen sweet rolls and muffins"),
        ("BREAD:ITALIAN/FRENCH", "Italian and French bread"),
        ("WAFFLES/PANCAKES/FRENCH TOAST", "waffles, pancakes and French toast"),
        ("EGGS - LARGE", "large eggs"),
        ("TOMATOES GRAPE", "grape tomatoes"),
        ("TEEN-MAGAZINE", "teen magazines"),
        ("DRY CAT FOOD (CAT CHOW/FRISKIE", "dry cat food"),
    ],
)
def test_a_description_reads_like_words_that_a_shop_would_print(description, spelled):
    assert words(description) == spelled


def test_a_type_that_means_nothing_alone_takes_the_words_of_its_category():
    assert words("PREMIUM", category="ICE CREAM/MILK/SHERBTS") == "premium ice cream"
    assert words("PREMIUM", category="BACON") == "premium bacon"


def test_one_description_may_mean_another_thing_in_another_category():
    assert words("APRICOTS", category="STONE FRUIT") == "fresh apricots"
    assert words("APRICOTS", category="FRUIT - SHELF STABLE") == "canned apricots"


def test_what_cannot_be_read_is_left_to_the_wider_level():
    assert words("XQRT 5 STK/CHP") == ""
    assert kind("MEAT", "BEEF", "XQRT 5 STK/CHP") == "beef"
    assert kind("MEAT", None, None) == "meat"


def test_a_level_that_repeats_the_one_above_is_dropped():
    assert path("GROCERY", "SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL") == "Grocery > Soft drinks"
    assert path("GROCERY", None, "BUTTER") == "Grocery > Butter"
    assert path(None, None, None) == ""


@given(st.text(alphabet="ABCDEFGHIKLMNOPRSTW0123456789 /&-:().", max_size=30))
def test_no_description_leaves_a_digit_or_a_loose_end(description):
    spelled = words(description)
    assert not re.search(r"\d|^[ ,-]|[ ,-]$", spelled)
    assert len(spelled) <= 36


@pytest.mark.parametrize(
    ("size", "read"),
    [
        ("2 L", "2 l"),
        ("14.50 OZ", "14.5 oz"),
        ("8 1/2 OZ", "8.5 oz"),
        ("3/4 OZ", "3/4 oz"),
        ("1/2 GAL", "1/2 gal"),
        ("GAL", "1 gal"),
        ("L      8 OZ", "8 oz"),
        ("12/12 OZ", "12 x 12 oz"),
        ("10-1 OZ", "10 x 1 oz"),
        ("405.6 OZ", "24 x 16.9 oz"),
        ("12 OZ/12 PK", "12-pack, 12 oz"),
        ("10.4 OZ/8 CT", "8 count, 10.4 oz"),
        ("10 CT/17.5 Z", "10 count, 17.5 oz"),
        ("22515 32 OZ", "32 oz"),
        ("2 LB(32 OZ)", "2 lb"),
        ("18-22 LB", "18 to 22 lb"),
        ("1 DOZ", "1 dozen"),
        ("32 LD", "32 loads"),
        ("22 X28 IN", "22 x 28 in"),
    ],
)
def test_a_size_is_written_as_people_write_it(size, read):
    assert readable_size(size) == read


@pytest.mark.parametrize(
    "size", ["974246  PK", "522946 CTN", "CTN", "1 CT", "48-54 CT", "56/64 CT", "L", "SIZE 4", "", None]
)
def test_what_is_no_size_is_not_printed(size):
    assert readable_size(size) == ""


@given(st.text(max_size=20))
def test_any_size_at_all_can_be_read(size):
    assert readable_size(size) == readable_size(size).strip(" ,/-")


def test_produce_is_not_sold_by_the_shipping_case():
    size = pd.Series(["40 lb", "24 count", "10 lb", "10 lb", "3 lb", "4 count", "1 pt", ""])
    price = pd.Series([0.99, 1.29, 0.34, 3.99, 2.99, 2.99, 2.0, 1.0])
    assert shelf_sizes(size, price).tolist() == ["", "", "", "10 lb", "3 lb", "4 count", "1 pt", ""]


def test_a_title_that_is_too_long_for_a_card_leaves_its_size_out():
    kinds = pd.Series(["soft drinks", "waffles, pancakes and French toast", "bananas"])
    size = pd.Series(["2 l", "12-pack, 16.9 oz", ""])
    brand = pd.Series(["Oakbury", "Quinridge Brothers", "Oakbury"])
    assert titles(brand, kinds, size).tolist() == [
        "Oakbury soft drinks, 2 l",
        "Quinridge Brothers waffles, pancakes and French toast",
        "Oakbury bananas",
    ]


def test_a_maker_keeps_one_brand_for_one_seed():
    makers = pd.Series([5, 3, 5, 9])
    assert brands(makers, seed=7) == brands(makers, seed=7)
    assert brands(makers, seed=7) != brands(makers, seed=8)
    assert len(set(brands(makers, seed=7).values())) == 3


@pytest.mark.demo
@pytest.mark.slow
def test_of_a_hundred_order_lines_99_have_a_title_without_leftovers(catalogue):
    listed = catalogue[catalogue["title"] != "Unlisted item"]
    clean = ~listed["title"].map(leftovers)
    assert (listed["lines"] * clean).sum() >= 0.99 * catalogue["lines"].sum()


@pytest.mark.demo
@pytest.mark.slow
def test_no_title_is_too_long_and_no_path_repeats_itself(catalogue):
    assert catalogue["title"].str.len().max() <= LONGEST_TITLE
    levels = catalogue["category_path"].str.lower().str.split(" > ")
    assert all(above != level for row in levels for above, level in pairwise(row))


@pytest.mark.demo
@pytest.mark.slow
def test_category_paths_read_as_clean_as_titles(catalogue):
    clean = ~catalogue["category_path"].str.replace(" > ", ", ").map(leftovers)
    assert (catalogue["lines"] * clean).sum() >= 0.99 * catalogue["lines"].sum()
