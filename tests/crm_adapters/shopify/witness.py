"""Shopify's own schema as the witness: a query that it does not know, or an answer that it forbids, is refused."""

import gzip
import json
from functools import cache
from pathlib import Path

from graphql import (
    FieldNode,
    NoDeprecatedCustomRule,
    build_client_schema,
    execute,
    get_named_type,
    is_composite_type,
    parse,
    specified_rules,
    validate,
)

SPEC = Path(__file__).parents[1] / "specs" / "shopify" / "admin_2026-10.json.gz"
CONNECTION, MUTATION = 2, 10
"""Points, as Shopify's guide has them: two for a list and one for each of its records, ten for a mutation."""


class Broken(AssertionError):
    """A query or an answer that the vendor's schema does not know."""


@cache
def schema():
    """Shopify's own form breaks a rule of graphql-core about what is deprecated, so it is taken as valid."""
    told = json.loads(gzip.decompress(SPEC.read_bytes()))
    return build_client_schema(told.get("data", told), assume_valid=True)


@cache
def checked(query):
    """Parse a query; it may use nothing that is deprecated."""
    document = parse(query)
    if faults := validate(schema(), document, [*specified_rules, NoDeprecatedCustomRule]):
        raise Broken(f"{faults[0]} in {query}")
    return document


def answered(document, world, variables):
    """Execute a query on a world of dicts and functions."""
    result = execute(schema(), document, world, variable_values=variables)
    if result.errors:
        original = result.errors[0].original_error
        raise original if isinstance(original, Broken) else Broken(str(result.errors[0]))
    return result.data


def cost(document, variables):
    """What a query costs, plausibly: one point an object, as many as a list may hold."""
    (operation,) = document.definitions
    kind = operation.operation.value
    root = schema().query_type if kind == "query" else schema().mutation_type
    return _cost(operation.selection_set, root, variables) + (MUTATION if kind == "mutation" else 0)


def _cost(selection, parent, variables):
    points = 0
    for node in selection.selections:
        if not isinstance(node, FieldNode):
            raise Broken("fragments are not counted")
        field = get_named_type(parent.fields[node.name.value].type)
        if not is_composite_type(field) or node.name.value in ("pageInfo", "userErrors"):
            continue
        inner = _cost(node.selection_set, field, variables)
        if field.name.endswith("Connection"):
            points += CONNECTION + _first(node, variables) * inner
        else:
            points += 1 + inner
    return points


def _first(node, variables):
    told = next((each.value for each in node.arguments if each.name.value == "first"), None)
    if told is None:
        return 1
    return variables[told.name.value] if told.kind == "variable" else int(told.value)


def connections(selection, parent, depth=0):
    """The lists of a query, each with how deep it stands and the names of what is asked of its records."""
    for node in selection.selections:
        if node.selection_set is None:
            continue
        field = get_named_type(parent.fields[node.name.value].type)
        deeper = depth + field.name.endswith("Connection")
        if deeper > depth:
            (edges,) = node.selection_set.selections
            (record,) = edges.selection_set.selections
            yield deeper, {each.name.value for each in record.selection_set.selections}
        yield from connections(node.selection_set, field, deeper)
