"""Unpack what is gzipped, a piece at a time: however much a bomb would become, no more than one piece is held."""

import zlib
from collections.abc import Iterable, Iterator

GZIP = b"\x1f\x8b"
PIECE = 1 << 16
LAYERS = 2
"""A .gz file may be sent gzipped once more."""


class BadGzip(Exception):
    """What came is cut short, or no gzip behind its first bytes."""


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks as they are, or unpacked where they begin as gzip does; whoever reads counts them.

    Raises:
        BadGzip: the gzip is broken.
    """
    for _ in range(LAYERS):
        chunks = _unpacked_once(chunks)
    yield from chunks


def _unpacked_once(chunks: Iterable[bytes]) -> Iterator[bytes]:
    coming = iter(chunks)
    start = b""
    while len(start) < len(GZIP) and (more := next(coming, None)) is not None:
        start += more
    if not start.startswith(GZIP):
        yield from (start,) if start else ()
        yield from coming
        return
    yield from _members(start, coming)


def _members(start: bytes, coming: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack one gzip member after the other; bytes behind the last that begin no other are left out, as gzip does."""
    unpacking, rest = zlib.decompressobj(wbits=31), start
    while True:
        try:
            piece = unpacking.decompress(rest, PIECE)
        except zlib.error as error:
            raise BadGzip(str(error)) from error
        if piece:
            yield piece
        if unpacking.eof:
            rest = unpacking.unused_data or next(coming, b"")
            if not rest.startswith(GZIP[: len(rest)]) or not rest:
                return
            unpacking = zlib.decompressobj(wbits=31)
            continue
        rest = unpacking.unconsumed_tail
        if not rest and not piece:
            following = next(coming, None)
            if following is None:
                raise BadGzip("it ends in the middle")
            rest = following
