"""Who is who on the shop's pages, on each database: browsers, logins and addresses lead to customers."""

import pytest
from sqlalchemy import insert

from campaigns.store.behaviour import settle
from campaigns.store.tables import customer_aliases, customers
from tests.campaigns.store.site import AGREED, NOW, fill, identify, person, say, viewed, whose


@pytest.fixture
def shop(store):
    return fill(store)


def test_what_a_browser_did_waits_and_is_joined_when_it_logs_in(shop):
    say(shop, viewed(1, anonymous="a1", minutes=9), viewed(2, anonymous="a2", minutes=8))
    assert whose(shop) == [None, None]
    done = say(shop, identify(user="c1", anonymous="a1"))
    assert (done.identified, done.joined) == (1, 1)
    assert whose(shop) == ["c1", None]
    say(shop, viewed(3, anonymous="a1"))
    assert whose(shop) == ["c1", None, "c1"]


def test_an_address_tells_who_a_login_or_a_browser_is(shop):
    say(shop, viewed(1, user="login7", minutes=5), viewed(2, anonymous="a2", minutes=4))
    done = say(shop, identify("login7", email=" Ada@Example.com"), identify(anonymous="a2", email="bea@example.com"))
    assert done.joined == 2
    assert whose(shop) == ["c1", "c2"]


def test_an_id_of_ours_is_believed_before_any_address(shop):
    say(shop, identify("c1", email="bea@example.com"), viewed(1, user="c1"))
    assert whose(shop) == ["c1"]


def test_an_address_that_two_customers_have_tells_nothing_unless_one_stands_for_the_other(shop):
    with shop.writing() as write:
        write.execute(insert(customers).values(**person("c3", "ada@example.com")))
    say(shop, identify("login", email="ada@example.com"), viewed(1, user="login"))
    assert whose(shop) == [None]
    with shop.writing() as write:
        row = {"alias_id": "c1", "customer_id": "c3", "reason": "same address", "found_at": NOW}
        write.execute(insert(customer_aliases).values(**row))
    assert settle(shop, AGREED) == 1
    assert whose(shop) == ["c3"]


def test_an_alias_leads_from_the_old_name_to_the_new_one(shop):
    say(shop, viewed(1, anonymous="a1", minutes=5), viewed(2, user="old", anonymous="a9", minutes=4))
    say(shop, identify(user="new", previous="old"), identify(user="old", previous="a1"))
    assert whose(shop) == [None, None]
    assert say(shop, identify(user="new", email="ada@example.com")).joined == 2
    assert whose(shop) == ["c1", "c1"]


def test_a_customer_is_not_led_elsewhere_by_an_alias(shop):
    say(shop, identify(user="c2", previous="c1"), viewed(1, user="c1"))
    assert whose(shop) == ["c1"]


def test_aliases_in_a_circle_end(shop):
    say(shop, identify(user="x", previous="y"), identify(user="y", previous="x"), viewed(1, user="x"))
    assert whose(shop) == [None]


def test_a_browser_that_two_share_is_of_who_logged_in_last_whatever_arrives_first(shop):
    say(shop, identify("c2", "a1", minutes=1))
    say(shop, identify("c1", "a1", minutes=60))
    say(shop, viewed(1, anonymous="a1"))
    assert whose(shop) == ["c2"]
    say(shop, identify("c1", "a1", minutes=0), viewed(2, anonymous="a1"))
    assert sorted(whose(shop)) == ["c1", "c2"]


def test_a_customer_who_comes_by_a_later_pull_gets_what_waits(shop):
    say(shop, viewed(1, user="c7", anonymous="a1"), identify("login", email="cy@example.com"))
    say(shop, viewed(2, anonymous="a1", minutes=2), viewed(3, user="login", minutes=1))
    assert settle(shop, AGREED) == 0
    with shop.writing() as write:
        write.execute(insert(customers), [person("c7"), person("c8", "cy@example.com")])
    assert settle(shop, AGREED) == 3
    assert whose(shop) == ["c7", "c8", "c7"]
    assert settle(shop, AGREED) == 0
