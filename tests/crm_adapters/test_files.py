"""The files adapter: good rows arrive, bad ones are kept with line and reason, pulls resume, pushes merge."""

import json

import pytest

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import BadCursor, BadMapping, BadSource, SourceMissing
from crm_adapters.files import Files
from crm_adapters.mapping import load_mapping
from crm_adapters.records import SCHEMAS, Stream

ORDERS = """order_id,customer_id,placed_at,product_id,quantity,unit_price,currency
o1,c1,2026-01-05T10:00:00Z,p1,2,1.99,USD
o2,c1,not a time,p1,1,1.99,USD
o3,c2,2026-01-06T10:00:00Z,p2,1
o4,c2,2026-01-06T11:00:00Z,p2,many,2.00,USD
,c2,2026-01-06T11:00:00Z,p2,1,2.00,USD
o6,c3,2026-01-07T11:00:00Z,p3,1,250,JPY
"""


def pull(adapter, stream, since=None):
    pages = list(adapter.pull(stream, since))
    rows = [row for page in pages for row in page.rows.to_pylist()]
    return rows, [reject for page in pages for reject in page.rejects], pages[-1].cursor if pages else since


def test_good_rows_arrive_and_bad_ones_are_listed_with_line_and_reason(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    rows, rejects, _ = pull(Files(tmp_path), Stream.ORDERS)
    assert [row["order_id"] for row in rows] == ["o1", "o6"]
    found = {(reject.place, reject.reason) for reject in rejects}
    assert found == {
        ("orders.csv line 3", "bad_placed_at"),
        ("orders.csv line 4", "wrong_columns"),
        ("orders.csv line 5", "bad_quantity"),
        ("orders.csv line 6", "missing_order_id"),
    }
    assert "not a time" in next(reject.record for reject in rejects if reject.reason == "bad_placed_at")


def test_money_is_integer_minor_units_of_its_currency(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    rows, _, _ = pull(Files(tmp_path), Stream.ORDERS)
    assert [row["unit_price_minor"] for row in rows] == [199, 250]


def test_pages_match_the_schema(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    assert all(page.rows.schema == SCHEMAS[Stream.ORDERS] for page in Files(tmp_path).pull(Stream.ORDERS, None))


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_is(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    _, _, cursor = pull(Files(tmp_path), Stream.ORDERS)
    assert pull(Files(tmp_path), Stream.ORDERS, cursor)[0] == []
    path.write_text(ORDERS + "o7,c3,2026-01-08T11:00:00Z,p3,1,2.50,USD\n")
    assert len(pull(Files(tmp_path), Stream.ORDERS, cursor)[0]) == 3


def test_a_pull_resumes_after_each_page_without_loss_or_doubling(tmp_path, monkeypatch):
    monkeypatch.setattr("crm_adapters.files.BLOCK_BYTES", 4096)
    lines = [f"o{n},c1,2026-01-05T10:00:00Z,p1,1,1.99,USD" for n in range(2000)]
    (tmp_path / "orders.csv").write_text("\n".join([ORDERS.splitlines()[0], *lines]) + "\n")
    seen, cursor = [], None
    while page := next(Files(tmp_path).pull(Stream.ORDERS, cursor), None):  # a new adapter, killed after one page
        seen += page.rows["order_id"].to_pylist()
        cursor = page.cursor
    assert seen == [f"o{n}" for n in range(2000)]


def test_a_nested_order_becomes_one_row_a_line(tmp_path):
    order = {"id": "o1", "customer_id": "c1", "placed_at": "2026-01-05", "currency": "USD", "lines": [
        {"product_id": "p1", "quantity": 1, "unit_price": "1.50"}, {"product_id": "p2", "quantity": 2, "unit_price": "2.50"}]}  # fmt: skip
    (tmp_path / "orders.jsonl").write_text(json.dumps(order) + "\n{broken\n")
    rows, rejects, _ = pull(Files(tmp_path), Stream.ORDERS)
    assert [(row["order_id"], row["line_id"], row["unit_price_minor"]) for row in rows] == [
        ("o1", "1", 150),
        ("o1", "2", 250),
    ]
    assert [(reject.place, reject.reason) for reject in rejects] == [("orders.jsonl line 2", "bad_json")]


def test_unknown_consent_stays_unknown_and_a_strange_word_is_rejected(tmp_path):
    (tmp_path / "customers.csv").write_text(
        "id,email,consent_email\n1,a@example.com,\n2,b@example.com,sure\n3,no address,subscribed\n"
    )
    rows, rejects, _ = pull(Files(tmp_path), Stream.CUSTOMERS)
    assert [(row["id"], row["consent_email"]) for row in rows] == [("1", "unknown")]
    assert {reject.reason for reject in rejects} == {"bad_consent_email", "bad_email"}


def test_a_mapping_renames_converts_and_fills_in(tmp_path):
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[customers]\nfile = "people.csv"\nid = "No"\nemail = "Mail"\n"attributes.tier" = "Tier"\n'
        'consent_email = {from = "News", values = {yes = "subscribed", no = "unsubscribed"}, default = "unknown"}\n'
    )
    (tmp_path / "people.csv").write_text(
        "No,Mail,News,Tier\n1,a@example.com,yes,gold\n2,b@example.com,no,\n3,c@example.com,,\n"
    )
    rows, rejects, _ = pull(Files(tmp_path, mapping), Stream.CUSTOMERS)
    assert rejects == []
    assert [row["consent_email"] for row in rows] == ["subscribed", "unsubscribed", "unknown"]
    assert rows[0]["attributes"] == '{"tier": "gold"}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[customers]\nemial = 'Mail'\n", r"map.toml:2.*did you mean 'email'"),
        ("[custmers]\n", r"map.toml:1.*did you mean 'customers'"),
        ("[orders]\nplaced_at = {from = 'x', as = 'tiem'}\n", r"map.toml:2.*did you mean 'time'"),
        ("[orders]\nplaced_at = {form = 'x'}\n", r"map.toml:2.*did you mean 'from'"),
        ("[orders\n", r"map.toml"),
    ],
)
def test_a_typo_in_a_mapping_is_told_with_its_line_and_what_was_meant(tmp_path, text, words):
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(BadMapping, match=words):
        load_mapping(tmp_path / "map.toml")


def test_push_merges_into_the_file(tmp_path):
    adapter = Files(tmp_path)
    assert [r.status for r in adapter.push([FieldUpdate("1", {"a": "x"}), FieldUpdate("2", {"a": "y"})])] == [
        "sent",
        "sent",
    ]
    list(adapter.push([FieldUpdate("2", {"a": "z", "b": "w"})]))
    assert (tmp_path / "recommended.csv").read_text().split() == ["customer_id,a,b", "1,x,", "2,z,w"]


def test_an_empty_folder_and_a_foreign_cursor_are_refused(tmp_path):
    with pytest.raises(SourceMissing, match=r"customers.csv"):
        Files(tmp_path).streams()
    (tmp_path / "orders.csv").write_text(ORDERS)
    with pytest.raises(BadCursor, match="--full"):
        list(Files(tmp_path).pull(Stream.ORDERS, '{"high": 3}'))


def test_the_lines_of_an_order_stand_on_one_page_wherever_a_block_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("crm_adapters.files.BLOCK_BYTES", 4096)
    lines = [f"o{n // 7},c1,2026-01-05T10:00:00Z,{n % 7},p1,1,1.99,USD" for n in range(2000)]
    lines[1500] = lines[1500].replace("2026-01-05T10:00:00Z", "never")
    head = "order_id,customer_id,placed_at,line_id,product_id,quantity,unit_price,currency"
    (tmp_path / "orders.csv").write_text("\n".join([head, *lines]) + "\n")
    pages = list(Files(tmp_path).pull(Stream.ORDERS, None))
    orders = [set(page.rows["order_id"].to_pylist()) for page in pages if page.rows.num_rows]
    assert len(orders) > 10
    assert sum(len(found) for found in orders) == len(set().union(*orders))
    assert sum(page.rows.num_rows for page in pages) == 1999
    assert [reject.place for page in pages for reject in page.rejects] == ["orders.csv line 1502"]


def test_scattered_lines_of_an_order_are_refused_with_the_line(tmp_path, monkeypatch):
    monkeypatch.setattr("crm_adapters.files.BLOCK_BYTES", 4096)
    lines = [f"o{n % 1000},c1,2026-01-05T10:00:00Z,p1,1,1.99,USD" for n in range(2000)]
    (tmp_path / "orders.csv").write_text("\n".join([ORDERS.splitlines()[0], *lines]) + "\n")
    with pytest.raises(BadSource, match=r"orders.csv line 1\d\d\d: .*stand apart.*sort the file by order_id"):
        list(Files(tmp_path).pull(Stream.ORDERS, None))


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("customers.csv", b"id,em\xe4il\n1,a@example.com\n", "can't be read.*UTF-8"),
        ("customers.csv", b"id,first_name\n1,J\xf6rg\n", "can't be read.*UTF-8"),
        ("customers.csv", b"id,email,email\n1,a@example.com,b\n", "two columns 'email'"),
        ("customers.parquet", b"PAR1 cut short", "can't be read.*parquet"),
        ("customers.jsonl", b'{"id": "\xf6"}\n', "can't be read.*jsonl"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(tmp_path, name, raw, words):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(BadSource, match=words):
        list(Files(tmp_path).pull(Stream.CUSTOMERS, None))


def test_only_the_first_page_of_a_reading_says_that_it_begins_anew(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    assert [page.first for page in Files(tmp_path).pull(Stream.ORDERS, None)] == [True, False, False]
