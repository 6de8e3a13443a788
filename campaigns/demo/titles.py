"""Titles that read like products: the source's abbreviated, capitalised descriptions put into words."""

import random
import re

import pandas as pd

WORDS = {
    "FRZN": "frozen", "FRZ": "frozen", "REFRGRATD": "chilled", "REFRIGERATED": "chilled", "REFRIG": "chilled", "DRNKS": "drinks",
    "DRNK": "drink", "DRNKMX": "drink mix", "MX": "mix", "PWDR": "powder", "PKGD": "packaged", "PCKGD": "packaged", "VEGS": "vegetables",
    "VEG": "vegetables", "CHOC": "chocolate", "SNKS": "snacks", "SNK": "snack", "CRM": "cream", "CHS": "cheese", "BTR": "butter",
    "SPECILATY": "specialty", "SPLY": "supplies", "PRDCTS": "products", "PROD": "products", "PRODS": "products", "MISC": "assorted",
    "BNLS": "boneless", "BREADED": "breaded", "CND": "canned", "CANND": "canned", "CKD": "cooked", "CKN": "chicken", "CHKN": "chicken",
    "TRKY": "turkey", "BF": "beef", "SAUS": "sausage", "LNCHMT": "lunch meat", "HM": "home", "SFT": "soft", "CARB": "fizzy",
    "N/CARB": "still", "GRN": "green", "WHT": "white", "WHLE": "whole", "ORNG": "orange", "JCE": "juice", "NAT": "natural", "ORG": "organic",
    "DEOD": "deodorant", "LNDRY": "laundry", "DTRGNT": "detergent", "BTH": "bath", "TISS": "tissue", "PPR": "paper", "TWL": "towel",
    "BABY": "baby", "DIAPRS": "diapers", "EGGS": "eggs", "SUPPLEMEN": "supplements", "SHLFSH": "shellfish", "FRE": "fresh", "SOLID/STK": "stick",
    "BEERALEMALT": "beer, ale and malt", "MKT": "market", "SEL": "selected", "DAIRY": "dairy", "INSTORE": "in-store",
    "SINGLES": "single", "ASSTD": "assorted", "W/": "with", "W/O": "without", "&": "and", "VAR": "variety", "ADDTVS": "additives",
}  # fmt: skip
NOISE = re.compile(r"\((?:[^)]*\)?)|\bALL BRANDS\b|\bINCLUDING\b|\bOTHER\b|\bONLY\b|\*|\bNON-?BRANDED\b")
UNITS = {
    "OZ": "oz",
    "LB": "lb",
    "CT": "count",
    "GAL": "gal",
    "ML": "ml",
    "PT": "pt",
    "QT": "qt",
    "LTR": "l",
    "PK": "pack",
    "FT": "ft",
    "IN": "in",
}
STARTS = [
    "Al",
    "Bram",
    "Cor",
    "Dun",
    "El",
    "Fen",
    "Gar",
    "Hol",
    "Ivy",
    "Jun",
    "Kel",
    "Lin",
    "Mar",
    "Nor",
    "Oak",
    "Pem",
    "Quin",
    "Ros",
    "Sel",
    "Tam",
    "Und",
    "Ves",
    "Wil",
    "Yar",
]
ENDS = [
    "bury",
    "croft",
    "dale",
    "feld",
    "ford",
    "gate",
    "ham",
    "hill",
    "ley",
    "lane",
    "mere",
    "more",
    "ridge",
    "stead",
    "ton",
    "wick",
    "wood",
    "worth",
]
OWN_BRAND = "Corner Market"


def words(text: object) -> str:
    """Put one description into lower-case words.

    >>> words("FRZN BREAKFAST FOODS"), words("ICE - CRUSHED/CUBED")
    ('frozen breakfast foods', 'ice, crushed or cubed')
    """
    if not isinstance(text, str):
        return ""
    kept = re.sub(r"\s*[-:]\s*", ", ", NOISE.sub(" ", text).replace("/", " / "))
    plain = " ".join(WORDS.get(word, word.lower()) for word in kept.split())
    plain = re.sub(r" / ", " or ", plain)
    return re.sub(r"\s+,", ",", plain).strip(" ,./")


def readable_size(size: object) -> str:
    """Write a package size as people do.

    >>> readable_size("14.5 OZ"), readable_size("1/2 GAL")
    ('14.5 oz', '1/2 gal')
    """
    if not isinstance(size, str):
        return ""
    return " ".join(UNITS.get(part, part.lower()) for part in size.replace(" .", " 0.").split())


def brands(manufacturers: pd.Series, seed: int) -> dict[int, str]:
    """Make up one brand name for each manufacturer: the source names none."""
    names = [start + end for start in STARTS for end in ENDS]
    kinds = [
        "",
        " Foods",
        " Farms",
        " & Sons",
        " Kitchen",
        " Mills",
        " House",
        " Valley",
        " Brothers",
        " Select",
        " Pantry",
        " Garden",
        " Works",
        " Co.",
    ]
    pool = [name + kind for kind in kinds for name in names]
    random.Random(seed).shuffle(pool)
    return {int(maker): pool[number % len(pool)] for number, maker in enumerate(sorted(manufacturers.unique()))}


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]
