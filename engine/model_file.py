"""A model's file: saved atomically, with format and checksum; its arrays are read where they lie, never copied.

Form: the format's name, the SHA-256 of all that follows, the size of the index, the index (a pickle of protocol 5 that
holds no array, and where each array lies), then the arrays, each at a multiple of 64 bytes. Source: PEP 574.
"""

import hashlib
import mmap
import os
import pickle
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import BadModel

FORMAT = b"handpicked-model-6\n"
ALIGNED = 64
_SIZE_BYTES = 8
_CHUNK = 1 << 24


def save(model: object, path: Path) -> str:
    """Save a model: a reader sees the old one or the new one, never half.

    Returns:
        the checksum.
    """
    arrays: list[pickle.PickleBuffer] = []
    body = pickle.dumps(model, protocol=5, buffer_callback=arrays.append)
    views: list[memoryview] = [memoryview(array.raw()) for array in arrays]
    index = pickle.dumps((body, [view.nbytes for view in views]))
    digest = hashlib.sha256()
    half = path.with_suffix(".tmp")
    with half.open("wb") as file:
        file.write(FORMAT + bytes(digest.digest_size))
        pieces: list[bytes | memoryview] = [len(index).to_bytes(_SIZE_BYTES, "little"), index, *views]
        for piece in pieces:
            _write(file, piece, digest)
        file.seek(len(FORMAT))
        file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    return digest.hexdigest()


def load(path: Path, *, checked: bool = True) -> Any:
    """Read a saved model back. Only load what this project saved itself: a model file is code.

    Its arrays can't be written to: they are the file's own pages, which processes on one machine share.

    Args:
        path: the file.
        checked: whether to check all of it; one who has done so in another process need not again.

    Raises:
        BadModel: it is damaged, or of another format.
    """
    whole = _mapped(path)
    start = len(FORMAT) + hashlib.sha256().digest_size
    if checked:
        _check(path, whole)
    place = start + _SIZE_BYTES
    size = int.from_bytes(whole[start:place], "little")
    body, sizes = pickle.loads(whole[place : place + size])  # noqa: S301 checked above, and our own file
    place += size
    arrays = []
    for nbytes in sizes:
        place += -place % ALIGNED
        arrays.append(whole[place : place + nbytes])
        place += nbytes
    return pickle.loads(body, buffers=arrays)  # noqa: S301 the same


def check(path: Path) -> None:
    """Check a saved model without reading it back.

    Raises:
        BadModel: it is damaged, or of another format.
    """
    _check(path, _mapped(path))


def checksum(path: Path) -> str:
    """The checksum that a model's file says it has."""
    with path.open("rb") as file:
        file.seek(len(FORMAT))
        return file.read(hashlib.sha256().digest_size).hex()


def _write(file: BinaryIO, piece: bytes | memoryview, digest: Any) -> None:
    """Write a piece, from a multiple of 64 bytes on if it is an array."""
    if isinstance(piece, memoryview):
        gap = bytes(-file.tell() % ALIGNED)
        file.write(gap)
        digest.update(gap)
    file.write(piece)
    digest.update(piece)


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if path.stat().st_size <= len(FORMAT) or file.read(len(FORMAT)) != FORMAT:
            raise _bad(path)
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _check(path: Path, whole: memoryview) -> None:
    start = len(FORMAT) + hashlib.sha256().digest_size
    if _digest(whole[start:]) != whole[len(FORMAT) : start]:
        raise _bad(path)


def _digest(content: memoryview) -> bytes:
    digest = hashlib.sha256()
    for start in range(0, len(content), _CHUNK):
        digest.update(content[start : start + _CHUNK])
    return digest.digest()


def _bad(path: Path) -> BadModel:
    return BadModel(f"{path.name} is damaged or of another version", remedy="run `handpicked train` again")
