"""Delivery to a real SMTP server that misbehaves: every message once, or a reason why not."""

import time
from collections import Counter

import pytest
from sqlalchemy import delete, select, update

from campaigns import control
from campaigns.deliver import deliver
from campaigns.delivery.lanes import REFUSALS_IN_A_ROW
from campaigns.errors import BadTemplate, StoreError, TransportError, TransportUnreachable
from campaigns.report import report
from campaigns.store import runs
from campaigns.store.suppression import suppressed_addresses
from campaigns.store.tables import events, message_contents, messages
from tests.campaigns.delivering import SmtpServer, delivering, open_shop, rows, states, until
from tests.faults.outbox_of import RUN, address


@pytest.fixture
def server(tmp_path):
    """A server that takes everything, until its script is changed."""
    started = SmtpServer(tmp_path)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def shop(tmp_path, server):
    """Opens a project: `shop(count, **options)`."""
    opened = []

    def open_it(count, **options):
        opened.append(open_shop(tmp_path / "shop", count, server.url, **options))
        return opened[0]

    yield open_it
    for project in opened:
        project.__exit__(None, None, None)


def once(count):
    """Each of the first so many recipients, once."""
    return Counter(address(number) for number in range(count))


def bounces(project):
    with project.store.engine.connect() as read:
        found = read.execute(select(events.c.message_id, events.c.kind, events.c.properties)).all()
    return {message_id: (kind, properties["severity"]) for message_id, kind, properties in found}


def change(project, number, **values):
    with project.store.writing() as write:
        write.execute(update(messages).where(messages.c.customer_id == str(number)).values(**values))


class Told:
    """A progress that keeps what it is told."""

    def __init__(self, quiet):
        self.lines, self.track = [], quiet.track

    def say(self, text):
        self.lines.append(text)


def test_a_message_whose_content_is_gone_fails_alone(shop, server):
    project = shop(3)
    with project.store.writing() as write:
        write.execute(delete(message_contents).where(message_contents.c.customer_id == "1"))
    deliver(project)
    assert server.taken == Counter([address(0), address(2)])
    [lost] = rows(project, customer_id="1")
    assert (lost.state, lost.answer.partition(";")[0]) == ("failed", "the content of the message is gone")


def test_a_greylisted_message_is_tried_again_and_sent_once(shop, server):
    server.script["greylist"] = 0.3
    project = shop(40)
    done = deliver(project, until_empty=True)
    assert server.taken == once(40)
    assert states(project) == {"sent": 40}
    assert 0 < done.states["waiting"] < 40
    assert done.states["sent"] == 40
    assert Counter(row.attempts for row in rows(project)) == {1: 40 - done.states["waiting"], 2: done.states["waiting"]}
    assert report(project, "weekly_digest")[0].state == "finished"


def test_no_such_mailbox_is_a_bounce_and_the_address_is_not_written_to_again(shop, server):
    server.script["refuse"] = 0.2
    project = shop(40)
    deliver(project, until_empty=True)
    refused = [row for row in rows(project) if row.state == "failed"]
    assert 0 < len(refused) < 40
    assert set(server.taken) == {row.address for row in rows(project)} - {row.address for row in refused}
    assert {(row.reason, row.answer) for row in refused} == {("no such mailbox", "550 5.1.1 no such user")}
    assert bounces(project) == {row.rfc_message_id: ("bounced", "hard") for row in refused}
    everyone = [address(number) for number in range(40)]
    assert suppressed_addresses(project.store, everyone) == {row.address for row in refused}


def test_a_message_that_is_not_wanted_there_is_a_bounce_and_the_address_is_kept(shop, server):
    server.script["say"] = {"RCPT": "550 5.7.1 looks like spam"}
    project = shop(3)
    deliver(project, until_empty=True)
    assert runs.counts(project.store, RUN) == {("failed", "refused by the server"): 3}
    assert set(bounces(project).values()) == {("bounced", "policy")}
    assert suppressed_addresses(project.store, [address(number) for number in range(3)]) == set()


def test_a_signature_that_is_refused_stops_the_run_and_burns_nobody(shop, server):
    server.script["after_data"] = "550 5.7.26 your DMARC policy says no"
    project = shop(30)
    with pytest.raises(TransportError, match=r"5\.7\.26 your DMARC policy"):
        deliver(project, until_empty=True)
    found = report(project, "weekly_digest")[0]
    assert (found.state, found.states) == ("stopped", {"paused": 30})
    assert "550 5.7.26 your DMARC policy says no" in found.note
    assert bounces(project) == {}
    assert deliver(project, until_empty=True).states == {}
    del server.script["after_data"]
    control.resume(project, RUN)
    deliver(project, until_empty=True)
    assert (server.taken, states(project)) == (once(30), {"sent": 30})


def test_a_hundred_refusals_in_a_row_stop_the_run(shop, server):
    server.script["say"] = {"RCPT": "550 5.7.1 looks like spam"}
    count = REFUSALS_IN_A_ROW + 60
    project = shop(count)
    with pytest.raises(TransportError, match=r"in a row were refused: 550 5\.7\.1 looks like spam"):
        deliver(project, until_empty=True)
    found = report(project, "weekly_digest")[0]
    assert found.state == "stopped"
    assert "looks like spam" in found.note
    assert REFUSALS_IN_A_ROW <= found.states["failed"] <= REFUSALS_IN_A_ROW + 5
    assert found.states["failed"] + found.states["paused"] == count


def test_a_message_that_is_taken_in_between_lets_the_run_go_on(shop, server):
    server.script["refuse"] = 0.9
    project = shop(150)
    done = deliver(project, until_empty=True)
    assert done.states["failed"] > REFUSALS_IN_A_ROW
    assert done.states["failed"] + done.states["sent"] == 150


def test_a_server_that_is_not_there_at_the_start_is_told_and_nothing_is_lost(shop, server):
    project = shop(8)
    server.stop()
    try:
        with pytest.raises(TransportUnreachable, match=r"127\.0\.0\.1"):
            deliver(project, until_empty=True)
        assert states(project) == {"waiting": 8}
        assert {row.attempts for row in rows(project)} == {0}
    finally:
        server.start()
    deliver(project, until_empty=True)
    assert server.taken == once(8)


def test_a_server_that_goes_away_and_comes_back_gets_every_message_once(shop, server):
    server.script["slow"] = 0.005
    project = shop(120)
    with delivering(project) as found:
        until(lambda: server.taken.total() >= 30)
        server.bow_out()
        time.sleep(0.7)
        server.start()
    assert found["done"].states["sent"] == 120
    assert (server.taken, states(project)) == (once(120), {"sent": 120})


def test_an_answer_that_is_lost_leaves_a_doubt_that_is_named(shop, server):
    server.script["answer_lost"] = 5
    project = shop(20, connections=1)
    done = deliver(project, until_empty=True)
    assert (done.states["in_doubt"], states(project)) == (4, {"sent": 16, "in_doubt": 4})
    _, doubt = control.doubtful(project, RUN)
    assert server.taken == once(20)
    assert {row["address"] for row in doubt} <= set(server.taken)
    assert {row["reason"] for row in doubt} == {"the server's answer was lost"}


def test_with_the_policy_resend_a_lost_answer_costs_one_more_message_and_no_doubt(shop, server):
    server.script["answer_lost"] = 5
    project = shop(20, connections=1, in_doubt="resend")
    done = deliver(project, until_empty=True)
    assert states(project) == {"sent": 20}
    assert set(server.taken) == set(once(20))
    assert done.states["waiting"] == server.taken.total() - 20 >= 4


def test_a_recipient_domain_gets_no_more_in_a_second_than_it_may(shop, server):
    project = shop(14, more='per_domain_per_second = {"example.org" = 5}')
    began = time.monotonic()
    with delivering(project):
        for count in (5, 8, 11, 14):
            until(lambda so_many=count: server.taken.total() >= so_many)
            taken = server.taken.total()
            assert taken <= 5 + 5 * (time.monotonic() - began)
    assert server.taken == once(14)


def test_what_a_rate_limit_puts_off_for_a_moment_is_delivered_in_the_same_call(shop, server):
    project = shop(12, more="per_second = 8")
    assert deliver(project).states == {"sent": 12}
    assert server.taken == once(12)


def test_what_is_tried_again_after_minutes_is_left_to_the_next_call(shop, server):
    server.script["greylist"] = 0.5
    project = shop(10)
    project.settings.delivery.retry_after_minutes = (1,)
    done = deliver(project)
    assert 0 < done.states["waiting"] < 10
    assert states(project) == {"sent": done.states["sent"], "waiting": done.states["waiting"]}


def test_the_days_of_a_warm_up_leave_the_rest_for_tomorrow(shop, server):
    project = shop(9, more="warm_up_per_day = [4, 8]")
    deliver(project, until_empty=True)
    assert (server.taken.total(), states(project)) == (4, {"sent": 4, "waiting": 5})


def test_a_run_that_is_paused_while_it_is_delivered_goes_on_where_it_was(shop, server):
    server.script["slow"] = 0.01
    project = shop(60)
    with delivering(project):
        until(lambda: server.taken.total() >= 10)
        control.pause(project, "weekly_digest")
    sent = server.taken.total()
    assert 10 <= sent < 60
    assert states(project) == {"sent": sent, "paused": 60 - sent}
    server.script["slow"] = 0
    control.resume(project, RUN)
    deliver(project, until_empty=True)
    assert (server.taken, states(project)) == (once(60), {"sent": 60})


def test_a_run_that_is_cancelled_while_it_is_delivered_skips_what_has_not_left(shop, server):
    server.script |= {"slow": 0.01, "greylist": 0.3}
    project = shop(60)
    with delivering(project):
        until(lambda: server.taken.total() >= 10)
        control.cancel(project, RUN)
    sent = server.taken.total()
    assert states(project) == {"sent": sent, "skipped": 60 - sent}
    assert sent < 60
    assert {row.reason for row in rows(project, state="skipped")} <= {"the run was cancelled"}
    assert report(project, "weekly_digest")[0].state == "cancelled"


def test_a_message_with_an_address_that_is_none_fails_alone(shop, server):
    project = shop(5)
    change(project, 2, address="eve@example.org\r\nBcc: all@example.org")
    done = deliver(project, until_empty=True)
    assert done.states == {"sent": 4, "failed": 1}
    [bad] = rows(project, state="failed")
    assert (bad.customer_id, bad.reason) == ("2", "bad message")
    assert set(server.taken) == set(once(5)) - {address(2)}


def break_template(project, words):
    folder = project.folder / "templates" / "emails"
    folder.mkdir(parents=True)
    column = f"<mj-section><mj-column><mj-text>{words}</mj-text></mj-column></mj-section>"
    (folder / "weekly_digest.mjml").write_text(f"<mjml><mj-body>{column}</mj-body></mjml>")
    (folder / "weekly_digest.txt").write_text("{{ links.unsubscribe }}")


def test_a_template_that_no_longer_renders_is_told_and_all_messages_wait(shop, server):
    project = shop(12)
    break_template(project, "{{ custmer.first_name }}")
    with pytest.raises(BadTemplate, match="custmer"):
        deliver(project, until_empty=True)
    assert (server.taken.total(), states(project)) == (0, {"waiting": 12})
    assert {row.attempts for row in rows(project)} == {0}


def test_a_template_that_fails_for_one_customer_forgets_no_message_that_was_sent(shop, server):
    project = shop(12, connections=1)
    break_template(project, "{% if customer.first_name == 'Ada 7' %}{{ nothing }}{% endif %}")
    with pytest.raises(BadTemplate, match="nothing"):
        deliver(project, until_empty=True)
    sent = server.taken.total()
    assert states(project) == ({"sent": sent, "waiting": 12 - sent} if sent else {"waiting": 12})
    assert rows(project, customer_id="7")[0].state == "waiting"


def test_told_to_stop_it_finishes_what_it_sends_and_hands_back_the_rest(shop, server):
    server.script["slow"] = 0.02
    project = shop(60)
    with delivering(project) as found:
        until(lambda: server.taken.total() >= 8)
        found["stop"]()
    sent = server.taken.total()
    assert found["done"].states == {"sent": sent}
    assert states(project) == {"sent": sent, "waiting": 60 - sent}
    assert {row.claimed_by for row in rows(project, state="waiting")} == {None}


def test_no_more_than_the_limit_are_delivered(shop, server):
    project = shop(9)
    assert deliver(project, limit=4).states == {"sent": 4}
    assert (server.taken.total(), states(project)) == (4, {"sent": 4, "waiting": 5})


def test_two_processes_deliver_each_message_once(shop, server):
    project = shop(80)
    done = deliver(project, until_empty=True, jobs=2)
    assert done.states == {"sent": 80}
    assert (server.taken, states(project)) == (once(80), {"sent": 80})


def test_a_database_that_goes_away_is_waited_for(shop, server, postgres):
    server.script["slow"] = 0.01
    project = shop(80, database=postgres.new_database())
    project.progress = Told(project.progress)
    with delivering(project):
        until(lambda: server.taken.total() >= 15)
        postgres.stop()
        time.sleep(0.5)
        postgres.start()
    assert (server.taken, states(project)) == (once(80), {"sent": 80})
    assert "the database does not answer" in project.progress.lines[0]
    assert "the database is back" in project.progress.lines[1]


def test_a_database_that_stays_away_while_it_is_told_to_stop_is_told(shop, server, postgres):
    server.script["slow"] = 0.01
    project = shop(80, database=postgres.new_database())
    project.settings.delivery.lease_seconds = 0.6
    with delivering(project) as found:
        until(lambda: server.taken.total() >= 15)
        postgres.stop()
        found["stop"]()
    postgres.start()
    assert isinstance(found["error"], StoreError)
    assert "the database does not answer" in found["error"].problem
    time.sleep(0.6)
    deliver(project, until_empty=True)
    left = states(project)
    assert set(left) <= {"sent", "in_doubt"}
    assert left.get("in_doubt", 0) <= 5
    assert server.taken.total() - left["sent"] == sum(
        server.taken[row.address] for row in rows(project, state="in_doubt")
    )
