"""The one way in: fit once, recommend in batches, save, load."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine import model_file
from engine.candidates import Candidates
from engine.dataset import Dataset
from engine.errors import NotFitted
from engine.examples import PARTITION
from engine.hybrid import Hybrid
from engine.kept import KeptExamples
from engine.parameters import DEFAULTS, Parameters
from engine.reasons import Reasons
from engine.rerank import NO_PAIRS, Pairs, Reranker
from engine.scorers.demographic import Codes, Demographic
from engine.scorers.lift import LIFTED
from engine.scorers.popularity import SegmentPopularity
from engine.slate import COLUMNS, NO_RULES, SlateRules


@dataclass(frozen=True)
class Customers:
    """Whom slates are made for.

    Attributes:
        ids: (n,) as asked for.
        rows: (n,) row number of each in the dataset; -1: has not bought yet.
        codes: (n, attributes) what else is known of each, as `Demographic.codes`.
    """

    ids: pd.Index
    rows: NDArray[np.intp]
    codes: Codes

    def part(self, start: int) -> "Customers":
        """One partition of them."""
        stop = start + PARTITION
        return Customers(self.ids[start:stop], self.rows[start:stop], self.codes[start:stop])


@dataclass
class Recommender:
    """Fitted on what was known strictly before one moment; asked for slates of many customers."""

    seed: int = 0
    how: Parameters = DEFAULTS

    def fit(self, data: Dataset, *, with_offers: bool = True, kept: KeptExamples | None = None) -> Self:
        """Fit every scorer and the ranking.

        Args:
            data: what is known.
            with_offers: whether what offers are announced is known too.
            kept: examples of past weeks that an earlier fit made, so that these are not described again.
        """
        known = data if with_offers else data.without_offers()
        self.hybrid = Hybrid(self.seed, how=self.how).fit(known, kept)
        self.newcomers = Demographic().fit(known)
        self.in_segments = SegmentPopularity().fit(known)
        self.as_of, self.customer_ids, self.product_ids = data.as_of, data.customer_ids, data.product_ids
        self._catalog = data.catalog[["category_path", "title", "brand", "available"]]
        return self

    @property
    def fitted_on(self) -> pd.Timestamp:
        """The moment strictly before which everything was learnt."""
        if not hasattr(self, "hybrid"):
            raise NotFitted("the recommender")
        return self.as_of

    def recommend(
        self,
        customer_ids: Sequence[str],
        size: int,
        *,
        rules: SlateRules | None = None,
        only_new: bool = False,
        customers: pd.DataFrame | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> pd.DataFrame:
        """Make a slate for each customer.

        One who has not bought yet gets what is popular with customers of the same attributes, as far as these were in
        the dataset or are given here; one of whom nothing is known gets what is popular.

        Args:
            customer_ids: whom for.
            size: products in a slate, at most.
            rules: what a slate must keep; None: no rule at all.
            only_new: leave out whatever the customer bought before.
            customers: customer_id and attributes of customers who have come since the fit.
            advance: told, every few hundred customers, how many more are done.

        Returns:
            columns customer_id, rank (1..size), product_id, score, reason, reason_kind, because (id of the purchase
            that the reason cites; None if it cites none); by customer as given, then rank. A score is the chance of a
            purchase within a week where the ranking was learnt, and a share of what sells for one who has not bought
            yet; it compares within a slate only.

        Raises:
            NotFitted: before fit.
        """
        _ = self.fitted_on
        rules = rules or NO_RULES
        asked = self._asked(pd.Index(customer_ids), customers)
        excluded = self._excluded(asked.ids, rules.excluded)
        reranker = Reranker(self._catalog, rules)
        reasons = Reasons(self.hybrid, self._catalog, self.as_of)
        slates = []
        discoveries = rules.ranks_discoveries(only_new=only_new)
        for part, found, barred in self._partitions(asked, excluded, discoveries=discoveries):
            chosen = reranker.slates(found, barred, size, only_new=only_new)
            picks = found.take(chosen)
            chances = reranker.chances(picks, only_new=only_new)
            slates.append(self._slates(part, picks, reasons, only_new=only_new).assign(score=chances))
            if advance:
                advance(len(part.ids))
        return pd.concat(slates, ignore_index=True)[COLUMNS] if slates else pd.DataFrame(columns=COLUMNS)

    def rule_costs(self, customer_ids: Sequence[str], size: int, rules: SlateRules) -> pd.DataFrame:
        """Tell what each rule in force costs: the purchases that are expected of a slate without it, less with it.

        Args:
            customer_ids: whom slates are made for; a few hundred will do.
            size: products in a slate, at most.
            rules: what a slate must keep.

        Returns:
            columns rule, expected (purchases within a week of a mean slate without the rule), cost (less with it),
            share (cost over expected). The last row, `all rules`, compares with no rule at all.

        Raises:
            NotFitted: before fit.
        """
        _ = self.fitted_on
        others = {name: rules.without(name) for name in rules.in_force()} | {"all rules": NO_RULES}
        asked = self._asked(pd.Index(customer_ids), None)
        totals = self._expected(asked, size, [rules, *others.values()]) / max(len(asked.ids), 1)
        table = pd.DataFrame({"rule": list(others), "expected": totals[1:], "cost": totals[1:] - totals[0]})
        return table.assign(share=(table["cost"] / table["expected"]).fillna(0))

    def _expected(self, asked: Customers, size: int, variants: Sequence[SlateRules]) -> NDArray[np.float64]:
        """The purchases expected of all slates together, under each set of rules."""
        ready = [(Reranker(self._catalog, rules), rules.excluded is not None) for rules in variants]
        totals = np.zeros(len(ready))
        discoveries = any(rules.ranks_discoveries(only_new=False) for rules in variants)
        excluded = self._excluded(asked.ids, variants[0].excluded)
        for _, found, barred in self._partitions(asked, excluded, discoveries=discoveries):
            for place, (reranker, bars) in enumerate(ready):
                chosen = reranker.slates(found, barred if bars else NO_PAIRS, size, only_new=False)
                totals[place] += found.score[chosen].sum()
        return totals

    def _partitions(
        self, asked: Customers, excluded: Pairs, *, discoveries: bool
    ) -> Iterator[tuple[Customers, Candidates, Pairs]]:
        """Customers a partition at a time, with their candidates and the pairs that they must not be shown."""
        for start in range(0, len(asked.ids), PARTITION):
            part = asked.part(start)
            ends = np.searchsorted(excluded[:, 0], [start, start + PARTITION])
            barred = excluded[ends[0] : ends[1]] - np.array([start, 0])
            yield part, self._candidates(part, discoveries=discoveries), barred

    def _asked(self, ids: pd.Index, customers: pd.DataFrame | None) -> Customers:
        return Customers(ids, self.customer_ids.get_indexer(ids), self.newcomers.codes(ids, customers))

    def _candidates(self, asked: Customers, *, discoveries: bool) -> Candidates:
        """Rank for buyers as was learnt from buyers, for newcomers by popularity: the learnt ranking has seen none."""
        known, new = np.flatnonzero(asked.rows >= 0), np.flatnonzero(asked.rows < 0)
        if not len(new):
            return self.hybrid.candidates(asked.rows, discoveries=discoveries)
        cold = self._cold(asked.codes[new])
        cold = replace(cold, row=new[cold.row])
        if not len(known):
            return cold
        learnt = self.hybrid.candidates(asked.rows[known], discoveries=discoveries)
        return replace(learnt, row=known[learnt.row]).joined(cold)

    def _cold(self, codes: Codes) -> Candidates:
        scores = self.newcomers.score_like(codes)
        row = np.repeat(np.arange(len(codes)), np.diff(scores.indptr))
        share = (scores.data / self.newcomers.all_votes).astype(np.float32)
        return Candidates.never_bought(row, scores.indices.astype(np.intp), share)

    def _slates(self, asked: Customers, picks: Candidates, reasons: Reasons, *, only_new: bool) -> pd.DataFrame:
        lift = self.newcomers.best_lift(asked.codes[picks.row], picks.product)
        why = reasons.of(asked.rows, picks, lift, only_new=only_new)
        names = self.product_ids.to_numpy(object)
        frame = pd.DataFrame(
            {
                "customer_id": asked.ids.to_numpy(object)[picks.row],
                "product_id": self.product_ids.to_numpy()[picks.product],
                "reason": [reason.text for reason in why],
                "reason_kind": [reason.kind for reason in why],
                "because": pd.Series([None if it.cites < 0 else names[it.cites] for it in why], dtype=object),
            }
        )
        frame["rank"] = frame.groupby(picks.row).cumcount() + 1
        return frame

    def _excluded(self, ids: pd.Index, pairs: pd.DataFrame | None) -> Pairs:
        """The pairs not to show, by asked customer."""
        if pairs is None or pairs.empty:
            return NO_PAIRS
        asked = pd.DataFrame({"customer_id": ids, "row": np.arange(len(ids))})
        found = asked.merge(pairs, on="customer_id")
        product = self.product_ids.get_indexer(pd.Index(found["product_id"]))
        listed = product >= 0
        return np.column_stack([found["row"].to_numpy(np.intp)[listed], product[listed]])

    def segment_slates(self, segments: pd.DataFrame, size: int) -> pd.DataFrame:
        """Pick the top products of each segment: popular there, and more so than overall.

        Args:
            segments: customer_id, segment.
            size: products for each segment.

        Returns:
            columns segment, rank, product_id, score (share of the segment's votes times the root of the lift), reason.
        """
        _ = self.fitted_on
        named = segments.drop_duplicates("customer_id").set_index("customer_id")["segment"].reindex(self.customer_ids)
        codes, names = pd.factorize(named, sort=True)
        top = self.in_segments.top(codes.astype(np.intp), size)
        return pd.DataFrame(
            {
                "segment": np.asarray(names, dtype=object)[top["segment"]],
                "rank": top.groupby("segment").cumcount() + 1,
                "product_id": self.product_ids.to_numpy()[top["product"]],
                "score": top["score"],
                "reason": [_why_in_segment(lift) for lift in top["lift"]],
            }
        )

    def save(self, path: Path) -> None:
        """Save atomically, with format and checksum."""
        model_file.save(self, path)

    @classmethod
    def load(cls, path: Path, *, checked: bool = True) -> "Recommender":
        """Read a saved model back. Only load what this project saved itself: a model file is code.

        Args:
            path: its file.
            checked: whether to check all of it; one who has done so in another process need not again.

        Raises:
            BadModel: it is damaged, or of another format.
        """
        loaded: Recommender = model_file.load(path, checked=checked)
        return loaded


def _why_in_segment(lift: float) -> str:
    return f"bought {lift:.1f} times as often as overall" if lift >= LIFTED else "popular here"
