"""The checks name their records; many systems number theirs themselves."""

from dataclasses import replace

import pyarrow as pa

NAMED = ("id", "order_id", "line_id", "customer_id", "product_id")


class Renamed:
    """An adapter, with the system's own ids and fields told as the names that the checks gave.

    Args:
        inner: the adapter.
        names: the checks' name of each id.
        identity: the id of the customer of a name.
        fields: the system's own name of each field; none: as the checks name it.
    """

    def __init__(self, inner, names, identity, fields=None):
        self._inner, self._names, self._identity, self._fields = inner, names, identity, fields or {}
        self.max_batch, self.max_bytes, self.mapping = inner.max_batch, inner.max_bytes, inner.mapping

    def streams(self):
        return self._inner.streams()

    def pull(self, stream, since):
        for page in self._inner.pull(stream, since):
            rows = page.rows
            for place, name in enumerate(rows.column_names):
                if name in NAMED:
                    told = [self._names.get(one, one) for one in rows[name].to_pylist()]
                    rows = rows.set_column(place, rows.schema.field(name), pa.array(told, pa.string()))
            merged = {self._names[one]: self._names[other] for one, other in page.merged.items()}
            yield replace(page, rows=rows, gone=[self._names[one] for one in page.gone], merged=merged)

    def push(self, updates):
        for result in self._inner.push([self._own(each) for each in updates]):
            yield replace(result, customer_id=self._names[result.customer_id])

    def _own(self, update):
        values = {self._fields.get(name, name): value for name, value in update.values.items()}
        return replace(update, customer_id=str(self._identity(update.customer_id)), values=values)
