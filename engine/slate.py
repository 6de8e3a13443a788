"""The slate: the ordered products for one customer, and the rules that it must keep."""

from dataclasses import dataclass, fields, replace

import pandas as pd

COLUMNS = ["customer_id", "rank", "product_id", "score", "reason", "reason_kind", "because"]


@dataclass(frozen=True)
class SlateRules:
    """What a slate must keep; applied before the cut, so that rules can't starve it.

    A name is that of a category at whatever level of the path, of a brand, or a product's id; upper or lower case.

    Attributes:
        max_per_category: at most so many of one category; None: any number.
        category_level: which level of the category path counts (0 is the widest).
        same_title_once: no two products of one title, which a reader can't tell apart.
        size_variants_once: no two products that differ in size only.
        not_bought_days: nothing bought within so many days, unless it is due again; None: no such rule.
        in_stock: only products that are available.
        without_categories: nothing of these.
        discoveries: share of the slate that is new to the customer, 0 to 1; None: whatever ranks best.
        variety: how much less each further product of a category counts, 0 (no less) to 1 (nothing).
        boosts: names, and what the scores of theirs are multiplied by.
        at_least: names, and how many of theirs a slate holds as far as there are so many candidates.
        excluded: pairs customer_id, product_id that must not be shown.
    """

    max_per_category: int | None = None
    category_level: int = 1
    same_title_once: bool = False
    size_variants_once: bool = False
    not_bought_days: float | None = None
    in_stock: bool = True
    without_categories: tuple[str, ...] = ()
    discoveries: float | None = None
    variety: float = 0.0
    boosts: tuple[tuple[str, float], ...] = ()
    at_least: tuple[tuple[str, int], ...] = ()
    excluded: pd.DataFrame | None = None

    def in_force(self) -> list[str]:
        """The rules that are not at rest, by name."""
        names = [field.name for field in fields(self) if field.name not in {"category_level", "excluded"}]
        active = [name for name in names if getattr(self, name) != getattr(NO_RULES, name)]
        return active if self.excluded is None else [*active, "excluded"]

    def ranks_discoveries(self, *, only_new: bool) -> bool:
        """Whether what is new to a customer is ranked by an order of its own."""
        return only_new or self.discoveries is not None

    def without(self, name: str) -> "SlateRules":
        """The same rules but one."""
        return replace(self, **{name: getattr(NO_RULES, name)})


NO_RULES = SlateRules(in_stock=False)
