"""Titles that read like products: the source's abbreviated, capitalised descriptions put into words."""

import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

OWN_BRAND = "Corner Market"
LONGEST_KIND = 36
LONGEST_TITLE = 60
MOST_LB, MOST_COUNT, LEAST_A_LB = 10, 4, 0.2  # what a customer carries home, and the dollars that a pound costs
COUNTS = ("count", "pack", "pieces")
MOST_PIECES = 12  # more than a multipack holds: "56/64 CT" is what fits a case
LEVELS = ["department", "product_category", "product_type"]

NOISE = re.compile(
    r"\([^)]*\)?|[*.]|(?<!\w)(?:ALL BRANDS|ALL OTHERS?|AUTHENTIC|BULK&BAG|BULK|MISC\.?|MISCELLANEOUS|ONLY|OTHERS?|PKG"
    r"|PLATINUM|PREPACK|REGULAR|STANDARD)(?!\w)"
)
# "FOOD-MAGAZINE" is food magazines, "PREP FD: SOUP" soup, "BREAD:SWEET" sweet bread, "ONIONS SWEET" sweet onions.
REORDERED = [
    (re.compile(r"^(.+)-MAGAZINE$"), r"\1 MAGAZINES"),
    (re.compile(r"^(?:DELI TRAY|HERBS|NUT SUPP|PREP FD|QSR FD|SAL|SV BEV|SW GDS)\s*[:\s-]\s*(.+)$"), r"\1"),
    (re.compile(r"^(APPLES|CHERRIES|GRAPES|MUSHROOMS|ONIONS|PEARS|PEPPERS|POTATOES|TOMATOES)\s+(.+)$"), r"\2 \1"),
    (re.compile(r"^(.+?)\s*(?::|\s-|-\s)\s*(.+)$"), r"\2 \1"),
]
# A digit, a single letter or a word without a vowel: what no shop would print.
LEFTOVER = re.compile(r"\d|(?<![\w'])(?:[b-df-hj-np-tv-xz]+|[a-z])(?![\w'])")
MARK = re.compile(r"^[A-Z ]{1,5}(?=\s*\.?\d)|\b\d{5,}\b|\([^)]*\)?")
FRACTION = r"1/[2348]|3/[48]|[57]/8"
SIDES = re.compile(rf"((?:{FRACTION}|\d[\d.]*)(?:\s*X\s*[\d.]+)+)\s*(IN|FT|YD|CM)\b")
AMOUNT = re.compile(
    rf"(?:(?!(?:{FRACTION})\b)(?P<times>\d+)\s*(?P<by>/|-)\s*(?!\d/))?"
    rf"(?P<number>\d+[ -](?:{FRACTION})|{FRACTION}|\d*\.\d+|\d+)\.?[\s-]*(?P<unit>SQ FT|FL OZ|[A-Z]+)(?![A-Z])"
)


@cache
def _known() -> dict[str, Any]:
    return tomllib.loads(files("campaigns.demo").joinpath("words.toml").read_text(encoding="utf-8"))


def words(text: object, level: str = "product_type", category: object = None) -> str:
    """Put one description into lower-case words.

    Args:
        text: the description; what is no text has no words.
        level: the column it stands in.
        category: for a product type, the category around it: some types mean nothing alone.

    >>> words("FRZN BREAKFAST FOODS"), words("APPLES GALA (BULK&BAG)"), words("PREMIUM", category="HOT DOGS")
    ('frozen breakfast foods', 'Gala apples', 'premium hot dogs')
    """
    if not isinstance(text, str):
        return ""
    known = _known()
    inside = known["within"].get(category, {}) if level == "product_type" else {}
    found: str = inside.get(text) or known.get(level, {}).get(text) or _spelled(text, known["abbreviations"])
    if "{category}" not in found:
        return found
    return _shortened(found.format(category=words(category, "product_category")).strip())


def _spelled(text: str, abbreviations: dict[str, str]) -> str:
    """Spell one description by rule; nothing if some of it can't be read, so that the wider level speaks."""
    plain = NOISE.sub(" ", text).strip(" -:,/&")
    for pattern, order in REORDERED:
        plain = pattern.sub(order, plain)
    for mark, word in ((r"\bW/O\b", " WITHOUT "), (r"\bW/", " WITH "), ("&", " AND ")):
        plain = re.sub(mark, word, plain)
    spelled = [" ".join(abbreviations.get(word, word.lower()) for word in part.split()) for part in plain.split("/")]
    *first, last = [part for part in spelled if part] or [""]
    joined = f"{', '.join(first)} and {last}" if first else last
    once = re.sub(r"\b(\w+?)(s?) \1s?\b", r"\1\2", joined).strip(" ,-")
    return "" if LEFTOVER.search(once) else _shortened(once)


def _shortened(text: str) -> str:
    while len(text) > LONGEST_KIND and " " in text:
        text = re.sub(r"(?:,| and| with|) \S*$", "", text)
    return text


def kind(department: object, category: object, product_type: object) -> str:
    """Name what a product is, by the narrowest level that says it.

    >>> kind("GROCERY", "SOUP", "MISC"), kind("GROCERY", "SOUP", "BROTH")
    ('soup', 'broth')
    """
    return (
        words(product_type, category=category) or words(category, "product_category") or words(department, "department")
    )


def path(department: object, category: object, product_type: object) -> str:
    """Write the levels that say something new, widest first.

    >>> path("GROCERY", "SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL")
    'Grocery > Soft drinks'
    """
    levels = [
        words(department, "department"),
        words(category, "product_category"),
        words(product_type, category=category),
    ]
    kept = [level for level in levels if level]
    new = [level for level, above in zip(kept, ["", *kept], strict=False) if level.lower() != above.lower()]
    return " > ".join(sentence(level) for level in new)


def readable_size(size: object) -> str:
    """Write a package size as people do; nothing where it is no size.

    >>> readable_size("14.50 OZ"), readable_size("1/2 GAL"), readable_size("12/12 OZ"), readable_size("L   8 OZ")
    ('14.5 oz', '1/2 gal', '12 x 12 oz', '8 oz')
    """
    if not isinstance(size, str):
        return ""
    known = _known()["sizes"]
    if size in known["whole"]:
        return str(known["whole"][size])
    bare = re.sub(r"(?<=\d\.) +(?=\d)", "", MARK.sub("", size)).strip()
    sides = SIDES.search(bare)
    if sides:
        return " x ".join(re.split(r"\s*X\s*", sides[1])) + " " + sides[2].lower()
    found = [_amount(match, known["units"]) for match in AMOUNT.finditer(bare)]
    counts = [text for text in found if text.endswith(("count", "pack"))]
    return ", ".join([*counts, *(text for text in found if text and text not in counts)][:2])


def _amount(match: re.Match[str], units: dict[str, str]) -> str:
    """Write one amount, times the pieces it comes in; nothing for a single piece or for a case's range of counts."""
    unit, number, times = units.get(match["unit"], ""), _number(match["number"]), match["times"] or "1"
    if not unit or number == "0" or "e" in number or (unit in COUNTS and number == times == "1"):
        return ""
    if unit == "count" and (match["by"] == "-" or int(times) > MOST_PIECES):
        return ""
    text = f"{number}-pack" if unit == "pack" else f"{number} {unit.removesuffix('s') if number == '1' else unit}"
    if times == "1":
        return text
    return f"{times} to {text}" if match["by"] == "-" and unit not in ("oz", "ml", "l") else f"{times} x {text}"


def _number(text: str) -> str:
    whole, _, part = text.replace("-", " ").rpartition(" ")
    if "/" not in part:
        return f"{float(part):g}"
    over, under = part.split("/")
    return f"{int(whole) + int(over) / int(under):g}" if whole else part


def shelf_sizes(size: pd.Series, price: pd.Series) -> pd.Series:
    """Drop the sizes of produce that are the shipping case's: a bunch of bananas is no 40 lb.

    Args:
        size: readable sizes of fruit and vegetables.
        price: what one costs, in dollars.
    """
    parts = size.str.extract(r"^([\d.]+) (lb|count)$")
    amount = parts[0].astype(float)
    heavy = (parts[1] == "lb") & ((amount > MOST_LB) | (price < LEAST_A_LB * amount))
    return size.mask(heavy | ((parts[1] == "count") & (amount > MOST_COUNT)), "")


def titles(brand: pd.Series, kinds: pd.Series, size: pd.Series) -> pd.Series:
    """Write brand, kind and size; the size is left out where the title would be too long for a card."""
    short = brand + " " + kinds
    full = short + (", " + size).where(size != "", "")
    return full.where(full.str.len() <= LONGEST_TITLE, short)


def brands(manufacturers: pd.Series, seed: int) -> dict[int, str]:
    """Make up one brand name for each manufacturer: the source names none."""
    made = _known()["brand"]
    pool = [start + end + house for house in made["houses"] for start in made["starts"] for end in made["ends"]]
    random.Random(seed).shuffle(pool)
    return {int(maker): pool[number % len(pool)] for number, maker in enumerate(sorted(manufacturers.unique()))}


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]
