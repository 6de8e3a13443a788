"""A small Salesforce org that remembers: tokens that rotate, SOQL, collections, describe and jobs of Bulk API 2.0.

It stands on Salesforce's documentation (REST API, Bulk API 2.0, SOQL reference, OAuth flows), partly from memory, and
was not run against an org: Salesforce publishes no description that a machine could hold it to. That a field which is
not there, or a value of another kind, refuses a whole collection (400) is taken from what its users report.
"""

import csv
import io
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import httpx

from tests.crm_adapters.salesforce.schema import SCHEMA
from tests.crm_adapters.salesforce.soql import Question, Refused, Runner, parsed, unsupported

LOGIN, INSTANCE = "https://login.example.com", "https://acme.my.example.com"
CLIENT, SECRET, FIRST = "3MVG9.c0nsumer-key", "c0nsumer-s3cret", "5Aep861.f1rst-refresh"
DATE = "Mon, 05 Jan 2026 10:00:07 GMT"
DATA = "/services/data/v64.0"
PREFIX = {"Contact": "003", "Account": "001", "Product2": "01t", "PricebookEntry": "01u", "Pricebook2": "01s"}
PREFIX |= {
    "Order": "801",
    "OrderItem": "802",
    "Opportunity": "006",
    "OpportunityLineItem": "00k",
    "Organization": "00D",
}


class Clock:
    """Time that passes only by waiting; each wait is kept."""

    def __init__(self, now=1_767_607_200.0):  # 2026-01-05T10:00:00Z
        self.time, self.waits = now, []

    def now(self):
        return self.time

    def wait(self, seconds):
        self.waits.append(seconds)
        self.time += seconds


class Answer(Exception):
    """What is answered instead of a good answer."""

    def __init__(self, status, data, headers=()):
        super().__init__(status)
        self.status, self.data, self.headers = status, data, dict(headers)


def refused(status, code, words, **more):
    return Answer(status, [{"message": words, "errorCode": code, **more}])


def moment(value):
    """A time as Salesforce keeps it: in UTC, to the second for changes."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def shown(value):
    return f"{value:%Y-%m-%dT%H:%M:%S}.000+0000" if isinstance(value, datetime) else value


def cell(value):
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def identity(table, number):
    """An id of 18 letters."""
    return f"{PREFIX[table]}xx{number:010d}AAA"


class Org:
    """All that an org holds, and how it answers."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.schema = json.loads(json.dumps(SCHEMA))
        self.objects = {table: {} for table in self.schema}
        self.batch, self.nested, self.looks = 2_000, 200, 1
        self.used, self.most = 18, 15_000
        self.refresh, self.sessions, self.given, self.asked = FIRST, set(), 0, []
        self.jobs, self.locators, self.locked = {}, {}, set()
        self.forbidden = ""  # words of a permission that the user lacks
        self.troubles = []  # called instead of the next answers, one each; what they give is answered
        self.requests = []
        self.now = datetime(2026, 1, 5, 10, tzinfo=UTC)
        self.put("Organization", 1, {"Name": "Acme", "IsSandbox": True}, self.now)
        self.put("Pricebook2", 1, {"IsStandard": True}, self.now)
        self.put("Pricebook2", 2, {"IsStandard": False}, self.now)

    def put(self, table, number, values, updated):
        kinds = {name: told["type"] for name, told in self.schema[table]["fields"].items()}
        strange = set(values) - set(kinds)
        assert not strange, f"{table} has no {strange}"
        own = {name: moment(value) if kinds[name] == "datetime" else value for name, value in values.items()}
        times = {"SystemModstamp": moment(updated).replace(microsecond=0), "CreatedDate": moment(updated)}
        one = identity(table, number)
        empty = {name: False if kind == "boolean" else None for name, kind in kinds.items()}
        self.objects[table][one] = empty | times | own | {"Id": one}
        return one

    def delete(self, table, one, at, master=None):
        self.objects[table][one] |= {"IsDeleted": True, "SystemModstamp": moment(at).replace(microsecond=0)}
        if master:
            self.objects[table][one]["MasterRecordId"] = master

    def hide(self, table, *names):
        for name in names:
            del self.schema[table]["fields"][name]

    def calls(self, path=""):
        return [(method, where) for method, where, _, _ in self.requests if path in where]

    def questions(self):
        """What was asked in SOQL."""
        return [params["q"] for _, _, params, _ in self.requests if "q" in params]

    def bodies(self, path):
        return [body for _, where, _, body in self.requests if path in where and body is not None]

    def transport(self):
        return httpx.MockTransport(self._handled)

    def _handled(self, request):
        where, here = f"{request.url.scheme}://{request.url.netloc.decode()}", request.url.path
        if here == "/services/oauth2/token":
            assert where == LOGIN, f"tokens are given at {LOGIN}, not at {where}"
            return self._token(dict(parse_qsl(request.content.decode())))
        assert where == INSTANCE, f"the org is at {INSTANCE}, not at {where}"
        body = json.loads(request.content) if request.content else None
        params = dict(request.url.params)
        self.requests.append((request.method, here, params, body))
        headers = {"date": DATE, "sforce-limit-info": f"api-usage={self.used}/{self.most}"}
        try:
            if self.troubles and (given := self.troubles.pop(0)) is not None:
                given = given(lambda: self._answer(request, params, body))
                if given is not None:
                    return given
            status, more, data = self._answer(request, params, body)
        except Refused as no:
            status, more, data = 400, {}, [{"message": no.words, "errorCode": no.code}]
        except Answer as answer:
            status, more, data = answer.status, answer.headers, answer.data
        content = data.encode() if isinstance(data, str) else b"" if data is None else json.dumps(data).encode()
        kind = "text/csv" if isinstance(data, str) else "application/json;charset=UTF-8"
        return httpx.Response(status, headers={**headers, "content-type": kind, **more}, content=content)

    def _token(self, form):
        self.asked.append(form)
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            return httpx.Response(
                400, json={"error": "invalid_client", "error_description": "invalid client credentials"}
            )
        rotated = {}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh:
                told = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
                return httpx.Response(400, json=told)
            self.refresh = f"5Aep861.refresh-{self.given + 1}"
            rotated = {"refresh_token": self.refresh}
        self.given += 1
        token = f"00Dxx!AQ.acc3ss-{self.given}"
        self.sessions = {token}
        told = {"access_token": token, "instance_url": INSTANCE, "token_type": "Bearer", "signature": "s1gned"}
        return httpx.Response(200, json=told | rotated | {"issued_at": "1767607200000", "scope": "api refresh_token"})

    def _answer(self, request, params, body):
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.sessions:
            raise refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if len(str(request.url)) + 500 > 16_384:
            raise refused(414, "URI_TOO_LONG", "the uri is too long")
        if self.used >= self.most:
            raise refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if self.forbidden:
            raise refused(403, "INSUFFICIENT_ACCESS", self.forbidden)
        self.used += 1
        for pattern, name in ROUTES:
            if found := re.fullmatch(pattern, f"{request.method} {request.url.path}"):
                return getattr(self, name)(params=params, body=body, **found.groupdict())
        raise refused(404, "NOT_FOUND", "The requested resource does not exist")

    def query(self, params, body, deleted):
        runner = Runner(self.schema, self.objects, deleted=bool(deleted))
        question = parsed(params["q"])
        table, found = runner.run(question)
        if question.is_count:
            return 200, {}, {"totalSize": len(found), "done": True, "records": []}
        return 200, {}, self._page([self._record(runner, table, one, question) for one in found], self.batch)

    def more(self, params, body, locator):
        if locator not in self.locators:
            raise refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return 200, {}, self._page(*self.locators.pop(locator))

    def _page(self, records, size):
        told = {"totalSize": len(records), "done": len(records) <= size, "records": records[:size]}
        if not told["done"]:
            locator = f"01gxx{len(self.requests):06d}{len(self.locators):04d}-{size}"
            self.locators[locator] = records[size:], size
            told["nextRecordsUrl"] = f"{DATA}/query/{locator}"
        return told

    def _record(self, runner, table, one, question):
        told = {"attributes": {"type": table, "url": f"{DATA}/sobjects/{table}/{one['Id']}"}}
        for name in question.fields:
            if isinstance(name, Question):
                told[name.table] = self._children(runner, table, one, name)
                continue
            *path, last = name.split(".")
            inner, kind, record = told, table, one
            for parent in path:
                key, kind = self.schema[kind]["parents"][parent]
                record = self.objects[kind].get(record[key])
                if record is None:
                    inner[parent] = None
                    break
                inner = inner.setdefault(parent, {"attributes": {"type": kind}})
            else:
                inner[last] = shown(record[last])
        return told

    def _children(self, runner, table, one, question):
        child, key = self.schema[table]["children"][question.table]
        _, found = runner.run(question, child, (key, one["Id"]))
        records = [self._record(runner, child, each, question) for each in found]
        return self._page(records, self.nested) if records else None

    def describe(self, params, body, table):
        if table not in self.schema:
            raise refused(404, "NOT_FOUND", unsupported(table))
        fields = [{"name": name, "label": name, **told} for name, told in self.schema[table]["fields"].items()]
        return 200, {}, {"name": table, "fields": fields}

    def update(self, params, body):
        records = body["records"]
        if len(records) > 200:
            raise refused(400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records")
        for record in records:
            self._parse(record)
        return 200, {}, [self._updated(dict(record)) for record in records]

    def _parse(self, record):
        """Read one record, or refuse the whole."""
        table = record["attributes"]["type"]
        for name, value in record.items():
            if name in ("attributes", "id"):
                continue
            told = self.schema[table]["fields"].get(name)
            if told is None or not told["updateable"]:
                raise refused(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {table}")
            wanted = {"double": (int, float), "boolean": bool}.get(told["type"], str)
            good = value is None or (isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool))
            if good and told["type"] == "datetime" and value:
                good = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)", value)
            if not good:
                words = f"Cannot deserialize instance of {told['type']} from {json.dumps(value)} value at [line:1]"
                raise refused(400, "JSON_PARSER_ERROR", words)

    def _updated(self, record):
        table, one = record.pop("attributes")["type"], record.pop("id")
        held = self.objects[table].get(one)
        fault = self._fault(table, one, held, record)
        if fault:
            return {"id": one, "success": False, "errors": [fault]} if held else {"success": False, "errors": [fault]}
        kinds = self.schema[table]["fields"]
        for name, value in record.items():
            held[name] = (
                moment(value) if value and kinds[name]["type"] == "datetime" else None if value == "" else value
            )
        held["SystemModstamp"] = self.now
        return {"id": one, "success": True, "errors": []}

    def _fault(self, table, one, held, record):
        def told(code, words, *fields):
            return {"statusCode": code, "message": words, "fields": list(fields)}

        if not re.fullmatch(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?", one):
            return told("MALFORMED_ID", f"{table} ID: id value of incorrect type: {one}", "Id")
        if held is None:
            return told("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if held["IsDeleted"]:
            return told("ENTITY_IS_DELETED", "entity is deleted")
        if one in self.locked:
            return told("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {one}")
        for name, value in record.items():
            length = self.schema[table]["fields"][name]["length"]
            if isinstance(value, str) and length and len(value) > length:
                return told(
                    "STRING_TOO_LONG", f"{name}: data value too large: {value[:20]} (max length={length})", name
                )
            if name == "Tier__c" and value not in (None, "gold", "silver"):
                words = f"Tier: bad value for restricted picklist field: {value}"
                return told("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, name)
        return None

    def remove(self, params, body):
        ids = params["ids"].split(",")
        if len(ids) > 200:
            raise refused(400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records")
        return 200, {}, [self._removed(one) for one in ids]

    def _removed(self, one):
        table = next((name for name, prefix in PREFIX.items() if one.startswith(prefix)), "Contact")
        fault = self._fault(table, one, self.objects[table].get(one), {})
        if fault:
            return {"id": one, "success": False, "errors": [fault]}
        self.delete(table, one, self.now)
        return {"id": one, "success": True, "errors": []}

    def begin(self, params, body):
        question = parsed(body["query"])
        if any(isinstance(name, Question) for name in question.fields) or question.is_count:
            raise refused(400, "API_ERROR", "Nested and aggregate queries are not supported in Bulk API 2.0")
        runner = Runner(self.schema, self.objects, deleted=body["operation"] == "queryAll")
        table, found = runner.run(question)
        rows = [[cell(runner.value(table, one, name)) for name in question.fields] for one in found]
        job = f"750xx{len(self.jobs):010d}AAA"
        self.jobs[job] = {"names": question.fields, "rows": rows, "looks": self.looks, "state": "JobComplete"}
        return 200, {}, {"id": job, "operation": body["operation"], "object": table, "state": "UploadComplete"}

    def job(self, params, body, job):
        held = self._held(job)
        held["looks"] -= 1
        state = held["state"] if held["looks"] < 0 else "InProgress"
        more = {"errorMessage": "InvalidBatch : Failed to process query"} if state == "Failed" else {}
        return 200, {}, {"id": job, "state": state, "contentType": "CSV", **more}

    def results(self, params, body, job):
        held, start = self._held(job), int(params.get("locator", "0"), 36)
        size = int(params["maxRecords"])
        some, end = held["rows"][start : start + size], start + size
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([held["names"], *some])
        following = base36(end) if end < len(held["rows"]) else "null"
        return 200, {"sforce-locator": following, "sforce-numberofrecords": str(len(some))}, out.getvalue()

    def _held(self, job):
        if job not in self.jobs:
            raise refused(404, "NOT_FOUND", "The requested resource does not exist")
        return self.jobs[job]


def base36(number):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return (base36(number // 36) if number >= 36 else "") + digits[number % 36]


JOB = r"(?P<job>750\w+)"
ROUTES = (
    (rf"GET {DATA}/query(?P<deleted>All)?", "query"),
    (rf"GET {DATA}/query/(?P<locator>[\w-]+)", "more"),
    (rf"GET {DATA}/sobjects/(?P<table>\w+)/describe", "describe"),
    (rf"PATCH {DATA}/composite/sobjects", "update"),
    (rf"DELETE {DATA}/composite/sobjects", "remove"),
    (rf"POST {DATA}/jobs/query", "begin"),
    (rf"GET {DATA}/jobs/query/{JOB}", "job"),
    (rf"GET {DATA}/jobs/query/{JOB}/results", "results"),
)
