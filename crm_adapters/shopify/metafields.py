"""Write and define the metafields of a Shopify shop's customers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crm_adapters.base import FieldChange, FieldUpdate, PushResult, RemoteField
from crm_adapters.errors import BatchRefused
from crm_adapters.marks import print_of
from crm_adapters.shopify import fields
from crm_adapters.shopify.calls import Shop
from crm_adapters.shopify.fields import Item
from crm_adapters.shopify.pages import next_of, refuse_seen

MOST_IN_A_LIST = 250


class Metafields:
    """Those of one shop's customers.

    Args:
        shop: whom to ask.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._known: list[Mapping[str, Any]] | None = None

    def write(self, updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        """Set and delete; of those whose update is not taken, why.

        Raises:
            BatchRefused: Shopify does not say which of them it refuses.
        """
        types = {f"{each['namespace']}.{each['key']}": each["type"]["name"] for each in self._definitions()}
        bad: dict[str, PushResult] = {}
        for call in fields.packed([fields.written(update, types) for update in updates]):
            bad |= self._sent(fields.SET, "metafieldsSet", call)
        left = [fields.cleared(update) for update in updates if update.customer_id not in bad]
        for call in fields.packed(left, MOST_IN_A_LIST):
            bad |= self._sent(fields.DELETE, "metafieldsDelete", call)
        return bad

    def _sent(self, query: str, name: str, items: Sequence[Item]) -> dict[str, PushResult]:
        """Send, again without those for whose sake it is refused; these, and why."""
        bad: dict[str, PushResult] = {}
        while going := [item for item in items if item.customer_id not in bad]:
            faults = self._shop.read(name, query, {"metafields": [item.told for item in going]})["userErrors"]
            if not faults:
                break
            bad |= dict(self._refused(faults, going))
        return bad

    def _refused(self, faults: Sequence[Mapping[str, Any]], going: Sequence[Item]) -> Iterator[tuple[str, PushResult]]:
        """Whom faults are about."""
        for fault in faults:
            number, words = fields.place(fault), self._shop.words(fault)
            if number is None or number >= len(going):
                raise BatchRefused(f"Shopify says: {words}")
            customer, is_gone = going[number].customer_id, (fault["field"] or [""])[-1] == "ownerId"
            yield customer, PushResult(customer, "not_found" if is_gone else "rejected", words)

    def defined(self) -> list[RemoteField]:
        """The metafields that are defined."""
        return [fields.field_of(each) for each in self._definitions()]

    def _definitions(self) -> list[Mapping[str, Any]]:
        if self._known is None:
            known: list[Mapping[str, Any]] = []
            cursor, is_last = None, False
            seen: set[str | int] = set()
            while not is_last:
                asked = {"first": MOST_IN_A_LIST, "after": cursor}
                found = self._shop.read("metafieldDefinitions", fields.DEFINITIONS, asked)
                cursor = next_of(found)
                if cursor is not None:
                    refuse_seen(seen, cursor)
                    refuse_seen(seen, print_of(found["nodes"]))
                known, is_last = [*known, *found["nodes"]], cursor is None
            self._known = known
        return self._known

    def ensure(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Define those that are missing; with `dry_run`, only say so."""
        known = {fields.full(field.name): field for field in self.defined()}
        changes = [fields.change_of(field, known.get(fields.full(field.name))) for field in wanted]
        if dry_run:
            return changes
        made = zip(wanted, changes, strict=True)
        return [self._made(field) if change.status == "missing" else change for field, change in made]

    def _made(self, field: RemoteField) -> FieldChange:
        asked = {"definition": fields.definition_of(field)}
        faults = self._shop.read("metafieldDefinitionCreate", fields.DEFINE, asked)["userErrors"]
        self._known = None
        if not faults or faults[0]["code"] == "TAKEN":  # made meanwhile by another, who asked as we do
            return FieldChange(field.name, "made")
        return FieldChange(field.name, "unfit", f"Shopify does not make it: {self._shop.words(faults[0])}")
