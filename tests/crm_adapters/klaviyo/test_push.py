"""What goes back: one job for thousands, a result for each, and nothing twice."""

import json

import pytest

from crm_adapters.base import FieldChange, FieldUpdate, RemoteField
from crm_adapters.pushing import push_all
from crm_adapters.records import Stream
from tests.crm_adapters.klaviyo.fake import refusal

POST_JOB, JOB, ERRORS = "profile-bulk-import-jobs", "/job1", "/import-errors"


def filled(world, count):
    ids = [f"c{each}" for each in range(count)]
    told = {"updated_at": "2026-01-05T10:00:00+00:00"}
    world.put(Stream.CUSTOMERS, [{"id": each, "email": f"{each}@example.com", **told} for each in ids])
    return [FieldUpdate(each, {"reco_1_sku": f"sku {each}", "picks": 3}) for each in ids]


def pushed(world, updates):
    return [result for results in push_all(world.open(), updates) for result in results]


def counts(results):
    found = [result.status for result in results]
    return {status: found.count(status) for status in found}


def bodies(world, method, ending):
    return [json.loads(request.content) for request in world.fake.asked(method, ending)]


def test_five_hundred_changed_customers_are_one_job(world):
    updates = filled(world, 500)
    assert counts(pushed(world, updates)) == {"sent": 500}
    asked = [(request.method, request.url.path) for request in world.fake.requests]
    assert asked == [("POST", f"/api/{POST_JOB}"), ("GET", f"/api/{POST_JOB}/job1")]
    assert world.pushed()["c7"] == {"reco_1_sku": "sku c7", "picks": "3"}


def test_nothing_changed_is_no_request(world):
    filled(world, 5)
    assert pushed(world, []) == []
    assert world.fake.requests == []


def test_more_than_a_job_takes_are_several(world):
    updates = filled(world, 12_000)
    assert counts(pushed(world, updates)) == {"sent": 12_000}
    assert len(world.fake.asked("POST", POST_JOB)) == 2


def test_large_values_are_cut_into_jobs_of_five_megabytes(world):
    """The witness refuses larger ones."""
    updates = [FieldUpdate(update.customer_id, {"html": "é" * 40_000}) for update in filled(world, 150)]
    assert counts(pushed(world, updates)) == {"sent": 150}
    assert len(world.fake.asked("POST", POST_JOB)) > 1


def test_one_bad_row_in_a_full_batch_is_the_only_one_rejected(world):
    updates = filled(world, 10_000)
    world.fake.bad["c7777"] = "Invalid property."
    results = pushed(world, updates)
    assert [each for each in results if each.status != "sent"] == [results[7777]]
    assert (results[7777].customer_id, results[7777].status) == ("c7777", "rejected")
    assert results[7777].message == "Invalid property."
    assert len(world.fake.requests) == 3  # the job, a look at it, its errors


def test_errors_are_read_to_their_last_page(world):
    updates = filled(world, 400)
    world.fake.bad = dict.fromkeys([f"c{each}" for each in range(0, 400, 2)], "no")
    results = pushed(world, updates)
    assert counts(results) == {"rejected": 200, "sent": 200}
    assert [request.url.params["page[size]"] for request in world.fake.asked("GET", ERRORS)] == ["100", "100"]


def test_a_job_refused_at_once_for_some_goes_again_without_them(world):
    updates = filled(world, 50)
    world.fake.bad = dict.fromkeys(["c3", "c30"], "refused at once")
    results = pushed(world, updates)
    assert [each.customer_id for each in results if each.status == "rejected"] == ["c3", "c30"]
    assert counts(results) == {"sent": 48, "rejected": 2}
    assert len(world.fake.asked("POST", POST_JOB)) == 3


def test_a_refusal_that_names_nobody_is_narrowed_down(world):
    updates = filled(world, 64)

    def unnamed(request, answer):
        world.fake.troubles.append(unnamed)
        is_bad = request.method == "POST" and b'"c37"' in request.content
        return refusal(400, "invalid", "Something is wrong.", "/data") if is_bad else answer(request)

    world.fake.troubles = [unnamed]
    results = pushed(world, updates)
    assert [(each.customer_id, each.message) for each in results if each.status != "sent"] == [
        ("c37", "Klaviyo says: Something is wrong.")
    ]


def nameless(error):
    return {**error, "attributes": {**error["attributes"], "original_payload": None, "source": {}}}


@pytest.mark.parametrize("told", [lambda errors: [nameless(each) for each in errors], lambda errors: []])
def test_failures_that_the_errors_do_not_account_for_are_narrowed_down(told, world):
    updates = filled(world, 8)
    world.fake.bad["c5"] = "no"
    world.fake.told = told
    results = pushed(world, updates)
    assert [each.customer_id for each in results if each.status != "sent"] == ["c5"]
    assert len(world.fake.jobs) == 7  # 8; 4, 4; 2, 2; 1, 1


def test_a_customer_who_is_gone_is_told_as_such(world):
    filled(world, 2)
    gone = [FieldUpdate("gone", {"reco_1_sku": "a"}), FieldUpdate("c1", {"reco_1_sku": "b"})]
    assert [each.status for each in pushed(world, gone)] == ["not_found", "sent"]
    assert [each.status for each in pushed(world, [FieldUpdate("gone/../c1", {"reco_1_sku": None})])] == ["not_found"]


def test_a_field_is_cleared_one_by_one_and_the_rest_goes_in_one_job(world):
    pushed(world, filled(world, 20))
    world.fake.requests.clear()
    updates = [FieldUpdate(f"c{each}", {"picks": 4}) for each in range(18)]
    results = pushed(
        world, [*updates, FieldUpdate("c18", {"picks": None}), FieldUpdate("c19", {"picks": None, "a": 1})]
    )
    assert counts(results) == {"sent": 20}
    assert [body["data"]["meta"] for body in bodies(world, "PATCH", "c18")] == [
        {"patch_properties": {"unset": ["picks"]}}
    ]
    assert (world.pushed()["c18"], world.pushed()["c19"]) == (
        {"reco_1_sku": "sku c18"},
        {"reco_1_sku": "sku c19", "a": "1"},
    )
    assert len(world.fake.requests) == 4  # the job, a look at it, two customers


def test_a_field_that_may_not_be_cleared_rejects_its_customer_alone(world):
    filled(world, 2)
    world.fake.bad["c0"] = "Not this one."
    results = pushed(world, [FieldUpdate(each, {"picks": None}) for each in ("c0", "c1")])
    assert [(each.status, each.message) for each in results] == [("rejected", "Not this one."), ("sent", "")]


def test_a_profile_that_is_too_large_is_rejected_before_any_call(world):
    filled(world, 1)
    (result,) = pushed(world, [FieldUpdate("c0", {"html": "x" * 99_500})])
    assert (result.status, world.fake.requests) == ("rejected", [])
    (result,) = pushed(world, [FieldUpdate("c0", {"html": "x" * 99_400})])
    assert result.status == "sent"


def test_a_job_is_looked_at_ever_more_rarely_until_it_ends(world):
    world.fake.looks = 6
    assert counts(pushed(world, filled(world, 3))) == {"sent": 3}
    assert world.clock.waits == [1, 2, 4, 8, 16, 30]


def test_a_job_that_does_not_end_in_time_is_to_be_tried_again(world):
    world.fake.looks = 10_000
    assert counts(pushed(world, filled(world, 3))) == {"retry": 3}
    assert 900 <= sum(world.clock.waits) < 1_000
    assert len(world.fake.asked("GET", JOB)) < 50


def test_a_job_that_is_cancelled_is_to_be_tried_again(world):
    def cancel(request, answer):
        answer(request)
        world.fake.jobs["job1"]["status"] = "cancelled"
        return answer(request)

    world.fake.troubles = [lambda request, answer: answer(request), cancel]
    results = pushed(world, filled(world, 3))
    assert counts(results) == {"retry": 3}
    assert "is cancelled" in results[0].message


def test_jobs_keep_to_the_narrow_limit_of_150_a_minute(world):
    adapter = world.open()
    start = world.clock.now()
    for update in filled(world, 100):  # each a job and a look at it
        assert [each.status for each in adapter.push([update])] == ["sent"]
    assert len(world.fake.requests) == 200
    assert world.clock.now() - start >= 60


def test_custom_properties_are_known_from_profiles_that_have_them(world):
    filled(world, 3)
    world.fake.profiles["c0"]["properties"] = {"tier": "gold", "points": 3, "vip": True, "mixed": 1, "empty": None}
    world.fake.profiles["c1"]["properties"] = {"tier": "silver", "mixed": "one", "tags": ["a"]}
    adapter = world.open()
    assert {field.name: field.kind for field in adapter.fields()} == {
        "empty": "other",
        "mixed": "other",
        "points": "number",
        "tags": "other",
        "tier": "text",
        "vip": "bool",
    }
    adapter.fields()
    assert len(world.fake.requests) == 1


@pytest.mark.parametrize(("dry_run", "status"), [(True, "missing"), (False, "made")])
def test_a_property_that_is_not_there_is_made_when_it_is_written(dry_run, status, world):
    filled(world, 1)
    world.fake.profiles["c0"]["properties"] = {"tier": "gold", "points": 3}
    wanted = [RemoteField("tier", "text"), RemoteField("points", "text"), RemoteField("reco_1_sku", "text")]
    assert world.open().ensure_fields(wanted, dry_run=dry_run) == [
        FieldChange("tier", "there"),
        FieldChange("points", "unfit", "it holds number, not text"),
        FieldChange("reco_1_sku", status, "Klaviyo makes it when it is first written"),
    ]
    assert {request.method for request in world.fake.requests} == {"GET"}


def test_who_is_erased_is_asked_for_by_id_and_who_is_not_there_is_erased(world):
    filled(world, 2)
    assert [each.status for each in world.open().erase(["c0", "gone"])] == ["sent", "sent"]
    assert sorted(world.fake.profiles) == ["c1"]


def test_an_erasure_that_is_refused_is_told(world):
    filled(world, 1)
    world.fake.troubles = [lambda request, answer: refusal(400, "invalid", "Not now.")]
    assert [(each.status, each.message) for each in world.open().erase(["c0"])] == [("rejected", "Not now.")]
