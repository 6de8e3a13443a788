"""The witness catches what it is there to catch: our queries and the fake's answers can't drift from the schema."""

import pytest

from crm_adapters.shopify import adapter as shopify
from crm_adapters.shopify import bulk as shopify_bulk
from crm_adapters.shopify import fields as shopify_fields
from crm_adapters.shopify.lists import LISTINGS
from tests.crm_adapters.shopify.witness import Broken, answered, checked, cost

QUERIES = [
    shopify.CHECK,
    shopify.ERASE,
    shopify_bulk.RUN,
    shopify_bulk.LOOK,
    shopify_fields.SET,
    shopify_fields.DELETE,
    shopify_fields.DEFINITIONS,
    shopify_fields.DEFINE,
    *(query for asked in LISTINGS.values() for query in (asked.page, asked.bulk, asked.count)),
    *(asked.more for asked in LISTINGS.values() if asked.inner),
]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_one_of_shopifys_schema_and_nothing_in_it_is_deprecated(query):
    checked(query)


@pytest.mark.parametrize(
    "query",
    [
        "{ customers(first: 1) { nodes { language } } }",
        "{ customers(first: 1, sortKey: UPDATED) { nodes { id } } }",
        "{ customers(first: 1) { nodes { email } } }",
        "query ($first: String) { customers(first: $first) { nodes { id } } }",
    ],
    ids=["unknown-field", "unknown-key", "deprecated", "wrong-type"],
)
def test_a_query_that_drifts_is_caught(query):
    with pytest.raises(Broken):
        checked(query)


def test_an_answer_that_drifts_is_caught():
    query = checked("{ customers(first: 1) { pageInfo { hasNextPage } } }")
    with pytest.raises(Broken, match="non-nullable"):
        answered(query, {"customers": {"pageInfo": {"hasNextPage": None}}}, {})


def test_a_value_that_drifts_is_caught():
    given = {"metafields": [{"ownerId": "gid://shopify/Customer/1", "key": "pick", "value": 5}]}
    with pytest.raises(Broken, match="String cannot represent"):
        answered(checked(shopify_fields.SET), {}, given)


def test_a_page_costs_more_the_larger_it_is():
    page = checked(LISTINGS[shopify.Stream.ORDERS].page)
    assert [cost(page, {"first": size}) for size in (1, 10)] == [56, 542]
