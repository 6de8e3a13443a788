"""Write a price as the customer's locale writes it, from minor units (cents)."""

from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision


def price_text(minor: int, currency: str, locale: str) -> str:
    """Write `minor` units of a currency; a locale nobody knows is written as American English.

    The currency's own exponent counts: the yen has no cents, the Kuwaiti dinar has a thousand.

    >>> price_text(123456, "USD", "en_US"), price_text(1234, "JPY", "en_US")
    ('$1,234.56', '¥1,234')
    """
    amount = _exact(int(minor), get_currency_precision(currency))
    return format_currency(amount, currency, locale=_locale(locale))


def _exact(minor: int, exponent: int) -> Decimal:
    return Decimal(minor).scaleb(-exponent)


@lru_cache
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en", "US")
