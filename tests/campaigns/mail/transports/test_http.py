"""What is known of messages after each way that a call to a provider can end."""

import asyncio
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.errors import TransportError
from campaigns.mail.headers import has_control
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import trial
from campaigns.mail.transports.http import LONGEST_ANSWER, Answer, HttpTransport, Request


class Parrot(HttpTransport):
    """Takes pairs of messages; sent is what is answered with 200, failed what with 400, and 403 refuses all."""

    name = "parrot"

    def groups(self, envelopes):
        return (envelopes[at : at + 2] for at in range(0, len(envelopes), 2))

    def request(self, envelopes):
        return Request(f"{self.endpoint}/send", {"authorization": self.secret}, b"x" * len(envelopes))

    def judge(self, answer, envelopes):
        if answer.status == 403:
            raise TransportError("no message is taken", remedy="ask the parrot")
        return [Outcome("sent" if answer.status == 200 else "failed", self.words(answer))] * len(envelopes)


@pytest.fixture
def parrot(provider):
    return Parrot(endpoint=provider.url, secret="hunter2", timeout_seconds=5)


def test_a_provider_that_is_not_there_took_nothing(deliver, nobody):
    [outcome] = deliver(Parrot(endpoint=nobody, secret="s"), trial())
    assert outcome.status == "retry"
    assert outcome.answer.startswith("parrot is not reached: ")


def test_a_host_without_an_address_took_nothing(deliver):
    [outcome] = deliver(Parrot(endpoint="http://no-such-host.invalid", secret="s", timeout_seconds=5), trial())
    assert outcome.status == "retry"


def test_one_that_never_shakes_hands_took_nothing(deliver):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        parrot = Parrot(endpoint=f"https://127.0.0.1:{deaf.getsockname()[1]}", secret="s", timeout_seconds=0.6)
        assert deliver(parrot, trial()) == [Outcome("retry", "parrot is not reached: ConnectTimeout")]


def test_a_connection_that_was_left_meanwhile_puts_no_message_in_doubt(provider, parrot, reply):
    async def pause_between():
        async with parrot as opened:
            lane = await opened.lane()
            found = []
            for number in range(5):
                found += await lane.send([trial(number)])
                await asyncio.sleep(0.05)
            return found

    provider.answer = lambda call: reply(leaves=True)
    assert {outcome.status for outcome in asyncio.run(pause_between())} == {"sent"}


def test_one_that_answers_too_late_leaves_a_doubt(deliver, provider, parrot):
    provider.answers(200, delay_seconds=0.6)
    parrot.timeout_seconds = 0.2
    assert (
        deliver(parrot, trial(1), trial(2))
        == [Outcome("in_doubt", "parrot: the answer was lost: no answer within 0.2 s")] * 2
    )


def test_one_that_hangs_up_without_a_word_leaves_a_doubt(deliver, provider, parrot):
    provider.answer = lambda call: None
    [outcome] = deliver(parrot, trial())
    assert outcome.status == "in_doubt"


def test_one_that_hangs_up_in_its_answer_leaves_a_doubt(deliver, provider, parrot):
    provider.answers(200, {"message": "taken"}, cut=True)
    [outcome] = deliver(parrot, trial())
    assert outcome.status == "in_doubt"


def test_an_answer_that_can_not_be_unpacked_leaves_a_doubt(deliver, provider, parrot):
    provider.answers(200, b"garbage", headers={"content-encoding": "gzip"})
    [outcome] = deliver(parrot, trial())
    assert outcome.status == "in_doubt"


def test_an_answer_without_end_is_read_so_far_and_no_further(deliver, provider, parrot):
    provider.answers(200, b"x" * (LONGEST_ANSWER + 100_000))
    [outcome] = deliver(parrot, trial())
    assert len(outcome.answer) < 400


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_provider_took_nothing_and_its_wish_to_wait_is_told(deliver, provider, parrot, status):
    provider.answers(status, b"slow down", headers={"retry-after": "30"})
    assert deliver(parrot, trial()) == [Outcome("retry", f"parrot {status}: slow down; it asks to wait: 30 s")]


def test_a_failure_in_the_providers_own_words_means_not_taken(deliver, provider, parrot):
    provider.answers(500, {"message": "we could not store it"})
    assert deliver(parrot, trial()) == [Outcome("retry", "parrot 500: we could not store it")]


def test_a_gateways_page_leaves_a_doubt(deliver, provider, parrot):
    provider.answers(502, b"<h1>Bad Gateway</h1>")
    assert deliver(parrot, trial()) == [Outcome("in_doubt", "parrot 502: <h1>Bad Gateway</h1>")]


def test_a_redirect_is_refused_and_not_followed(deliver, provider, parrot):
    provider.answers(307, headers={"location": f"{provider.url}/elsewhere"})
    with pytest.raises(TransportError, match="answers 307, a redirect; name the host"):
        deliver(parrot, trial())
    assert [call.path for call in provider.calls] == ["/send"]


def test_a_refusal_after_some_were_taken_is_no_error_for_those(deliver, provider, parrot, reply):
    provider.answer = lambda call: reply(200 if len(provider.calls) == 1 else 403)
    outcomes = deliver(parrot, *map(trial, range(5)))
    assert [outcome.status for outcome in outcomes] == ["sent", "sent", "retry", "retry", "retry"]
    assert outcomes[-1].answer == "no message is taken; ask the parrot"
    assert len(provider.calls) == 2


def test_a_refusal_after_none_was_taken_is_one(deliver, provider, parrot, reply):
    provider.answer = lambda call: reply(400 if len(provider.calls) == 1 else 403)
    with pytest.raises(TransportError, match="ask the parrot"):
        deliver(parrot, *map(trial, range(3)))


def test_our_secret_is_cut_out_of_words_that_repeat_it(deliver, provider, parrot):
    provider.answers(400, {"message": "your key hunter2 is wrong"})
    [outcome] = deliver(parrot, trial())
    assert outcome.answer == "parrot 400: your key *** is wrong"
    assert "hunter2" not in repr(parrot)
    assert "hunter2" not in repr(parrot.request([trial()]))


def test_no_messages_need_no_call(deliver, provider, parrot):
    assert deliver(parrot) == []
    assert provider.calls == []


def test_a_lane_that_is_closed_sends_no_more(parrot):
    async def close_first():
        async with parrot as opened:
            lane = await opened.lane()
            await lane.close()
            await lane.send([trial()])

    with pytest.raises(TransportError, match="this lane is not open"):
        asyncio.run(close_first())


def test_a_lane_whose_transport_is_closed_sends_no_more(parrot):
    async def outlive():
        async with parrot as opened:
            lane = await opened.lane()
        await lane.send([trial()])

    with pytest.raises(TransportError, match="parrot is not open"):
        asyncio.run(outlive())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "no"}', "no"),
        (b'{"Message": "no"}', "no"),
        (b'{"message": 5}', None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_only_a_message_in_an_object_is_the_providers_own(body, words):
    assert Answer(500, {}, body).own_words() == words


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400), status=st.integers(200, 599))
def test_no_answer_makes_it_stumble(deliver, provider, parrot, body, status):
    bare = status in {204, 205, 304}
    provider.answers(status, b"" if bare else body)
    try:
        [outcome] = deliver(parrot, trial())
    except TransportError:
        assert 300 <= status < 400 or status == 403
    else:
        assert not has_control(outcome.answer)  # unassigned characters are none
