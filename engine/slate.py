"""The slate: the ordered products for one customer, and the rules that it must keep."""

from dataclasses import dataclass

import pandas as pd

COLUMNS = ["customer_id", "rank", "product_id", "score", "reason", "reason_kind"]


@dataclass(frozen=True)
class SlateRules:
    """What a slate must keep; applied before the cut, so that rules can't starve it.

    Attributes:
        max_per_category: at most so many of one category; None: any number.
        category_level: which level of the category path counts (0 is the widest).
        same_title_once: no two products of one title, which a reader can't tell apart.
        not_bought_days: nothing bought within so many days, unless it is due again; None: no such rule.
        in_stock: only products that are available.
        without_categories: nothing of these, at whatever level of the path they stand; upper or lower case.
        excluded: pairs customer_id, product_id that must not be shown.
    """

    max_per_category: int | None = None
    category_level: int = 1
    same_title_once: bool = False
    not_bought_days: float | None = None
    in_stock: bool = True
    without_categories: tuple[str, ...] = ()
    excluded: pd.DataFrame | None = None


NO_RULES = SlateRules(in_stock=False)
