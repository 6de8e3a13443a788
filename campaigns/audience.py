"""Audience rules: a small safe language over customer and segment fields, compiled to SQL.

    recency_days < 90 and orders >= 2 and region in ["OH", "KY"]
    segment contains "fresh" or attributes.age == "45-54"

It is read with Python's own grammar and nothing in it is ever evaluated; values are always bound, never spliced in.
"""

import ast
import difflib
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, not_, or_, select, true

from campaigns.errors import BadRule
from campaigns.store.tables import customer_traits, customers

_CUSTOMER = (
    "id",
    "region",
    "city",
    "postcode",
    "country",
    "time_zone",
    "locale",
    "gender",
    "consent_email",
    "first_name",
    "created_at",
)
_TRAITS = ("segment", "rfm", "recency_days", "orders", "tenure_days", "gap_days")
FIELDS: dict[str, ColumnElement[Any]] = {
    **{name: customers.c[name] for name in _CUSTOMER},
    **{name: customer_traits.c[name] for name in _TRAITS},
    "spent": customer_traits.c.spent_minor / 100.0,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda left, right: left.is_(None) if right is None else left == right,
    ast.NotEq: lambda left, right: left.is_not(None) if right is None else left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
    ast.In: lambda left, right: left.in_(right),
    ast.NotIn: lambda left, right: left.not_in(right),
}


def customers_matching(rule: str) -> Select[Any]:
    """Select the customers whom a rule names; erased ones and those who object to profiling are never among them.

    Raises:
        BadRule: pointing at the position.
    """
    wanted = compile_rule(rule)
    named = customers.c
    return (
        select(
            named.id.label("customer_id"),
            named.email,
            named.email_normalised,
            named.consent_email,
            _refused().label("refused"),
            named.first_name,
            named.locale,
            named.time_zone,
            named.attributes["tracking_consent"].as_string().label("tracking_consent"),
        )
        .select_from(customers.outerjoin(customer_traits, customer_traits.c.customer_id == named.id))
        .where(named.erased_at.is_(None), named.objected.is_(False), wanted)
    )


def _refused() -> ColumnElement[bool]:
    """Say whether the same address said no in another record: whoever refused once is not written to by another way."""
    other = customers.alias("other")
    said_no = (other.c.consent_email == "unsubscribed") | other.c.objected
    return exists().where(other.c.email_normalised == customers.c.email_normalised, said_no)


def compile_rule(rule: str) -> ColumnElement[bool]:
    """Compile a rule to a condition over `customers` left-joined with `customer_traits`.

    Raises:
        BadRule: it can't be read, names an unknown field, or does what a rule may not.
    """
    text = rule.strip()
    if text in {"", "everyone"}:
        return true()
    readable = text.replace(" contains ", " @ ")  # one token of Python's grammar stands in for the word
    try:
        tree = ast.parse(readable, mode="eval").body
    except SyntaxError as error:
        position = max((error.offset or 1) - 1, 0)
        hint = (
            "write == to compare"
            if "=" in text.replace("==", "").replace("<=", "").replace(">=", "").replace("!=", "")
            else "mend the rule there"
        )
        raise BadRule(readable, position, "can't be read here", remedy=hint) from error
    return _Compiler(readable).condition(tree)


class _Compiler:
    def __init__(self, rule: str) -> None:
        self.rule = rule

    def refuse(self, node: ast.AST, problem: str, remedy: str) -> BadRule:
        return BadRule(self.rule, getattr(node, "col_offset", 0), problem, remedy=remedy)

    def condition(self, node: ast.expr) -> ColumnElement[bool]:
        if isinstance(node, ast.BoolOp):
            join = and_ if isinstance(node.op, ast.And) else or_
            return join(*(self.condition(value) for value in node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not_(self.condition(node.operand))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            found: ColumnElement[bool] = self.field(node.left).contains(str(self.value(node.right)), autoescape=True)
            return found
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        raise self.refuse(node, "a comparison must stand here", 'write e.g. orders >= 2 or region == "OH"')

    def comparison(self, node: ast.Compare) -> ColumnElement[bool]:
        parts: list[ColumnElement[bool]] = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            # 2 <= orders reads as orders >= 2
            turned = isinstance(left, ast.Constant)
            compare = _COMPARE.get(type(_mirrored(operator) if turned else operator))
            if compare is None:
                raise self.refuse(node, "this comparison is not known", "use == != < <= > >= in, contains")
            field, value = (right, left) if turned else (left, right)
            parts.append(compare(self.field(field), self.value(value)))
            left = right
        return and_(*parts)

    def field(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "attributes":
            return customers.c.attributes[node.attr].as_string()
        if not isinstance(node, ast.Name):
            raise self.refuse(node, "a field must stand here", f"choose one of: {', '.join(FIELDS)}, attributes.NAME")
        if node.id not in FIELDS:
            near = difflib.get_close_matches(node.id, FIELDS, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(FIELDS)}, attributes.NAME"
            raise self.refuse(node, f"no field {node.id!r}", remedy)
        return FIELDS[node.id]

    def value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(item) for item in node.elts]
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
            return node.value
        if isinstance(node, ast.Name) and node.id == "none":
            return None
        raise self.refuse(node, "a value must stand here", 'write a number, a "text" or a ["list", "of", "texts"]')


def _mirrored(operator: ast.cmpop) -> ast.cmpop:
    return {ast.Lt: ast.Gt(), ast.LtE: ast.GtE(), ast.Gt: ast.Lt(), ast.GtE: ast.LtE()}.get(type(operator), operator)
