"""The sql adapter: nothing is lost or doubled, whatever the times, ids and types of the database."""

import json
import threading
import traceback
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    create_engine,
    insert,
    text,
)
from sqlalchemy.pool import NullPool

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import AdapterError, BadCursor, BadSource, SourceMissing, Unreachable, Unsupported
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import REMEMBERED
from crm_adapters.records import Stream
from crm_adapters.registry import Access, open_adapter
from crm_adapters.sql import Sql

ONLY_POSTGRES = pytest.mark.parametrize("emptied", ["postgresql"], indirect=True)  # SQLite knows no such thing
NOW = datetime.now(UTC).replace(microsecond=0)
PEOPLE = '[customers]\ntable = "people"\nupdated = "changed"\nid = "no"\nemail = "mail"\n'


@pytest.fixture
def shop(emptied, tmp_path):
    return Shop(emptied, tmp_path)


class Shop:
    """An app's own database, and the adapter on it as some mapping says."""

    def __init__(self, url, folder):
        self.url, self.folder = url, folder
        self.engine = create_engine(url, poolclass=NullPool)
        self.kind = self.engine.dialect.name

    def run(self, *statements):
        with self.engine.begin() as write:
            for statement in statements:
                write.execute(text(statement))

    def ask(self, query):
        with self.engine.connect() as read:
            return [tuple(row) for row in read.execute(text(query))]

    def fill(self, name, columns, rows):
        table = Table(name, MetaData(), *(Column(column, kind) for column, kind in columns.items()))
        with self.engine.begin() as write:
            table.create(write, checkfirst=True)
            if rows:
                write.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])

    def people(self, rows, *, no=Integer, changed=None):
        changed = changed or DateTime(timezone=True)
        self.fill("people", {"no": no, "changed": changed, "mail": String}, [(*row, "a@example.com") for row in rows])

    def sql(self, mapping=PEOPLE, **more):
        path = self.folder / "map.toml"
        path.write_text(mapping)
        return Sql(self.url, load_mapping(path), **more)


def pull(adapter, stream=Stream.CUSTOMERS, since=None):
    """All ids, and the last cursor."""
    pages = list(adapter.pull(stream, since))
    return [row for page in pages for row in page.rows["id"].to_pylist()], pages[-1].cursor if pages else since


def restarted(shop, cursor=None, **more):
    """All ids after the cursor, when the process is killed after each page."""
    ids = []
    for _ in range(100):
        page = next(shop.sql(**more).pull(Stream.CUSTOMERS, cursor), None)
        if page is None:
            return ids, cursor
        ids += page.rows["id"].to_pylist()
        cursor = page.cursor
    pytest.fail("the pull has no end")


# Times


@pytest.mark.parametrize("page", [25, 100])
def test_every_customer_is_seen_once_also_when_killed_after_each_page(shop, page):
    times = [f"2026-01-01 00:00:{n // 25:02d}" for n in range(300)]
    shop.people(enumerate(times), changed=String)
    ids, _ = restarted(shop, page_rows=page)
    assert sorted(map(int, ids)) == list(range(300))


def test_a_hundred_thousand_rows_of_one_time_come_once_and_the_cursor_stays_small(shop):
    shop.people([])
    shop.run(
        "INSERT INTO people SELECT n * 2, '2026-01-01 00:00:00+00:00', 'a@example.com' FROM "
        + (
            "generate_series(1, 100000) AS n"
            if shop.kind == "postgresql"
            else "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT n FROM c)"
        )
    )
    ids, cursor = restarted(shop, page_rows=20_000)
    assert len(ids) == len(set(ids)) == 100_000
    assert len(cursor) < 1_000
    assert pull(shop.sql(), since=cursor) == ([], cursor)
    shop.run("INSERT INTO people VALUES (7, '2026-01-01 00:00:00+00:00', 'late@example.com')")
    ids, cursor = pull(shop.sql(), since=cursor)
    assert "7" in ids  # and with it once more the others, of which only the number and the sum were known
    assert pull(shop.sql(), since=cursor) == ([], cursor)


@pytest.mark.parametrize("count", [20, REMEMBERED * 3])
def test_a_row_that_appears_late_below_the_cursor_comes(shop, count):
    """A transaction took its time when it began, and was committed after newer ones had been pulled."""
    shop.people([(n, NOW - timedelta(seconds=n % 200)) for n in range(count)])
    ids, cursor = pull(shop.sql(page_rows=700))
    assert len(ids) == len(set(ids)) == count
    shop.people([(count, NOW - timedelta(seconds=250))])
    ids, cursor = pull(shop.sql(), since=cursor)
    assert str(count) in ids
    assert pull(shop.sql(), since=cursor) == ([], cursor)


@ONLY_POSTGRES
def test_a_transaction_that_was_still_open_while_its_time_was_passed_is_seen(shop):
    shop.people([])
    with shop.engine.connect() as slow:
        slow.execute(text("INSERT INTO people VALUES (1, now(), 'slow@example.com')"))
        shop.run("INSERT INTO people VALUES (2, now(), 'quick@example.com')")
        ids, cursor = pull(shop.sql())
        assert ids == ["2"]
        slow.commit()
    assert pull(shop.sql(), since=cursor)[0] == ["1"]


def test_only_the_late_row_comes_if_the_others_are_few(shop):
    shop.people([(n, NOW) for n in range(100)])
    _, cursor = pull(shop.sql(page_rows=30))
    shop.people([(-1, NOW)])
    ids, cursor = pull(shop.sql(page_rows=30), since=cursor)
    assert ids == ["-1"]
    shop.run("DELETE FROM people WHERE no = 50")
    assert pull(shop.sql(), since=cursor)[0] == []


def test_many_late_rows_come_once_also_when_killed_after_each_page(shop):
    shop.people([(n * 10, NOW) for n in range(100)])
    _, cursor = pull(shop.sql())
    shop.people([(n * 10 + 5, NOW) for n in range(100)])
    ids, _ = restarted(shop, cursor, page_rows=30)
    assert sorted(map(int, ids)) == [n * 10 + 5 for n in range(100)]


def test_what_changed_without_a_newer_time_is_seen_while_it_is_new(shop):
    shop.people([(1, NOW), (2, NOW)])
    _, cursor = pull(shop.sql())
    shop.run("UPDATE people SET mail = 'b@example.com' WHERE no = 1")
    assert pull(shop.sql(), since=cursor)[0] == ["1"]


@pytest.mark.parametrize("count", [3, REMEMBERED + 500])
def test_rows_of_the_future_come_once_and_hide_nothing(shop, count):
    shop.people([(n, NOW + timedelta(days=900, minutes=n)) for n in range(count)])
    ids, cursor = pull(shop.sql(page_rows=400))
    assert len(ids) == len(set(ids)) == count
    assert pull(shop.sql(), since=cursor)[0] == []
    shop.people([(-5, NOW)])
    ids, cursor = pull(shop.sql(), since=cursor)
    assert "-5" in ids
    assert pull(shop.sql(), since=cursor)[0] == []


def test_text_that_is_no_time_hides_nothing(shop):
    shop.people([(1, "2026-01-01 00:00:00"), (2, "soon")], changed=String)
    ids, cursor = pull(shop.sql())
    shop.people([(3, "2026-01-02 00:00:00")], changed=String)
    assert (sorted(ids), pull(shop.sql(), since=cursor)[0]) == (["1", "2"], ["3"])


def test_rows_without_a_time_come_with_every_pull_after_the_others(shop):
    shop.people([(1, None), (2, NOW), (3, None), (4, NOW)])
    ids, cursor = pull(shop.sql(page_rows=1))
    assert ids == ["2", "4", "1", "3"]
    assert pull(shop.sql(), since=cursor) == (["1", "3"], cursor)
    shop.people([(5, NOW)])
    assert pull(shop.sql(), since=cursor)[0] == ["5", "1", "3"]


def test_only_rows_without_a_time_are_pulled_whole(shop):
    shop.people([(1, None)])
    assert pull(shop.sql()) == (["1"], None)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (BigInteger, [1, 2, 3, 2**40]),
        (Numeric(20, 6), [Decimal("1.5"), Decimal("2.25"), Decimal("2.250001"), Decimal(9)]),
        (Float, [1.5, 2.25, 2.5, 9.0]),
        (Date, [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 4)]),
        (DateTime, [datetime(2026, 1, 1, 0, 0, n, 123) for n in range(4)]),
        (String, [f"2026-01-01T00:00:0{n}Z" for n in range(4)]),
    ],
    ids=["integer", "decimal", "float", "date", "naive", "text"],
)
def test_a_change_may_be_told_by_any_kind_of_value(shop, kind, values):
    rows = [(n * 4 + k, value) for n, value in enumerate(values[:3]) for k in range(4)]
    shop.people(rows, changed=kind)
    ids, cursor = restarted(shop, page_rows=3)
    assert sorted(map(int, ids)) == list(range(12))
    shop.people([(99, values[2]), (100, values[3])], changed=kind)
    ids, cursor = pull(shop.sql(page_rows=3), since=cursor)
    assert ids == ["99", "100"]
    assert pull(shop.sql(), since=cursor)[0] == []


def test_a_time_before_which_there_is_no_time_is_read(shop):
    shop.people([(1, "0001-01-01 00:00:00"), (2, "0001-01-01 00:00:00")], changed=String)
    assert pull(shop.sql())[0] == ["1", "2"]


@ONLY_POSTGRES
def test_a_moment_that_python_does_not_know_is_told(shop):
    shop.people([])
    shop.run("INSERT INTO people VALUES (1, 'infinity', 'a@example.com')")
    with pytest.raises(BadSource, match=r"customers can't be read: .*too large.*; mend"):
        pull(shop.sql())


# Ids


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (Uuid, [UUID(int=n) for n in range(60)]),
        (String, ["é", "e", "E", "ä", "a b", "10", "9", "", "-", *(f"c{n}" for n in range(51))]),
        (Numeric(12, 0), [Decimal(n) for n in range(60)]),
        (LargeBinary, [bytes([255, n]) for n in range(60)]),
    ],
    ids=["uuid", "text", "decimal", "bytes"],
)
def test_rows_of_one_time_are_told_apart_by_ids_of_any_kind(shop, kind, ids):
    shop.people([(identity, NOW) for identity in ids], no=kind)
    found, cursor = restarted(shop, page_rows=7)
    assert len(found) == len(set(found)) == sum(identity != "" for identity in ids)
    assert pull(shop.sql(), since=cursor)[0] == []


def test_rows_without_an_id_are_rejected_each_at_its_own_place(shop):
    shop.people([(None, NOW)] * 2 + [(None, NOW - timedelta(days=1)), (1, NOW), (2, NOW), (3, NOW)])
    shop.run("UPDATE people SET mail = 'b@example.com' WHERE changed < (SELECT max(changed) FROM people)")
    shop.fill("people", {"no": Integer, "changed": DateTime(timezone=True), "mail": String}, [(None, NOW, "c@e.com")])
    first, second = (list(shop.sql(page_rows=2).pull(Stream.CUSTOMERS, None)) for _ in range(2))
    places = [reject.place for page in first for reject in page.rejects]
    assert [row for page in first for row in page.rows["id"].to_pylist()] == ["1", "2", "3"]
    assert len(places) == 4
    assert len(set(places)) == 3  # two rows are equal in all
    assert all(place.startswith("customers without id, row ") for place in places)
    assert places == [reject.place for page in second for reject in page.rejects]


def test_a_reject_stands_at_its_id_and_keeps_the_record(shop):
    shop.people([(1, NOW), (2, NOW)])
    shop.run("UPDATE people SET mail = 'nobody' WHERE no = 2")
    (reject,) = (reject for page in shop.sql().pull(Stream.CUSTOMERS, None) for reject in page.rejects)
    assert (reject.place, reject.reason) == ("customers 2", "bad_email")
    assert json.loads(reject.record)["mail"] == "nobody"


# Orders


LINES = {"order_id": String, "sku": String, "changed": DateTime(timezone=True)}
ORDERS = '[orders]\ntable = "lines"\nproduct_id = "sku"\nplaced_at = "changed"\nquantity = {default = 1}\n'


@pytest.mark.parametrize("by_change", [True, False])
def test_the_lines_of_an_order_stand_on_one_page_even_without_line_ids(shop, by_change):
    shop.fill("lines", LINES, [(f"o{n % 20:02d}", f"p{n}", NOW) for n in range(100)])
    pages = list(shop.sql(ORDERS + 'updated = "changed"\n' * by_change, page_rows=12).pull(Stream.ORDERS, None))
    found = [(row["order_id"], row["product_id"]) for page in pages for row in page.rows.to_pylist()]
    assert sorted(found) == sorted((f"o{n % 20:02d}", f"p{n}") for n in range(100))
    on = [set(page.rows["order_id"].to_pylist()) for page in pages]
    assert len(on) > 3
    assert sum(map(len, on)) == 20


def test_an_order_larger_than_a_page_comes_whole(shop):
    shop.fill("lines", LINES, [("o1", f"p{n}", NOW) for n in range(50)] + [(f"p{n}", "p", NOW) for n in range(99)])
    pages = list(shop.sql(ORDERS + 'updated = "changed"\n', page_rows=3).pull(Stream.ORDERS, None))
    assert [page.rows["order_id"].to_pylist().count("o1") for page in pages if "o1" in str(page.rows)] == [50]
    assert sum(page.rows.num_rows for page in pages) == 149


@pytest.mark.parametrize("other", [NOW - timedelta(days=1), None])
def test_lines_of_one_order_at_several_times_are_refused_with_the_remedy(shop, other):
    shop.fill("lines", LINES, [("o1", "p1", NOW), ("o2", "p1", NOW), ("o2", "p2", other)])
    with pytest.raises(
        BadSource, match=r"order 'o2' have several times.*max\(changed\) over \(partition by order_id\)"
    ):
        list(shop.sql(ORDERS + 'updated = "changed"\n').pull(Stream.ORDERS, None))
    query = "SELECT order_id, sku, max(changed) OVER (PARTITION BY order_id) AS changed FROM lines"
    mended = ORDERS.replace('table = "lines"', f'query = "{query}"') + 'updated = "changed"\n'
    assert sum(page.rows.num_rows for page in shop.sql(mended).pull(Stream.ORDERS, None)) == 3


def test_a_bad_line_stands_at_its_order_and_line(shop):
    columns = {"order_id": String, "line_id": Integer, "placed_at": String, "quantity": String}
    shop.fill("orders", columns, [("o1", 1, "2026-01-05", "1"), ("o1", 2, "2026-01-05", "x"), ("o1", 3, "?", "1")])
    rejects = [reject for page in shop.sql("").pull(Stream.ORDERS, None) for reject in page.rejects]
    assert [reject.place for reject in rejects] == ["orders o1 line 2", "orders o1 line 3"]


# Streams without a time of change


def test_a_stream_without_a_time_is_streamed_in_pages_and_always_whole(shop):
    shop.people([(n, NOW) for n in range(95)])
    adapter = shop.sql(PEOPLE.replace('updated = "changed"\n', ""), page_rows=20)
    for _ in range(2):
        pages = list(adapter.pull(Stream.CUSTOMERS, None))
        assert sorted(int(row) for page in pages for row in page.rows["id"].to_pylist()) == list(range(95))
        assert max(page.rows.num_rows for page in pages) == 20
        assert [page.first for page in pages] == [True] + [False] * (len(pages) - 1)
        assert {page.cursor for page in pages} == {None}
    with pytest.raises(BadCursor, match="--full"):
        list(adapter.pull(Stream.CUSTOMERS, '{"v": 2}'))


def test_a_pull_may_go_on_and_end_in_other_threads(shop):
    """The sync reads a page ahead in a thread of its own."""
    shop.people([(n, NOW) for n in range(30)])
    pages = shop.sql(PEOPLE.replace('updated = "changed"\n', ""), page_rows=10).pull(Stream.CUSTOMERS, None)
    found = []
    for work in (lambda: found.append(next(pages)), lambda: found.append(next(pages)), pages.close):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(found) == 2


# What the mapping names


def test_a_query_may_hold_colons_percents_a_comment_and_a_semicolon(shop):
    shop.people([(1, NOW), (2, NOW)])
    query = "SELECT no AS id, 'Ann :x 12:30 50%' AS first_name, changed AS at FROM people -- both\n;"
    adapter = shop.sql(f'[customers]\nquery = """{query}"""\nupdated = "at"\n', page_rows=1)
    rows = [row for page in adapter.pull(Stream.CUSTOMERS, None) for row in page.rows.to_pylist()]
    assert [(row["id"], row["first_name"]) for row in rows] == [("1", "Ann :x 12:30 50%"), ("2", "Ann :x 12:30 50%")]
    assert adapter.streams() == [Stream.CUSTOMERS]


def test_views_and_tables_of_a_schema_are_found(shop):
    shop.people([(1, NOW)])
    shop.run("CREATE VIEW customers AS SELECT no AS id FROM people")
    assert shop.sql("").streams() == [Stream.CUSTOMERS]
    assert pull(shop.sql(""))[0] == ["1"]
    schema = "public" if shop.kind == "postgresql" else "main"
    assert pull(shop.sql(PEOPLE.replace('"people"', f'"{schema}.people"')))[0] == ["1"]


def test_a_missing_table_is_told(shop):
    with pytest.raises(SourceMissing, match=r"orders can't be read: .*orders.*; check table, query and columns"):
        list(shop.sql("").pull(Stream.ORDERS, None))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('first_name = "mial"\n', "customers has no column 'mial'; did you mean 'mail'"),
        ('first_name = "MAIL"\n', "customers has no column 'MAIL'; did you mean 'mail'"),
        ('updated = "when"\n', "customers has no column 'when'; its columns are: no, changed, mail"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_what_was_meant(shop, line, words):
    shop.people([])
    mapping = PEOPLE.replace('updated = "changed"\n', "") + line
    with pytest.raises(SourceMissing, match=words):
        list(shop.sql(mapping).pull(Stream.CUSTOMERS, None))


@ONLY_POSTGRES
def test_two_columns_of_one_name_are_refused(shop):
    shop.people([(1, NOW)])
    with pytest.raises(BadSource, match="customers has two columns 'mail'"):
        list(shop.sql('[customers]\nquery = "SELECT no AS id, mail, mail FROM people"\n').pull(Stream.CUSTOMERS, None))


@pytest.mark.parametrize("line", ['attributes.mail = "mail"\n', 'phone = "mail"\n'])
def test_a_cursor_of_another_mapping_is_refused(shop, line):
    shop.people([(1, NOW)])
    _, cursor = pull(shop.sql())
    assert pull(shop.sql(PEOPLE + "\n"), since=cursor)[0] == []
    with pytest.raises(BadCursor, match="as it is mapped now; pull in full: --full"):
        pull(shop.sql(PEOPLE + line), since=cursor)


# Values


def test_values_of_every_type_arrive(shop):
    columns = {
        "id": Uuid,
        "title": LargeBinary,
        "sku": LargeBinary,
        "price": Numeric(20, 4),
        "currency": String,
        "available": Boolean,
        "size": Float,
        "brand": Date,
        "created_at": DateTime,
        "updated_at": DateTime(timezone=True),
        "url": BigInteger,
    }
    moment = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
    row = (UUID(int=7), "Schön".encode(), b"\xff\x00", Decimal("1234567890.12"), "USD", False, 1.5, date(2026, 2, 3))
    shop.fill(
        "products", columns, [(*row, moment.replace(tzinfo=None), moment, 2**60), (UUID(int=8), b"x", *[None] * 9)]
    )
    found = {row["id"]: row for page in shop.sql("").pull(Stream.PRODUCTS, None) for row in page.rows.to_pylist()}
    sevens = str(UUID(int=7)) if shop.kind == "postgresql" else UUID(int=7).hex
    assert {name: value for name, value in found[sevens].items() if value is not None} == {
        "id": sevens,
        "title": "Schön",
        "sku": "ff00",
        "price_minor": 123456789012,
        "currency": "USD",
        "available": False,
        "published": True,
        "recommendable": True,
        "size": "1.5",
        "brand": "2026-02-03",
        "created_at": moment,
        "updated_at": moment,
        "url": str(2**60),
    }
    assert len(found) == 2


@ONLY_POSTGRES
def test_a_time_in_another_zone_is_the_same_moment(shop, monkeypatch):
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    shop.people([(1, datetime(2026, 1, 5, 10, tzinfo=UTC))])
    (page,) = shop.sql(PEOPLE + 'updated_at = "changed"\n').pull(Stream.CUSTOMERS, None)
    assert page.rows["updated_at"].to_pylist() == [datetime(2026, 1, 5, 10, tzinfo=UTC)]


# Push


def test_more_updates_than_a_statement_takes_values_are_written(shop):
    adapter = shop.sql()
    for segment, count in (("new", 40_000), ("loyal", 1_000)):
        results = list(adapter.push([FieldUpdate(f"c{n}", {"segment": segment}) for n in range(count)]))
        assert {result.status for result in results} == {"sent"}
    held = shop.ask("SELECT segment, count(*) FROM recommended GROUP BY segment ORDER BY segment")
    assert held == [("loyal", 1_000), ("new", 39_000)]


def test_new_fields_become_columns_under_their_own_names(shop):
    adapter = shop.sql()
    names = ["a", "Größe (cm)", 'say "hi"', "50% :off", "select", "A.b"]
    list(adapter.push([FieldUpdate("1", {"a": "x"})]))
    list(adapter.push([FieldUpdate("1", dict.fromkeys(names, "y")), FieldUpdate("2", {"a": "z"})]))
    assert sorted(shop.ask("SELECT * FROM recommended")) == [("1", *["y"] * 6), ("2", "z", *[None] * 5)]


def test_an_update_that_cannot_be_written_is_rejected_alone(shop):
    bad = [
        FieldUpdate("", {"a": "x"}),
        FieldUpdate("x" * 256, {"a": "x"}),
        FieldUpdate("2", {"": "x"}),
        FieldUpdate("3", {"customer_id": "x"}),
        FieldUpdate("4", {"n" * 64: "x"}),
        FieldUpdate("5", {"a": "nul \0"}),
        FieldUpdate("6", {"a": "half \ud83d"}),
    ]
    results = list(shop.sql().push([*bad, FieldUpdate("7", {"a": 1.5})]))
    assert [result.status for result in results] == ["rejected"] * 7 + ["sent"]
    assert all(result.message for result in results[:7])
    assert shop.ask("SELECT * FROM recommended") == [("7", "1.5")]


def test_the_last_of_two_updates_of_a_customer_wins_field_by_field(shop):
    updates = [FieldUpdate("1", {"a": "x", "b": "y"}), FieldUpdate("1", {"a": "z"})]
    assert len(list(shop.sql().push(updates))) == 2
    assert shop.ask("SELECT * FROM recommended") == [("1", "z", "y")]


# Connections


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://shop:PASSWORD@127.0.0.1:1/shop",
        "postgresql+psycopg://shop:sec/PASSWORD@127.0.0.1:1/shop",
        "postgresql+psycopg://shop:PASSWORD:s3@PASSWORD@127.0.0.1:1/shop",
        "postgresql+psycopg://shop:a@PASSWORD#x?y@127.0.0.1:1/shop",
        "postgresql+psycopg://shop:PASS%57ORD@127.0.0.1:1/shop",
        "postgresql+psycopg://shop:x@127.0.0.1:PASSWORD/shop",
        "postgresql+psycopg://127.0.0.1:1/shop?password=PASSWORD",
        "postgresql+psycopg://127.0.0.1:1/shop?user=a&nonsense_password=PASSWORD",
        "oracle+nonsense://shop:PASSWORD@host/shop",
        "shop:PASSWORD@host",
    ],
)
def test_a_password_is_in_no_error_text(url, tmp_path):
    with pytest.raises(AdapterError) as caught:
        open_adapter("sql", Access(url), None).streams()
    told = "".join(traceback.format_exception(caught.value))
    assert "PASSWORD" not in str(caught.value)
    assert "PASSWORD" not in told.split("test_sql.py")[-1]
    assert caught.value.remedy


def test_a_password_is_in_no_repr():
    assert "PASSWORD" not in repr(vars(Sql("postgresql+psycopg://shop:PASSWORD@127.0.0.1:1/shop", load_mapping(None))))


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        (
            "postgresql+psycopg://shop@127.0.0.1:1/shop",
            Unreachable,
            "does not answer: .*refused.*; check the connection",
        ),
        ("sqlite:////no/such/folder/shop.db", SourceMissing, "no database /no/such/folder/shop.db; check the conn"),
        ("sqlite:////tmp", Unreachable, "does not answer: unable to open database file"),
        ("oracle+nonsense://host/shop", Unsupported, "no driver for oracle.nonsense; install it"),
        ("shop.db", Unreachable, "url can't be read; write postgresql"),
    ],
)
def test_a_database_that_can_not_be_reached_is_told_with_the_remedy(url, kind, words):
    with pytest.raises(kind, match=words):
        Sql(url, load_mapping(None)).streams()


def test_a_database_without_any_of_the_tables_is_told(shop):
    with pytest.raises(SourceMissing, match="no table is called customers, products or orders; name yours"):
        shop.sql("").streams()


def test_a_locked_database_is_not_called_missing(tmp_path):
    (tmp_path / "shop.db").touch()
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)
    shop.people([(1, NOW)])
    with shop.engine.connect() as writer:
        writer.execute(text("PRAGMA locking_mode = EXCLUSIVE"))
        writer.execute(text("BEGIN EXCLUSIVE"))
        with pytest.raises(Unreachable, match="locked"):
            pull(Sql(f"sqlite:///{tmp_path / 'shop.db'}?timeout=0.1", shop.sql().mapping))
