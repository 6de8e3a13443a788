"""Picks go back to WooCommerce as metadata of customers: 100 a call, and one bad row keeps no other."""

from datetime import UTC, datetime

import pytest

from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.errors import BadSource, BatchRefused
from crm_adapters.pushing import push_all
from tests.crm_adapters.woocommerce.fake import answered

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def customers(shop):
    for number in range(1, 501):
        shop.put("customers", number, THEN)
    return shop


def picks(numbers, **more):
    return [FieldUpdate(str(number), {"pick": f"Tea {number}", **more}) for number in numbers]


def statuses(adapter, updates):
    return {one.customer_id: one.status for results in push_all(adapter, updates) for one in results}


def meta(shop, number):
    return {each["key"]: each["value"] for each in shop.held["customers"][number]["meta_data"]}


def test_500_changed_customers_are_5_requests_and_nothing_to_change_is_none(customers, opened):
    assert set(statuses(opened(), picks(range(1, 501))).values()) == {"sent"}
    assert customers.calls() == [("POST", "customers/batch")] * 5
    assert meta(customers, 500) == {"pick": "Tea 500"}
    customers.requests.clear()
    assert statuses(opened(), []) == {}
    assert list(opened().push([])) == []
    assert customers.requests == []


def test_a_field_is_cleared_by_null_without_being_looked_for_and_its_neighbours_stay(customers, opened):
    customers.put("customers", 1, THEN, meta={"pick": "Tea", "loyalty_tier": "gold"})
    assert statuses(opened(), [FieldUpdate("1", {"pick": None, "segment": "loyal"})]) == {"1": "sent"}
    assert meta(customers, 1) == {"loyalty_tier": "gold", "segment": "loyal"}
    assert customers.bodies()[-1] == {
        "update": [{"id": 1, "meta_data": [{"key": "pick", "value": None}, {"key": "segment", "value": "loyal"}]}]
    }
    assert len(customers.requests) == 1


def test_clearing_what_was_never_there_is_done(customers, opened):
    assert statuses(opened(), [FieldUpdate("1", {"pick": None})]) == {"1": "sent"}
    assert meta(customers, 1) == {}


def test_who_is_not_there_is_not_found_and_they_alone(customers, opened):
    del customers.held["customers"][7]
    found = statuses(opened(), picks(range(1, 101)))
    assert [one for one, status in found.items() if status == "not_found"] == ["7"]
    assert list(found.values()).count("sent") == 99
    assert len(customers.requests) == 1


@pytest.mark.parametrize("identity", ["", "0", "-1", "abc", "7.0", "٧", "7 OR 1"])
def test_an_id_that_is_no_number_is_not_found_without_being_sent(customers, opened, identity):
    (result, other) = opened().push([FieldUpdate(identity, {"pick": "Tea"}), *picks([1])])
    assert (result.status, other.status) == ("not_found", "sent")
    assert "WooCommerce's are numbers" in result.message
    assert [item["id"] for item in customers.bodies()[0]["update"]] == [1]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource.", 403), "rejected"),
        (("rest_invalid_param", "meta_data[0][value] is not of type string.", 400), "rejected"),
        (("wc_user_invalid_id", "Invalid user ID.", None), "not_found"),
        (("woocommerce_rest_customer_gone", "It is not there.", 404), "not_found"),
        (("some_plugin_failed", "Try later.", 503), "retry"),
    ],
)
def test_one_bad_row_in_a_full_batch_is_told_in_the_shops_words_and_the_rest_is_sent(customers, opened, error, status):
    customers.bad[42] = error
    results = {one.customer_id: one for one in opened().push(picks(range(1, 101)))}
    assert (results["42"].status, results["42"].message) == (status, error[1])
    assert {one.status for name, one in results.items() if name != "42"} == {"sent"}
    assert len(customers.requests) == 1


def test_a_name_that_woocommerce_passes_over_in_silence_is_rejected_in_words(customers, opened):
    first, second = opened().push([FieldUpdate("1", {"_pick": "Tea"}), *picks([2])])
    assert (first.status, second.status) == ("rejected", "sent")
    assert first.message == "'_pick' begins with _: WooCommerce keeps these to itself"


@pytest.mark.parametrize("value", ["Tea", None])
def test_what_a_plugin_drops_on_the_way_is_not_said_to_be_sent(customers, opened, value):
    customers.put("customers", 1, THEN, meta={} if value else {"pick": "Tea"})
    customers.drops = {"pick"}
    (result,) = opened().push([FieldUpdate("1", {"pick": value, "segment": "loyal"})])
    assert (result.status, result.message) == ("rejected", "WooCommerce took it, and 'pick' is not as it was sent")


def test_somebody_whom_the_answer_does_not_name_is_to_be_sent_again(customers, opened):
    customers.troubles = [lambda _: answered({"update": []})]
    (result,) = opened().push(picks([1]))
    assert result.status == "retry"


def test_a_shop_that_takes_fewer_at_once_gets_fewer(customers, opened):
    customers.batch_limit = 30
    assert set(statuses(opened(), picks(range(1, 101))).values()) == {"sent"}
    with pytest.raises(BatchRefused, match="Unable to accept more than 30 items"):
        list(opened().push(picks(range(1, 101))))


def test_an_answer_to_a_batch_that_is_none_is_told(customers, opened):
    customers.troubles = [lambda _: answered(["hello"])]
    with pytest.raises(BadSource, match="has no `update`"):
        list(opened().push(picks([1])))


def test_numbers_and_odd_texts_are_written_as_text(customers, opened):
    values = {"picks": 3, "share": 0.5, "pick": 'Tee "Zoë" \U0001f375\nو 日本語 \\n {{ x }}'}
    assert statuses(opened(), [FieldUpdate("1", values)]) == {"1": "sent"}
    assert meta(customers, 1) == {name: str(value) for name, value in values.items()}


def test_fields_are_the_metadata_of_the_customers_that_came_last(customers, opened):
    customers.put("customers", 501, THEN, meta={"tier": "gold", "picks": "3", "cart": ["a"], "_hidden": "x"})
    customers.put("customers", 1, THEN, created="2020-01-01T00:00:00+00:00", meta={"old": "x"})
    adapter = opened()
    for _ in range(2):
        assert adapter.fields() == [
            RemoteField("_hidden", "text", writable=False),
            RemoteField("cart", "other"),
            RemoteField("picks", "text"),
            RemoteField("tier", "text"),
        ]
    assert customers.asked("customers") == [
        {"orderby": "registered_date", "order": "desc", "role": "all", "per_page": "100", "offset": "0"}
    ]


def test_metadata_that_php_writes_as_an_object_are_read_all_the_same(customers, opened):
    customers.put("customers", 501, THEN, meta={"tier": "gold"})
    own = customers.held["customers"][501]
    own["meta_data"] = {"1": own["meta_data"][0], "2": "broken"}
    assert opened().fields() == [RemoteField("tier", "text")]
    customers.troubles = [lambda _: answered({"update": [own]})]
    (result,) = opened().push([FieldUpdate("501", {"tier": "gold"})])
    assert result.status == "sent"


def test_a_field_that_is_missing_is_made_when_it_is_first_written(customers, opened):
    customers.put("customers", 501, THEN, meta={"segment": "loyal", "cart": ["a"]})
    wanted = [RemoteField(name, "text") for name in ("segment", "pick", "cart", "_pick")]
    first, second = (opened().ensure_fields(wanted, dry_run=dry_run) for dry_run in (True, False))
    assert [change.status for change in first] == ["there", "missing", "unfit", "unfit"]
    assert [change.status for change in second] == ["there", "made", "unfit", "unfit"]
    assert first[1].detail == "WooCommerce makes it when it is first written"
    assert "choose another name" in first[2].detail
    assert customers.bodies() == []


def test_customers_are_erased_for_good_also_when_they_are_gone_already(customers, opened):
    customers.put("customers", 2, THEN, role="administrator")
    results = list(opened().erase(["1", "1", "abc", "2"]))
    assert [(one.customer_id, one.status) for one in results] == [
        ("1", "sent"),
        ("1", "sent"),
        ("abc", "sent"),
        ("2", "rejected"),
    ]
    assert "users with administrator role cannot be deleted" in results[-1].message
    assert 1 not in customers.held["customers"]
    assert [params for _, _, params, _ in customers.requests] == [{"force": "true"}] * 3
