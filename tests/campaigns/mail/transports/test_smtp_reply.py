"""Whatever a server says becomes replies or a BadReply, and how it is cut on its way changes nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.mail.transports.smtp_reply import LONGEST, LONGEST_SHOWN, BadReply, Replies, Reply


def understood(pieces):
    """The replies that were understood, and whether something was not."""
    parser, found = Replies(), []
    try:
        for piece in pieces:
            found.extend(parser.feed(piece))
    except BadReply:
        return found, True
    return found, False


def cut(data, places):
    """Cut bytes at some places."""
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


LINES = st.one_of(
    st.binary(max_size=30),
    st.builds(
        lambda code, mark, text, end: f"{code}{mark}{text}".encode() + end,
        st.sampled_from(["220", "250", "354", "421", "550", "99", "25", "2²0"]),
        st.sampled_from(["", " ", "-", "x"]),
        st.text(max_size=10),
        st.sampled_from([b"\r\n", b"\n", b"\r\r\n", b""]),
    ),
)


@given(st.lists(LINES, max_size=12).map(b"".join), st.lists(st.integers(0, 400), max_size=8))
def test_any_bytes_in_any_cut_are_understood_alike(data, places):
    assert understood(cut(data, places)) == understood([data])


@given(st.lists(LINES, max_size=8).map(b"".join))
def test_single_bytes_are_understood_as_the_whole(data):
    assert understood(data[at : at + 1] for at in range(len(data))) == understood([data])


@given(
    st.lists(
        st.tuples(
            st.integers(200, 599), st.lists(st.text("abc é.", min_size=1, max_size=9).map(str.strip), min_size=1)
        ),
        max_size=6,
    ),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_replies_come_out_as_they_were_said_however_cut(said, places):
    lines = [
        f"{code}{' ' if number == len(texts) else '-'}{text}\r\n"
        for code, texts in said
        for number, text in enumerate(texts, 1)
    ]
    expected = [Reply(code, " ".join(filter(None, texts))) for code, texts in said]
    assert understood(cut("".join(lines).encode(), places)) == (expected, False)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"good day\r\n", "no SMTP reply: 'good day'"),
        (b"\r\n", "no SMTP reply: ''"),
        (b"2\r\n", "no SMTP reply: '2'"),
        (b"25\r\n", "no SMTP reply: '25'"),
        (b"150 wait\r\n", "no SMTP reply"),
        (b"650 more\r\n", "no SMTP reply"),
        (b"2500 ok\r\n", "no SMTP reply"),
        ("2²0 ok\r\n".encode(), "no SMTP reply"),
        (b"\xff\xfe\r\n", "no SMTP reply"),
        (b"250-a\r\n550 b\r\n", "a reply with two codes: 250 and '550 b'"),
    ],
)
def test_what_is_no_reply_is_told(data, words):
    with pytest.raises(BadReply) as refused:
        list(Replies().feed(data))
    assert str(refused.value).startswith(words)


def test_a_good_reply_ahead_of_nonsense_still_counts():
    assert understood([b"250 taken\r\ngood day\r\n250 more\r\n"]) == ([Reply(250, "taken")], True)


def test_behind_nonsense_nothing_is_understood():
    parser = Replies()
    with pytest.raises(BadReply):
        list(parser.feed(b"good day\r\n"))
    with pytest.raises(BadReply, match="good day"):
        list(parser.feed(b"250 taken\r\n"))


@pytest.mark.parametrize("piece", [b"2" * 50, b"250-\r\n", b"250-more\r\n", b"250-" + b"x" * 1000, b"\xff" * 50])
def test_a_reply_without_an_end_is_given_up_before_it_fills_the_memory(piece):
    fed = 0

    def endless():
        nonlocal fed
        while fed < 2 * LONGEST:
            fed += len(piece)
            yield piece

    assert understood(endless()) == ([], True)
    assert fed <= LONGEST + len(piece)


def test_a_long_reply_is_refused_in_one_piece_too():
    long = b"250-" + b"x" * LONGEST + b"\r\n250 end\r\n"
    assert understood([long]) == understood(cut(long, range(0, len(long), 5000))) == ([], True)


def test_any_number_of_short_replies_is_no_long_one():
    assert len(understood([b"250 ok\r\n" * 20_000])[0]) == 20_000


def test_a_reply_is_shown_in_a_length_that_can_be_kept():
    assert str(Reply(550, "x" * 5000)) == "550 " + "x" * LONGEST_SHOWN
    assert str(Reply(250, "")) == "250"
