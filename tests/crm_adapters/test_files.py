"""The files adapter: good rows arrive, bad ones are kept with line and reason, pulls resume, pushes merge."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
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
    lines = [{"product_id": f"p{n}", "quantity": n, "unit_price": f"{n}.50"} for n in (1, 2)]
    order = {"id": "o1", "customer_id": "c1", "placed_at": "2026-01-05", "currency": "USD", "lines": lines}
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


MAPPED = "no;kunde;am;artikel;menge;preis;waehrung\n"


def german(folder, *rows):
    """A shop that writes its own words, with semicolons."""
    (folder / "orders.csv").write_text(MAPPED + "".join(f"{row}\n" for row in rows))
    named = {"order_id": "no", "customer_id": "kunde", "placed_at": "am", "product_id": "artikel", "quantity": "menge"}
    named |= {"unit_price": "preis", "currency": "waehrung"}
    (folder / "map.toml").write_text("[orders]\n" + "".join(f'{ours} = "{own}"\n' for ours, own in named.items()))
    return Files(folder, folder / "map.toml")


def test_a_mapped_currency_gives_amounts_their_exponent_and_semicolons_are_seen(tmp_path):
    rows, rejects, _ = pull(
        german(tmp_path, "1;c;2026-01-05;p;1;250;JPY", "2;c;2026-01-05;p;1;2.50;eur"), Stream.ORDERS
    )
    assert [row["unit_price_minor"] for row in rows] == [250, 250]
    assert rejects == []


def test_lines_without_numbers_of_their_own_are_numbered_within_their_order(tmp_path):
    rows, _, _ = pull(german(tmp_path, *[f"{n // 2};c;2026-01-05;p{n};1;1;EUR" for n in range(4)]), Stream.ORDERS)
    assert [(row["order_id"], row["line_id"]) for row in rows] == [("0", "1"), ("0", "2"), ("1", "1"), ("1", "2")]


@pytest.mark.parametrize(
    ("quantity", "price", "reason"),
    [("nan", "1", "bad_quantity"), ("inf", "1", "bad_quantity"), ("1", "9" * 30, "bad_unit_price_minor")],
)
def test_what_is_no_sound_number_is_rejected_with_its_words_and_the_others_go_on(tmp_path, quantity, price, reason):
    bad, good = f"1;c;2026-01-05;p;{quantity};{price};EUR", "2;c;2026-01-05;p;1;1.123456789;EUR"
    rows, rejects, _ = pull(german(tmp_path, bad, good), Stream.ORDERS)
    assert [(row["order_id"], row["unit_price_minor"]) for row in rows] == [("2", 112)]
    assert [reject.reason for reject in rejects] == [reason]
    assert (quantity if reason == "bad_quantity" else price) in rejects[0].detail


def test_a_column_that_the_mapping_names_must_be_there(tmp_path):
    adapter = german(tmp_path, "1;c;2026-01-05;p;1;1;EUR")
    (tmp_path / "orders.csv").write_text(MAPPED.replace("kunde", "Kunde") + "1;c;2026-01-05;p;1;1;EUR\n")
    with pytest.raises(SourceMissing, match=r"orders.csv has no column 'kunde'.*did you mean 'Kunde'"):
        pull(adapter, Stream.ORDERS)


def test_a_mended_mapping_reads_an_unchanged_file_again(tmp_path):
    adapter = german(tmp_path, "1;c;2026-01-05;p;1;1;EUR")
    _, _, cursor = pull(adapter, Stream.ORDERS)
    assert list(adapter.pull(Stream.ORDERS, cursor)) == []
    (tmp_path / "map.toml").write_text((tmp_path / "map.toml").read_text() + 'email = "kunde"\n')
    assert list(Files(tmp_path, tmp_path / "map.toml").pull(Stream.ORDERS, cursor))


def test_an_order_without_lines_is_told_and_an_empty_line_is_nothing(tmp_path):
    (tmp_path / "orders.jsonl").write_text('{"id": "o1", "placed_at": "2026-01-05", "lines": []}\n\n')
    rows, rejects, _ = pull(Files(tmp_path), Stream.ORDERS)
    assert rows == []
    assert [(reject.place, reject.detail) for reject in rejects] == [("orders.jsonl line 1", "an order without lines")]


def test_numbers_count_time_from_1970_in_the_unit_of_their_size(tmp_path):
    times = pa.array([1_767_607_200, 1_767_607_200_000, 1_767_607_200_000_000])
    table = pa.table({"id": ["1", "2", "3"], "created_at": times, "consent_email": ["subscribed"] * 3})
    pq.write_table(table, tmp_path / "customers.parquet")
    rows, rejects, _ = pull(Files(tmp_path), Stream.CUSTOMERS)
    assert {row["created_at"].isoformat() for row in rows} == {"2026-01-05T10:00:00+00:00"}
    assert rejects == []
