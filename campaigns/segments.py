"""SEGMENTS: who is in each, what sets it apart, its top products, and who moved since the last run."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from campaigns.errors import NotFound
from campaigns.mail.money import price_text
from campaigns.picks import segment_picks
from campaigns.project import Project
from campaigns.settings import Shop
from campaigns.store import segmentations

Moves = dict[str, int]


@dataclass(frozen=True)
class Story:
    """One segment.

    Attributes:
        share: of all customers in a segment, from 0 to 1.
        apart: what sets it apart from everybody, in one line.
        facts: the same as figures: medians of the segment and of everybody (all_...), more_of (department: lift).
        picks: its top products: rank, product_id, title, score, reason.
        stayed: customers who were in it in the last run, too; None in a first run.
        came: customers by the segment they were in; went: by the one they are in now.
        new: customers who were in no segment; left: who are in none any more.
    """

    name: str
    customers: int
    share: float
    spent: str
    apart: str
    facts: dict[str, Any]
    picks: list[dict[str, Any]]
    stayed: int | None
    came: Moves
    went: Moves
    new: int
    left: int

    def lines(self) -> Iterator[str]:
        """Tell of the segment: name, size, what sets it apart, top products, who came and went."""
        yield f"{self.name}: {self.customers:,} customers ({self.share:.0%})"
        yield f"  {self.apart}"
        for pick in self.picks:
            yield f"  {pick['rank']}. {pick['title']} - {pick['reason']}"
        yield from (f"  {line}" for line in self._movement())

    def _movement(self) -> Iterator[str]:
        if self.came or self.new:
            yield "came: " + ", ".join([*_told(self.came, "from"), *([f"{self.new:,} new"] if self.new else [])])
        if self.went or self.left:
            yield "went: " + ", ".join([*_told(self.went, "to"), *([f"{self.left:,} left"] if self.left else [])])


@dataclass(frozen=True)
class Segments:
    """All segments of the newest run, largest first.

    Attributes:
        since: the run that movement is counted from; None in a first run.
        gone: customers of segments of the last run that there are no more, by segment, and where they are now.
        why: how the number of segments was chosen, in one sentence; `tried`: in figures.
    """

    as_of: datetime
    since: datetime | None
    stories: list[Story]
    gone: dict[str, Moves]
    why: str
    tried: list[dict[str, Any]]

    def lines(self) -> Iterator[str]:
        """Tell of all segments, of those that are no more, and of how many there are and why."""
        for story in self.stories:
            yield from (*story.lines(), "")
        for name, now in self.gone.items():
            yield f"no more: {name}; its customers " + ", ".join(
                f"went to '{to}' ({n:,})" if to else f"left ({n:,})" for to, n in now.items()
            )
        yield self.why

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "as_of": self.as_of.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "segments": [asdict(story) for story in self.stories],
            "gone": self.gone,
            "why": self.why,
            "tried": self.tried,
        }


def describe(project: Project, size: int, at: datetime | None = None) -> Segments:
    """Tell of every segment, with its `size` top products.

    Raises:
        NotFound: there is no purchase yet, or the segments are those of an older Handpicked.
    """
    top = segment_picks(project, size, at)  # first: it trains when there is no fresh model
    saved = segmentations.latest(project.store)
    if saved is None:
        raise NotFound("nothing is known of how the segments were found", remedy="run `handpicked train`")
    moves = _moves(saved.facts["moves"])
    shown = ["rank", "product_id", "title", "score", "reason"]
    picks: dict[Any, list[Any]] = {name: rows[shown].to_dict("records") for name, rows in top.groupby("segment")}
    shop, first = project.settings.shop, saved.since is None
    stories = [_story(facts, picks.get(facts["segment"], []), moves, shop, first) for facts in saved.facts["segments"]]
    names = {story.name for story in stories}
    gone = {old: _out(moves, old) for old in sorted({old for old, _ in moves if old is not None} - names)}
    return Segments(saved.as_of, saved.since, stories, gone, saved.facts["why"], saved.facts["tried"])


def _moves(rows: list[dict[str, Any]]) -> dict[tuple[str | None, str | None], int]:
    moves: dict[tuple[str | None, str | None], int] = {}
    for row in rows:
        pair = (row["from_segment"], row["to_segment"])
        moves[pair] = moves.get(pair, 0) + int(row["customers"])
    return moves


def _story(
    facts: dict[str, Any],
    picks: list[dict[str, Any]],
    moves: dict[tuple[str | None, str | None], int],
    shop: Shop,
    first: bool,
) -> Story:
    rest = dict(facts)
    name, customers, share = rest.pop("segment"), rest.pop("customers"), rest.pop("share")
    return Story(
        name=name,
        customers=customers,
        share=share,
        spent=_money(facts["spent_minor"], shop),
        apart=_apart(facts, shop),
        facts=rest,
        picks=picks,
        stayed=None if first else moves.get((name, name), 0),
        came=_most({old: n for (old, now), n in moves.items() if now == name and old not in {None, name}}),
        went={now: n for now, n in _out(moves, name).items() if now not in {"", name}},
        new=0 if first else moves.get((None, name), 0),
        left=moves.get((name, None), 0),
    )


def _out(moves: dict[tuple[str | None, str | None], int], old: str) -> Moves:
    """Where the customers of a segment are now; "": in none any more."""
    return _most({now or "": n for (was, now), n in moves.items() if was == old})


def _most(counts: dict[Any, int]) -> Moves:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _told(moves: Moves, preposition: str) -> list[str]:
    return [f"{n:,} {preposition} '{name}'" for name, n in moves.items()]


def _apart(facts: dict[str, Any], shop: Shop) -> str:
    pairs = {name: (facts[name], facts[f"all_{name}"]) for name in ("orders", "recency_days", "spent_minor")}
    orders, recency = ([f"{value:,.0f}" for value in pairs[name]] for name in ("orders", "recency_days"))
    spent = [_money(value, shop) for value in pairs["spent_minor"]]
    words = [f"{orders[0]} orders (all: {orders[1]})", f"the last {recency[0]} days ago (all: {recency[1]})"]
    words += [f"spent {spent[0]} (all: {spent[1]})"]
    return ", ".join(words + [f"{lift:.1f} times as much {name}" for name, lift in facts["more_of"].items()])


def _money(minor: float, shop: Shop) -> str:
    return price_text(round(minor), shop.currency, shop.locale)
