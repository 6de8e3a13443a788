"""TRAIN: store -> frames -> clean -> dataset -> recommender -> saved model, traits and segments of every customer."""

from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import delete

from campaigns.errors import NotFound
from campaigns.project import Project, real_now
from campaigns.store import frames, segmentations
from campaigns.store.aliases import save_aliases
from campaigns.store.model_registry import latest_model, save_model
from campaigns.store.tables import customer_traits
from engine.clean import Cleaned, clean
from engine.dataset import Dataset, Frames
from engine.features import traits
from engine.kept import KeptExamples
from engine.recommender import Recommender
from engine.segment_facts import movement
from engine.segments import Segmentation, segment


@dataclass(frozen=True)
class Trained:
    """A model that was trained and saved, with its card."""

    id: str
    recommender: Recommender
    card: dict[str, Any]


@dataclass(frozen=True)
class World:
    """All that was known strictly before one moment, cleaned."""

    cleaned: Cleaned
    offers: pd.DataFrame
    as_of: datetime

    def dataset(self) -> Dataset:
        """The engine's view of it."""
        return Dataset.from_frames(*self.frames(), as_of=pd.Timestamp(self.as_of))

    def frames(self) -> Frames:
        """What it is made of."""
        kept = self.cleaned
        return Frames(kept.purchases, kept.products, kept.customers, self.offers)

    def fingerprint(self) -> str:
        """What tells this world from any other: another line, product or offer gives another fingerprint."""
        frames = [each for each in self.frames() if each is not None]
        sums = [pd.util.hash_pandas_object(each, index=False).to_numpy().tobytes() for each in frames]
        return sha256(self.as_of.isoformat().encode() + b"".join(sums)).hexdigest()[:16]


def world(project: Project, as_of: datetime) -> World:
    """Read and clean all that was known strictly before `as_of`; offers, those announced before it.

    Raises:
        NotFound: the store has no purchase before that moment.
    """
    with project.progress.track("read purchases", None):
        purchases = frames.purchases(project.store, as_of)
        if purchases.empty:
            raise NotFound(
                f"no purchase before {as_of:%Y-%m-%d %H:%M}",
                remedy="run `handpicked sync pull` first, or name a later time",
            )
        cleaned = clean(purchases, frames.products(project.store), frames.customers(project.store))
    return World(cleaned, frames.offers(project.store, as_of), as_of)


def fit(project: Project, known: World, *, with_offers: bool = True, kept: KeptExamples | None = None) -> Recommender:
    """Fit the recommender on a world; without what an earlier fit kept, the same world gives the same one."""
    with project.progress.track("fit the scorers", None):
        return Recommender(how=project.settings.engine.parameters()).fit(
            known.dataset(), with_offers=with_offers, kept=kept
        )


def train(project: Project, at: datetime | None = None) -> Trained:
    """Train on all that was known strictly before `at`, save the model, and renew every customer's traits."""
    as_of = project.as_of(at)
    known = world(project, as_of)
    kept = KeptExamples(project.folder / "models" / "examples")
    recommender = fit(project, known, kept=kept)
    kept.tidy()
    model_id = f"{as_of:%Y%m%dT%H%M%SZ}-{real_now():%Y%m%d%H%M%S}"
    path = project.folder / "models" / f"{model_id}.model"
    path.parent.mkdir(exist_ok=True)
    recommender.save(path)
    card = _card(known, as_of)
    save_aliases(project.store, known.cleaned.aliases, real_now())
    save_traits(project, known)
    save_model(project.store, model_id, as_of, real_now(), str(path.relative_to(project.folder)), card)
    return Trained(model_id, recommender, card)


def recommender_as_of(project: Project, as_of: datetime) -> tuple[str, Recommender]:
    """The newest saved model that saw nothing from `as_of` on; trained now if there is none that fresh.

    A model trained for exactly this moment is used again; an older one is used only when nothing was pretended
    or asked for (the ordinary weekly run), and then at most a day old.
    """
    saved = latest_model(project.store, as_of)
    if saved and (as_of - saved.as_of).days < 1 and (project.folder / saved.path).is_file():
        return saved.id, Recommender.load(project.folder / saved.path)
    trained = train(project, as_of)
    return trained.id, trained.recommender


def save_traits(project: Project, known: World) -> None:
    """Replace what the audience rules can ask of each customer: recency, orders, spending, segment."""
    purchases, products, as_of = known.cleaned.purchases, known.cleaned.products, pd.Timestamp(known.as_of)
    with project.progress.track("find the segments", None):
        last = segmentations.last_run(project.store, known.as_of)
        found = segment(purchases, products, as_of, seed=0, before=last.members if last else None)
    rows = traits(purchases, as_of).merge(found.customers, on="customer_id", how="left")
    before = last.members if last else segmentations.NOBODY
    rows["previous_segment"] = rows["customer_id"].map(before.set_index("customer_id")["segment"])
    rows["computed_at"] = as_of
    named = [column.name for column in customer_traits.columns]
    with project.store.bulk() as bulk:
        bulk.execute(delete(customer_traits))
        bulk.append(customer_traits, pa.Table.from_pandas(rows[named], preserve_index=False))
        segmentations.save(bulk, known.as_of, last.since if last else None, _segment_facts(found, last))


def _segment_facts(found: Segmentation, last: segmentations.LastRun | None) -> dict[str, Any]:
    """What `handpicked segments` tells of them; no moves in a first run."""
    moves = pd.concat([movement(last.members, found.customers), last.left]) if last else pd.DataFrame()
    tables = {"segments": found.profile, "moves": moves}
    plain = {name: table.astype(object).where(table.notna(), None).to_dict("records") for name, table in tables.items()}
    tried = [asdict(each) for each in found.choice.tried]
    return {**plain, "k": found.choice.k, "tried": tried, "why": str(found.choice)}


def _card(known: World, as_of: datetime) -> dict[str, Any]:
    purchases = known.cleaned.purchases
    return {
        "as_of": as_of.isoformat(),
        "customers": int(purchases["customer_id"].nunique()),
        "products": int(purchases["product_id"].nunique()),
        "lines": len(purchases),
        "cleaned": known.cleaned.report.to_dict("records"),
    }
