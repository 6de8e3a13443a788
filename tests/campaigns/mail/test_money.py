import unicodedata
from decimal import Decimal

import pytest
from babel.core import get_global
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mail.money import EXPONENT, price_text
from crm_adapters import exponents

CURRENCIES = sorted(get_global("all_currencies"))
BIG = 2**63 - 1  # what the store holds


def spelt(text):
    """The digits of a price, whatever script, and how many stand behind its last separator."""
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text)
    return "".join(c for c in plain if c.isdigit())


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (123456, "USD", "en_US", "$1,234.56"),
        (123456, "EUR", "de_DE", "1.234,56 €"),
        (123456, "EUR", "fr-FR", "1 234,56 €"),
        (123456, "INR", "en_IN", "₹1,234.56"),
        (1234, "JPY", "ja_JP", "￥1,234"),
        (1234, "KWD", "en_US", "KWD 1.234"),
        (120, "CHF", "en_US", "CHF 1.20"),
        (120, "AUD", "en_US", "A$1.20"),
        (0, "USD", "en_US", "$0.00"),
        (-5, "USD", "en_US", "-$0.05"),
        (5, "usd", "en_US", "$0.05"),
    ],
)
def test_a_price_is_written_as_its_locale_writes_it(minor, currency, locale, text):
    assert " ".join(price_text(minor, currency, locale).split()) == text


@pytest.mark.parametrize(("minor", "text"), [(12345, "123,45 RSD"), (12300, "123 RSD")])
def test_cents_that_are_not_customary_show_only_when_there_are_any(minor, text):
    assert price_text(minor, "RSD", "sr_RS").replace("\xa0", " ") == text


@pytest.mark.parametrize("locale", ["", "tlh", "__", "\x00", "../../etc/passwd", "x" * 1000])
def test_a_locale_nobody_knows_is_written_as_american_english(locale):
    assert price_text(123456, "USD", locale) == "$1,234.56"


def test_of_an_unknown_country_the_language_counts():
    assert price_text(123456, "EUR", "de_US") == price_text(123456, "EUR", "de")


@settings(deadline=None)
@given(minor=st.integers(-BIG, BIG), currency=st.sampled_from(CURRENCIES))
def test_any_amount_of_any_currency_is_written_exactly(minor, currency):
    text = price_text(minor, currency, "en_US")
    number = "".join(c for c in text if c.isdigit() or c == ".").strip(".")
    assert abs(Decimal(number)) == Decimal(abs(minor)).scaleb(-EXPONENT.get(currency, 2))
    assert ("-" in text) == (minor < 0)


@settings(deadline=None)
@given(
    minor=st.integers(-BIG, BIG),
    currency=st.sampled_from(CURRENCIES),
    locale=st.sampled_from(["de", "ar_EG", "hi_IN", "fa", "sv"]),
)
def test_in_every_script_the_digits_are_the_same(minor, currency, locale):
    shown = spelt(price_text(minor, currency, locale)).lstrip("0")
    assert f"{abs(minor)}".startswith(shown)
    assert int(f"{abs(minor)}"[len(shown) :] or 0) == 0


@settings(deadline=None)
@given(currency=st.text(), locale=st.text())
def test_no_words_in_the_data_stop_a_message(currency, locale):
    assert price_text(100, currency, locale)


def test_the_exponents_are_those_that_records_are_read_with():
    assert all(EXPONENT[code] == digits for code, digits in exponents.EXPONENT.items())
