"""An order's lines as one document in the order's row: columns in JSON, e.g. {"product_id":["a","b"],"quantity":[1,2]}.

Lines are only ever written and read with their order, a hundred thousand orders at a time. A table of lines costs a
key for each of them; a document costs one for the order, and an edited order can't keep a line that is gone.
A column that says the same as `DEFAULTS` throughout a page is left out.
"""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

LINE = pa.schema(
    [
        pa.field("line_id", pa.string()),
        pa.field("product_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("quantity", pa.float64()),
        pa.field("unit_price_minor", pa.int64()),
        pa.field("refunded_quantity", pa.float64()),
    ]
)
DEFAULTS: dict[str, float | None] = {
    "product_id": None,
    "title": None,
    "unit_price_minor": None,
    "refunded_quantity": 0,
}
"""What a line says in a column that its document lacks; the line's id and quantity are always there."""

SLICE = 20_000
"""Documents read at a time: about 5 MB of JSON."""
BLOCK_BYTES = 1 << 20
_UNSAFE = r'["\\\x00-\x1f]'
_DOCUMENT = pa.schema([pa.field(field.name, pa.list_(field.type)) for field in LINE])
_PARSING = pyarrow.json.ParseOptions(explicit_schema=_DOCUMENT, unexpected_field_behavior="ignore")


def pack(rows: pa.Table) -> pa.Table:
    """Fold order lines into orders.

    Args:
        rows: one row a line, an order's columns repeated, in any order; the last of equal (order_id, line_id) counts.

    Returns:
        one row an order, as its last line tells it: the columns that are not a line's own, and `lines`, a document.
    """
    rows, starts = _by_order(rows)
    bounds = pa.array(np.append(starts, rows.num_rows), pa.int32())
    heads = rows.drop_columns(LINE.names).take(pa.array(np.append(starts[1:], rows.num_rows) - 1))
    told = [name for name in LINE.names if not _is_default(name, rows[name])]
    parts: list[object] = []
    for name in told:
        cells = pa.ListArray.from_arrays(bounds, _cells(rows[name]).combine_chunks())
        parts += [f'{"]," if parts else "{"}"{name}":[', pc.binary_join(cells, ",")]
    return heads.append_column("lines", pc.binary_join_element_wise(*parts, "]}", ""))


def unpack(documents: pa.ChunkedArray) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Unfold documents into lines, some thousand documents at a time.

    Returns:
        pairs of (the row of its document for each line, the lines as LINE says).
    """
    for start in range(0, len(documents), SLICE):
        some = documents.slice(start, SLICE).combine_chunks()
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(some)], pa.int32()), some), "\n")
        longest = pc.max(pc.binary_length(some)).as_py()
        reading = pyarrow.json.ReadOptions(block_size=max(BLOCK_BYTES, 2 * longest))  # a document must fit into a block
        text = pa.BufferReader(joined[0].as_buffer())
        read = pyarrow.json.read_json(text, reading, _PARSING).select(LINE.names)
        counts = pc.fill_null(pc.list_value_length(read["quantity"]), 0).to_numpy()  # an order may have no lines
        columns = [_filled(field, read[field.name], counts) for field in LINE]
        yield np.repeat(np.arange(start, start + len(some)), counts), pa.table(columns, schema=LINE)


def _by_order(rows: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Bring the lines of each order together, without repeated ones, and say where each order begins."""
    codes = _codes(rows["order_id"])
    keys = codes * (rows.num_rows + 1) + _codes(rows["line_id"])
    doubled = pd.Series(keys).duplicated(keep="last").to_numpy()
    if doubled.any():
        rows, codes = rows.filter(pa.array(~doubled)), codes[~doubled]
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
        rows, codes = rows.take(pa.array(order)), codes[order]
    return rows, np.flatnonzero(np.diff(codes, prepend=-1))


def _codes(words: pa.ChunkedArray) -> np.ndarray:
    """Number the distinct values in the order in which they come."""
    codes: np.ndarray = words.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _is_default(name: str, values: pa.ChunkedArray) -> bool:
    if name not in DEFAULTS:
        return False
    default = DEFAULTS[name]
    if default is None:
        return bool(values.null_count == len(values))
    return bool(pc.all(pc.equal(values, default)).as_py())


def _cells(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write each value as JSON."""
    if not pa.types.is_string(values.type):
        return pc.fill_null(pc.cast(values, pa.string()), "null")
    if pc.any(pc.match_substring_regex(values, _UNSAFE)).as_py():
        words = values.combine_chunks().dictionary_encode()
        written = pa.array([json.dumps(word, ensure_ascii=False) for word in words.dictionary.to_pylist()], pa.string())
        return pa.chunked_array([pc.fill_null(written.take(words.indices), "null")])
    return pc.fill_null(pc.binary_join_element_wise('"', values, '"', ""), "null")


def _filled(field: pa.Field, lists: pa.ChunkedArray, counts: np.ndarray) -> pa.Array:
    """Flatten one column; where a document lacks it, it says the default."""
    told = lists.combine_chunks()
    if told.null_count == 0:
        return told.flatten()
    default = pa.repeat(pa.scalar(DEFAULTS.get(field.name), field.type), int(counts.sum()))
    mask = np.repeat(told.is_valid().to_numpy(zero_copy_only=False), counts)
    return pc.replace_with_mask(default, pa.array(mask), told.flatten())
