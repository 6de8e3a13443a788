"""The one way in: fit once, recommend in batches, save, load."""

import hashlib
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from engine.dataset import Dataset
from engine.errors import BadModel, NotFitted
from engine.hybrid import PARTITION, Candidates, Hybrid
from engine.reasons import Reasons
from engine.rerank import allowed, choose
from engine.slate import COLUMNS, NO_RULES, SlateRules

FORMAT = b"handpicked-model-1\n"


@dataclass
class Recommender:
    """Fitted on what was known strictly before one moment; asked for slates of many customers."""

    seed: int = 0

    def fit(self, data: Dataset, *, with_offers: bool = True) -> Self:
        """Fit every scorer and the ranking; with or without what offers are announced."""
        known = data if with_offers else data.without_offers()
        self.hybrid = Hybrid(self.seed).fit(known)
        self.as_of, self.customer_ids, self.product_ids = data.as_of, data.customer_ids, data.product_ids
        self._catalog = data.catalog[["category_path", "available"]]
        self._buyers, self._bought = data.customer, data.product
        self._weight = data.decayed(28.0)
        return self

    @property
    def fitted_on(self) -> pd.Timestamp:
        """The moment strictly before which everything was learnt."""
        if not hasattr(self, "hybrid"):
            raise NotFitted("the recommender")
        return self.as_of

    def recommend(
        self, customer_ids: Sequence[str], size: int, *, rules: SlateRules | None = None, only_new: bool = False
    ) -> pd.DataFrame:
        """Make a slate for each customer; one who is not known gets what is popular.

        Args:
            customer_ids: whom for.
            size: products in a slate, at most.
            rules: what a slate must keep; None: no rule at all.
            only_new: leave out whatever the customer bought before.

        Returns:
            columns customer_id, rank (1..size), product_id, score, reason, reason_kind; by customer as given, then rank.

        Raises:
            NotFitted: before fit.
        """
        _ = self.fitted_on
        rules = rules or NO_RULES
        rows = self.customer_ids.get_indexer(pd.Index(customer_ids))
        levels = self._catalog["category_path"].fillna("").str.split(" > ")
        names = [" > ".join(path[: rules.category_level + 1]) for path in levels]
        categories = pd.factorize(pd.Index(names))[0].astype(np.int32)
        excluded = self._excluded(customer_ids, rules.excluded)
        reasons = Reasons(self.hybrid.scorers, self._catalog, self.as_of)
        parts = []
        for start in range(0, len(rows), PARTITION):
            mine = rows[start : start + PARTITION]
            found = self.hybrid.candidates(mine)
            shifted = {(row - start, product) for row, product in excluded if start <= row < start + PARTITION}
            good = allowed(found, rules, self._catalog["available"].to_numpy(bool), shifted, only_new=only_new)
            chosen = choose(found, good, size, categories, rules.max_per_category)
            parts.append(self._slates(list(customer_ids[start : start + PARTITION]), mine, found, chosen, reasons))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)

    def _slates(
        self, ids: list[str], rows: np.ndarray, found: Candidates, chosen: np.ndarray, reasons: Reasons
    ) -> pd.DataFrame:
        row, product = found.row[chosen], found.product[chosen]
        why = [
            reasons.why(int(rows[r]), int(p), new=not bought)
            for r, p, bought in zip(row, product, found.bought[chosen], strict=True)
        ]
        frame = pd.DataFrame(
            {
                "customer_id": np.asarray(ids, dtype=object)[row],
                "product_id": self.product_ids.to_numpy()[product],
                "score": found.score[chosen].astype(float),
                "reason": [reason.text for reason in why],
                "reason_kind": [reason.kind for reason in why],
            }
        )
        frame["rank"] = frame.groupby(row).cumcount() + 1
        return frame[COLUMNS]

    def _excluded(self, customer_ids: Sequence[str], pairs: pd.DataFrame | None) -> set[tuple[int, int]]:
        if pairs is None or pairs.empty:
            return set()
        rows = pd.Index(customer_ids).get_indexer(pd.Index(pairs["customer_id"]))
        products = self.product_ids.get_indexer(pd.Index(pairs["product_id"]))
        return set(zip(rows.tolist(), products.tolist(), strict=True))

    def segment_slates(self, segments: pd.DataFrame, size: int) -> pd.DataFrame:
        """Pick the top products of each segment: popular there, and more so than elsewhere.

        Args:
            segments: customer_id, segment.
            size: products for each segment.

        Returns:
            columns segment, rank, product_id, score (buyers' decayed share times the root of the lift), reason.
        """
        _ = self.fitted_on
        named = segments.drop_duplicates("customer_id").set_index("customer_id")["segment"].reindex(self.customer_ids)
        codes, names = pd.factorize(named, sort=True)
        lines = pd.DataFrame({"segment": codes[self._buyers], "product": self._bought, "weight": self._weight})
        lines = lines[lines["segment"] >= 0]
        table = lines.groupby(["segment", "product"])["weight"].sum().reset_index()
        share = table["weight"] / table.groupby("segment")["weight"].transform("sum")
        overall = lines.groupby("product")["weight"].sum() / max(float(lines["weight"].sum()), 1e-9)
        lift = share / table["product"].map(overall)
        table["score"] = share * np.sqrt(lift)
        table["lift"] = lift
        top = (
            table.sort_values(["segment", "score", "product"], ascending=[True, False, True])
            .groupby("segment")
            .head(size)
        )
        more = [
            f"bought {lift:.1f} times as often as elsewhere" if lift >= 1.2 else "popular here" for lift in top["lift"]
        ]
        return pd.DataFrame(
            {
                "segment": np.asarray(names, dtype=object)[top["segment"]],
                "rank": top.groupby("segment").cumcount().to_numpy() + 1,
                "product_id": self.product_ids.to_numpy()[top["product"]],
                "score": top["score"].to_numpy(float),
                "reason": more,
            }
        )

    def save(self, path: Path) -> None:
        """Save atomically, with format and checksum: a reader sees the old model or the new one, never half."""
        body = pickle.dumps(self, protocol=5)
        half = path.with_suffix(".tmp")
        with half.open("wb") as file:
            file.write(FORMAT + hashlib.sha256(body).digest() + body)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Recommender":
        """Read a saved model back. Only load what this project saved itself: a model file is code.

        Raises:
            BadModel: it is damaged, or of another format.
        """
        raw = path.read_bytes()
        digest, body = raw[len(FORMAT) : len(FORMAT) + 32], raw[len(FORMAT) + 32 :]
        if not raw.startswith(FORMAT) or hashlib.sha256(body).digest() != digest:
            raise BadModel(f"{path.name} is damaged or of another version", remedy="run `handpicked train` again")
        loaded: Recommender = pickle.loads(body)  # noqa: S301 checked above, and our own file
        return loaded
