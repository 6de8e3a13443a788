"""Who is behind a request: each rule on the smallest traffic that shows it."""

import pandas as pd
import pytest

from campaigns.traffic_rules import verdicts

SENT = pd.Timestamp("2026-03-02T13:00Z")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HIT = {"run_id": "r", "customer_id": "c", "kind": "click", "product_id": "p1", "method": "GET", "user_agent": FIREFOX}
HIT |= {"address": "a", "after": 3600.0, "links": 8}


def judged(*changes):
    """The verdicts of hits that differ from an ordinary click, an hour after the message left, in what is told."""
    hits = pd.DataFrame([HIT | change for change in changes])
    hits["sent_at"] = SENT
    hits["at"] = SENT + pd.to_timedelta(hits.pop("after"), unit="s")
    return verdicts(hits).tolist()


def clicks(count, pause, **changes):
    return [{"product_id": f"p{n}", "after": 3600 + n * pause, **changes} for n in range(count)]


def test_a_click_in_a_browser_is_a_persons():
    assert judged({}) == ["human"]


def test_a_head_request_is_a_scanners():
    assert judged({"method": "HEAD"}) == ["scanner"]


def test_all_that_an_address_did_with_a_message_is_a_scanners_once_it_followed_the_hidden_link():
    trap = {"kind": "more", "product_id": None, "after": 9000}
    others = [{}, {"kind": "open", "product_id": None}, {"address": "b"}, {"run_id": "r2"}]
    assert judged(*others, trap) == ["scanner", "scanner", "human", "human", "scanner"]


@pytest.mark.parametrize(
    ("count", "links", "pause", "verdict"),
    [
        (8, 8, 1.0, "scanner"),
        (5, 8, 2.0, "scanner"),  # a sample of a long message
        (2, 2, 3.0, "human"),  # both products of a short one, in two tabs
        (3, 3, 3.0, "human"),  # without the view in the browser it is not all
        (4, 8, 1.0, "human"),
        (8, 8, 20.0, "human"),
        (6, 8, 9.0, "human"),  # one after the other, each within seconds of the last, but a minute in all
        (1, 1, 1.0, "human"),
        (4, None, 1.0, "human"),
    ],
)
def test_who_follows_all_links_within_seconds_does_not_read(count, links, pause, verdict):
    assert judged(*clicks(count, pause, links=links)) == [verdict] * count


def test_who_follows_all_links_of_a_short_message_does_not_read_either():
    view = {"kind": "view", "product_id": None, "after": 3605, "links": 2}
    assert judged(*clicks(2, 3.0, links=2), view) == ["scanner"] * 3


def test_links_followed_by_many_addresses_are_not_one_burst():
    assert judged(*({**hit, "address": str(n)} for n, hit in enumerate(clicks(8, 1.0)))) == ["human"] * 8


@pytest.mark.parametrize(
    ("after", "verdict"), [(-30, "scanner"), (0, "scanner"), (2, "scanner"), (2.5, "human"), (-90, "human")]
)
def test_nobody_clicks_at_the_moment_of_delivery(after, verdict):
    assert judged({"after": after}) == [verdict]


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ("Barracuda Sentinel (EE)", "scanner"),
        ("Mozilla/5.0 (compatible; Proofpoint URL Defense)", "scanner"),
        ("mimecast-url-check", "scanner"),
        ("python-requests/2.32", "scanner"),
        ("curl/8.5", "scanner"),
        ("Microsoft Office Existence Discovery", "prefetch"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "prefetch"),
        ("facebookexternalhit/1.1", "prefetch"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", "prefetch"),
        ("", "prefetch"),
        (None, "prefetch"),
        ("Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) Chrome/120 Mobile", "human"),
        ("Mozilla/5.0", "human"),  # Apple's proxy fetches pictures and follows no links
    ],
)
def test_known_programs_are_known_by_their_names(agent, verdict):
    assert judged({"user_agent": agent}) == [verdict]


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ("Mozilla/5.0", "privacy_proxy"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "privacy_proxy"),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "privacy_proxy"),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "human"),  # Outlook shows its reader the pictures
        (FIREFOX, "human"),
    ],
)
@pytest.mark.parametrize("after", [1.0, 3600.0])
def test_an_open_through_a_providers_proxy_says_nothing_of_a_person(agent, verdict, after):
    early = verdict == "human" and after < 2
    told = {"kind": "open", "product_id": None, "user_agent": agent, "after": after}
    assert judged(told) == ["scanner" if early else verdict]


def test_the_same_link_again_at_once_is_one_click():
    assert judged({"after": 100}, {"after": 101}, {"after": 300}) == ["human", "duplicate", "human"]
    assert judged({"after": 100}, {"after": 101, "product_id": "p2"}) == ["human", "human"]
    assert judged({"after": 100}, {"after": 101, "address": "b"}) == ["human", "human"]


def test_after_a_scanner_a_persons_first_click_stands():
    assert judged({"after": 100, "method": "HEAD"}, {"after": 101}) == ["scanner", "human"]


def test_the_order_of_the_hits_changes_no_verdict():
    hits = [*clicks(8, 1.0), {"after": 99, "address": "b"}, {"after": 100, "address": "b"}]
    assert judged(*reversed(hits)) == judged(*hits)[::-1]


def test_of_no_hits_there_are_no_verdicts():
    empty = pd.DataFrame([HIT]).drop(columns="after").assign(at=SENT, sent_at=SENT).iloc[:0]
    assert verdicts(empty).empty
