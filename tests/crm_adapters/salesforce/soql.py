"""A small SOQL: the words that the adapter uses, parsed for real, and all others refused as Salesforce words it.

It stands on Salesforce's SOQL reference as documented, and was not run against an org. What is held to: fields and
relationships must be there; AND and OR are not mixed without brackets; times stand without quotes, ids are ids.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

TOKEN = re.compile(
    r"\s*(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<text>'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z][\w.]*)|(?P<sign><=|>=|!=|[=<>(),]))",
    re.ASCII,
)
SIGNS = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a is not None and a > b,
    ">=": lambda a, b: a is not None and a >= b,
    "<": lambda a, b: a is not None and a < b,
    "<=": lambda a, b: a is not None and a <= b,
}
IDENTITY = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")


class Refused(Exception):
    """A question that Salesforce refuses: its code and words."""

    def __init__(self, code, words):
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


@dataclass
class Question:
    fields: list = field(default_factory=list)  # names, and Questions that are nested
    table: str = ""
    where: tuple | None = None  # (sign, name, value), or ("AND" or "OR", conditions)
    order: list = field(default_factory=list)
    limit: int | None = None

    @property
    def is_count(self):
        return self.fields == ["COUNT()"]


class Parser:
    def __init__(self, text):
        self.text, self.tokens, at = text, [], 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                raise self.refuse(f"unexpected token: '{text[at:].strip()[:1]}'")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self.place = 0

    def refuse(self, words):
        shown = f"\n{self.text[:80]}\n        ^\nERROR at Row:1:Column:9\n{words}"
        return Refused("MALFORMED_QUERY", shown)

    def peek(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "<EOF>")

    def take(self, *wanted, kind=None):
        found = self.peek()
        if (wanted and found[1].upper() not in wanted) or (kind and found[0] != kind):
            raise self.refuse(f"unexpected token: '{found[1]}'")
        self.place += 1
        return found[1]

    def at(self, *words):
        return self.peek()[1].upper() in words

    def whole(self):
        question = self.question()
        if self.peek()[0] != "end":
            raise self.refuse(f"unexpected token: '{self.peek()[1]}'")
        return question

    def question(self):
        self.take("SELECT")
        question = Question([self.field()])
        while self.at(","):
            self.take(",")
            question.fields.append(self.field())
        self.take("FROM")
        question.table = self.take(kind="name")
        if self.at("WHERE"):
            self.take("WHERE")
            question.where = self.condition()
        if self.at("ORDER"):
            self.take("ORDER")
            self.take("BY")
            question.order.append(self.take(kind="name"))
            while self.at(","):
                self.take(",")
                question.order.append(self.take(kind="name"))
        if self.at("LIMIT"):
            self.take("LIMIT")
            question.limit = int(self.take(kind="number"))
        return question

    def field(self):
        if self.at("("):
            self.take("(")
            nested = self.question()
            self.take(")")
            return nested
        if self.at("COUNT"):
            self.take("COUNT")
            self.take("(")
            self.take(")")
            return "COUNT()"
        return self.take(kind="name")

    def condition(self):
        conditions, joined = [self.simple()], None
        while self.at("AND", "OR"):
            word = self.take().upper()
            if joined not in (None, word):  # SOQL has no precedence: it wants brackets
                raise self.refuse(f"unexpected token: '{word}'")
            joined = word
            conditions.append(self.simple())
        return (joined, conditions) if joined else conditions[0]

    def simple(self):
        if self.at("("):
            self.take("(")
            inner = self.condition()
            self.take(")")
            return inner
        name, sign = self.take(kind="name"), self.take(*SIGNS, kind="sign")
        return sign, name, self.value()

    def value(self):
        kind, text = self.peek()
        self.place += 1
        if kind == "time":
            return datetime.fromisoformat(text)
        if kind == "number":
            return float(text)
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if text.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text.lower()]
        raise self.refuse(f"unexpected token: '{text}'")


def parsed(text):
    return Parser(text).whole()


def no_column(name, table):
    words = f"No such column '{name}' on entity '{table}'. If you are attempting to use a custom field, be sure to "
    more = "append the '__c' after the custom field name. Please reference your WSDL or the describe call."
    return Refused("INVALID_FIELD", f"\nSELECT ... {'Other__c, ' * 40}\n   ^\nERROR at Row:1:Column:9\n{words}{more}")


class Runner:
    """Answers questions from an org's tables; `schema` tells fields, parents and children."""

    def __init__(self, schema, objects, *, deleted):
        self.schema, self.objects, self.deleted = schema, objects, deleted

    def run(self, question, table=None, within=None):
        """The records that are met, each as the names asked for to values; nested ones as lists."""
        table = table or self._table(question.table)
        self._check(question, table)
        met = [one for one in self.objects[table].values() if within is None or one[within[0]] == within[1]]
        met = [one for one in met if self.deleted or not one["IsDeleted"]]
        met = list(filter(self._test(table, question.where), met))
        if question.order:
            met.sort(key=lambda one: [self.value(table, one, name) for name in question.order])
        else:
            met.reverse()  # no order is promised: the less expected one
        return table, met[: question.limit]

    def _table(self, name):
        if name not in self.schema:
            raise Refused(
                "INVALID_TYPE", f"\nSELECT Id FROM {name}\n  ^\nERROR at Row:1:Column:16\n{unsupported(name)}"
            )
        return name

    def _check(self, question, table):
        for each in question.fields:
            if isinstance(each, Question):
                child = self.schema[table]["children"].get(each.table)
                if child is None:
                    words = f"Didn't understand relationship '{each.table}' in FROM part of query call."
                    raise Refused("INVALID_TYPE", words)
                self._check(each, child[0])
            elif each != "COUNT()":
                self.kind(table, each)
        for name in question.order:
            self.kind(table, name)
        if question.where is not None:
            self._check_where(table, question.where)

    def _check_where(self, table, condition):
        if condition[0] in ("AND", "OR"):
            for each in condition[1]:
                self._check_where(table, each)
            return
        _, name, value = condition
        kind = self.kind(table, name)
        wanted = {"datetime": datetime, "boolean": bool, "double": float, "currency": float}.get(kind, str)
        if value is not None and not isinstance(value, wanted):
            quotes = " and should not be enclosed in quotes" if isinstance(value, str) else ""
            words = f"value of filter criterion for field '{name}' must be of type {kind}{quotes}"
            raise Refused("INVALID_FIELD", words)
        if kind in ("id", "reference") and value is not None and not IDENTITY.fullmatch(value):
            raise Refused("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")

    def kind(self, table, name):
        """The type of a field, also of a parent's."""
        parent, _, rest = name.partition(".")
        if rest:
            if parent not in self.schema[table]["parents"]:
                words = f"Didn't understand relationship '{parent}' in field path. If you are attempting to use a ..."
                raise Refused("INVALID_FIELD", f"\nSELECT {name}\n  ^\nERROR at Row:1:Column:8\n{words}")
            return self.kind(self.schema[table]["parents"][parent][1], rest)
        if name not in self.schema[table]["fields"]:
            raise no_column(name, table)
        return self.schema[table]["fields"][name]["type"]

    def value(self, table, record, name):
        parent, _, rest = name.partition(".")
        if not rest:
            return record.get(name)
        key, other = self.schema[table]["parents"][parent]
        above = self.objects[other].get(record.get(key))
        return None if above is None else self.value(other, above, rest)

    def _test(self, table, condition):
        """What says of a record whether it meets a condition."""
        if condition is None:
            return lambda _: True
        if condition[0] in ("AND", "OR"):
            each, join = [self._test(table, one) for one in condition[1]], all if condition[0] == "AND" else any
            return lambda record: join(one(record) for one in each)
        sign, name, value = condition
        compare = SIGNS[sign]
        if "." in name:
            return lambda record: compare(self.value(table, record, name), value)
        return lambda record: compare(record.get(name), value)


def unsupported(name):
    more = " If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
    return f"sObject type '{name}' is not supported.{more}"
