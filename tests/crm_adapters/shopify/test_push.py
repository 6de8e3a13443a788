"""Metafields: 25 a call, all or nothing, and yet exactly the bad customers are rejected."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from crm_adapters.base import FieldChange, FieldUpdate, RemoteField
from crm_adapters.errors import BadSource, BatchRefused
from crm_adapters.pushing import push_all
from tests.crm_adapters.shopify.listing import gid

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
NAMES = ("a1", "b2", "c3", "d4", "e5")


@pytest.fixture
def people(world):
    """So many customers in the shop."""

    def put(count):
        for number in range(count):
            world.customer(f"{number}", THEN)
        return [f"{number}" for number in range(count)]

    return put


def updates(ids, names=NAMES):
    return [FieldUpdate(one, {name: f"{name} of {one}" for name in names}) for one in ids]


def pushed(world, given):
    return [result for results in push_all(world.open(), given) for result in results]


def calls(fake, name="metafieldsSet"):
    return [each["metafields"] for each in fake.asked(f"{name}(")]


def held(fake, one, name, namespace="handpicked"):
    return fake.metafields.get((gid("Customer", one), namespace, name))


def test_five_fields_of_five_customers_go_in_one_call(world, fake, people):
    results = pushed(world, updates(people(10)))
    assert {result.status for result in results} == {"sent"}
    assert [len(call) for call in calls(fake)] == [25, 25]
    assert held(fake, "9", "e5") == "e5 of 9"


def test_the_fields_of_a_customer_stay_in_one_call_where_they_fit(world, fake, people):
    pushed(world, updates(people(3), [f"field{number}" for number in range(10)]))
    assert [len(call) for call in calls(fake)] == [20, 10]


def test_a_customer_of_more_fields_than_a_call_holds_takes_several(world, fake, people):
    names = [f"field{number}" for number in range(60)]
    (result,) = pushed(world, updates(people(1), names))
    assert result.status == "sent"
    assert [len(call) for call in calls(fake)] == [25, 25, 10]
    assert len(fake.metafields) == 60


def test_exactly_the_bad_ones_of_a_call_are_rejected(world, fake, people):
    fake.refuses = {gid("Customer", one): f"Not {one}." for one in ("2", "7")}
    results = pushed(world, updates(people(25), ["pick"]))
    bad = {result.customer_id: result.message for result in results if result.status == "rejected"}
    assert bad == {"2": "Not 2.", "7": "Not 7."}
    assert [result.customer_id for result in results] == [f"{number}" for number in range(25)]
    assert len(fake.metafields) == 23
    assert [len(call) for call in calls(fake)] == [25, 23]


def test_a_customer_who_is_not_there_is_not_found(world, fake, people):
    results = pushed(world, updates([*people(2), "gone"]))
    assert [(result.status, result.message) for result in results] == [
        ("sent", ""),
        ("sent", ""),
        ("not_found", "Owner does not exist."),
    ]


def test_one_bad_field_rejects_its_customer_in_shopifys_words(world, fake, people):
    fake.define("handpicked.visits", "number_integer")
    fake.define("handpicked.line", "single_line_text_field")
    people(3)
    given = [
        FieldUpdate("0", {"visits": "many"}),
        FieldUpdate("1", {"line": "two\nlines"}),
        FieldUpdate("2", {"pick": "x" * 70_000}),
    ]
    assert [(each.status, each.message) for each in pushed(world, given)] == [
        ("rejected", "Value must be a number_integer."),
        ("rejected", "Value must be a single_line_text_field."),
        ("rejected", "Value is too long."),
    ]
    assert fake.metafields == {}


def refusing(*faults):
    told = {"data": {"metafieldsSet": {"userErrors": list(faults)}}}
    return lambda request, answer: httpx.Response(200, json=told)


def test_a_refusal_that_tells_no_place_is_split_until_the_bad_one_stands_alone(world, fake, people):
    people(4)

    def about_nobody(request, answer):
        told = answer(request).json()
        for fault in told["data"]["metafieldsSet"]["userErrors"]:
            fault.update(elementIndex=None, field=None)
        return httpx.Response(200, json=told)

    fake.refuses = {gid("Customer", "2"): "Not 2."}
    fake.troubles = [None, *[about_nobody] * 20]
    results = pushed(world, updates([f"{number}" for number in range(4)], ["pick"]))
    assert [result.status for result in results] == ["sent", "sent", "rejected", "sent"]
    assert results[2].message == "Shopify says: Not 2."


@pytest.mark.parametrize(
    "where", [{"elementIndex": None, "field": ["metafields", "1", "value"]}, {"elementIndex": 1, "field": None}]
)
def test_a_place_may_stand_in_the_path_alone(world, fake, people, where):
    fake.troubles = [None, refusing({"code": "INVALID", "message": "Bad.", **where})]
    results = pushed(world, updates(people(3), ["pick"]))
    assert [result.status for result in results] == ["sent", "rejected", "sent"]


def test_a_place_that_is_none_refuses_the_batch(world, fake, people):
    fake.troubles = [None, refusing({"code": "INVALID", "message": "Bad.", "elementIndex": 99, "field": None})]
    with pytest.raises(BatchRefused, match="Bad"):
        list(world.open().push(updates(people(1), ["pick"])))


def test_none_and_empty_text_clear_a_field(world, fake, people):
    people(2)
    pushed(world, updates(["0", "1"], ["pick", "tier"]))
    results = pushed(world, [FieldUpdate("0", {"pick": None, "tier": "gold"}), FieldUpdate("1", {"pick": ""})])
    assert [result.status for result in results] == ["sent", "sent"]
    assert [held(fake, "0", "pick"), held(fake, "0", "tier"), held(fake, "1", "pick")] == [None, "gold", None]
    assert held(fake, "1", "tier") == "tier of 1"
    assert [len(call) for call in calls(fake, "metafieldsDelete")] == [2]


def test_clearing_what_is_not_there_is_fine_also_of_one_who_is_gone(world, people):
    people(1)
    results = pushed(world, [FieldUpdate("0", {"pick": None}), FieldUpdate("gone", {"pick": None})])
    assert [result.status for result in results] == ["sent", "sent"]


def test_nothing_is_cleared_of_one_who_is_rejected(world, fake, people):
    people(1)
    pushed(world, updates(["0"], ["pick"]))
    fake.refuses = {gid("Customer", "0"): "No."}
    (result,) = pushed(world, [FieldUpdate("0", {"pick": None, "tier": "gold"})])
    assert (result.status, held(fake, "0", "pick")) == ("rejected", "pick of 0")


def test_a_refusal_to_clear_is_told(world, fake, people):
    fault = {"field": ["metafields", "1", "key"], "message": "Reserved."}
    told = {"data": {"metafieldsDelete": {"userErrors": [fault]}}}
    fake.troubles = [None, lambda request, answer: httpx.Response(200, json=told)]
    given = [FieldUpdate(one, {"pick": None}) for one in people(3)]
    results = pushed(world, given)
    assert [(result.status, result.message) for result in results] == [
        ("sent", ""),
        ("rejected", "Reserved."),
        ("sent", ""),
    ]


def test_a_field_has_the_type_of_its_definition_else_that_of_its_value(world, fake, people):
    fake.define("handpicked.known", "single_line_text_field")
    fake.define("custom.visits", "number_integer")
    people(1)
    values = {"known": "a", "custom.visits": 3, "text": "b", "count": 4, "share": 0.25, "vip": True}
    (result,) = pushed(world, [FieldUpdate("0", values)])
    assert result.status == "sent"
    (call,) = calls(fake)
    assert [(each["namespace"], each["key"], each["type"], each["value"]) for each in call] == [
        ("handpicked", "known", "single_line_text_field", "a"),
        ("custom", "visits", "number_integer", "3"),
        ("handpicked", "text", "multi_line_text_field", "b"),
        ("handpicked", "count", "number_decimal", "4"),
        ("handpicked", "share", "number_decimal", "0.25"),
        ("handpicked", "vip", "boolean", "true"),
    ]


def test_a_write_that_took_effect_and_failed_is_made_again_and_is_the_same(world, fake, people):
    def after_it_took_effect(request, answer):
        answer(request)
        return httpx.Response(500, text="oops")

    fake.troubles = [None, after_it_took_effect]
    (result,) = pushed(world, updates(people(1), ["pick"]))
    assert (result.status, held(fake, "0", "pick"), len(calls(fake))) == ("sent", "pick of 0", 2)


def test_no_update_no_call(world, fake):
    assert list(world.open().push([])) == []
    assert fake.requests == []


def test_fields_are_the_definitions_of_customers(world, fake):
    kinds = ["single_line_text_field", "number_decimal", "date_time", "boolean", "json", "date", "url"]
    for number, kind in enumerate(kinds):
        fake.define(f"handpicked.f{number}", kind)
    fake.define("custom.short", "single_line_text_field", [("min", "1"), ("max", "40")])
    adapter = world.open()
    assert adapter.fields() == [
        RemoteField("f0", "text"),
        RemoteField("f1", "number"),
        RemoteField("f2", "time"),
        RemoteField("f3", "bool"),
        RemoteField("f4", "other"),
        RemoteField("f5", "time"),
        RemoteField("f6", "text"),
        RemoteField("custom.short", "text", longest=40),
    ]
    assert adapter.fields()
    assert len(fake.requests) == 1


def test_all_definitions_are_read_however_many_there_are(world, fake):
    for number in range(300):
        fake.define(f"custom.f{number:03}", "json")
    assert len(world.open().fields()) == 300


def test_fields_that_are_missing_are_made_and_a_dry_run_only_says_so(world, fake):
    fake.define("handpicked.there", "single_line_text_field")
    fake.define("handpicked.number", "number_integer")
    wanted = [
        RemoteField("there", "text"),
        RemoteField("number", "text"),
        RemoteField("fresh", "text"),
        RemoteField("custom.since", "time"),
        RemoteField("no good", "text"),
        RemoteField("shopify.taken", "text"),
    ]
    told = [each.status for each in world.open().ensure_fields(wanted, dry_run=True)]
    assert told == ["there", "unfit", "missing", "missing", "unfit", "missing"]
    assert len(fake.definitions) == 2
    adapter = world.open()
    changes = adapter.ensure_fields(wanted, dry_run=False)
    assert [each.status for each in changes] == ["there", "unfit", "made", "made", "unfit", "unfit"]
    assert changes[1] == FieldChange("number", "unfit", "it holds number, not text")
    assert changes[5].detail == "Shopify does not make it: Namespace is reserved."
    assert fake.definitions["handpicked", "fresh"]["type"]["name"] == "multi_line_text_field"
    assert fake.definitions["custom", "since"]["type"]["name"] == "date_time"
    assert RemoteField("fresh", "text") in adapter.fields()


def test_a_field_that_another_makes_meanwhile_is_there(world, fake):
    def meanwhile(request, answer):
        fake.define("handpicked.fresh", "multi_line_text_field")
        return answer(request)

    fake.troubles = [None, meanwhile]
    (change,) = world.open().ensure_fields([RemoteField("fresh", "text")], dry_run=False)
    assert change.status == "made"


def test_customers_are_erased_and_one_who_is_not_there_is_erased_too(world, fake, people):
    people(2)
    results = list(world.open().erase(["0", "gone"]))
    assert [result.status for result in results] == ["sent", "sent"]
    assert list(fake.records["customers"]) == [gid("Customer", "1")]


def test_an_erasure_that_is_refused_is_told(world, fake, people):
    fault = {"code": "FAILED_TO_REQUEST", "message": "Later."}
    told = {"data": {"customerRequestDataErasure": {"userErrors": [fault]}}}
    fake.troubles = [lambda request, answer: httpx.Response(200, json=told)]
    (result,) = world.open().erase(people(1))
    assert (result.status, result.message) == ("rejected", "Later.")


def test_definitions_that_never_end_are_told(world, fake):
    kept = []

    def repeating(request, answer):
        kept.append(answer(request) if not kept else kept[0])
        told = json.loads(kept[0].content)
        told["data"]["metafieldDefinitions"]["pageInfo"] = {"hasNextPage": True, "endCursor": "ab"[len(kept) % 2]}
        return httpx.Response(200, json=told)

    fake.define("custom.a", "json")
    fake.troubles = [repeating] * 20
    with pytest.raises(BadSource, match="the same page again"):
        world.open().fields()
    assert len(fake.requests) <= 3
