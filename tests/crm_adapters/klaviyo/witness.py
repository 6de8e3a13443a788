"""Between the adapter and the fake: Klaviyo's specification and its own Python SDK, which judge both of them."""

import json
import re
from pathlib import Path

import httpx
from openapi_client.models import (
    DataPrivacyCreateDeletionJobQuery,
    GetAccountResponseCollection,
    GetAccounts4XXResponse,
    GetCatalogItemResponseCollectionCompoundDocument,
    GetEventResponseCollectionCompoundDocument,
    GetImportErrorResponseCollection,
    GetMetricResponseCollectionCompoundDocument,
    GetProfileImportJobResponseCompoundDocument,
    GetProfileResponsePluralConversationsCollectionCompoundDocument,
    PatchProfileResponse,
    PostProfileImportJobResponse,
    ProfileImportJobCreateQuery,
    ProfilePartialUpdateQuery,
)

from tests.crm_adapters.contract import Broken, Contract, path_of

SPECS = Path(__file__).parents[1] / "specs" / "klaviyo"
WAIVERS = {
    # The SDK types `next` and `prev` as optional strings: the last page may leave them out, or say null.
    'links/next: null is not of type "string"',
}
BODIES = {
    ("POST", "/api/profile-bulk-import-jobs"): ProfileImportJobCreateQuery,
    ("POST", "/api/data-privacy-deletion-jobs"): DataPrivacyCreateDeletionJobQuery,
    ("PATCH", "/api/profiles/x"): ProfilePartialUpdateQuery,
}
ANSWERS = {
    ("GET", "/api/accounts"): GetAccountResponseCollection,
    ("GET", "/api/profiles"): GetProfileResponsePluralConversationsCollectionCompoundDocument,
    ("PATCH", "/api/profiles/x"): PatchProfileResponse,
    ("GET", "/api/events"): GetEventResponseCollectionCompoundDocument,
    ("GET", "/api/metrics"): GetMetricResponseCollectionCompoundDocument,
    ("GET", "/api/catalog-items"): GetCatalogItemResponseCollectionCompoundDocument,
    ("POST", "/api/profile-bulk-import-jobs"): PostProfileImportJobResponse,
    ("GET", "/api/profile-bulk-import-jobs/x"): GetProfileImportJobResponseCompoundDocument,
    ("GET", "/api/profile-bulk-import-jobs/x/import-errors"): GetImportErrorResponseCollection,
}
CONDITION = re.compile(r"([\w-]+)\(([\w.]+),")
MOST_PROFILES, MOST_BYTES, MOST_BYTES_EACH = 10_000, 5_000_000, 100_000
"""As the words of the specification say; its schema does not."""
CONTRACT = Contract(sorted(SPECS.glob("*.json.gz")), WAIVERS)


class Witness(httpx.BaseTransport):
    """Lets through what both know; `strict` is switched off where a test spoils an answer itself."""

    def __init__(self, inner):
        self.inner, self.strict = inner, True

    def handle_request(self, request):
        request.read()
        check_request(request)
        answer = self.inner(request)
        answer.read()
        if self.strict:
            check_answer(request, answer)
        return answer


def place(request):
    family, *rest = path_of(request).removeprefix("/api/").split("/")
    return request.method, "/".join(["/api", family, *(["x"] if rest else []), *rest[1:]])


def check_request(request):
    if place(request)[1] != "/api/accounts":
        CONTRACT.check_request(request)
        check_filter(request)
    if request.content:
        body = json.loads(request.content)
        again = without_nulls(json.loads(BODIES[place(request)].from_json(request.content.decode()).to_json()))
        if again != body:
            raise Broken(f"the SDK makes {str(again)[:300]} of {str(body)[:300]}")
        check_sizes(request, body)


def without_nulls(told):
    """The SDK says null for whatever it knows and was not given."""
    if isinstance(told, list):
        return [without_nulls(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {name: without_nulls(value) for name, value in told.items() if value is not None}


def check_filter(request):
    known = CONTRACT.operation(request.method, path_of(request)).told.get("x-klaviyo-filters", {})
    for operator, field in CONDITION.findall(request.url.params.get("filter", "")):
        if operator not in known.get(field, {}).get("operators", {}).get("single", ()):
            raise Broken(f"{field} can't be asked for by {operator}")


def check_sizes(request, body):
    profiles = body["data"]["attributes"].get("profiles", {}).get("data", ())
    longest = max((len(json.dumps(each, ensure_ascii=False).encode()) for each in profiles), default=0)
    if len(profiles) > MOST_PROFILES or len(request.content) > MOST_BYTES or longest > MOST_BYTES_EACH:
        raise Broken(f"{len(profiles)} profiles of {len(request.content)} bytes are too many")


def check_answer(request, answer):
    if place(request)[1] != "/api/accounts":
        CONTRACT.check_answer(request, answer)
    if answer.content:
        model = ANSWERS[place(request)] if answer.is_success else GetAccounts4XXResponse
        model.from_json(answer.text)
