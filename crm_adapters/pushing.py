"""Push many updates: in batches that the system takes, and around those that it refuses."""

import json
from collections.abc import Iterator, Sequence

from crm_adapters.base import Adapter, FieldUpdate, PushResult
from crm_adapters.errors import BatchRefused

AROUND_BYTES = 60
"""What stands around the values of one update in a request, at least."""


def push_all(adapter: Adapter, updates: Sequence[FieldUpdate]) -> Iterator[list[PushResult]]:
    """Push updates, each once unless its batch is refused as a whole: then that is halved until the bad stand alone.

    Yields:
        the results of one call at a time, so that what was taken can be written down before the next.

    Raises:
        AdapterError: the system can't be used; what was yielded before is done.
    """
    for batch in batches(updates, adapter.max_batch, adapter.max_bytes):
        yield from _pushed(adapter, batch)


def _pushed(adapter: Adapter, batch: Sequence[FieldUpdate]) -> Iterator[list[PushResult]]:
    try:
        results = list(adapter.push(batch))
    except BatchRefused as refusal:
        if len(batch) == 1:
            yield [PushResult(batch[0].customer_id, "rejected", refusal.problem)]
            return
        middle = len(batch) // 2
        yield from _pushed(adapter, batch[:middle])
        yield from _pushed(adapter, batch[middle:])
    else:
        yield results


def batches(updates: Sequence[FieldUpdate], most: int, most_bytes: int) -> Iterator[Sequence[FieldUpdate]]:
    """Cut updates into batches of at most so many, and so many bytes of JSON; one that is larger goes alone.

    >>> [len(batch) for batch in batches([FieldUpdate(str(n), {"a": "x" * 40}) for n in range(5)], 3, 10_000)]
    [3, 2]
    """
    start = size = 0
    for end, update in enumerate(updates):
        more = len(json.dumps([update.customer_id, update.values])) + AROUND_BYTES
        if end > start and (end - start == most or size + more > most_bytes):
            yield updates[start:end]
            start, size = end, 0
        size += more
    if updates[start:]:
        yield updates[start:]
