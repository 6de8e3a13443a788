"""The fake's SOQL refuses what Salesforce refuses, so that what the adapter asks is more than text."""

import pytest

from tests.crm_adapters.salesforce.fake import Org
from tests.crm_adapters.salesforce.parts import identity
from tests.crm_adapters.salesforce.soql import Refused, Runner, parsed

TIME = "2026-01-05T10:00:00Z"


def run(org, text):
    _, found = Runner(org.schema, org.objects, deleted=False).run(parsed(text))
    return [one["Id"] for one in found]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT Id Email FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id, FROM Contact", "MALFORMED_QUERY"),
        ("SELECT * FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FRM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact LIMIT", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact ORDER Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact GROUP BY Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE (Id != null", "MALFORMED_QUERY"),
        (f"SELECT Id FROM Contact WHERE Id = null AND Email = 'a' OR SystemModstamp > {TIME}", "MALFORMED_QUERY"),
        (f"SELECT Id FROM Contact WHERE SystemModstamp > '{TIME}'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 7", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id > ''", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Contact WHERE Id > 'not an id'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Nothing FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact ORDER BY Nothing", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Nothing = 1", "INVALID_FIELD"),
        ("SELECT Owner.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Account.Nothing FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contacts", "INVALID_TYPE"),
        ("SELECT Id, (SELECT Id FROM Lines) FROM Order", "INVALID_TYPE"),
        ("SELECT Id, (SELECT Nothing FROM OrderItems) FROM Order", "INVALID_FIELD"),
    ],
)
def test_a_wrong_question_is_refused(text, code):
    with pytest.raises(Refused) as no:
        run(Org(), text)
    assert no.value.code == code


def test_a_good_question_is_answered():
    org = Org()
    for number, minute in ((1, 0), (2, 1), (3, 1), (4, 2)):
        org.put("Contact", number, {"Email": f"{number}@example.com"}, f"2026-01-05T10:0{minute}:00Z")
    at = "2026-01-05T10:01:00Z"
    later = f"(SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{identity('Contact', 2)}'))"
    asked = f"SELECT Id FROM Contact WHERE {later} ORDER BY SystemModstamp, Id"
    assert run(org, asked) == [identity("Contact", 3), identity("Contact", 4)]
    assert run(org, f"{asked} LIMIT 1") == [identity("Contact", 3)]
    assert run(org, "SELECT Id FROM Contact WHERE Email = '1@example.com'") == [identity("Contact", 1)]
    assert len(run(org, "SELECT Id FROM Contact WHERE IsDeleted = false AND Email != null")) == 4
