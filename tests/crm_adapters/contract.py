"""A vendor's own OpenAPI 3.0 files as the witness: whatever is asked or answered otherwise than they say is refused."""

import gzip
import json
import re
from functools import cache, cached_property

import jsonschema_rs

METHODS = ("get", "post", "put", "patch", "delete")


class Broken(AssertionError):
    """A request or an answer that the vendor's specification does not know."""


class Contract:
    """Checks requests and answers of httpx; what a specification forbids in error is let pass by `waivers`.

    Args:
        files: specifications, JSON packed with gzip.
        waivers: parts of a complaint -> why it is no fault.
    """

    def __init__(self, files, waivers=()):
        self.waivers = waivers
        self.operations = [
            _Operation(method, path, told, document)
            for document in (json.loads(gzip.decompress(file.read_bytes())) for file in files)
            for path, methods in document["paths"].items()
            for method, told in methods.items()
            if method in METHODS
        ]

    @cache  # noqa: B019  (a test's own, as long as the tests)
    def operation(self, method, path):
        found = [each for each in self.operations if each.fits(method, path)]
        if not found:
            raise Broken(f"there is no {method} {path}")
        return min(found, key=lambda each: each.path.count("{"))

    def check_request(self, request):
        operation = self.operation(request.method, path_of(request))
        self._report(request, operation.faults_of_request(request))

    def check_answer(self, request, answer):
        operation = self.operation(request.method, path_of(request))
        self._report(request, operation.faults_of_answer(answer))

    def _report(self, request, faults):
        left = [fault for fault in faults if not any(known in fault for known in self.waivers)]
        if left:
            raise Broken(f"{request.method} {request.url}: {'; '.join(left)[:2000]}")


class _Operation:
    def __init__(self, method, path, told, document):
        self.method, self.path, self.told, self.document = method.upper(), path, told, document
        self.pattern = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)))

    def fits(self, method, path):
        return method == self.method and self.pattern.fullmatch(path)

    @cached_property
    def parameters(self):
        found = [_resolved(self.document, each) for each in self.told.get("parameters", ())]
        return {place: {each["name"]: each for each in found if each["in"] == place} for place in ("query", "header")}

    @cache  # noqa: B019
    def validator(self, *way):
        """The schema that stands at a place, with all that it refers to."""
        place = _resolved(self.document, self.told)
        for step in way:
            place = _resolved(self.document, place[step])
        whole = {**_json_schema(place), "components": _json_schema(self.document.get("components", {}))}
        return jsonschema_rs.Draft4Validator(whole, validate_formats=True)

    def faults_of_request(self, request):
        given = request.url.params.multi_items()
        for name, value in given:
            known = self.parameters["query"].get(name)
            yield from [f"there is no parameter {name}"] if known is None else _unfit(known, value)
            if [other for other, _ in given].count(name) > 1:
                yield f"{name} is given twice"
        for place, names in (("query", dict(given)), ("header", request.headers)):
            for name, known in self.parameters[place].items():
                if known.get("required") and name not in names:
                    yield f"the {place} {name} is missing"
                elif place == "header" and name in names:
                    yield from _unfit(known, names[name])
        yield from self._faults_of_body(request, ("requestBody",), self.told.get("requestBody"))

    def faults_of_answer(self, answer):
        statuses = self.told["responses"]
        status = next(
            (each for each in (str(answer.status_code), f"{answer.status_code // 100}XX") if each in statuses), 0
        )
        if not status:
            yield f"an answer of {answer.status_code} is not foreseen"
            return
        yield from self._faults_of_body(answer, ("responses", status), statuses[status])

    def _faults_of_body(self, message, way, told):
        told = _resolved(self.document, told or {})
        kinds = told.get("content", {})
        if not message.content:
            yield from ["the body is missing"] if told.get("required") or (kinds and way[0] == "responses") else []
            return
        kind = message.headers.get("content-type", "").partition(";")[0]
        if kind not in kinds:
            yield f"a body of {kind!r} is not foreseen, but {list(kinds)}"
            return
        for error in self.validator(*way, "content", kind, "schema").iter_errors(json.loads(message.content)):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"


def path_of(request):
    """As it was sent: an id may hold signs that are encoded."""
    return request.url.raw_path.partition(b"?")[0].decode()


def _resolved(document, told):
    while "$ref" in told:
        found = document
        for step in told["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        told = found
    return told


def _json_schema(told):
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type "null"."""
    if isinstance(told, list):
        return [_json_schema(each) for each in told]
    if not isinstance(told, dict):
        return told
    kept = {name: _json_schema(value) for name, value in told.items() if name not in ("nullable", "example", "default")}
    return {"anyOf": [kept, {"type": "null"}]} if told.get("nullable") is True else kept


def _unfit(parameter, text):
    """Of a query, arrays stand joined with commas."""
    schema = parameter["schema"]
    values = text.split(",") if schema["type"] == "array" else [text]
    inner = schema.get("items", schema)
    for value in values:
        read = int(value) if inner["type"] == "integer" and value.lstrip("-").isdigit() else value
        if not jsonschema_rs.Draft4Validator(_json_schema(inner)).is_valid(read):
            yield f"{parameter['name']} is {value!r}"
