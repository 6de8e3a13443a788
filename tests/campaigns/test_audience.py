"""Audience rules: what they name, and where they are wrong."""

import pytest
from sqlalchemy import insert

from campaigns.audience import customers_matching
from campaigns.errors import BadRule
from campaigns.store.tables import customer_traits, customers


@pytest.fixture
def people(store):
    base = {"system": "s", "consent_email": "subscribed", "objected": False, "erased_at": None}
    with store.writing() as write:
        write.execute(
            insert(customers),
            [
                {**base, "id": "a", "region": "OH", "attributes": {"age": "45-54"}},
                {**base, "id": "b", "region": "KY", "attributes": {}},
                {**base, "id": "c", "region": None, "attributes": None},
                {**base, "id": "gone", "region": "OH", "attributes": None, "objected": True},
            ],
        )
        traits = [("a", "loyal, fresh food", 3, 10.0), ("b", "drifting away", 1, 80.0)]
        from campaigns.project import real_now

        write.execute(
            insert(customer_traits),
            [
                {"customer_id": i, "segment": s, "orders": o, "recency_days": r, "computed_at": real_now()}
                for i, s, o, r in traits
            ],
        )
    return store


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("everyone", "abc"),
        ("", "abc"),
        ('region == "OH"', "a"),
        ('region in ["OH", "KY"]', "ab"),
        ("region == none", "c"),
        ("orders >= 2 and recency_days < 30", "a"),
        ("2 <= orders", "a"),
        ('segment contains "fresh"', "a"),
        ('not region == "OH" and region != none', "b"),
        ('attributes.age == "45-54"', "a"),
        ('region == "\'; DROP TABLE customers; --"', ""),
    ],
)
def test_a_rule_names_its_customers_and_never_one_who_objects(people, rule, expected):
    with people.engine.connect() as read:
        found = read.execute(customers_matching(rule)).scalars().all()
    assert "".join(sorted(found)) == expected


@pytest.mark.parametrize(
    ("rule", "position", "words"),
    [
        ("recency_dais < 3", 0, "recency_days"),
        ("orders >= 2 and recency_dais < 3", 16, "recency_days"),
        ('region = "OH"', 7, "=="),
        ('__import__("os")', 0, "comparison"),
        ("orders >= orders.x", 10, "value"),
    ],
)
def test_a_wrong_rule_is_told_with_its_position_and_a_remedy(rule, position, words):
    with pytest.raises(BadRule, match=words) as refused:
        customers_matching(rule)
    assert refused.value.position == position
