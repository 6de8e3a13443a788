"""Facts about segments: what sets each apart from everybody, and who moved between two runs."""

import pandas as pd

from engine.dataset import require
from engine.segment_names import MORE_OF, lift_of_taste

MEDIANS = ("recency_days", "orders", "spent_minor", "gap_days")
DEPARTMENTS = 2


def profile(segment: pd.Series, known: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """Describe each segment beside everybody.

    Args:
        segment: (customers,) the name of each one's segment.
        known: the traits of each, in the same order.
        shares: (customers, departments) the taste of each, in the same order.

    Returns:
        segment, customers, share, the medians recency_days, orders, spent_minor, gap_days (missing when most bought
        once), the same of everybody (all_...), more_of ({department: lift of its share}, at most two); largest first.
    """
    groups = known[list(MEDIANS)].groupby(segment.to_numpy())
    found = groups.median().assign(customers=groups.size())
    found["share"] = found["customers"] / max(len(known), 1)
    for name, median in known[list(MEDIANS)].median().items():
        found[f"all_{name}"] = median
    lifts = lift_of_taste(segment, shares)
    found["more_of"] = pd.Series({name: _more_of(lift) for name, lift in lifts.iterrows()}, dtype=object)
    found = found.rename_axis("segment").reset_index().sort_values(["customers", "segment"], ascending=[False, True])
    everybody = [f"all_{name}" for name in MEDIANS]
    return found[["segment", "customers", "share", *MEDIANS, *everybody, "more_of"]].reset_index(drop=True)


def _more_of(lift: pd.Series) -> dict[str, float]:
    best = lift[lift > MORE_OF].nlargest(DEPARTMENTS)
    return {str(name): float(value) for name, value in best.items()}


def movement(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Count who moved from which segment to which; the counts add up to both runs.

    Args:
        before: customer_id, segment of the last run, each customer once.
        after: the same of this run.

    Returns:
        from_segment (missing: a newcomer), to_segment (missing: left), customers; the stayers are in it too.

    Raises:
        BadFrame: a column is missing.

    >>> old = pd.DataFrame({"customer_id": ["a", "b"], "segment": ["loyal", "loyal"]})
    >>> new = pd.DataFrame({"customer_id": ["b", "c"], "segment": ["regular", "regular"]})
    >>> movement(old, new).fillna("nobody").values.tolist()
    [['loyal', 'regular', 1], ['loyal', 'nobody', 1], ['nobody', 'regular', 1]]
    """
    for frame in (before, after):
        require(frame, ("customer_id", "segment"))
    sides = [frame.set_index("customer_id")["segment"].astype("str") for frame in (before, after)]
    both = pd.concat(sides, axis=1, keys=["from_segment", "to_segment"])
    return both.groupby(["from_segment", "to_segment"], dropna=False).size().rename("customers").reset_index()
