"""Picks go back to HubSpot as contact properties: 100 a call, and one bad row keeps no other."""

from datetime import UTC, datetime

import pytest

from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.errors import BatchRefused
from crm_adapters.pushing import push_all
from tests.crm_adapters.hubspot.fake import batch, error, fault

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
UPDATE = "/batch/update"


@pytest.fixture
def contacts(account):
    for number in range(1, 501):
        account.put("contacts", number, {"email": f"{number}@example.com"}, THEN)
    return account


def picks(numbers, **more):
    return [FieldUpdate(str(number), {"pick": f"Tea {number}", **more}) for number in numbers]


def statuses(adapter, updates):
    return {one.customer_id: one.status for results in push_all(adapter, updates) for one in results}


def held(account, number, name="pick"):
    return account.objects["contacts"][number]["properties"].get(name)


def test_500_changed_customers_are_5_requests_and_nothing_to_change_is_none(contacts, opened):
    adapter = opened()
    assert set(statuses(adapter, picks(range(1, 501))).values()) == {"sent"}
    assert contacts.calls() == [("POST", "/crm/v3/objects/contacts/batch/update")] * 5
    assert held(contacts, 500) == "Tea 500"
    contacts.requests.clear()
    assert statuses(adapter, []) == {}
    assert list(adapter.push([])) == []
    assert contacts.requests == []


def test_an_unknown_or_archived_id_is_not_found_and_it_alone(contacts, opened):
    contacts.archive("contacts", 7, THEN)
    updates = [*picks(range(1, 99)), *picks(["9999", "c7"])]
    found = statuses(opened(), updates)
    assert {one for one, status in found.items() if status == "not_found"} == {"7", "9999", "c7"}
    assert list(found.values()).count("sent") == 97
    assert len(contacts.calls()) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"picks": "many"}, "picks holds number, not 'many'"),
        ({"pick": "x" * 70_000}, "pick has 70,000 letters, 65,536 fit"),
        ({"pik": "Tea"}, "there is no contact property 'pik' that may be written"),
        ({"createdate": "2026-01-05"}, "there is no contact property 'createdate' that may be written"),
        ({"since": "tomorrow"}, "since holds time, not 'tomorrow'"),
        ({"vip": "perhaps"}, "vip holds bool, not 'perhaps'"),
    ],
)
def test_one_bad_row_in_a_full_batch_is_rejected_in_words_and_the_rest_is_sent(contacts, opened, values, words):
    known = contacts.answered

    def strict(method, path, params, authorization, body):  # HubSpot judges times and booleans as well
        for each in (body or {}).get("inputs", ()) if path.endswith(UPDATE) else ():
            if {"since", "vip"} & set(each["properties"]):
                contacts.troubles = [lambda _: refuse()]
        return known(method, path, params, authorization, body)

    def refuse():
        raise error(400, "VALIDATION_ERROR", "Property values were not valid")

    contacts.answered = strict
    updates = [*picks(range(1, 50)), FieldUpdate("50", values), *picks(range(51, 101))]
    results = [one for found in push_all(opened(), updates) for one in found]
    assert [(one.customer_id, one.message) for one in results if one.status == "rejected"] == [("50", words)]
    assert [one.status for one in results].count("sent") == 99
    assert all(held(contacts, number) == f"Tea {number}" for number in range(1, 101) if number != 50)
    assert held(contacts, 50) is None
    assert len(contacts.calls()) == 3  # refused, the properties, and the others


def test_a_row_that_only_hubspot_knows_to_be_bad_is_found_by_halving(contacts, opened):
    updates = [*picks(range(1, 64)), FieldUpdate("64", {"tier": "brass"}), *picks(range(65, 101))]
    results = [one for found in push_all(opened(), updates) for one in found]
    ((number, words),) = [(one.customer_id, one.message) for one in results if one.status == "rejected"]
    assert number == "64"
    assert "brass was not one of the allowed options" in words
    assert [one.status for one in results].count("sent") == 99
    assert len(contacts.calls(UPDATE)) <= 2 * 7 + 1
    assert len(contacts.calls("/properties/")) == 1


@pytest.mark.parametrize("status", [400, 409])
def test_a_batch_that_is_refused_as_a_whole_is_told_so(contacts, opened, status):
    def refuse(_):
        raise error(status, "CONFLICT", "a contact with this value exists")

    contacts.troubles = [refuse]
    with pytest.raises(BatchRefused, match="a contact with this value exists"):
        list(opened().push(picks([1, 2])))


def test_a_single_contact_that_is_refused_as_not_there_is_not_found(contacts, opened):
    def refuse(_):
        raise error(404, "OBJECT_NOT_FOUND", "no contact with that id")

    contacts.troubles = [refuse, refuse]
    assert statuses(opened(), picks([1])) == {"1": "not_found"}


def test_who_is_in_no_part_of_the_answer_was_not_written(contacts, opened):
    contacts.troubles = [lambda _: answered(*batch([{"id": "1", "properties": {}}], []))]
    assert statuses(opened(), picks([1, 2])) == {"1": "sent", "2": "not_found"}


def test_a_fault_that_names_nobody_is_of_those_who_are_not_in_the_results(contacts, opened):
    told = batch([{"id": "1", "properties": {}}], [fault("VALIDATION_ERROR", "too long")])
    contacts.troubles = [lambda _: answered(*told)]
    first, second = opened().push(picks([1, 2]))
    assert (first.status, second.status, second.message) == ("sent", "rejected", "too long")


def answered(status, data):
    import json

    return status, {}, json.dumps(data).encode()


def test_values_are_sent_as_texts_and_an_empty_one_clears(contacts, opened):
    list(
        opened().push([FieldUpdate("1", {"pick": 'Zoë \U0001f375 "日本"\n', "picks": 3, "vip": True, "segment": None})])
    )
    (body,) = contacts.bodies(UPDATE)
    sent = {"pick": 'Zoë \U0001f375 "日本"\n', "picks": "3", "vip": "true", "segment": ""}
    assert body == {"inputs": [{"id": "1", "properties": sent}]}
    assert {name: held(contacts, 1, name) for name in sent} == sent


def test_fields_tell_what_they_hold_and_whether_they_may_be_written(account, opened):
    known = {field.name: (field.kind, field.writable, field.longest) for field in opened().fields()}
    assert known["pick"] == ("text", True, 65_536)
    assert known["picks"] == ("number", True, None)
    assert known["createdate"] == ("time", False, None)
    assert (known["vip"][0], known["tier"][0]) == ("bool", "other")


WANTED = [RemoteField("pick", "text"), RemoteField("picks", "text"), RemoteField("reco_1", "text")]
WANTED += [RemoteField("reco_at", "time"), RemoteField("Reco 2", "text"), RemoteField("createdate", "time")]


def test_a_dry_run_only_tells_which_fields_it_would_make(account, opened):
    found = {change.name: change.status for change in opened().ensure_fields(WANTED, dry_run=True)}
    assert found == {
        "pick": "there",
        "picks": "unfit",
        "reco_1": "missing",
        "reco_at": "missing",
        "Reco 2": "unfit",
        "createdate": "unfit",
    }
    assert account.calls() == [("GET", "/crm/v3/properties/contacts")]


def test_missing_fields_are_made_in_a_group_of_their_own_and_a_second_time_there_is_nothing_to_make(account, opened):
    adapter = opened()
    found = {change.name: change.status for change in adapter.ensure_fields(WANTED, dry_run=False)}
    assert (found["reco_1"], found["reco_at"], found["picks"]) == ("made", "made", "unfit")
    assert account.properties["reco_at"]["type"] == "datetime"
    assert account.properties["reco_1"]["groupName"] == "handpicked"
    account.requests.clear()
    again = {change.name: change.status for change in adapter.ensure_fields(WANTED, dry_run=False)}
    assert (again["reco_1"], again["reco_at"]) == ("there", "there")
    assert account.calls() == [("GET", "/crm/v3/properties/contacts")]


def test_the_group_may_be_there_and_a_field_that_hubspot_refuses_is_unfit(account, opened):
    account.groups.add("handpicked")
    adapter = opened()
    adapter.fields()
    account.properties["reco_1"] = account.properties["pick"]  # made by another meanwhile
    (change,) = adapter.ensure_fields([RemoteField("reco_1", "text")], dry_run=False)
    assert change.status == "unfit"
    assert "already exists" in change.detail


def test_erasing_deletes_for_good_and_who_is_not_there_is_erased(contacts, opened):
    assert [one.status for one in opened().erase(["1", "9999"])] == ["sent", "sent"]
    assert 1 not in contacts.objects["contacts"]
    assert contacts.bodies("/gdpr-delete") == [{"objectId": "1"}, {"objectId": "9999"}]
