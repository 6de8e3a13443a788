"""A small Salesforce org that remembers: tokens that rotate, SOQL, collections, describe and jobs of Bulk API 2.0.

It stands on Salesforce's documentation (REST API, Bulk API 2.0, SOQL reference, OAuth flows), mostly from memory, and
was not run against an org: Salesforce publishes no description that a machine could hold it to. That a field which is
not there, or a value of another kind, refuses a whole collection (400) is from memory too. `test_witness` lets a client
that we did not write read its answers.
"""

import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import httpx

from tests.crm_adapters.salesforce.fake_jobs import Jobs
from tests.crm_adapters.salesforce.fake_writes import Writes
from tests.crm_adapters.salesforce.parts import Answer, identity, moment, refused, shown
from tests.crm_adapters.salesforce.schema import SCHEMA
from tests.crm_adapters.salesforce.soql import Question, Refused, Runner, parsed, unsupported

LOGIN, INSTANCE = "https://login.example.com", "https://acme.my.example.com"
CLIENT, SECRET, FIRST = "3MVG9.c0nsumer-key", "c0nsumer-s3cret", "5Aep861.f1rst-refresh"
DATE = "Mon, 05 Jan 2026 10:00:07 GMT"
DATA = "/services/data/v64.0"


class Org(Writes, Jobs):
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


JOB = r"(?P<job>750\w+)"
ROUTES = (
    (rf"GET {DATA}/query(?P<deleted>All)?/?", "query"),
    (rf"GET {DATA}/query/(?P<locator>[\w-]+)", "more"),
    (rf"GET {DATA}/sobjects/(?P<table>\w+)/describe", "describe"),
    (rf"PATCH {DATA}/composite/sobjects", "update"),
    (rf"DELETE {DATA}/composite/sobjects", "remove"),
    (rf"POST {DATA}/jobs/query", "begin"),
    (rf"GET {DATA}/jobs/query/{JOB}", "job"),
    (rf"GET {DATA}/jobs/query/{JOB}/results", "results"),
)
