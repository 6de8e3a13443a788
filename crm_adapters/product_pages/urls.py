"""Urls as pages write them: relative, with spaces, with a place within the page."""

from urllib.parse import urljoin

LONGEST = 2_000


def joined(base: str, url: str | None) -> str | None:
    """A whole url of the web, without what points within the page; None, if it is none.

    >>> joined("https://shop.example.com/p/1", "//cdn.example.com/1.jpg")
    'https://cdn.example.com/1.jpg'
    """
    if not url or not url.strip():
        return None
    try:
        whole = urljoin(base, url.strip()).partition("#")[0]
    except ValueError:
        return None
    if "\\" in whole or "@" in whole.partition("://")[2].partition("/")[0]:
        return None  # browsers and servers may disagree on whose host that is
    fits = whole.lower().startswith(("http://", "https://")) and whole.isprintable() and len(whole) <= LONGEST
    return whole.replace(" ", "%20") if fits else None
