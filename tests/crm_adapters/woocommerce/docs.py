"""WooCommerce's own reference: its examples of answers, and its tables of attributes and parameters."""

import gzip
import json
import re
from functools import cache
from pathlib import Path

SPECS = Path(__file__).parents[1] / "specs" / "woocommerce"
EXAMPLE = re.compile(r"^```json\n(.*?)^```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{2,4} (.+?) #{2,4}$")
ROW = re.compile(r"^\|\s*`(\w+)`\s*\|[^|]*\|(.*)\|$")


@cache
def text(name):
    return gzip.decompress((SPECS / f"{name}.md.gz").read_bytes()).decode()


@cache
def examples(name):
    """All answers that the page of a list shows."""
    return [json.loads(found) for found in EXAMPLE.findall(text(name))]


@cache
def tables(name):
    """Of each heading of a page, the attributes or parameters below it, with what is said of them."""
    found, chapter, heading = {}, "", ""
    for line in text(name).splitlines():
        if told := HEADING.match(line):
            chapter = told[1] if line.startswith("## ") else chapter
            heading = told[1] if told[1] == chapter else f"{chapter}: {told[1]}"
        elif told := ROW.match(line):
            found.setdefault(heading, {})[told[1]] = told[2]
    return found


def attributes(name, *parts):
    """The attributes of a record, or of a part of it: attributes("customers", "Customer", "Meta data")."""
    kind, *part = parts
    wanted = f"{kind} - {part[0]} properties" if part else f"{kind} properties"
    return next(table for heading, table in tables(name).items() if heading.endswith(wanted))


def parameters(name):
    """What a list may be asked."""
    return next(
        table
        for heading, table in tables(name).items()
        if heading.startswith("List all") and heading.endswith("Available parameters")
    )


@cache
def _listed(name):
    return json.dumps(next(each for each in examples(name) if isinstance(each, list))[0])


def example(name):
    """A fresh copy of the first record that the example of a list shows."""
    return json.loads(_listed(name))
