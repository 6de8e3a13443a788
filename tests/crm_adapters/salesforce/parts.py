"""What the parts of the org have in common: times, ids, refusals, and a clock that only waits when told."""

from datetime import UTC, datetime

PREFIX = {"Contact": "003", "Account": "001", "Product2": "01t", "PricebookEntry": "01u", "Pricebook2": "01s"}
PREFIX |= {
    "Order": "801",
    "OrderItem": "802",
    "Opportunity": "006",
    "OpportunityLineItem": "00k",
    "Organization": "00D",
}


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
