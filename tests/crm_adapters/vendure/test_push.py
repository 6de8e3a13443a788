"""Writing picks back to a real Vendure shop: each value once, and what is refused keeps nothing else back."""

import httpx
import pytest
from sqlalchemy import select

from campaigns.project import Project
from campaigns.store import dead_letters
from campaigns.store.tables import acknowledged_fields
from campaigns.write_back import push, retry
from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.errors import Denied, Unreachable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
OWN = "id customFields { recommended_1_id recommended_1_title segment shortNote pickScore }"


def held(shop):
    return {identity: one["customFields"] for identity, one in shop.found("customers", OWN).items()}


def picks(ids):
    return {
        one: {"recommended_1_id": f"p{one}", "recommended_1_title": f"“Tee” № {one}\n\"&'", "pickScore": int(one) / 8}
        for one in ids
    }


def refused(project):
    return {
        letter.customer_id: (letter.status, letter.message) for letter in dead_letters.kept(project.store, "vendure")
    }


def test_a_thousand_are_written_once_and_after_that_only_what_changes(big, lay_out, calls):
    wanted = picks(big.shop.found("customers", "id"))
    some = next(iter(wanted))
    with Project.open(lay_out(big)) as project:
        assert push(project, "vendure", wanted).written == len(wanted) >= 1_000
        assert calls.made == 2 + -(-len(wanted) // 50)  # the login, the fields, and 50 customers a call
        found = held(big.shop)
        assert {one: {name: found[one][name] for name in fields} for one, fields in wanted.items()} == wanted
        calls.made = 0
        assert push(project, "vendure", wanted).unchanged == len(wanted)
        assert calls.made == 0
        wanted[some] = {**wanted[some], "pickScore": 0.5, "recommended_1_title": None}
        done = push(project, "vendure", wanted)
        assert (done.written, done.unchanged) == (1, len(wanted) - 1)
        assert {kind: count for kind, count in done.fields.items() if kind != "unchanged"} == {
            "added": 0,
            "changed": 1,
            "cleared": 1,
        }
    after = held(big.shop)
    assert after.pop(some) == {**found.pop(some), "pickScore": 0.5, "recommended_1_title": None}
    assert after == found


def test_what_is_refused_keeps_nothing_else_back_and_is_sent_again_when_it_is_mended(small, lay_out):
    long, wrong, *others = small.customers
    wanted = {one: {"segment": "loyal"} for one in small.customers}
    wanted[long] = {"shortNote": "x" * 21}
    wanted[wrong] = {"pickScore": "much"}
    wanted |= {"999999": {"segment": "loyal"}, "nobody": {"segment": "loyal"}}
    with Project.open(lay_out(small)) as project:
        done = push(project, "vendure", wanted)
        assert (done.written, done.rejected) == (len(others), 4)
        found = held(small.shop)
        assert [one for one in others if found[one]["segment"] != "loyal"] == []
        told = refused(project)
        assert {one: status for one, (status, _) in told.items()} == {
            long: "rejected",
            wrong: "rejected",
            "999999": "not_found",
            "nobody": "not_found",
        }
        assert "shortNote has 21 letters, 20 fit" in told[long][1]
        assert "much" in told[wrong][1]
        assert push(project, "vendure", wanted).rejected == 4  # kept, and not sent again
        mended = wanted | {long: {"shortNote": "x" * 20}, wrong: {"pickScore": 1.5}}
        assert push(project, "vendure", mended).written == 2
        assert set(refused(project)) == {"999999", "nobody"}
        assert (held(small.shop)[long]["shortNote"], held(small.shop)[wrong]["pickScore"]) == ("x" * 20, 1.5)


def test_retry_brings_what_the_shop_takes_by_now(small, lay_out):
    coming = str(int(small.customers[-1]) + 1)
    with Project.open(lay_out(small)) as project:
        assert push(project, "vendure", {coming: {"segment": "new"}}).rejected == 1
        assert retry(project, "vendure").rejected == 1
        assert small.shop.add_customers(1, name="late") == [coming]
        assert retry(project, "vendure").written == 1
        assert refused(project) == {}
    assert held(small.shop)[coming]["segment"] == "new"


def test_fields_of_a_customer_who_is_gone_there_need_no_clearing(small, lay_out):
    gone = small.customers[0]
    with Project.open(lay_out(small)) as project:
        push(project, "vendure", {one: {"segment": "loyal"} for one in small.customers})
        small.shop.delete("Customer", [gone])
        done = push(project, "vendure", {one: {"segment": "loyal"} for one in small.customers[1:]})
        assert (done.rejected, refused(project)) == (0, {})
        assert push(project, "vendure", {one: {"segment": "loyal"} for one in small.customers[1:]}).written == 0


def test_who_is_not_known_or_may_not_write_is_denied(small, lay_out):
    small.shop.add_administrator("reader", ["ReadCustomer"])
    wanted = {small.customers[0]: {"segment": "loyal"}}
    with Project.open(lay_out(small, password="wr0ng-secret")) as project:
        with pytest.raises(Denied) as denied:
            push(project, "vendure", wanted)
        assert "user and password" in str(denied.value)
        assert "wr0ng-secret" not in str(denied.value)
    with Project.open(lay_out(small, user="reader@example.com", password="readerreader")) as project:
        with pytest.raises(Denied, match="permission"):
            push(project, "vendure", wanted)
        assert refused(project) == {}
    assert held(small.shop)[small.customers[0]]["segment"] is None


class AnswerLost(httpx.BaseTransport):
    """The shop dies after it did what the nth call asked, before its answer comes."""

    def __init__(self, server, last):
        self.server, self.left, self.inner = server, last, httpx.HTTPTransport()

    def close(self):
        self.inner.close()

    def handle_request(self, request):
        answer = self.inner.handle_request(request)
        self.left -= 1
        if self.left == 0:
            answer.read()
            self.server.kill()
            raise httpx.ReadError("connection reset")
        return answer


class Hasty:
    """A clock on which no time passes in vain."""

    def __init__(self):
        self.moment = 0.0

    def now(self):
        return self.moment

    def wait(self, seconds):
        self.moment += seconds


def test_a_shop_that_dies_within_a_push_loses_nothing(small, lay_out, adapter_of, monkeypatch):
    wanted = picks(small.customers)
    dying = adapter_of(small, transport=AnswerLost(small.server, 4), clock=Hasty())  # login, fields, 50, and 50 more
    with Project.open(lay_out(small)) as project:
        with monkeypatch.context() as patch:
            patch.setattr("campaigns.write_back.connect", lambda project, name: dying)
            with pytest.raises(Unreachable):
                push(project, "vendure", wanted)
        acknowledged = select(acknowledged_fields.c.customer_id).distinct()
        with project.store.engine.connect() as read:
            assert set(read.scalars(acknowledged)) == set(small.customers[:50])
        small.server.start()
        assert push(project, "vendure", wanted).written == 70
        assert push(project, "vendure", wanted).unchanged == 120
    small.shop.log_in()
    found = held(small.shop)
    assert {one: {name: found[one][name] for name in fields} for one, fields in wanted.items()} == wanted


def test_a_missing_field_is_told_with_the_line_to_add_and_an_erased_customer_is_gone(small, adapter_of):
    adapter = adapter_of(small)
    wanted = [RemoteField("segment", "text"), RemoteField("pickScore", "text"), RemoteField("next", "time")]
    changes = adapter.ensure_fields(wanted, dry_run=False)
    assert [change.status for change in changes] == ["there", "unfit", "missing"]
    assert "{ name: 'next', type: 'datetime'" in changes[2].detail
    first = small.customers[0]
    assert [result.status for result in adapter.erase([first, first, "999999"])] == ["sent"] * 3
    assert first not in small.shop.found("customers", "id")
    assert [result.status for result in adapter.push([FieldUpdate(first, {"segment": "x"})])] == ["not_found"]
