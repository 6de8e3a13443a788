from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from campaigns.errors import BadLink
from campaigns.mail.identifiers import message_key
from campaigns.mail.links import CUSTOMER_DATA, Link, Links

BASE = "https://shop.example.com"
NOW = datetime.now(UTC)
OURS = Links("the shop's secret", BASE)
THEIRS = Links("another secret", BASE)


def token(url):
    return urlsplit(url).path.rpartition("/")[2]


@settings(deadline=None)
@given(customer=st.text(), campaign=st.text())
def test_an_unsubscribe_link_says_who_and_of_what(customer, campaign):
    url = OURS.unsubscribe(customer, campaign)
    assert url.isascii()
    assert url.startswith(f"{BASE}/unsubscribe/")
    assert OURS.read(token(url)) == Link("unsubscribe", {"customer": customer, "campaign": campaign})


@settings(deadline=None)
@given(target=st.text())
def test_a_click_link_says_what_was_clicked_and_where_it_leads(target):
    read = OURS.read(token(OURS.click("run", "c1", "p1", target)))
    assert read == Link("click", {"run": "run", "customer": "c1", "product": "p1", "target": target})


def test_an_open_link_ends_like_a_picture_and_says_which_message():
    url = OURS.open("run", "c1")
    assert url.endswith(".gif")
    read = OURS.read(token(url.removesuffix(".gif")), "open")
    assert read == Link("open", {"run": "run", "customer": "c1"})


def test_the_link_that_no_reader_sees_says_which_message_and_not_what_it_is_for():
    url = OURS.honeypot("run", "c1")
    assert "honey" not in url
    assert OURS.read(token(url)) == Link("more", {"run": "run", "customer": "c1"})


def test_a_link_of_a_kind_that_is_not_asked_for_is_refused():
    made = token(OURS.preferences("c1"))
    assert OURS.read(made, "preferences").values == {"customer": "c1"}
    with pytest.raises(BadLink, match="not made here"):
        OURS.read(made, "unsubscribe")


def test_a_view_link_says_which_message():
    assert OURS.read_view(token(OURS.view("run", "c1", NOW))) == Link("view", {"run": "run", "customer": "c1"})


def test_a_slash_behind_the_base_is_not_doubled():
    assert Links("secret", BASE + "/").unsubscribe("c1", "x").startswith(f"{BASE}/unsubscribe/")


def test_an_unsubscribe_link_is_the_same_whenever_it_is_made():
    early, late = (Links("secret", BASE, clock=lambda now=now: now) for now in (0, 2_000_000_000))
    assert early.unsubscribe("c1", "x") == late.unsubscribe("c1", "x")
    assert early.click("run", "c1", "p1", BASE) == late.click("run", "c1", "p1", BASE)
    assert early.view("run", "c1", NOW) == late.view("run", "c1", NOW)


def test_a_preferences_link_says_whose_they_are():
    assert OURS.read(token(OURS.preferences("c1"))) == Link("preferences", {"customer": "c1"})


def test_a_view_link_works_for_ninety_days_and_no_longer():
    now = [1_770_000_000.0]
    links = Links("secret", BASE, clock=lambda: now[0])
    made = token(links.view("run", "c1", datetime.fromtimestamp(now[0], UTC)))
    now[0] += CUSTOMER_DATA.total_seconds()
    assert links.read_view(made).values["customer"] == "c1"
    now[0] += 1
    with pytest.raises(BadLink, match="this link has expired; open a newer message"):
        links.read_view(made)
    assert timedelta(days=90) == CUSTOMER_DATA


MADE = {
    "unsubscribe": (OURS.read, OURS.unsubscribe("c1", "weekly"), THEIRS.unsubscribe("c1", "weekly")),
    "click": (OURS.read, OURS.click("r", "c1", "p1", BASE), THEIRS.click("r", "c1", "p1", BASE)),
    "view": (OURS.read_view, OURS.view("r", "c1", NOW), THEIRS.view("r", "c1", NOW)),
    "more": (OURS.read, OURS.honeypot("r", "c1"), THEIRS.honeypot("r", "c1")),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_link_signed_with_another_secret_is_refused(kind):
    read, _, forged = MADE[kind]
    with pytest.raises(BadLink, match="this link was not made here; copy the whole link from the message"):
        read(token(forged))


@pytest.mark.parametrize("kind", MADE)
def test_a_link_cut_anywhere_is_refused(kind):
    read, made, _ = MADE[kind]
    whole = token(made)
    for length in range(len(whole)):
        with pytest.raises(BadLink, match="not made here"):
            read(whole[:length])


@pytest.mark.parametrize("kind", MADE)
def test_a_link_with_one_character_changed_is_refused(kind):
    read, made, _ = MADE[kind]
    whole = token(made)
    for place, character in enumerate(whole):
        other = whole[:place] + ("A" if character != "A" else "B") + whole[place + 1 :]
        with pytest.raises(BadLink, match="not made here"):
            read(other)


@pytest.mark.parametrize("kind", MADE)
@settings(deadline=None)
@given(data=st.data())
def test_a_link_with_any_byte_changed_added_or_left_out_is_refused(kind, data):
    read, made, _ = MADE[kind]
    whole = token(made)
    place = data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.text(max_size=3))
    other = whole[:place] + piece + whole[place + data.draw(st.integers(0, 3)) :]
    assume(other != whole)
    with pytest.raises(BadLink, match="not made here"):
        read(other)


@settings(deadline=None)
@given(noise=st.text(st.characters()))
def test_noise_is_refused_in_words(noise):
    for read in (OURS.read, OURS.read_view):
        with pytest.raises(BadLink, match="not made here"):
            read(noise)


def test_a_link_of_one_kind_is_not_taken_for_another():
    with pytest.raises(BadLink, match="not made here"):
        OURS.read(token(OURS.view("r", "c1", NOW)))
    with pytest.raises(BadLink, match="not made here"):
        OURS.read_view(token(OURS.unsubscribe("c1", "weekly")))


def test_where_a_click_leads_cannot_be_changed():
    _, signature = token(OURS.click("r", "c1", "p1", "https://shop.example.com")).rsplit(".", 1)
    evil = token(THEIRS.click("r", "c1", "p1", "https://evil.example.com")).rsplit(".", 1)[0]
    with pytest.raises(BadLink, match="not made here"):
        OURS.read(f"{evil}.{signature}")


def test_the_secret_shows_nowhere():
    made = [OURS.unsubscribe("c1", "x"), OURS.view("r", "c1", NOW), repr(OURS), str(vars(OURS))]
    assert not any("the shop's secret" in words for words in made)


def test_a_message_has_one_name_that_only_this_shop_can_make():
    ours = OURS.message_id("weekly@1", "c1", "example.com")
    assert ours == OURS.message_id("weekly@1", "c1", "example.com")
    others = [OURS.message_id("weekly@1", "c2", "example.com"), THEIRS.message_id("weekly@1", "c1", "example.com")]
    assert ours not in others
    assert message_key(ours) == ours
