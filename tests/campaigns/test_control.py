"""What an operator decides about a run: pause, resume, cancel, and what to do with the doubtful."""

import pytest

from campaigns import control
from campaigns.deliver import deliver
from campaigns.errors import NotFound
from campaigns.store import outbox, runs
from campaigns.store.tables import messages
from tests.campaigns.delivering import open_shop, rows, states
from tests.faults.outbox_of import RUN


@pytest.fixture
def shop(tmp_path):
    with open_shop(tmp_path / "shop", 4, "maildir:outbox") as project:
        yield project


def doubt(project, *customers):
    with project.store.writing() as write:
        these = messages.c.customer_id.in_(customers)
        write.execute(messages.update().where(these).values(state="in_doubt", reason="the process died while sending"))


@pytest.mark.parametrize("name", ["weekly_digest", RUN])
def test_a_run_is_named_by_its_id_or_by_its_campaign(shop, name):
    assert control.pause(shop, name) == RUN
    assert (runs.state_of(shop.store, RUN), states(shop)) == ("paused", {"paused": 4})
    assert deliver(shop).states == {}
    assert control.resume(shop, name) == RUN
    assert (runs.state_of(shop.store, RUN), states(shop)) == ("delivering", {"waiting": 4})
    assert control.cancel(shop, name) == RUN
    assert (runs.state_of(shop.store, RUN), states(shop)) == ("cancelled", {"skipped": 4})


VERBS = [control.pause, control.resume, control.cancel]


@pytest.mark.parametrize("verb", [*VERBS, control.doubtful, control.send_again])
def test_a_name_of_nothing_is_refused(shop, verb):
    with pytest.raises(NotFound, match="no run and no campaign 'spring'"):
        verb(shop, "spring")


@pytest.mark.parametrize("verb", VERBS)
def test_of_a_run_that_is_finished_there_is_nothing_to_decide(shop, verb):
    deliver(shop, until_empty=True)
    with pytest.raises(NotFound, match=f"there is nothing to {verb.__name__}: {RUN} is finished"):
        verb(shop, "weekly_digest")
    assert states(shop) == {"sent": 4}


def test_a_run_that_delivers_can_not_be_resumed_and_a_paused_one_not_paused(shop):
    with pytest.raises(NotFound, match="is delivering"):
        control.resume(shop, RUN)
    control.pause(shop, RUN)
    with pytest.raises(NotFound, match="is paused"):
        control.pause(shop, RUN)


def test_what_is_in_doubt_is_listed_by_name_and_sent_again_when_an_operator_says_so(shop):
    doubt(shop, "1", "3")
    deliver(shop, until_empty=True)
    assert runs.state_of(shop.store, RUN) == "finished"
    run, found = control.doubtful(shop, "weekly_digest")
    assert (run, [row["customer_id"] for row in found]) == (RUN, ["1", "3"])
    assert control.send_again(shop, RUN) == 2
    assert runs.state_of(shop.store, RUN) == "delivering"
    assert deliver(shop, until_empty=True).states == {"sent": 2}
    assert (states(shop), runs.state_of(shop.store, RUN)) == ({"sent": 4}, "finished")
    assert control.doubtful(shop, RUN) == (RUN, [])
    assert control.send_again(shop, RUN) == 0


def test_of_a_cancelled_run_nothing_is_sent_again(shop):
    doubt(shop, "1")
    control.cancel(shop, RUN)
    with pytest.raises(NotFound, match=f"nothing to send again: {RUN} is cancelled"):
        control.send_again(shop, RUN)
    assert states(shop) == {"skipped": 3, "in_doubt": 1}
    assert outbox.open_count(shop.store) == 0


def test_what_is_sent_again_in_a_paused_run_waits_for_it(shop):
    doubt(shop, "1")
    control.pause(shop, RUN)
    control.send_again(shop, RUN)
    assert deliver(shop, until_empty=True).states == {}
    assert states(shop) == {"paused": 4}
    control.resume(shop, RUN)
    deliver(shop, until_empty=True)
    assert {row.state for row in rows(shop)} == {"sent"}
