"""A small HubSpot account that remembers: one logic, answered in the process, or on loopback to HubSpot's own SDK."""

import json
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx

TOKEN = "pat-eu1-5ec2e700-0000-4000-8000-000000000001"
CAP, LONGEST = 10_000, 65_536
TIMES = ("lastmodifieddate", "hs_lastmodifieddate", "createdate", "hs_createdate")
DATE = "Mon, 05 Jan 2026 10:00:07 GMT"
SCOPES = {"contacts": "crm.objects.contacts", "orders": "crm.objects.orders", "products": "crm.objects.products"}


class Answer(Exception):
    """What is answered instead of a good answer."""

    def __init__(self, status, data, headers=()):
        super().__init__(status)
        self.status, self.data, self.headers = status, data, dict(headers)


def error(status, category, message, **more):
    told = {"status": "error", "category": category, "message": message, "correlationId": "c0ffee"}
    return Answer(status, told | more)


def fault(category, message, ids=(), **more):
    told = {"status": "error", "category": category, "message": message, "errors": [], "links": {}}
    return told | {"context": {"ids": list(ids)} if ids else {}} | more


def iso(moment):
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def counted(name, value):
    """A property's value as a search compares it: thousandths of a second, or a number."""
    if name in TIMES:
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    return int(value)


def prop(name, kind, *, read_only=False, group="contactinformation"):
    metadata = {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": read_only}
    shown = {"string": "text", "number": "number", "datetime": "date", "bool": "booleancheckbox"}.get(kind, "select")
    told = {"name": name, "label": name, "description": "", "type": kind, "fieldType": shown, "groupName": group}
    return told | {"options": [], "modificationMetadata": metadata}


class Account:
    """All that an account holds, and how it answers."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.objects = {kind: {} for kind in ("contacts", "products", "orders", "deals", "line_items")}
        self.linked = {}
        self.groups = {"contactinformation"}
        kinds = {"segment": "string", "pick": "string", "picks": "number", "since": "datetime", "vip": "bool"}
        self.properties = {name: prop(name, kind) for name, kind in kinds.items()}
        self.properties |= {"email": prop("email", "string"), "tier": prop("tier", "enumeration")}
        self.properties |= {"createdate": prop("createdate", "datetime", read_only=True)}
        self.tiers = ("gold", "silver")
        self.lacking = set()
        self.dropped = set()
        self.linked_at_once = 500
        self.troubles = []  # called instead of the next answers, one each; what they give is answered
        self.requests = []

    def put(self, kind, identity, properties, updated):
        changed = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        own = {**properties, "hs_object_id": str(identity), changed: iso(updated)}
        self.objects[kind][identity] = {"properties": own, "at": counted(changed, iso(updated)), "archivedAt": None}

    def link(self, kind, other, identity, to):
        known = self.linked.setdefault((kind, other), {}).setdefault(identity, [])
        known.extend({to} - set(known))

    def archive(self, kind, identity, moment):
        self.objects[kind][identity]["archivedAt"] = iso(moment)

    def calls(self, path=""):
        return [(method, where) for method, where, _ in self.requests if path in where]

    def bodies(self, path):
        return [body for _, where, body in self.requests if path in where]

    def transport(self):
        return httpx.MockTransport(self._handled)

    def _handled(self, request):
        body = json.loads(request.content) if request.content else None
        status, headers, content = self.answered(
            request.method, request.url.path, dict(request.url.params), request.headers.get("authorization"), body
        )
        return httpx.Response(status, headers=headers, content=content)

    def answered(self, method, path, params, authorization, body):
        """Status, headers and bytes."""
        self.requests.append((method, path, body))
        headers = {"date": DATE, "content-type": "application/json;charset=utf-8"}
        try:
            if self.troubles and (given := self.troubles.pop(0)) is not None:
                given = given(lambda: self._answer(method, path, params, authorization, body))
                if given is not None:
                    return given
            status, data = self._answer(method, path, params, authorization, body)
        except Answer as answer:
            status, data = answer.status, answer.data
            headers |= answer.headers
        return status, headers, b"" if data is None else json.dumps(data).encode()

    def _answer(self, method, path, params, authorization, body):
        if authorization != f"Bearer {TOKEN}":
            said = f"Authentication credentials not found: {authorization}"
            raise error(401, "INVALID_AUTHENTICATION", said)
        for pattern, name in ROUTES:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                self._permitted(found.groupdict().get("kind"), name)
                return getattr(self, name)(params=params, body=body, **found.groupdict())
        raise error(404, "OBJECT_NOT_FOUND", f"no path {path}")

    def _permitted(self, kind, name):
        scope = f"{SCOPES.get(kind or 'contacts')}.{'write' if name in WRITING else 'read'}"
        if scope in self.lacking:
            context = {"requiredGranularScopes": [scope]}
            needed = [{"message": "One or more of the following scopes are required.", "context": context}]
            words = "This app hasn't been granted all required scopes to make this call. " + "Read more. " * 30
            raise error(403, "MISSING_SCOPES", words, errors=needed, links={"scopes": "https://example.com/scopes"})

    def account(self, params, body):
        told = {"portalId": 62515, "accountType": "STANDARD", "timeZone": "US/Eastern", "companyCurrency": "USD"}
        return 200, told | {"utcOffset": "-05:00", "utcOffsetMilliseconds": -18_000_000}

    def listed(self, params, body, kind):
        archived = params.get("archived", "").lower() == "true"
        limit, after = int(params.get("limit", 10)), int(params.get("after", 0))
        if limit > 100:
            raise error(400, "VALIDATION_ERROR", "limit must be at most 100")
        known = self.objects[kind]
        fitting = [one for one in sorted(known) if bool(known[one]["archivedAt"]) == archived and one > after]
        some = [self._shown(kind, one, params.get("properties", "").split(",")) for one in fitting[:limit]]
        more = {"paging": {"next": {"after": str(fitting[limit - 1])}}} if len(fitting) > limit else {}
        return 200, {"results": some} | more

    def searched(self, params, body, kind):
        limit, start = body.get("limit", 10), int(body.get("after", 0) or 0)
        if limit > 200 or len(body.get("sorts", [])) > 1 or start + limit > CAP:
            raise error(400, "VALIDATION_ERROR", "too much is asked for")
        known = self.objects[kind]
        fitting = [one for one in known if not known[one]["archivedAt"]]
        for group in body.get("filterGroups") or ():  # one at most: several would be joined by OR
            for given in group["filters"]:
                fitting = [one for one in fitting if passes(self._value(kind, one, given["propertyName"]), given)]
        by = body["sorts"][0]["propertyName"]
        # HubSpot says nothing about the order of equal ones: here it is the less expected.
        fitting.sort(key=lambda one: (self._value(kind, one, by), -one))
        some = [self._shown(kind, one, body["properties"]) for one in fitting[start : start + limit]]
        more = {"paging": {"next": {"after": str(start + limit)}}} if len(fitting) > start + limit else {}
        return 200, {"total": len(fitting), "results": some} | more

    def _value(self, kind, identity, name):
        if name == "hs_object_id":
            return identity
        held = self.objects[kind][identity]
        return held["at"] if name.endswith("lastmodifieddate") else counted(name, held["properties"][name])

    def _shown(self, kind, identity, names):
        held = self.objects[kind][identity]
        changed = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        own = held["properties"]
        # What there is no property for is left out without a word.
        asked = {name: own.get(name) for name in (*names, "hs_object_id", changed) if name and name not in self.dropped}
        told = {"id": str(identity), "properties": asked, "createdAt": own[changed], "updatedAt": own[changed]}
        archived = held["archivedAt"]
        return told | {"archived": bool(archived)} | ({"archivedAt": archived} if archived else {})

    def batch_read(self, params, body, kind):
        some, missing = [], []
        self._at_most_100(body)
        for asked in body["inputs"]:
            held = self.objects[kind].get(int(asked["id"]))
            if held is None or held["archivedAt"]:
                missing.append(asked["id"])
            else:
                some.append(self._shown(kind, int(asked["id"]), body["properties"]))
        words = f"Could not get some {kind} objects, they may be deleted or not exist."
        return batch(some, [fault("OBJECT_NOT_FOUND", words, missing)] if missing else [])

    def associated(self, params, body, kind, other):
        self._at_most_100(body)
        some, faults = [], []
        for asked in body["inputs"]:
            identity, after = int(asked["id"]), int(asked.get("after", 0))
            to = sorted(self.linked.get((kind, other), {}).get(identity, ()))
            if not to:
                words = f"No {other} is associated with {kind} {identity}."
                faults.append(fault("OBJECT_NOT_FOUND", words, subCategory="crm.associations.NO_ASSOCIATIONS_FOUND"))
                continue
            page = [one for one in to if one > after][: self.linked_at_once]
            kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 513, "label": None}]
            told = [{"toObjectId": str(one), "associationTypes": kinds} for one in page]
            more = {"paging": {"next": {"after": str(page[-1])}}} if page[-1] != to[-1] else {}
            some.append({"from": {"id": str(identity)}, "to": told} | more)
        return batch(some, faults)

    def batch_update(self, params, body):
        self._at_most_100(body)
        for asked in body["inputs"]:
            for name, value in asked["properties"].items():
                self._valid(name, value)
        done, missing = [], []
        for asked in body["inputs"]:
            held = self.objects["contacts"].get(int(asked["id"]) if asked["id"].isdigit() else -1)
            if held is None or held["archivedAt"]:
                missing.append(asked["id"])
                continue
            held["properties"] |= asked["properties"]
            done.append(self._shown("contacts", int(asked["id"]), list(asked["properties"])))
        words = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."
        return batch(done, [fault("OBJECT_NOT_FOUND", words, missing)] if missing else [])

    def _valid(self, name, value):
        known = self.properties.get(name)
        if known is None:
            raise refused("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if known["modificationMetadata"]["readOnlyValue"]:
            raise refused("READ_ONLY_VALUE", f"{name} is read only")
        if len(value) > LONGEST:
            raise refused("INVALID_LENGTH", f"{name} was too long")
        if value and known["type"] == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
            raise refused("INVALID_LONG", f"{value} was not a valid number")
        if value and known["type"] == "enumeration" and value not in self.tiers:
            raise refused("INVALID_OPTION", f"{value} was not one of the allowed options")

    def _at_most_100(self, body):
        if len(body["inputs"]) > 100:
            raise error(400, "VALIDATION_ERROR", "the maximum of inputs is 100")

    def listed_properties(self, params, body):
        return 200, {"results": list(self.properties.values())}

    def made_property(self, params, body):
        if body["name"] in self.properties:
            raise error(409, "CONFLICT", f"A property named '{body['name']}' already exists.")
        if body["groupName"] not in self.groups:
            raise error(400, "VALIDATION_ERROR", f"Property group {body['groupName']} does not exist")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", body["name"]):
            raise error(400, "VALIDATION_ERROR", f"{body['name']} is no name")
        self.properties[body["name"]] = prop(body["name"], body["type"], group=body["groupName"])
        return 201, self.properties[body["name"]]

    def made_group(self, params, body):
        if body["name"] in self.groups:
            raise error(409, "CONFLICT", "there is such a group")
        self.groups.add(body["name"])
        return 201, {**body, "archived": False}

    def erased(self, params, body):
        if self.objects["contacts"].pop(int(body["objectId"]), None) is None:
            raise error(404, "OBJECT_NOT_FOUND", "contact does not exist")
        return 204, None


def passes(value, given):
    low = int(given["value"])
    match given["operator"]:
        case "GTE":
            return value >= low
        case "GT":
            return value > low
        case "BETWEEN":
            return low <= value <= int(given["highValue"])
    raise error(400, "VALIDATION_ERROR", "no such operator")


def refused(code, message):
    words = f'Property values were not valid: [{{"isValid":false,"message":"{message}","error":"{code}"}}]'
    return error(400, "VALIDATION_ERROR", words)


def batch(some, faults):
    told = {"status": "COMPLETE", "results": some, "startedAt": "2026-01-05T10:00:00.000Z"}
    told |= {"completedAt": "2026-01-05T10:00:00.100Z"}
    return (207, told | {"numErrors": len(faults), "errors": faults}) if faults else (200, told)


ROUTES = [
    (r"GET /account-info/v3/details", "account"),
    (r"GET /crm/v3/objects/(?P<kind>\w+)", "listed"),
    (r"POST /crm/v3/objects/(?P<kind>\w+)/search", "searched"),
    (r"POST /crm/v3/objects/contacts/batch/update", "batch_update"),
    (r"POST /crm/v3/objects/(?P<kind>\w+)/batch/read", "batch_read"),
    (r"POST /crm/v4/associations/(?P<kind>\w+)/(?P<other>\w+)/batch/read", "associated"),
    (r"GET /crm/v3/properties/contacts", "listed_properties"),
    (r"POST /crm/v3/properties/contacts", "made_property"),
    (r"POST /crm/v3/properties/contacts/groups", "made_group"),
    (r"POST /crm/v3/objects/contacts/gdpr-delete", "erased"),
]
WRITING = ("batch_update", "made_property", "made_group", "erased")


@contextmanager
def on_loopback(account):
    """The account on a port of this machine; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            status, headers, content = account.answered(
                self.command, parts.path, dict(parse_qsl(parts.query)), self.headers.get("authorization"), body
            )
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
