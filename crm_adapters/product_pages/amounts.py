"""Read amounts as people and shop systems write them; what may mean two amounts is none, for a wrong price is worse."""

import re
from decimal import Decimal, InvalidOperation

from crm_adapters.exponents import EXPONENT

SYMBOLS = {"€": "EUR", "£": "GBP", "₹": "INR"}
"""Signs that stand for one currency; $ and ¥ stand for several."""
CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
NUMBER = re.compile(r"-?[0-9](?:[0-9.,'’\s\u00a0\u202f]*[0-9])?")
GROUPED = re.compile(r"[0-9]{1,3}(?:[.,'’ ][0-9]{3})+")
LONGEST = 60
MOST_DIGITS, MILLIONTH = 12, Decimal("0.000001")


def currency_in(text: str) -> str | None:
    """The currency that an amount names.

    >>> currency_in("19.99 EUR"), currency_in("€ 5"), currency_in("$5")
    ('EUR', 'EUR', None)
    """
    if found := CODE.search(text[:LONGEST]):
        return found[0]
    return next((code for sign, code in SYMBOLS.items() if sign in text[:LONGEST]), None)


def plain(written: object, currency: str | None) -> str | None:
    """An amount as a decimal; None: it is none, or may mean two.

    >>> [plain(one, "EUR") for one in ("1.299,00 €", "1,299.00", "1'299.-", 19.9, "1.299", "5 - 9")]
    ['1299.00', '1299.00', '1299', '19.9', None, None]
    """
    if isinstance(written, bool) or written is None:
        return None
    if not isinstance(written, str):
        return _number(str(written))
    found = NUMBER.findall(written) if len(written) <= LONGEST else []
    if len(found) != 1 or found[0].startswith("-"):
        return None
    return _read(re.sub(r"\s", " ", found[0]), EXPONENT.get(currency or "", 2))


def _number(text: str) -> str | None:
    """A number of JSON; behind the sixth place after the point, it is rounded."""
    try:
        number = Decimal(text)
        if not number.is_finite() or number < 0 or number.adjusted() >= MOST_DIGITS:
            return None
        return f"{abs(number).quantize(MILLIONTH).normalize():f}"
    except InvalidOperation:
        return None


def _read(text: str, exponent: int) -> str | None:
    """Part an amount at its last point or comma, if that parts its decimals."""
    last = max(text.rfind("."), text.rfind(","))
    whole, behind = (text[:last], text[last + 1 :]) if last >= 0 else (text, "")
    signs = {sign for sign in text if sign in ".,"}
    if last < 0 or (len(signs) == 1 and text.count(text[last]) > 1):
        return _digits(text)
    if len(behind) == 3 and (whole + behind).isdigit() and not whole.startswith("0"):
        return _thousands_or_decimals(whole, text[last], behind, exponent)
    digits = _digits(whole)
    return f"{digits}.{behind}" if digits and behind.isdigit() else None


def _thousands_or_decimals(whole: str, sign: str, behind: str, exponent: int) -> str | None:
    """1,299 and 1.299: by the currency's decimals; a comma parts thousands where amounts are written with a point."""
    if len(whole) > 3 or (exponent == 3 and sign == "."):
        return f"{whole}.{behind}"
    if exponent == 0 or (exponent == 2 and sign == ","):
        return whole + behind
    return None


def _digits(text: str) -> str | None:
    """A whole number, in groups of three or in one piece; groups have one sign between them."""
    if text.isdigit():
        return text
    signs = {sign for sign in text if not sign.isdigit()}
    return re.sub("[^0-9]", "", text) if len(signs) == 1 and GROUPED.fullmatch(text) else None
