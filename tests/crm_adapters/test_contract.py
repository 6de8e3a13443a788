"""The witness itself: good calls pass, and what a vendor's own file forbids does not."""

import json
from pathlib import Path

import httpx
import pytest

from tests.crm_adapters.contract import Broken, Contract

KLAVIYO = Path(__file__).parent / "specs" / "klaviyo" / "profiles.json.gz"
MEDIA = "application/vnd.api+json"
HOST, LIST, JOBS = "https://a.klaviyo.com", "/api/profiles", "/api/profile-bulk-import-jobs"
PROFILE = {"type": "profile", "id": "1", "attributes": {"email": None}, "links": {"self": f"{HOST}{LIST}/1"}}
WHOLE = {"data": [PROFILE], "links": {"self": f"{HOST}{LIST}"}}
REFUSED = {"errors": [{"id": "1", "code": "throttled", "title": "Slow down", "detail": "Wait."}]}


@pytest.fixture(scope="module")
def contract():
    return Contract([KLAVIYO])


def asked(method="GET", path=LIST, *, query=None, body=None, **headers):
    kind = {"content-type": MEDIA} if body is not None else {}
    content = None if body is None else json.dumps(body)
    return httpx.Request(
        method, HOST + path, params=query, content=content, headers={"revision": "2026-07-15", **kind, **headers}
    )


def job(**profile):
    profiles = [{"type": "profile", "attributes": {"email": "a@example.com"}, **profile}]
    return {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": profiles}}}}


def answered(told=WHOLE, status=200, kind=MEDIA):
    return httpx.Response(status, content=json.dumps(told) if told is not None else b"", headers={"content-type": kind})


@pytest.mark.parametrize(
    "request_",
    [
        asked(),
        asked(query={"page[size]": "100", "sort": "updated", "additional-fields[profile]": "subscriptions"}),
        asked(query={"fields[profile]": "email,properties"}),
        asked("POST", JOBS, body=job()),
        asked("POST", JOBS, body=job(id=None)),
        asked(path=f"{JOBS}/1/import-errors"),
    ],
)
def test_a_good_request_passes(contract, request_):
    contract.check_request(request_)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asked(path="/api/nothing"), "there is no GET /api/nothing"),
        (asked("DELETE"), "there is no DELETE"),
        (httpx.Request("GET", HOST + LIST), "the header revision is missing"),
        (asked(query={"page[size]": "1000"}), "page.size. is '1000'"),
        (asked(query={"page[size]": "many"}), "page.size. is 'many'"),
        (asked(query={"sort": "sideways"}), "sort is 'sideways'"),
        (asked(query={"fields[profile]": "email,nope"}), "fields.profile. is 'nope'"),
        (asked(query={"since": "yesterday"}), "there is no parameter since"),
        (asked(query=[("sort", "id"), ("sort", "email")]), "sort is given twice"),
        (asked("POST", JOBS), "the body is missing"),
        (asked("POST", JOBS, body=job(type="person")), '"person" is not'),
        (asked("POST", JOBS, body=job(attributes={"email": 5})), "data/attributes/profiles/data/0/attributes/email: 5"),
        (asked("POST", JOBS, body=job(), **{"content-type": "application/json"}), "'application/json' is not foreseen"),
        (asked(body={}), "is not foreseen"),
    ],
)
def test_a_bad_request_is_refused(contract, request_, words):
    with pytest.raises(Broken, match=words):
        contract.check_request(request_)


@pytest.mark.parametrize("answer", [answered(), answered(REFUSED, 429), answered(REFUSED, 503)])
def test_a_good_answer_passes(contract, answer):
    contract.check_answer(asked(), answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answered({**WHOLE, "data": [{**PROFILE, "type": "person"}]}), '"person" is not'),
        (answered({**WHOLE, "data": [{**PROFILE, "attributes": {"email": 5}}]}), "email: 5"),
        (answered({**WHOLE, "data": [{**PROFILE, "attributes": {"updated": "yesterday"}}]}), "updated: .*yesterday"),
        (answered([]), "is not of type"),
        (answered(None, 204), "an answer of 204 is not foreseen"),
        (answered(None), "the body is missing"),
        (answered(kind="text/html"), "'text/html' is not foreseen"),
        (answered({"message": "slow down"}, 429), '"errors" is a required property'),
    ],
)
def test_a_bad_answer_is_refused(contract, answer, words):
    with pytest.raises(Broken, match=words):
        contract.check_answer(asked(), answer)


def test_what_a_waiver_names_passes_and_nothing_else():
    last = answered({**WHOLE, "links": {"self": f"{HOST}{LIST}", "next": None}})
    with pytest.raises(Broken, match="links/next: null"):
        Contract([KLAVIYO]).check_answer(asked(), last)
    waived = Contract([KLAVIYO], ["links/next: null"])
    waived.check_answer(asked(), last)
    with pytest.raises(Broken, match="links/self"):
        waived.check_answer(asked(), answered({**WHOLE, "links": {"self": None, "next": None}}))
