import mailbox

import pytest

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope
from campaigns.mail.transports.checks import BODY, check_transport
from campaigns.mail.transports.maildir import Maildir


def envelope(key="<1@example.com>"):
    return Envelope("shop@example.com", "ada@example.com", BODY, key)


def files(folder):
    return [path.read_bytes() for path in (folder / "new").iterdir()]


def test_it_keeps_the_rules_of_transports(tmp_path):
    check_transport(Maildir(tmp_path), lambda: files(tmp_path))


def test_a_mail_reader_finds_the_message(tmp_path):
    with Maildir(tmp_path) as opened:
        opened.send(envelope())
    assert [message["Subject"] for message in mailbox.Maildir(tmp_path)] == ["one"]


@pytest.mark.parametrize("flags", ["", ":2,S", ":2,"])
def test_what_a_mail_reader_has_moved_away_is_not_delivered_again(tmp_path, flags):
    with Maildir(tmp_path) as opened:
        opened.send(envelope())
    (written,) = (tmp_path / "new").iterdir()
    written.rename(tmp_path / "cur" / (written.name + flags))
    with Maildir(tmp_path) as opened:
        assert opened.send(envelope()).answer == f"already there as {written.name}"
    assert files(tmp_path) == []


def test_what_a_mail_reader_moves_away_meanwhile_is_not_delivered_again(tmp_path):
    with Maildir(tmp_path) as opened:
        opened.send(envelope())
        (written,) = (tmp_path / "new").iterdir()
        written.rename(tmp_path / "cur" / f"{written.name}:2,S")
        assert opened.send(envelope()).status == "sent"
    assert files(tmp_path) == []


def test_any_key_makes_a_name_inside_the_folder(tmp_path):
    keys = ["../../etc/passwd", "a/b", "x" * 1000, "é\n", ":2,S"]
    with Maildir(tmp_path / "box") as opened:
        for key in keys:
            assert opened.send(envelope(key)).status == "sent"
    assert len(files(tmp_path / "box")) == len(keys)
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


def test_a_folder_that_vanished_is_a_reason_to_try_again(tmp_path):
    with Maildir(tmp_path / "box") as opened:
        (tmp_path / "box" / "tmp").rmdir()
        outcome = opened.send(envelope())
    assert (outcome.status, outcome.answer) == ("retry", f"maildir {tmp_path / 'box'}: No such file or directory")


def test_a_folder_that_can_not_be_made_is_told_with_the_next_step(tmp_path):
    (tmp_path / "box").write_text("a file stands here")
    with pytest.raises(TransportError, match=f"maildir {tmp_path / 'box'}: .*; name a folder that can be written"):
        Maildir(tmp_path / "box").__enter__()


def test_before_it_is_open_it_refuses(tmp_path):
    with pytest.raises(TransportError, match=f"maildir {tmp_path} is not open; open it first"):
        Maildir(tmp_path).send(envelope())
