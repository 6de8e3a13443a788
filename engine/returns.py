"""Returns: units brought back, taken off the purchases that they came from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DUST = 1e-9
"""Units below this are the rounding of sums, not a purchase."""


@dataclass(frozen=True)
class Netted:
    """Purchases less what came back.

    Attributes:
        purchases: the lines of which something was kept, in the order given.
        returns: how many returns were taken off in full.
        unmatched: how many were of more than had been bought until then.
    """

    purchases: pd.DataFrame
    returns: int
    unmatched: int


def net_returns(bought: pd.DataFrame) -> Netted:
    """Take returned units off the same customer's latest purchases of the product, before or at the return's time.

    Last in, first out: each pair of customer and product is a stack of units, of which a return takes the top. What
    is left of a purchase is what the stack never sank below afterwards, so two running minima do instead of a loop.

    Args:
        bought: customer_id, product_id, at, quantity (below 0: a return), each of them known.
    """
    units = bought["quantity"].to_numpy(float)
    back = units < 0
    if not back.any():
        return Netted(bought, 0, 0)
    pair = bought.groupby(["customer_id", "product_id"], sort=False).ngroup().to_numpy()
    concerned = np.flatnonzero(np.isin(pair, pair[back]))
    lines = pd.DataFrame(
        {
            "pair": pair[concerned],
            "at": bought["at"].to_numpy()[concerned],
            "back": back[concerned],
            "units": units[concerned],
            "place": concerned,
        }
    ).sort_values(["pair", "at", "back", "place"])
    left, unmatched = _unstack(lines)
    kept = np.where(back, 0.0, units)
    kept[lines["place"].to_numpy()] = left
    netted = bought.assign(quantity=kept).loc[kept > 0]
    return Netted(netted, int(back.sum()) - unmatched, unmatched)


def _unstack(lines: pd.DataFrame) -> tuple[NDArray[np.float64], int]:
    """Units left of each line (0 of a return), and how many returns wanted more than the stack held."""
    pair, units = lines["pair"], lines["units"]
    total = units.groupby(pair).cumsum()
    owed = total.groupby(pair).cummin().clip(upper=0)
    height = total - owed
    lowest = height[::-1].groupby(pair[::-1]).cummin()[::-1]
    left = (lowest - (height - units)).clip(lower=0)
    left = left.mask(units - left < DUST, units).mask((left < DUST) | lines["back"], 0.0)
    newly_owed = owed.groupby(pair).shift(fill_value=0.0) - owed
    return left.to_numpy(float), int((newly_owed > DUST).sum())
