"""A mapping: what it says is read, and what it can't mean is refused with its line and the next step."""

import pytest

from crm_adapters.errors import BadMapping
from crm_adapters.mapping import Field, load_mapping
from crm_adapters.records import Stream


@pytest.fixture
def load(tmp_path):
    def read(text, encoding="utf-8"):
        (tmp_path / "map.toml").write_bytes(text.encode(encoding))
        return load_mapping(tmp_path / "map.toml")

    return read


def test_without_a_file_everything_is_read_as_it_is():
    assert load_mapping(None).stream(Stream.ORDERS).fields == {}


def test_each_form_of_a_field_is_read(load):
    customers = load("""
        [customers]
        table = "people"
        updated = "changed"
        id = "No"
        attributes.age = "age_band"
        "attributes.tier" = {from = "Tier"}
        objected = {from = "opt out", values = {Y = true, N = false}, default = false}
        consent_email = {default = "unknown"}
        [customers.created_at]
        from = "signup"
        as = "time"
    """).stream(Stream.CUSTOMERS)
    assert customers.source == {"table": "people", "updated": "changed"}
    assert customers.fields == {
        "id": Field("No"),
        "attributes.age": Field("age_band"),
        "attributes.tier": Field("Tier"),
        "objected": Field("opt out", values={"Y": "true", "N": "false"}, default="false"),
        "consent_email": Field(None, default="unknown"),
        "created_at": Field("signup", "time"),
    }


def test_an_amount_is_read_as_money_under_its_decimal_name(load):
    orders = load('[orders]\nid = "row"\nunit_price = "Price"\n').stream(Stream.ORDERS)
    assert orders.fields == {"unit_price_minor": Field("Price", "money")}
    assert orders.source == {"id": "row"}


def test_a_byte_order_mark_does_no_harm(load):
    assert Stream.CUSTOMERS in load("[customers]\nid = 'No'\n", "utf-8-sig").streams


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # what is not known
        ("[custmers]", r"map.toml:1: no stream 'custmers'; did you mean 'customers'\?"),
        ("\n[people]", r"map.toml:2: no stream 'people'; choose one of: customers, products, orders, events, offers"),
        ("[customers]\nemial = 'Mail'", r"map.toml:2: no field 'emial' in customers; did you mean 'email'\?"),
        ("[customers]\nprice = 'Price'", r"map.toml:2: no field 'price' in customers; choose one of: id, "),
        ("[orders]\nattributes.age = 'x'", r"map.toml:2: no field 'attributes.age' in orders"),
        ("[orders]\n'attributes.age' = 'x'", r"map.toml:2: no field 'attributes.age' in orders"),
        ("[orders]\nplaced_at = {form = 'x'}", r"map.toml:2: no key 'form' in placed_at; did you mean 'from'\?"),
        ("[orders]\nplaced_at = {from = 'x', as = 'tiem'}", r"map.toml:2: no converter 'tiem' .*did you mean 'time'\?"),
        # what does not fit
        (
            "[orders]\nplaced_at = {from = 'x', as = 'bool'}",
            r":2: placed_at can't be read as bool; choose one of: time",
        ),
        (
            "[orders]\nquantity = {from = 'x', as = 'money'}",
            r":2: quantity can't be read as money; .*: number, integer",
        ),
        ("[orders]\nunit_price = {from = 'x', as = 'time'}", r":2: unit_price can't be .*choose one of: money, minor"),
        ("[orders]\ntest = {from = 'x', as = 'integer'}", r":2: test can't be read as integer; choose one of: bool"),
        # what is not a text
        ("customers = 'people'", r"map.toml:1: customers is not a section; write \[customers\] on a line of its own"),
        ("[customers]\nemail = 3", r"map.toml:2: email is 3, not a text; write it in quotes"),
        ("[customers]\nemail = ['a']", r"map.toml:2: email is \['a'\], not a text"),
        ("[customers]\nemail = ''", r"map.toml:2: email is '', not a text"),
        ("[customers]\ntable = true", r"map.toml:2: table is True, not a text"),
        ("[customers]\nemail = {from = 1}", r"map.toml:2: email: from is 1, not a text"),
        ("[orders]\nplaced_at = {from = 'x', as = 7}", r"map.toml:2: placed_at: as is 7, not a text"),
        (
            "[orders]\nstatus = {from = 'x', values = 'y'}",
            r":2: status: values is not a table; write {theirs = \"ours\"}",
        ),
        ("[orders]\nstatus = {from = 'x', values = {a = ['b']}}", r":2: status: a is \['b'\], not one value"),
        ("[orders]\nstatus = {from = 'x', default = {a = 1}}", r":2: status: default is {'a': 1}, not one value"),
        # what says nothing, or two things
        ("[customers]\nemail = {}", r"map.toml:2: email has neither `from` nor `default`; name their column"),
        ("[customers]\nemail = {as = 'email'}", r"map.toml:2: email has neither `from` nor `default`"),
        (
            "[orders]\nunit_price = 'a'\nunit_price_minor = 'b'",
            r":3: unit_price_minor gives unit_price_minor, which",
        ),
        ("[orders]\ntable = 'a'\nquery = 'SELECT 1'", r"map.toml:3: orders has a table and a query; keep one of them"),
        ("[customers]\nattributes = 'all'", r"map.toml:2: attributes are taken one by one; write attributes.name"),
        ("[customers]\nattributes.age = {from = 'a', default = '0'}", r":2: attributes.age takes a column as it is"),
        ("[customers]\nattributes.age = {from = 'a', as = 'integer'}", r":2: attributes.age takes a column as it is"),
        # what is no TOML
        ("[customers]\nemail = \n", r"map.toml:2: Invalid value .*; mend that line; the form is TOML"),
        ("[customers]\nemail = 'a'\nemail = 'b'\n", r"map.toml:\d: .*; mend that line; the form is TOML"),
        ("[orders\n", r"map.toml:1: .*; mend that line; the form is TOML"),
    ],
)
def test_what_a_mapping_can_not_mean_is_refused_with_its_line_and_the_next_step(load, text, words):
    with pytest.raises(BadMapping, match=words):
        load(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# emial is wrong\n[customers]\nemail = 'the emial'\nemial = 'x'", 4),
        ("[orders]\nemail = 'x'\n\n[products]\nid = 'x'\n\n[customers]\nid = 'x'\nemail = 3", 9),
        ("[customers]\nemail = 'x'\n[orders]\nemail = {as = 'id'}", 4),
        ("[orders]\nunit_price = 'x'\n[products]\nprice = 4", 4),
        ("[customers]\nid = 'x'\n[customers.created_at]\nfrom = 'x'\nas = 'tmie'", 5),
        ("[customers]\nid = 'x'\ncreated_at.from = 'x'\ncreated_at.as = 'tmie'", 4),
        ("[customers]\n'first_name' = 'x'\n\"last_name\" = 1", 3),
        ("customers.id = 'x'\ncustomers.emial = 'x'", 2),
        ('[customers]\nquery = """\nSELECT\nemial = 1,\n[people]\n"""\nemial = "x"', 7),
        ("[customers]\n[people]\n[orders]", 2),
    ],
)
def test_the_line_is_that_of_the_very_key_in_its_own_section(load, text, line):
    with pytest.raises(BadMapping, match=rf"map.toml:{line}: "):
        load(text)


def test_a_file_that_is_not_there_or_not_utf_8_is_refused(load, tmp_path):
    with pytest.raises(BadMapping, match=r"no mapping file .*nowhere.toml; name it in handpicked.toml"):
        load_mapping(tmp_path / "nowhere.toml")
    with pytest.raises(BadMapping, match=r"map.toml:3: not UTF-8; save the file as UTF-8"):
        load("[customers]\nid = 'x'\nemail = 'Straße'\n", "latin-1")
