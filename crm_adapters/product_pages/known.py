"""What an earlier pull knew of a sitemap, in a few thousand bytes, however many pages it lists.

Dates in sitemaps can't be followed like those of a database: a page may appear with an old one, and many have none. So
urls are laid into buckets; each bucket keeps the sum of the prints of its urls with their dates. Where a sum still
holds, nothing appeared, vanished or changed; where it does not, the bucket's pages are read again: of 10,000 pages ten.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping

from crm_adapters.marks import print_of

BUCKETS = 1024
WIDTH = 6
SPAN = 1 << 8 * WIDTH
NOTHING = [0] * BUCKETS


def bucket_of(url: str) -> int:
    """The bucket that a url belongs to, always."""
    return print_of([url]) % BUCKETS


def sums_of(listed: Mapping[str, str]) -> list[int]:
    """The sum of each bucket, of urls and when they are said to have changed."""
    sums = list(NOTHING)
    for url, changed in listed.items():
        bucket = bucket_of(url)
        sums[bucket] = (sums[bucket] + print_of([url, changed])) % SPAN
    return sums


def as_text(sums: list[int]) -> str:
    """The sums as letters, at most about 8,000."""
    return b64encode(zlib.compress(b"".join(one.to_bytes(WIDTH, "big") for one in sums))).decode()


def from_text(text: str) -> list[int]:
    """The sums again.

    Raises:
        ValueError: it is no such text.
    """
    try:
        packed = zlib.decompressobj().decompress(b64decode(text, validate=True), BUCKETS * WIDTH + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(packed) != BUCKETS * WIDTH:
        raise ValueError("of another length")
    return [int.from_bytes(packed[at : at + WIDTH], "big") for at in range(0, len(packed), WIDTH)]
