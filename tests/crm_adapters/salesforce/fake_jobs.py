"""Jobs of Bulk API 2.0, as the org runs them."""

import csv
import io

from tests.crm_adapters.salesforce.parts import cell, refused
from tests.crm_adapters.salesforce.soql import Question, Runner, parsed


class Jobs:
    """The part of an org that reads very many records in the background."""

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
