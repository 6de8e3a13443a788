"""What rules mean for the candidates: which are allowed, how they are weighed, and what limits a slate keeps."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.candidates import Candidates
from engine.choose import Cap, Quota, Variety, choose
from engine.pairs import Values
from engine.slate import SlateRules

Pairs = NDArray[np.intp]
"""(n, 2): which of the asked customers, and the column of a product."""

NO_PAIRS: Pairs = np.zeros((0, 2), dtype=np.intp)

# A number and what it counts: "12 oz", "2 liter", "6-pack", "1.5l".
_SIZE = re.compile(
    r"\b\d+(?:[.,/]\d+)*[\s-]*(?:fl\s*)?(?:oz|ounces?|lbs?|pounds?|m?l|lit(?:er|re)s?|lt?r?|k?g|grams?|gal(?:lon)?s?|pts?"
    r"|qts?|pints?|quarts?|pk|packs?|ct|counts?|pieces?|pcs?)?\b",
    re.IGNORECASE,
)


class Reranker:
    """The rules of a campaign over a catalogue, ready for many customers.

    Args:
        catalog: (products,) category_path, title, brand, available; by product id.
        rules: what a slate must keep.
    """

    def __init__(self, catalog: pd.DataFrame, rules: SlateRules) -> None:
        self._rules = rules
        self._showable = showable(catalog, rules)
        self._caps = caps_of(catalog, rules)
        self._boost = np.ones(len(catalog), dtype=np.float32)
        for name, factor in rules.boosts:
            self._boost[named(catalog, name)] *= np.float32(factor)
        self._at_least = [(named(catalog, name), least) for name, least in rules.at_least]
        self._variety: Variety | None = None
        if rules.variety:
            codes = category_codes(catalog["category_path"], rules.category_level)
            self._variety = Variety(codes, 1 - rules.variety)

    def slates(self, found: Candidates, excluded: Pairs, size: int, *, only_new: bool) -> NDArray[np.intp]:
        """Choose the slates: indices of candidate pairs, by row, then place.

        Args:
            found: candidate pairs, sorted by customer and product.
            excluded: pairs not to show.
            size: products in a slate, at most.
            only_new: leave out whatever the customer bought before.
        """
        good = self._showable[found.product] & allowed(found, self._rules, excluded, only_new=only_new)
        kept = np.flatnonzero(good)
        mine = found.take(kept)
        score = self.chances(mine, only_new=only_new) * self._boost[mine.product]
        quotas = self._quotas(mine, size)
        return kept[choose(mine.row, mine.product, score, size, self._caps, quotas, self._variety)]

    def chances(self, found: Candidates, *, only_new: bool) -> Values:
        """What candidates are ranked by, but for boosts: (pairs,); if asked for, discoveries by their own order."""
        split = self._rules.ranks_discoveries(only_new=only_new)
        return np.where(found.bought, found.score, found.discovery) if split else found.score

    def _quotas(self, found: Candidates, size: int) -> list[Quota]:
        quotas = [Quota(member[found.product], least, size) for member, least in self._at_least]
        if self._rules.discoveries is not None:
            share = round(self._rules.discoveries * size)
            quotas.append(Quota(~found.bought, share, share))
        return quotas


def allowed(found: Candidates, rules: SlateRules, excluded: Pairs, *, only_new: bool) -> NDArray[np.bool_]:
    """Which candidate pairs the rules allow, as far as it depends on the customer; see `showable` for the rest.

    Args:
        found: candidate pairs.
        rules: what a slate must keep.
        excluded: pairs not to show.
        only_new: leave out whatever the customer bought before.
    """
    good = np.ones(len(found.row), dtype=bool)
    if only_new:
        good &= ~found.bought
    if rules.not_bought_days is not None:
        good &= (found.last_days > rules.not_bought_days) | found.due
    if len(excluded):
        width = max(found.product.max(initial=0), excluded[:, 1].max()) + 1
        good &= ~np.isin(found.row * width + found.product, excluded[:, 0] * width + excluded[:, 1])
    return good


def showable(catalog: pd.DataFrame, rules: SlateRules) -> NDArray[np.bool_]:
    """Which products the rules let into a slate, whoever it is for.

    Args:
        catalog: (products,) category_path, brand, available; by product id.
        rules: what a slate must keep.
    """
    good = np.ones(len(catalog), dtype=bool)
    if rules.in_stock:
        good &= catalog["available"].eq(True).to_numpy(bool)
    for name in rules.without_categories:
        good &= ~within(catalog["category_path"], name)
    return good


def named(catalog: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Which products a name means: a category at whatever level, a brand, or a product's id."""
    brand = catalog["brand"].str.casefold().eq(name.casefold()).to_numpy(bool)
    return within(catalog["category_path"], name) | brand | (catalog.index.astype(str) == name)


def within(paths: pd.Series, name: str) -> NDArray[np.bool_]:
    """Which category paths hold a category of that name: (products,)."""
    codes, known = pd.factorize(paths)
    found = [name.casefold() in str(path).casefold().split(" > ") for path in known]
    return np.array([*found, False])[codes]  # -1: no path


def category_codes(paths: pd.Series, level: int) -> NDArray[np.int32]:
    """Number the categories of products at a level of their path; a product without one is alone in its own.

    >>> category_codes(pd.Series(["Food > Milk > Whole", "Food > Milk > Skim", "", ""]), level=1).tolist()
    [0, 0, 1, 2]
    """
    return _codes([" > ".join(path[: level + 1]) for path in paths.str.split(" > ")])


def caps_of(catalog: pd.DataFrame, rules: SlateRules) -> list[Cap]:
    """The caps that rules put on a slate.

    Args:
        catalog: (products,) category_path, title, brand.
        rules: what a slate must keep.
    """
    caps: list[Cap] = []
    if rules.max_per_category is not None:
        caps.append(Cap(category_codes(catalog["category_path"], rules.category_level), rules.max_per_category))
    if rules.same_title_once:
        caps.append(Cap(_codes(catalog["title"].tolist()), 1))
    if rules.size_variants_once:
        caps.append(Cap(_codes(variants(catalog)), 1))
    return caps


def variants(catalog: pd.DataFrame) -> list[str]:
    """Name what products that differ in size only have in common: (products,), blank where a title says nothing.

    >>> goods = pd.DataFrame({"title": ["Ale 6 pack", "Ale 12-pack", "Bock 1 l"], "brand": "Mill", "category_path": ""})
    >>> variants(goods)
    ['ale|mill|', 'ale|mill|', 'bock|mill|']
    """
    names = [" ".join(_SIZE.sub(" ", str(title)).casefold().split()) for title in catalog["title"]]
    rest = (catalog["brand"] + "|" + catalog["category_path"]).str.casefold()
    return [f"{name}|{other}" if name else "" for name, other in zip(names, rest, strict=True)]


def _codes(names: list[str]) -> NDArray[np.int32]:
    """Number names; a blank one is alone."""
    distinct = np.array([name or place for place, name in enumerate(names)], dtype=object)
    return pd.factorize(distinct)[0].astype(np.int32)
