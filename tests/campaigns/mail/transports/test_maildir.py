import asyncio
import errno
import mailbox
import os

import pytest

from campaigns.errors import TransportError
from campaigns.mail.transports.checks import check_transport, trial
from campaigns.mail.transports.maildir import Maildir


def files(folder):
    return [path.read_bytes() for path in (folder / "new").iterdir()]


def ids(folder):
    return [message["Message-ID"] for message in mailbox.Maildir(folder)]


def test_it_keeps_the_rules_of_transports(tmp_path):
    check_transport(Maildir(tmp_path), lambda: ids(tmp_path))


def test_the_file_is_the_message_byte_for_byte(tmp_path, deliver):
    deliver(Maildir(tmp_path), trial())
    assert files(tmp_path) == [trial().message.raw()]


def test_the_same_key_twice_is_one_file(tmp_path, deliver):
    first, second = deliver(Maildir(tmp_path), trial(), trial())
    (written,) = (tmp_path / "new").iterdir()
    assert first.answer == f"written as {written.name}"
    assert (second.status, second.answer) == ("sent", f"already there as {written.name}")


def test_another_process_finds_the_file_of_the_first(tmp_path, deliver):
    deliver(Maildir(tmp_path), trial())
    [outcome] = deliver(Maildir(tmp_path), trial())
    assert outcome.answer.startswith("already there")
    assert len(files(tmp_path)) == 1


def test_many_lanes_write_side_by_side(tmp_path):
    async def all_at_once():
        async with Maildir(tmp_path) as opened:
            lanes = [await opened.lane() for _ in range(opened.lanes)]
            numbers = range(10, 10 + 5 * len(lanes))
            return await asyncio.gather(*(lanes[n % len(lanes)].send([trial(n)]) for n in numbers))

    assert {outcome.status for [outcome] in asyncio.run(all_at_once())} == {"sent"}
    assert sorted(ids(tmp_path)) == [f"<{n}@example.com>" for n in range(10, 30)]


@pytest.mark.parametrize("flags", ["", ":2,S", ":2,"])
def test_what_a_mail_reader_has_moved_away_is_not_delivered_again(tmp_path, deliver, flags):
    deliver(Maildir(tmp_path), trial())
    (written,) = (tmp_path / "new").iterdir()
    written.rename(tmp_path / "cur" / (written.name + flags))
    [outcome] = deliver(Maildir(tmp_path), trial())
    assert outcome.answer == f"already there as {written.name}"
    assert files(tmp_path) == []


def test_what_a_mail_reader_moves_away_meanwhile_is_not_delivered_again(tmp_path):
    async def meanwhile():
        async with Maildir(tmp_path) as opened:
            lane = await opened.lane()
            await lane.send([trial()])
            (written,) = (tmp_path / "new").iterdir()
            written.rename(tmp_path / "cur" / f"{written.name}:2,S")
            return await (await opened.lane()).send([trial()])

    assert [outcome.status for outcome in asyncio.run(meanwhile())] == ["sent"]
    assert files(tmp_path) == []


def test_any_key_makes_a_name_inside_the_folder(tmp_path, deliver):
    keys = ["../../etc/passwd", "a/b", "x" * 1000, "é\n", ":2,S"]
    outcomes = deliver(Maildir(tmp_path / "box"), *(trial()._replace(key=key) for key in keys))
    assert {outcome.status for outcome in outcomes} == {"sent"}
    assert len(files(tmp_path / "box")) == len(keys)
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


def test_a_full_disk_is_a_reason_to_try_again_and_leaves_no_half_message(tmp_path, monkeypatch, deliver):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        [outcome] = deliver(Maildir(tmp_path), trial())
    assert (outcome.status, outcome.answer) == ("retry", f"maildir {tmp_path}: No space left on device")
    assert files(tmp_path) == list((tmp_path / "tmp").iterdir()) == []
    assert deliver(Maildir(tmp_path), trial())[0].answer.startswith("written as")


@pytest.mark.parametrize("gone", ["tmp", "new"])
def test_a_folder_that_vanished_is_a_reason_to_try_again(tmp_path, gone):
    async def vanish():
        async with Maildir(tmp_path / "box") as opened:
            lane = await opened.lane()
            (tmp_path / "box" / gone).rmdir()
            return await lane.send([trial()])

    [outcome] = asyncio.run(vanish())
    assert (outcome.status, outcome.answer) == ("retry", f"maildir {tmp_path / 'box'}: No such file or directory")


def test_a_folder_that_can_not_be_made_is_told_with_the_next_step(tmp_path, deliver):
    (tmp_path / "box").write_text("a file stands here")
    with pytest.raises(TransportError, match=f"maildir {tmp_path / 'box'}: .*; name a folder that can be written"):
        deliver(Maildir(tmp_path / "box"))


def test_before_it_is_open_it_refuses(tmp_path):
    with pytest.raises(TransportError, match=f"maildir {tmp_path} is not open; open it first"):
        asyncio.run(Maildir(tmp_path).lane())
