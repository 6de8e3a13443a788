"""Keep the lines of each order on one page: the store replaces an order's lines as a set."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from crm_adapters.base import Reject
from crm_adapters.errors import BadSource

Batch = tuple[pa.Table, Sequence[Reject], Callable[[int], str]]
"""Raw rows, what could not be read among them, and where a row stood, in words."""


def whole_orders(batches: Iterable[Batch], key: str) -> Iterator[Batch]:
    """Carry the last order of each batch over to the next one, which may hold more of its lines.

    The ids of all orders are remembered while reading (about 100 bytes each), so that an order which comes back
    later is refused rather than half lost.

    Raises:
        BadSource: the lines of an order are scattered over the file.
    """
    kept: Batch | None = None
    closed: set[str] = set()
    for batch in batches:
        rows, rejects, place = batch if kept is None else _join(kept, batch)
        if key not in rows.column_names or rows.num_rows == 0:
            yield rows, rejects, place
            continue
        cut = _last_run(rows[key])
        done, kept = (rows[:cut], rejects, place), (rows[cut:], (), partial(_shifted, place, cut))
        closed |= _closed(done, kept, key, closed)
        if cut or rejects:
            yield done
    if kept is not None:
        _closed(kept, kept, key, closed)
        yield kept


def _last_run(ids: pa.ChunkedArray) -> int:
    """The row at which the last order begins."""
    words = pc.cast(ids, pa.string()).combine_chunks()
    others = pc.indices_nonzero(pc.fill_null(pc.not_equal(words, words[-1]), True))
    return others[-1].as_py() + 1 if len(others) else 0


def _closed(done: Batch, kept: Batch, key: str, closed: set[str]) -> set[str]:
    """The orders of which no more may come."""
    ids = set(pc.unique(pc.cast(done[0][key], pa.string())).to_pylist()) - {None, ""}
    if again := next(iter(ids & closed), None):
        row = pc.index(pc.cast(done[0][key], pa.string()), again).as_py()
        raise BadSource(
            f"{done[2](row)}: lines of order {again!r} stand apart from each other",
            remedy=f"sort the file by {key}, so that the lines of an order follow each other",
        )
    return ids - set(pc.unique(pc.cast(kept[0][key], pa.string())).to_pylist())


def _join(before: Batch, after: Batch) -> Batch:
    rows = pa.concat_tables([before[0], after[0]], promote_options="default").unify_dictionaries()
    return rows, after[1], partial(_joined, before[2], after[2], before[0].num_rows)


def _shifted(place: Callable[[int], str], by: int, row: int) -> str:
    return place(row + by)


def _joined(before: Callable[[int], str], after: Callable[[int], str], first: int, row: int) -> str:
    return before(row) if row < first else after(row - first)
