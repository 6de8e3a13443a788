"""Write a price as the customer's locale writes it, from minor units (cents)."""

import re
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency

_NONE = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
    "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
_THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
EXPONENT = {**dict.fromkeys(_NONE, 0), **dict.fromkeys(_THREE, 3), "CLF": 4, "UYW": 4}
"""Digits of the minor unit where they are not 2 (ISO 4217). Babel counts digits shown: of the Serbian dinar, none."""

_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""Between a letter of the currency and a digit stands a space (CLDR, currencySpacing): Babel leaves it out."""


@lru_cache(maxsize=65536)  # a shop has fewer prices than messages have picks
def price_text(minor: int, currency: str, locale: str) -> str:
    r"""Write `minor` units of a currency, exactly; a locale nobody knows is written as American English.

    The currency's own exponent counts: the yen has no cents, the Kuwaiti dinar has a thousand. Where cents are not
    customary they show only when there are any. Of a locale whose country is unknown, the language counts.

    >>> price_text(123456, "USD", "en_US"), price_text(1234, "JPY", "en_US")
    ('$1,234.56', '¥1,234')
    >>> price_text(12345, "RSD", "en_US"), price_text(12300, "RSD", "en_US")
    ('RSD\xa0123.45', 'RSD\xa0123')
    """
    code = currency.upper()
    amount = Decimal(int(minor)).scaleb(-EXPONENT.get(code, 2))
    text = format_currency(amount, code, locale=_locale(locale), decimal_quantization=False)
    return _TOUCHING.sub("\xa0", text)


@lru_cache(maxsize=128)
def _locale(name: str) -> Locale:
    whole = name.replace("-", "_")
    for known in (whole, whole.partition("_")[0]):
        try:
            return Locale.parse(known)
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en", "US")
