"""Where a system is: its url, and whether another one is still the same place."""

import httpx

from crm_adapters.errors import BadSource


def address(url: str, system: str) -> httpx.URL:
    """Read the url of a system; what is written there is not repeated, for it may hold a password.

    Raises:
        BadSource: nobody can be called there.
    """
    try:
        read = httpx.URL(url)
        read.host.encode("idna")  # as a socket does, which tells it less kindly
        is_one = read.scheme in ("http", "https") and bool(read.host) and (read.port or 0) < 2**16
    except (httpx.InvalidURL, UnicodeError):
        is_one = False
    if not is_one:
        raise BadSource(f"the url of {system} is none", remedy="write it like https://shop.example.com")
    return read


def place(url: httpx.URL) -> str:
    """Scheme, host and port: whom a token is meant for, and nothing secret.

    >>> place(httpx.URL("https://me:word@shop.example.com:443/api?token=word"))
    'https://shop.example.com'
    """
    return f"{url.scheme}://{url.netloc.decode()}"
