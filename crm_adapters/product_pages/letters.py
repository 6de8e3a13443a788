"""Read the letters of a page: as its first bytes, the server or the page itself say, or else as most pages are written.

No guess by statistics: the same bytes give the same letters, whatever else is installed.
"""

import codecs

from bs4.dammit import EncodingDetector

USUAL = ("utf-8", "windows-1252")
LATIN = {"ascii", "iso8859-1"}
"""Browsers read these as windows-1252, which has more letters (WHATWG Encoding Standard)."""
STRANGE = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7"}
"""For other things than pages, and slow with what is made to be slow."""


def decoded(content: bytes, charset: str | None) -> str:
    """Read a page's letters.

    Args:
        content: the page.
        charset: as the server says, if it does.

    Raises:
        ValueError: it has no elements, or nobody knows how its letters are written.

    >>> decoded("<p>Grün".encode("latin-1"), "iso-8859-1")
    '<p>Grün'
    """
    content, mark = EncodingDetector.strip_byte_order_mark(content)
    declared = EncodingDetector.find_declared_encoding(content, is_html=True)
    for name in (mark, charset, declared, *USUAL):
        try:
            text = content.decode(_known(name)) if name else ""
        except (LookupError, ValueError):
            continue
        if "<" in text:
            return text
    raise ValueError("it is no HTML: it has no elements, or nobody knows how its letters are written")


def _known(name: str) -> str:
    found = codecs.lookup(name).name
    if found in STRANGE:
        raise LookupError(name)
    return "windows-1252" if found in LATIN else found
