"""Google Merchant feeds, as XML and as tables: read whole when something has changed, and else not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_adapters.errors import BadCursor, BadSource, Denied, SourceMissing, Unreachable, Unsupported
from crm_adapters.product_pages import adapter as product_pages
from crm_adapters.product_pages.adapter import Manners
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.shop import GOOGLE, feed, item

OFFERS = Stream.OFFERS
TSV = "id\ttitle\tlink\timage link\tprice\tavailability\tproduct type\n"


def day(clock, days):
    return (datetime.fromtimestamp(clock.now(), UTC) + timedelta(days=days)).isoformat(timespec="seconds")


def test_an_item_is_read_whole(shop, opened, pull):
    more = {"description": "Fresh", "image_link": "/1.jpg", "brand": "Leaf", "gtin": "400", "item_group_id": "g"}
    more |= {"product_type": "Drinks >Tea", "availability": "out_of_stock", "size": "100 g", "shipping_label": "x"}
    shop.put("/feed.xml", feed(item(**more)))
    ((row,), rejects, _) = pull(opened("/feed.xml"))
    assert rejects == []
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {
        "id": "1", "sku": "1", "parent_id": "g", "title": "Tea 1", "description": "Fresh", "brand": "Leaf",
        "url": f"{shop.url}/p/1", "image_url": f"{shop.url}/1.jpg", "category_path": "Drinks > Tea", "size": "100 g",
        "price_minor": 450, "currency": "EUR", "available": False, "published": True, "recommendable": True,
        "attributes": '{"gtin": "400", "availability": "outofstock"}',
    }  # fmt: skip


def test_the_price_of_delivery_is_not_the_price(shop, opened, pull):
    inner = "<g:shipping><g:country>DE</g:country><g:price>3 EUR</g:price></g:shipping>"
    shop.put("/feed.xml", feed(item()).replace("<g:id>", f"{inner}<g:id>").replace("</item>", f"{inner}</item>"))
    assert pull(opened("/feed.xml"))[0][0]["price_minor"] == 450


def test_of_two_names_that_rss_has_too_googles_own_counts(shop, opened, pull):
    shop.put("/feed.xml", feed(item()).replace("<item>", "<item><title>RSS</title><link>/rss</link>"))
    ((row,), _, _) = pull(opened("/feed.xml"))
    assert (row["title"], row["url"]) == ("Tea 1", f"{shop.url}/p/1")


def test_atom_is_read_like_rss(shop, opened, pull):
    entry = '<entry><title>Tea</title><link href="/p/9"/><g:id>9</g:id><g:price>3.00 USD</g:price></entry>'
    shop.put("/atom", f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="{GOOGLE}"><title>Shop</title>{entry}</feed>')
    ((row,), _, _) = pull(opened("/atom"))
    assert (row["id"], row["title"], row["url"], row["price_minor"]) == ("9", "Tea", f"{shop.url}/p/9", 300)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("sign", ["\t", ",", ";", "|"])
def test_a_table_is_read_whatever_stands_between_its_columns(shop, opened, pull, coding, sign):
    line = 'a1\t"Grüner ""Tee"""\t/p/1\t/1.jpg\t19.99 EUR\tin stock\tDrinks > Tea\r\n\r\n'
    shop.put("/feed.txt", (TSV + line).replace("\t", sign).encode(coding))
    ((row,), rejects, _) = pull(opened("/feed.txt"))
    assert (row["id"], row["title"], row["price_minor"], row["category_path"]) == (
        "a1", 'Grüner "Tee"', 1999, "Drinks > Tea",
    )  # fmt: skip
    assert row["image_url"] == f"{shop.url}/1.jpg"
    assert rejects == []


def test_a_stray_quote_in_a_table_swallows_no_lines(shop, opened, pull):
    lines = '1\t"24 inch screen\t/1\t\t5 EUR\t\t\n2\tTea\t/2\t\t5 EUR\t\t\n'
    shop.put("/feed.txt", TSV + lines)
    assert [row["title"] for row in pull(opened("/feed.txt"))[0]] == ['"24 inch screen', "Tea"]


def test_bad_lines_of_a_table_are_kept_with_their_place_and_the_good_go_on(shop, opened, pull):
    lines = b"1\tTea\t/1\n2\tT\xe9a\t/2\t\t5 EUR\t\t\n3\tTea\t/3\t\t5 EUR\t\t\n"
    shop.put("/feed.txt", TSV.encode() + lines)
    rows, rejects, _ = pull(opened("/feed.txt"))
    assert [row["id"] for row in rows] == ["3"]
    assert [(one.place, one.reason, one.detail) for one in rejects] == [
        ("line 2", "bad_item", "3 columns where the header has 7"),
        ("line 3", "bad_item", "it is not UTF-8"),
    ]


def test_a_cell_longer_than_any_is_rejected_and_a_line_without_end_is_refused(shop, opened, pull):
    shop.put("/feed.csv", f"id,title,price\n1,{'x' * 200_000},5 EUR\n2,Tea,5 EUR\n")
    rows, rejects, _ = pull(opened("/feed.csv"))
    assert ([row["id"] for row in rows], [one.reason for one in rejects]) == (["2"], ["bad_item"])
    shop.put("/feed.csv", f"id,title,price\n1,{'x' * 2_000_000}")
    with pytest.raises(BadSource, match="a line has more than"):
        pull(opened("/feed.csv"))


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("title", "missing_title"),
        ("price", "missing_price"),
        ("id", "missing_id"),
        ("link", None),
        ("unclear", "bad_price_minor"),
        ("naked", "missing_currency"),
    ],
)
def test_a_product_that_can_not_be_mailed_is_rejected_with_its_reason(shop, opened, pull, lacking, reason):
    told = item() | {"unclear": {"price": "1.299 EUR"}, "naked": {"price": "4.50"}}.get(lacking, {})
    told.pop(lacking, None)
    shop.put("/feed.xml", feed(told, item("2")))
    rows, rejects, _ = pull(opened("/feed.xml"))
    assert [one.reason for one in rejects] == ([reason] if reason else [])
    assert "2" in [row["id"] for row in rows]


def test_a_currency_that_the_mapping_gives_is_enough(shop, opened, pull, tmp_path):
    text = product_pages.MAPPING.read_text()
    (tmp_path / "own.toml").write_text(text.replace('currency = "currency"', 'currency = {default = "JPY"}'))
    shop.put("/feed.xml", feed(item(price="450")))
    assert pull(opened("/feed.xml", tmp_path / "own.toml"))[0][0]["price_minor"] == 450


def test_the_second_of_one_id_is_rejected_and_not_lost_in_silence(shop, opened, pull):
    shop.put("/feed.xml", feed(item(), item(title="Coffee")))
    rows, (reject,), _ = pull(opened("/feed.xml"))
    assert [row["title"] for row in rows] == ["Tea 1"]
    assert reject.reason == "duplicate_id"
    assert "Coffee" in reject.record


def test_a_sale_price_counts_while_it_holds(shop, opened, pull, clock):
    def paid(**more):
        shop.put("/feed.xml", feed(item(sale_price="3.00 EUR", **more)))
        ((row,), _, _) = pull(opened("/feed.xml"))
        return row["price_minor"]

    def between(first, last):
        return {"sale_price_effective_date": f"{day(clock, first)}/{day(clock, last)}"}

    assert paid() == 300
    assert paid(**between(-1, 1)) == 300
    assert paid(**between(1, 2)) == 450
    assert paid(**between(-2, -1)) == 450
    assert paid(sale_price_effective_date="soon") == 450
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    assert paid(sale_price_effective_date=f"{today}/{today}") == 300


def test_a_feed_that_has_not_changed_is_not_sent_again(shop, opened, pull):
    for more in ({"etag": '"1"'}, {"modified": 1_700_000_000}):
        shop.put("/feed.xml", feed(item()), **more)
        _, _, cursor = pull(opened("/feed.xml"))
        assert list(opened("/feed.xml").pull(product_pages.Stream.PRODUCTS, cursor)) == []
        assert {"if-none-match", "if-modified-since"} & set(shop.asked[-1][1])


def test_a_feed_whose_server_knows_no_conditions_is_known_by_what_it_holds(shop, opened, pull):
    shop.put("/feed.xml", feed(item()))
    _, _, cursor = pull(opened("/feed.xml"))
    assert pull(opened("/feed.xml"), cursor)[0] == []
    shop.put("/feed.xml", feed(item(), item("2")))
    rows, _, cursor = pull(opened("/feed.xml"), cursor)
    assert [row["id"] for row in rows] == ["1", "2"]


def test_an_unchanged_feed_is_read_again_when_a_sale_begins_and_when_it_ends(shop, opened, pull, clock):
    dates = f"{day(clock, 1)}/{day(clock, 2)}"
    shop.put("/feed.xml", feed(item(sale_price="3.00 EUR", sale_price_effective_date=dates), item("2")), etag='"1"')
    seen, cursor = [], None
    for _ in range(6):
        rows, _, cursor = pull(opened("/feed.xml"), cursor)
        seen.append([row["price_minor"] for row in rows])
        clock.time += 12 * 3600
    assert seen == [[450, 450], [], [300, 450], [], [450, 450], []]


def test_offers_are_the_sales_of_a_feed_if_the_mapping_asks_for_them(shop, opened, pull, tmp_path):
    lines = product_pages.MAPPING.read_text().splitlines()
    start = lines.index("# [offers]")
    (tmp_path / "own.toml").write_text("\n".join([*lines[:start], *(line[2:] for line in lines[start:])]))
    dates = "2026-03-01T10:00+0100/2026-03-08T10:00+0100"
    shop.put(
        "/feed.xml", feed(item(sale_price="3 EUR", sale_price_effective_date=dates), item("2", sale_price="3 EUR"))
    )
    adapter = opened("/feed.xml", tmp_path / "own.toml")
    assert adapter.streams() == [Stream.PRODUCTS, OFFERS]
    ((row,), rejects, _) = pull(adapter, stream=OFFERS)
    assert (row["product_id"], row["kind"], row["starts_at"]) == ("1", "discount", datetime(2026, 3, 1, 9, tzinfo=UTC))
    assert (row["ends_at"], row["announced_at"]) == (datetime(2026, 3, 8, 9, tzinfo=UTC), row["starts_at"])
    assert rejects == []
    shop.put("/sitemap.xml", "<urlset/>")
    with pytest.raises(Unsupported, match=r"take \[offers\] out"):
        pull(opened("/sitemap.xml", tmp_path / "own.toml"), stream=OFFERS)


def test_a_pull_that_was_killed_goes_on_and_one_of_a_changed_feed_begins_anew(shop, opened):
    shop.put("/feed.xml", feed(*(item(str(number)) for number in range(5))))
    first = next(opened("/feed.xml", page_records=2).pull(Stream.PRODUCTS, None))
    rest = list(opened("/feed.xml", page_records=2).pull(Stream.PRODUCTS, first.cursor))
    assert [page.rows["id"].to_pylist() for page in rest] == [["2", "3"], ["4"]]
    shop.put("/feed.xml", feed(*(item(str(number)) for number in range(3))))
    anew = list(opened("/feed.xml", page_records=2).pull(Stream.PRODUCTS, first.cursor))
    assert [page.rows["id"].to_pylist() for page in anew] == [["0", "1"], ["2"]]
    assert [page.first for page in anew] == [True, False]


def test_a_packed_feed_is_read(shop, opened, pull):
    shop.put("/feed.xml.gz", feed(item()), packed=True, headers={"Content-Type": "application/gzip"})
    assert len(pull(opened("/feed.xml.gz"))[0]) == 1
    shop.put("/feed.xml", feed(item()), packed=True, headers={"Content-Encoding": "gzip"})
    assert len(pull(opened("/feed.xml"))[0]) == 1


def test_a_feed_that_breaks_off_is_refused_with_the_line(shop, opened, pull):
    shop.put("/feed.xml", feed(item(), item("2"))[:-40])
    with pytest.raises(BadSource, match=r"the feed is broken: .*line 1.*nothing is lost"):
        pull(opened("/feed.xml"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "neither feed nor sitemap"),
        ("hello", "neither feed nor sitemap"),
        ('{"products": []}', "neither feed nor sitemap"),
        ("<svg/>", "neither feed nor sitemap"),
        (b"\x00\x01\x02", "neither feed nor sitemap"),
        (b"\x1f\x8bno gzip", "its gzip is broken"),
    ],
)
def test_what_is_no_source_is_refused_with_what_to_name(shop, opened, pull, body, words):
    shop.put("/x", body)
    with pytest.raises(BadSource, match=f"{words}.*name a Google Merchant feed"):
        pull(opened("/x"))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, SourceMissing),
        (410, SourceMissing),
        (401, Denied),
        (403, Denied),
        (500, Unreachable),
        (429, Unreachable),
        (418, BadSource),
    ],
)
def test_a_source_that_is_not_given_is_told(shop, opened, pull, status, error):
    shop.put("/feed.xml", "no", status=status)
    with pytest.raises(error, match=str(status)):
        pull(opened("/feed.xml"))


def test_a_busy_server_is_asked_again_when_it_says(shop, opened, pull, clock):
    shop.put("/feed.xml", "busy", status=503, headers={"Retry-After": "30"})
    with pytest.raises(Unreachable):
        pull(opened("/feed.xml"))
    assert [round(wait) for wait in clock.waits] == [30, 30, 30]


def test_a_cursor_of_another_source_is_refused(shop, opened, pull):
    shop.put("/feed.xml", feed(item()))
    shop.put("/other.xml", feed(item()))
    _, _, cursor = pull(opened("/feed.xml"))
    with pytest.raises(BadCursor, match="--full"):
        pull(opened("/other.xml"), cursor)
    shop.put("/feed.xml", "<urlset/>")
    with pytest.raises(BadCursor, match="--full"):
        pull(opened("/feed.xml"), cursor)


def test_a_password_in_the_url_is_told_nowhere(shop, opened, pull):
    from crm_adapters.product_pages.adapter import ProductPages

    url = shop.url.replace("//", "//me:s3cret@") + "/feed.xml?token=s3cret"
    adapter = ProductPages(url, None, Manners(allow_private=True, pause_seconds=0))
    shop.put("/feed.xml?token=s3cret", "hello")
    for go in (adapter.check, lambda: pull(adapter)):
        with pytest.raises(BadSource) as refusal:
            go()
        assert "s3cret" not in str(refusal.value)
    assert shop.asked[-1][1]["authorization"].startswith("Basic ")
    shop.put("/feed.xml?token=s3cret", feed(item()))
    assert "s3cret" not in str(adapter.check())
