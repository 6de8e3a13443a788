"""One query: its data and its errors, also where both came, or neither."""

import pytest

from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.http.graphql import Fault, ask


def asked(client_of, network, status=200, **answer):
    return ask(client_of(network({"status_code": status, **answer})), "/graphql", "{ shop }")


def test_a_query_is_posted_with_its_variables(client_of, network):
    sent = network({"status_code": 200, "json": {"data": {"shop": 1}}})
    client = client_of(sent)
    ask(client, "/graphql", "query ($a: ID!) { shop }", {"a": 7})
    ask(client, "/graphql", "{ shop }")
    assert [(each.method, each.url.path) for each in sent.requests] == [("POST", "/graphql")] * 2
    assert [each.content.decode() for each in sent.requests] == [
        '{"query":"query ($a: ID!) { shop }","variables":{"a":7}}',
        '{"query":"{ shop }","variables":{}}',
    ]


def test_data_comes_with_its_answer(client_of, network):
    reply = asked(client_of, network, json={"data": {"shop": {"name": "Tea"}}}, headers={"x-cost": "3"})
    assert (reply.data, reply.faults, reply.answer.headers["x-cost"]) == ({"shop": {"name": "Tea"}}, [], "3")


def test_data_and_errors_may_come_together(client_of, network):
    error = {"message": "no such id", "path": ["c1", "name", 0], "extensions": {"code": "NOT_FOUND"}}
    reply = asked(client_of, network, json={"data": {"c0": 1, "c1": None}, "errors": [error]})
    assert (reply.data, reply.faults) == ({"c0": 1, "c1": None}, [Fault("no such id", "c1", "NOT_FOUND")])


@pytest.mark.parametrize("status", [200, 400])
def test_an_error_that_takes_the_whole_query_is_a_fault_under_no_alias(client_of, network, status):
    reply = asked(client_of, network, status, json={"data": None, "errors": [{"message": "Syntax Error"}]})
    assert (reply.data, reply.faults, reply.answer.status) == ({}, [Fault("Syntax Error", "", "")], status)


@pytest.mark.parametrize(
    ("errors", "fault"),
    [
        ([{}], Fault("", "", "")),
        ([{"message": None, "path": None, "extensions": None}], Fault("", "", "")),
        ([{"message": "no", "path": [], "extensions": {"code": None}}], Fault("no", "", "")),
        ([{"message": "no", "path": "c1", "extensions": "x"}], Fault("no", "", "")),
        ([{"message": {"a": 1}, "path": [3], "extensions": {"code": 7}}], Fault("{'a': 1}", "3", "7")),
        (["boom"], Fault("boom", "", "")),
        ("boom", Fault("boom", "", "")),
        ({"message": "boom"}, Fault("boom", "", "")),
    ],
)
def test_an_error_that_is_not_worded_as_specified_is_told_all_the_same(client_of, network, errors, fault):
    assert asked(client_of, network, json={"errors": errors}).faults == [fault]


@pytest.mark.parametrize("found", [{}, [], 7, None, "hi", {"data": None}, {"errors": []}, {"data": [1]}, {"ok": True}])
def test_what_is_no_graphql_is_refused(client_of, network, found):
    with pytest.raises(BadSource, match=r"the answer is no GraphQL: .*; check the connection's url"):
        asked(client_of, network, json=found)


def test_an_empty_answer_is_no_graphql(client_of, network):
    with pytest.raises(BadSource, match="is no GraphQL: nothing;"):
        asked(client_of, network)


def test_a_page_with_status_400_is_no_graphql(client_of, network):
    with pytest.raises(BadSource, match="is no GraphQL: <h1>Bad Request</h1>;"):
        asked(client_of, network, 400, html="<h1>Bad Request</h1>")


@pytest.mark.parametrize(("status", "error"), [(401, Denied), (403, Denied), (404, BadSource), (503, Unreachable)])
def test_other_refusals_are_those_of_any_call(client_of, network, status, error):
    with pytest.raises(error, match=f"{status}"):
        asked(client_of, network, status, json={"errors": [{"message": "no"}]})


def test_a_secret_that_an_error_repeats_is_hidden(client_of, network):
    reply = asked(client_of, network, json={"errors": [{"message": "who is s3cret-t0ken?"}]})
    assert reply.faults[0].message == "who is ***?"
    with pytest.raises(BadSource) as refusal:
        asked(client_of, network, json=["s3cret-t0ken"])
    assert "s3cret-t0ken" not in str(refusal.value)


def test_nothing_of_a_customer_stands_in_what_python_shows(client_of, network):
    reply = asked(client_of, network, json={"data": {"email": "ann@example.com"}})
    assert "ann@example.com" not in repr(reply)
