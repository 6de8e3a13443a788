"""`Retry-After`, in each form that the standard knows, and in those that it does not."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.errors import Unreachable
from crm_adapters.http.client import PATIENCE_SECONDS
from crm_adapters.http.waiting import LONGEST_PAUSE, wait_before

NOW = 1_800_000_000.0
GOOD = {"status_code": 200, "json": {}}


def http_date(seconds):
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def limited(**headers):
    return {"status_code": 429, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.mark.parametrize("said", ["30", " 30 ", "30.5", "30.", "030", http_date(NOW + 30)])
@pytest.mark.parametrize("status", [429, 503])
def test_nobody_calls_before_the_time(client_of, network, said, status):
    asked = network({"status_code": status, "headers": {"retry-after": said}}, GOOD)
    client_of(asked).call("GET", "/")
    first, second = asked.times
    assert 30 <= second - first <= 31


@pytest.mark.parametrize(
    "said",
    [
        None, "", "soon", "-5", "1e3", "0x10", ".", "1.2.3", "5, 5", "\u00b2", "\u0663", "nan", "inf", "99:99",
        "Mon, 01 Jan 99999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +99999999999999999", "Mon, 32 Foo 2030",
    ],
)  # fmt: skip
def test_where_nothing_of_use_is_said_our_own_pause_is_made(client_of, network, said):
    headers = {} if said is None else {"retry-after": said.encode()}
    asked = network({"status_code": 429, "headers": headers}, GOOD)
    client_of(asked).call("GET", "/")
    first, second = asked.times
    assert 0.5 <= second - first <= 1


@pytest.mark.parametrize("said", ["0", "0.01", http_date(NOW - 3_600), "Mon, 01 Jan 0001 00:00:00 +2359"])
def test_who_says_at_once_is_not_hammered(said):
    assert 4 <= wait_before(4, {"retry-after": said}, NOW) <= 8


@pytest.mark.parametrize("said", ["901", "86400", "9" * 400, http_date(NOW + 5_000)])
def test_more_than_our_patience_is_given_up_at_once(client_of, network, clock, said):
    asked = network(limited(retry_after=said))
    with pytest.raises(Unreachable, match=r"it says 429.*the next try would be in .* seconds"):
        client_of(asked).call("GET", "/")
    assert (asked.calls, clock.waits) == (1, [])


def test_as_much_as_our_patience_is_waited(client_of, network):
    asked = network(limited(retry_after=f"{PATIENCE_SECONDS:.0f}"), GOOD)
    assert client_of(asked).call("GET", "/").good


@pytest.mark.parametrize("ahead", [-600, 0, 600])
def test_a_date_is_of_the_systems_clock(ahead):
    """Ours may be ten minutes off: what counts is how far the date is from the answer's own."""
    headers = {"date": http_date(NOW + ahead), "retry-after": http_date(NOW + ahead + 30)}
    assert wait_before(1, headers, NOW) == 30


def test_a_date_without_a_zone_is_utc():
    assert wait_before(1, {"retry-after": http_date(NOW + 30).replace("GMT", "-0000")}, NOW) == 30


@given(tried=st.integers(1, 50))
def test_our_own_pause_doubles_up_to_the_longest(tried):
    least = min(0.5 * 2 ** (tried - 1), LONGEST_PAUSE)
    assert least <= wait_before(tried, {}, NOW) <= 2 * least


@given(said=st.text(st.characters(max_codepoint=255)), date=st.text(st.characters(max_codepoint=255)))
def test_whatever_is_said_a_wait_is_made_of_it(said, date):
    assert wait_before(1, {"retry-after": said, "date": date}, NOW) >= 0.5
