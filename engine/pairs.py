"""Pairs of customers and products, sorted by both: union, look-up and rank, without a loop over customers."""

from copy import copy

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.intp]
Values = NDArray[np.float32]


def keys(row: NDArray[np.integer], product: NDArray[np.integer], width: int) -> NDArray[np.int64]:
    """One number for each pair, in the order of (row, product)."""
    return np.asarray(row, dtype=np.int64) * width + product


def union(tables: list[sparse.csr_array]) -> tuple[Ints, Ints]:
    """Every pair that any of the tables holds, once: rows and columns, sorted by both.

    >>> table = sparse.csr_array(np.array([[0, 2], [0, 1]]))
    >>> [part.tolist() for part in union([table, sparse.csr_array(np.array([[1, 1], [0, 0]]))])]
    [[0, 0, 1], [0, 1, 1]]
    """
    width = tables[0].shape[1]
    found = np.sort(np.concatenate([_keys_of(table) for table in tables]))
    found = found[np.diff(found, prepend=-1) != 0]
    row, column = np.divmod(found, width)
    return row.astype(np.intp), column.astype(np.intp)


class LookUp:
    """Where wanted pairs stand in a sorted list of pairs.

    Args:
        listed: (n,) keys in ascending order.
        wanted: (pairs,) keys.
    """

    def __init__(self, listed: NDArray[np.int64], wanted: NDArray[np.int64]) -> None:
        self._place = np.minimum(np.searchsorted(listed, wanted), max(len(listed) - 1, 0))
        self.found: NDArray[np.bool_] = (
            listed[self._place] == wanted if len(listed) else np.zeros(len(wanted), dtype=bool)
        )

    def of(self, kept: NDArray[np.integer]) -> "LookUp":
        """The same for some of the wanted pairs."""
        part = copy(self)
        part._place, part.found = self._place[kept], self.found[kept]
        return part

    def take(self, values: NDArray[np.floating], missing: float = 0) -> Values:
        """The listed values at the wanted pairs: (pairs,)."""
        if not len(values):
            return np.full(len(self.found), missing, dtype=np.float32)
        return np.where(self.found, values[self._place], missing).astype(np.float32)


def values_at(table: sparse.csr_array, row: Ints, column: Ints) -> Values:
    """Values of a sparse table at pairs, 0 where it has none; one sorted search for all pairs."""
    table.sort_indices()
    return LookUp(_keys_of(table), keys(row, column, table.shape[1])).take(table.data.astype(np.float32))


def values_by_row(table: sparse.csr_array, row: Ints, column: Ints) -> Values:
    """The same of a well-filled table in whatever order, a row at a time: cheaper than to sort it or to lay it out.

    Args:
        table: no column twice in a row.
        row: (pairs,) ascending.
        column: (pairs,).

    >>> table = sparse.csr_array(np.array([[0, 2], [3, 0]], dtype=np.float32))
    >>> values_by_row(table, np.array([0, 1, 1]), np.array([1, 0, 1])).tolist()
    [2.0, 3.0, 0.0]
    """
    values = np.empty(len(row), dtype=np.float32)
    line = np.zeros(table.shape[1], dtype=np.float32)
    ends = np.searchsorted(row, np.arange(table.shape[0] + 1))
    for number in range(table.shape[0]):
        mine, asked = slice(*table.indptr[number : number + 2]), slice(*ends[number : number + 2])
        line[table.indices[mine]] = table.data[mine]
        values[asked] = line[column[asked]]
        line[table.indices[mine]] = 0
    return values


def rank(row: Ints, score: Values) -> Values:
    """Rank of each pair within its row by score, 0 for the highest; ties in the order given.

    Args:
        row: (pairs,) ascending.
        score: (pairs,) finite.

    >>> rank(np.array([0, 0, 0, 1]), np.array([1, 3, 2, 5], dtype=np.float32)).tolist()
    [2.0, 0.0, 1.0, 0.0]
    """
    order = _by_row_and_score(row, score)
    ranks = np.empty(len(row), dtype=np.float32)
    place = np.arange(len(row))
    ranks[order] = place - np.maximum.accumulate(np.where(np.diff(row, prepend=-1) != 0, place, 0))
    return ranks


def _by_row_and_score(row: Ints, score: Values) -> NDArray[np.int64]:
    """The places of pairs by row, then from the highest score down, ties in the order given.

    Row, score and place are packed into one number, for numbers are sorted many times as fast as places by numbers.
    """
    size = len(row)
    for_place = max(size - 1, 1).bit_length()
    if int(row[-1] if size else 0).bit_length() + 32 + for_place > 63:
        return np.lexsort((-score, row))
    bits = (score + np.float32(0)).view(np.int32).astype(np.int64)  # + 0: -0 is 0
    rising = np.where(bits >= 0, bits, np.int64(-(1 << 31)) - bits)
    falling = (np.int64(1) << 31) - 1 - rising
    packed = (((row.astype(np.int64) << 32) | falling) << for_place) | np.arange(size)
    packed.sort()
    return packed & ((1 << for_place) - 1)


def keep_top_sparse(scores: sparse.csr_array, n: int) -> sparse.csr_array:
    """Keep the n highest scores above 0 of each row of a sparse table.

    >>> keep_top_sparse(sparse.csr_array(np.array([[1, 2, 3, 0]], dtype=np.float32)), 2).toarray().tolist()
    [[0.0, 2.0, 3.0, 0.0]]
    """
    kept = scores.data > 0
    for row in np.flatnonzero(np.diff(scores.indptr) > n):
        mine = slice(scores.indptr[row], scores.indptr[row + 1])
        kept[mine][np.argpartition(scores.data[mine], -n)[:-n]] = False
    starts = np.concatenate([[0], np.cumsum(kept)])[scores.indptr]
    table = sparse.csr_array((scores.data[kept], scores.indices[kept], starts), shape=scores.shape)
    table.sort_indices()
    return table


def _keys_of(table: sparse.csr_array) -> NDArray[np.int64]:
    row = np.repeat(np.arange(table.shape[0], dtype=np.int64), np.diff(table.indptr))
    return keys(row, table.indices, table.shape[1])
