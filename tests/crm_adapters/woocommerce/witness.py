"""Between the adapter and the fake: WooCommerce's own reference, which judges both of them."""

import json

import httpx

from tests.crm_adapters.woocommerce import docs

LISTS = ("customers", "orders", "products")
UNDOCUMENTED = {
    # The tables of the reference lag behind: the controllers of these lists know it, and sort by id within a time.
    ("orderby", "modified"),
}


class Broken(AssertionError):
    """A request or an answer that WooCommerce's reference does not know."""


class Witness(httpx.BaseTransport):
    """Lets through what is in the reference; answers that a test spoils itself are no lists of records."""

    def __init__(self, inner):
        self.inner = inner

    def handle_request(self, request):
        request.read()
        path = request.url.path.rpartition("/wp-json/wc/v3/")[2]
        check_request(request, path)
        answer = self.inner(request)
        if answer.is_success and path in LISTS:
            check_list(path, answer)
        return answer


def check_request(request, path):
    if request.method == "GET" and path in LISTS:
        known = docs.parameters(path)
        for name, value in request.url.params.multi_items():
            if name not in known:
                raise Broken(f"the list of {path} has no parameter {name}")
            options = [word.strip("`") for word in known[name].split() if word.startswith("`")]
            options = [word.rstrip("`.,") for word in options]
            if "Options:" in known[name] and value not in options and (name, value) not in UNDOCUMENTED:
                raise Broken(f"{name} of {path} can't be {value!r}, but one of {options}")
    if request.method == "POST":
        check_batch(json.loads(request.content))


def check_batch(body):
    """Only what may be written; the id says which record is meant."""
    if set(body) != {"update"} or not 1 <= len(body["update"]) <= 100:
        raise Broken(f"a batch of {set(body)}")
    for item in body["update"]:
        writable(item, docs.attributes("customers", "Customer"))
        for meta in item["meta_data"]:
            writable(meta, docs.attributes("customers", "Customer", "Meta data"))


def writable(told, table):
    for name in told:
        if name != "id" and (name not in table or "read-only" in table[name]):
            raise Broken(f"{name} may not be written, of {sorted(table)}")


def check_list(path, answer):
    try:
        told = json.loads(answer.content)
    except ValueError:
        return
    for record in told if isinstance(told, list) else ():
        same_keys(path, record, docs.example(path))


def same_keys(path, told, example):
    if set(told) != set(example):
        raise Broken(f"of {path}: {set(told) ^ set(example)}")
    for name, value in example.items():
        if isinstance(value, dict) and name != "_links" and isinstance(told[name], dict):
            same_keys(f"{path}.{name}", told[name], value)
