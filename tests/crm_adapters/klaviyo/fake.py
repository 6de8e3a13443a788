"""A small Klaviyo in memory: what its guides and its specification say, as far as the adapter asks for it."""

import base64
import json
import re
from datetime import UTC, datetime
from itertools import count
from urllib.parse import unquote

import httpx

from tests.crm_adapters.contract import path_of

KEY = "pk_a_key_of_the_fake_only"
MEDIA = "application/vnd.api+json"
HOST = "https://a.klaviyo.com"
SCOPES = {
    "accounts": "accounts:read",
    "profiles": "profiles:read",
    "events": "events:read",
    "metrics": "metrics:read",
    "catalog-items": "catalogs:read",
    "profile-bulk-import-jobs": "profiles:write",
    "data-privacy-deletion-jobs": "data-privacy:write",
}
TITLES, TIMES = ["title", "description"], ["created", "updated"]
EMPTY = {
    "profiles": dict.fromkeys(["email", "phone_number", "first_name", "last_name", "locale", *TIMES]),
    "items": dict.fromkeys([*TITLES, "external_id", "price", "url", "image_full_url", "published", *TIMES]),
}
"""What its answers always have, be it null."""
CONDITION = re.compile(r'([\w-]+)\(([\w.]+),("[^"]*"|[^)]*)\)')


class Fake:
    """Answers requests; `troubles` stand before the next ones, each given the request and what would be answered."""

    def __init__(self, clock):
        self.clock, self.numbers = clock, count(1)
        self.requests, self.troubles = [], []
        self.scopes, self.looks, self.null_next, self.points_at = set(SCOPES.values()), 1, False, HOST
        self.forget()

    def forget(self):
        self.profiles, self.items, self.variants, self.events, self.jobs = {}, {}, {}, {}, {}
        self.told = list  # which errors of an import are shown
        self.bad = {}  # profile id -> why imports refuse it
        self.metrics = {"Vz9Q2p": "Opened Email", "WxL7Pn": "Placed Order"}

    def asked(self, method, ending):
        return [each for each in self.requests if each.method == method and each.url.path.endswith(ending)]

    def __call__(self, request):
        self.requests.append(request)
        if self.troubles:
            return self.troubles.pop(0)(request, self.answer)
        return self.answer(request)

    def answer(self, request):
        family, *rest = map(unquote, path_of(request).removeprefix("/api/").split("/"))
        if request.headers.get("authorization") != f"Klaviyo-API-Key {KEY}":
            return refusal(401, "not_authenticated", "Missing or invalid private key.")
        if SCOPES[family] not in self.scopes:
            return refusal(403, "permission_denied", "You do not have permission to perform this action.")
        name = f"{request.method.lower()}_{family.replace('-', '_')}"
        return getattr(self, f"{name}_one" if rest else name)(request, *rest)

    def get_accounts(self, request):
        told = {
            "test_account": False,
            "contact_information": {
                "default_sender_name": "Ann",
                "default_sender_email": "ann@example.com",
                "website_url": "https://shop.example.com",
                "organization_name": "Shöp & Söhne",
                "street_address": {
                    "address1": None, "address2": None, "city": None, "region": None, "country": None, "zip": None
                },
            },
            "industry": None,
            "timezone": "Europe/Berlin",
            "preferred_currency": "EUR",
            "public_api_key": "AbC123",
            "locale": "en-US",
        }  # fmt: skip
        answer = reply({"data": [resource("account", "AbC123", told)], "links": links(request)})
        answer.headers["date"] = datetime.fromtimestamp(self.clock.now() + 42, UTC).strftime(
            "%a, %d %b %Y %H:%M:%S GMT"
        )
        return answer

    def get_profiles(self, request):
        asked = request.url.params
        wanted = asked["fields[profile]"].split(",") if "fields[profile]" in asked else None
        more = "subscriptions" in asked.get("additional-fields[profile]", "")
        found, link = self.page(request, self.profiles, asked["sort"])
        rows = [
            resource(
                "profile",
                each,
                {
                    name: value
                    for name, value in (EMPTY["profiles"] | self.profiles[each]).items()
                    if (name in wanted if wanted else more or name != "subscriptions")
                },
            )
            for each in found
        ]
        return reply({"data": rows, "links": link})

    def patch_profiles_one(self, request, identity):
        told = json.loads(request.content)["data"]
        if identity not in self.profiles:
            return refusal(404, "not_found", f"A profile with id {identity} does not exist.")
        if identity in self.bad:
            return refusal(400, "invalid", self.bad[identity], "/data/attributes/properties")
        self.write(identity, told["attributes"].get("properties") or {}, told.get("meta"))
        return reply({"data": resource("profile", identity, self.profiles[identity])})

    def write(self, identity, properties, meta=None):
        profile = self.profiles[identity]
        profile["properties"] |= properties
        for name in ((meta or {}).get("patch_properties") or {}).get("unset") or ():
            profile["properties"].pop(name, None)
        profile["updated"] = datetime.fromtimestamp(self.clock.now(), UTC).isoformat()

    def post_profile_bulk_import_jobs(self, request):
        """All is done when the last look is taken; nothing is cleared, and what is null stays as it was."""
        profiles = json.loads(request.content)["data"]["attributes"]["profiles"]["data"]
        for number, each in enumerate(profiles):
            if self.bad.get(each["id"]) == "refused at once":
                return refusal(400, "invalid", "Not this one.", f"/data/attributes/profiles/data/{number}/attributes")
        number = f"job{next(self.numbers)}"
        self.jobs[number] = {"looks": self.looks, "total": len(profiles), "errors": self.imported(profiles)}
        return reply({"data": self.job(number)}, 202)

    def imported(self, profiles):
        errors = []
        for number, each in enumerate(profiles):
            known = each["id"] in self.profiles
            if known and each["id"] not in self.bad:
                told = each["attributes"]["properties"]
                self.write(each["id"], {name: value for name, value in told.items() if value is not None})
                continue
            code, words = ("invalid", self.bad[each["id"]]) if known else ("not_found", "There is no such profile.")
            pointer = f"/data/attributes/profiles/data/{number}"
            told = {"code": code, "title": "Refused.", "detail": words, "source": {"pointer": pointer}}
            errors.append(resource("import-error", f"e{number}", {**told, "original_payload": each}, link=False))
        return errors

    def job(self, number):
        job = self.jobs[number]
        ended = job["looks"] <= 0
        told = {
            "status": job.get("status", "complete" if ended else "processing"),
            "created_at": "2026-11-01T10:00:00+00:00",
            "total_count": job["total"],
            "completed_count": job["total"] - len(job["errors"]) if ended else 0,
            "failed_count": len(job["errors"]) if ended else 0,
        }
        return resource("profile-bulk-import-job", number, told)

    def get_profile_bulk_import_jobs_one(self, request, number, errors=None):
        if errors:
            listed = {each["id"]: each for each in self.told(self.jobs[number]["errors"])}
            found, link = self.page(request, listed, None)
            return reply({"data": [listed[each] for each in found], "links": link})
        self.jobs[number]["looks"] -= 1
        return reply({"data": self.job(number)})

    def post_data_privacy_deletion_jobs(self, request):
        identity = json.loads(request.content)["data"]["attributes"]["profile"]["data"]["id"]
        if self.profiles.pop(identity, None) is None:
            return refusal(404, "not_found", "There is no such profile.")
        return httpx.Response(202)

    def get_metrics(self, request):
        rows = [resource("metric", each, {"name": name}) for each, name in self.metrics.items()]
        return reply({"data": rows, "links": self.last(request)})

    def get_events(self, request):
        listed = {
            each: told for each, told in self.events.items() if f'"{told["metric"]}"' in request.url.params["filter"]
        }
        found, link = self.page(request, listed, request.url.params["sort"])
        rows = []
        for each in found:
            related = {"metric": {"data": {"type": "metric", "id": listed[each]["metric"]}}}
            if listed[each]["profile"]:
                related["profile"] = {"data": {"type": "profile", "id": listed[each]["profile"]}}
            for name, told in related.items():
                told["links"] = {
                    "self": f"{HOST}/api/events/{each}/relationships/{name}",
                    "related": f"{HOST}/api/{name}",
                }
            rows.append({**resource("event", each, listed[each]["attributes"]), "relationships": related})
        return reply({"data": rows, "links": link})

    def get_catalog_items(self, request):
        found, link = self.page(request, self.items, None)
        rows, included = [], []
        for each in found:
            own = [name for name, variant in self.variants.items() if variant["item"] == each]
            path = f"{HOST}/api/catalog-items/x"
            around = {"links": {"self": f"{path}/relationships/variants", "related": f"{path}/variants"}}
            related = {"variants": {"data": [{"type": "catalog-variant", "id": name} for name in own], **around}}
            rows.append({**resource("catalog-item", each, EMPTY["items"] | self.items[each]), "relationships": related})
            included += [resource("catalog-variant", name, self.variants[name]["attributes"]) for name in own]
        return reply({"data": rows, "included": included, "links": link})

    def page(self, request, listed, sort):
        """One page of ids, and the links; records of one time come in an order that their ids do not tell."""
        asked = request.url.params
        name, down = (sort or "").lstrip("-"), (sort or "").startswith("-")

        def place(each):
            told = listed[each].get("attributes", listed[each])
            return (datetime.fromisoformat(told[name]).timestamp() if name else 0, each[::-1] if name else each)

        start = [
            datetime.fromisoformat(value).timestamp()
            for operator, field, value in CONDITION.findall(asked.get("filter", ""))
            if (operator, field) == ("greater-than", name)
        ]
        order = sorted(listed, key=place, reverse=down)
        order = [each for each in order if not start or place(each)[0] > start[0]]
        if "page[cursor]" in asked:
            before = tuple(json.loads(base64.urlsafe_b64decode(asked["page[cursor]"])))
            order = [each for each in order if place(each) > before]
        size = int(asked.get("page[size]", 20))
        if len(order) <= size:
            return order, self.last(request)
        cursor = base64.urlsafe_b64encode(json.dumps(place(order[size - 1])).encode()).decode()
        following = request.url.copy_set_param("page[cursor]", cursor)
        return order[:size], links(request, next=str(following).replace(HOST, self.points_at))

    def last(self, request):
        return links(request, **({"next": None} if self.null_next else {}))


def links(request, **more):
    return {"self": str(request.url), **more}


def resource(kind, identity, attributes, *, link=True):
    own = {"links": {"self": f"{HOST}/api/{kind}s/{identity.replace('$', '%24')}"}} if link else {}
    return {"type": kind, "id": identity, "attributes": attributes, **own}


def reply(told, status=200):
    return httpx.Response(status, content=json.dumps(told).encode(), headers={"content-type": MEDIA})


def refusal(status, code, detail, pointer="/data/"):
    error = {"id": "b3f6", "status": status, "code": code, "title": "Refused.", "detail": detail}
    return reply({"errors": [{**error, "source": {"pointer": pointer}, "meta": {}}]}, status)
