"""What goes back: 200 contacts a call, a result for each, and nothing twice."""

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.write_back import push
from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.errors import BadSource, BatchRefused, Unreachable
from crm_adapters.pushing import push_all
from tests.crm_adapters.salesforce.parts import identity, refused

THEN = "2026-01-05T10:00:00+00:00"
TOGETHER = "/composite/sobjects"


@pytest.fixture
def contacts(org):
    for number in range(1, 501):
        org.put("Contact", number, {"Email": f"{number}@example.com"}, THEN)
    return org


def one(number):
    return identity("Contact", number)


def picks(numbers, **more):
    return [FieldUpdate(one(number), {"Pick__c": f"Tea {number}", **more}) for number in numbers]


def pushed(adapter, updates):
    return [result for results in push_all(adapter, updates) for result in results]


def held(org, number, name="Pick__c"):
    return org.objects["Contact"][one(number)][name]


def statuses(results):
    return [result.status for result in results]


def test_five_hundred_changed_contacts_are_three_calls(contacts, opened):
    results = pushed(opened(), picks(range(1, 501), Picks__c=3))
    assert statuses(results) == ["sent"] * 500
    assert contacts.calls() == [("PATCH", f"/services/data/v64.0{TOGETHER}")] * 3
    assert all(held(contacts, number) == f"Tea {number}" for number in range(1, 501))


@pytest.fixture
def project(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as opened:
        yield opened


def test_what_was_acknowledged_is_not_sent_again(project, contacts, opened, monkeypatch):
    monkeypatch.setattr("campaigns.write_back.connect", lambda project, name: opened())
    fields = {one(number): {"Pick__c": f"Tea {number}"} for number in range(1, 501)}
    assert push(project, "salesforce", fields).written == 500
    assert len(contacts.requests) == 3
    assert push(project, "salesforce", fields).unchanged == 500
    assert len(contacts.requests) == 3
    del fields[one(7)]
    assert push(project, "salesforce", fields).written == 1
    assert (held(contacts, 7), held(contacts, 8)) == (None, "Tea 8")
    assert contacts.bodies(TOGETHER)[-1]["records"] == [
        {"attributes": {"type": "Contact"}, "id": one(7), "Pick__c": None}
    ]


def test_a_row_that_is_locked_is_sent_again_with_the_next_push(project, contacts, opened, monkeypatch):
    monkeypatch.setattr("campaigns.write_back.connect", lambda project, name: opened())
    fields = {one(number): {"Pick__c": "Tea"} for number in (1, 2)}
    contacts.locked = {one(2)}
    done = push(project, "salesforce", fields)
    assert (done.written, done.rejected) == (1, 0)
    contacts.locked = set()
    assert push(project, "salesforce", fields).written == 1
    assert held(contacts, 2) == "Tea"


def test_each_record_has_its_own_result(contacts, opened):
    contacts.delete("Contact", one(2), THEN)
    contacts.locked = {one(3)}
    updates = [
        *picks([1, 2, 3]),
        FieldUpdate(one(4), {"Tier__c": "brass"}),
        FieldUpdate(one(5), {"Pick__c": "x" * 256}),
    ]
    updates += [*picks([9_999]), FieldUpdate("nonsense", {"Pick__c": "Tea"}), *picks([6])]
    results = list(opened().push(updates))
    assert statuses(results) == [
        "sent", "not_found", "retry", "rejected", "rejected", "not_found", "not_found", "sent"
    ]  # fmt: skip
    words = [result.message.partition(":")[0] for result in results]
    assert words[1:3] == ["ENTITY_IS_DELETED", "UNABLE_TO_LOCK_ROW"]
    assert words[4:7] == ["STRING_TOO_LONG", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"]
    assert "bad value for restricted picklist field: brass" in results[3].message
    assert len(contacts.calls()) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"Pick": "Tea"}, "Contact has no field 'Pick' that may be written"),
        ({"Score__c": 3}, "Contact has no field 'Score__c' that may be written"),
        ({"Picks__c": "many"}, "Picks__c holds number, not 'many'"),
        ({"Pick__c": 3}, "Pick__c holds text, not '3'"),
        ({"Vip__c": "yes"}, "Vip__c holds bool, not 'yes'"),
        ({"Vip__c": 1}, "Vip__c holds bool, not '1'"),
        ({"Since__c": "tomorrow"}, "Since__c holds time, not 'tomorrow'"),
        ({"Since__c": "2026-01-05T10:00:00"}, "Since__c holds time, not '2026-01-05T10:00:00'"),
    ],
)
def test_one_bad_row_that_refuses_a_full_batch_is_rejected_and_the_rest_is_sent(contacts, opened, values, words):
    updates = [*picks(range(1, 100)), FieldUpdate(one(100), values), *picks(range(101, 201))]
    results = pushed(opened(), updates)
    assert [(each.customer_id, each.message) for each in results if each.status != "sent"] == [(one(100), words)]
    assert held(contacts, 101) == "Tea 101"
    assert len(contacts.calls()) == 3  # refused, the fields, and the others


def test_a_row_that_only_salesforce_knows_to_be_bad_is_found_by_halving(contacts, opened):
    known = contacts.update

    def strict(params, body):
        if any(record["id"] == one(37) for record in body["records"]):
            raise refused(400, "JSON_PARSER_ERROR", "something is wrong")
        return known(params, body)

    contacts.update = strict
    results = pushed(opened(), picks(range(1, 65)))
    assert [each.customer_id for each in results if each.status == "rejected"] == [one(37)]
    assert statuses(results).count("sent") == 63
    assert len(contacts.calls(TOGETHER)) <= 2 * 6 + 1
    assert len(contacts.calls("/describe")) == 1


def test_a_batch_that_is_refused_as_a_whole_is_told_so(contacts, opened):
    def refuse(_):
        raise refused(400, "JSON_PARSER_ERROR", "something is wrong")

    contacts.troubles = [refuse]
    with pytest.raises(BatchRefused, match="JSON_PARSER_ERROR: something is wrong"):
        list(opened().push(picks([1, 2])))


def test_values_are_sent_as_they_are_and_none_clears(contacts, opened):
    values = {"Pick__c": 'Zoë \U0001f375 "日本"\n', "Picks__c": 3.5, "Vip__c": True, "Since__c": THEN}
    list(opened().push([FieldUpdate(one(1), values | {"Segment__c": None})]))
    (body,) = contacts.bodies(TOGETHER)
    assert body["allOrNone"] is False
    assert body["records"] == [{"attributes": {"type": "Contact"}, "id": one(1), **values, "Segment__c": None}]
    assert held(contacts, 1) == values["Pick__c"]
    list(opened().push([FieldUpdate(one(1), {"Pick__c": None})]))
    assert (held(contacts, 1), held(contacts, 1, "Picks__c")) == (None, 3.5)


def test_picks_go_to_where_the_mapping_reads_people_from(org, opened, tmp_path):
    path = tmp_path / "persons.toml"
    path.write_text('[customers]\ntable = "Account"\nid = "Id"\nemail = "PersonEmail"\n')
    account = org.put("Account", 1, {"IsPersonAccount": True}, THEN)
    (result,) = opened(path).push([FieldUpdate(account, {"Name": "Ann"})])
    assert (result.status, org.objects["Account"][account]["Name"]) == ("sent", "Ann")


def test_an_answer_that_is_not_one_for_each_is_told(contacts, opened):
    import httpx

    contacts.troubles = [lambda _: httpx.Response(200, json=[{"id": one(1), "success": True, "errors": []}])]
    with pytest.raises(BadSource, match="does not answer for each record"):
        list(opened().push(picks([1, 2])))


def test_too_many_calls_are_no_fault_of_the_batch(contacts, opened):
    contacts.used = contacts.most
    with pytest.raises(Unreachable, match="takes no more calls"):
        pushed(opened(), picks([1, 2]))


def test_a_batch_that_salesforce_could_not_look_at_is_no_batch_that_it_refuses(contacts, opened, clock):
    def busy(_):
        raise refused(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")

    contacts.troubles = [busy]
    assert statuses(opened().push(picks([1, 2]))) == ["sent", "sent"]
    contacts.troubles = [busy] * 50
    with pytest.raises(Unreachable, match="nothing is lost"):
        pushed(opened(), picks([1, 2]))
    assert clock.waits == [5, 5, 10, 20, 40]


def test_a_write_that_took_effect_and_failed_is_made_again_and_is_the_same(contacts, opened):
    import httpx

    def after_it_took_effect(answer):
        answer()
        return httpx.Response(500, json=[{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error"}])

    contacts.troubles = [after_it_took_effect]
    assert statuses(opened().push(picks([1]))) == ["sent"]
    assert held(contacts, 1) == "Tea 1"
    assert len(contacts.calls(TOGETHER)) == 2


def test_fields_tell_what_they_hold_and_whether_they_may_be_written(opened):
    known = {field.name: (field.kind, field.writable, field.longest) for field in opened().fields()}
    assert known["Pick__c"] == ("text", True, 255)
    assert known["Picks__c"] == ("number", True, None)
    assert known["SystemModstamp"] == ("time", False, None)
    assert (known["Vip__c"][0], known["Tier__c"][0], known["Birthdate"][0]) == ("bool", "other", "other")


def test_missing_fields_are_told_with_how_to_make_them_and_none_is_made(org, opened):
    wanted = [RemoteField("Pick__c", "text"), RemoteField("Picks__c", "text"), RemoteField("Score__c", "number")]
    wanted += [RemoteField("Reco__c", "text", longest=255), RemoteField("Reco_At__c", "time", longest=255)]
    for dry_run in (True, False):
        found = {
            change.name: (change.status, change.detail) for change in opened().ensure_fields(wanted, dry_run=dry_run)
        }
        assert {name: status for name, (status, _) in found.items()} == {
            "Pick__c": "there",
            "Picks__c": "unfit",
            "Score__c": "unfit",
            "Reco__c": "missing",
            "Reco_At__c": "missing",
        }
        told = "make it in Setup > Object Manager > Contact > Fields: Text(255), API name Reco__c, "
        assert found["Reco__c"][1] == f"{told}and let the connection's user edit it"
        assert "Date/Time, API name Reco_At__c" in found["Reco_At__c"][1]
    assert {method for method, _ in org.calls()} == {"GET"}


def test_a_field_that_was_made_meanwhile_is_seen(org, opened):
    adapter, wanted = opened(), [RemoteField("Reco__c", "text")]
    assert [change.status for change in adapter.ensure_fields(wanted, dry_run=False)] == ["missing"]
    org.schema["Contact"]["fields"]["Reco__c"] = {"type": "string", "length": 255, "updateable": True}
    assert [change.status for change in adapter.ensure_fields(wanted, dry_run=False)] == ["there"]


def test_erasing_deletes_up_to_200_a_call_and_says_where_they_still_are(contacts, opened):
    contacts.delete("Contact", one(2), THEN)
    results = list(opened().erase([*map(one, range(1, 251)), one(9_999)]))
    assert statuses(results) == ["sent"] * 251
    assert all("recycle bin for 15 days" in result.message for result in results if result.customer_id == one(1))
    assert all(held(contacts, number, "IsDeleted") for number in range(1, 251))
    assert len(contacts.calls(TOGETHER)) == 2


def test_an_erasure_that_is_locked_is_to_be_tried_again(contacts, opened):
    contacts.locked = {one(1)}
    assert statuses(opened().erase([one(1), one(2)])) == ["retry", "sent"]
    assert not held(contacts, 1, "IsDeleted")
