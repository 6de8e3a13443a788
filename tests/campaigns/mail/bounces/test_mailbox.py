"""A mailbox is read page by page, and only what is done is marked: a Maildir, and the rules for both kinds."""

import pytest

from campaigns.errors import BadFeedback, BadSettings
from campaigns.mail.bounces.mailbox import Mailbox, open_box
from campaigns.mail.bounces.parts import LONGEST


@pytest.fixture
def maildir(tmp_path):
    for part in ("tmp", "new", "cur"):
        (tmp_path / "bounces" / part).mkdir(parents=True)
    return tmp_path / "bounces"


def arrive(maildir, *names, text="Subject: x\n\n"):
    for name in names:
        (maildir / "new" / name).write_text(text)


def pages(maildir, size=100):
    with open_box("maildir:bounces", maildir.parent) as box:
        yield from Mailbox(box).pages(size)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_pages_are_bounded_and_in_the_order_of_arrival(maildir):
    arrive(maildir, "3.x", "1.x", "2.x")
    assert [list(page.mails) for page in pages(maildir, 2)] == [["1.x", "2.x"], ["3.x"]]


def test_a_page_that_is_not_done_comes_again(maildir):
    arrive(maildir, "1.x", "2.x")
    first, _ = pages(maildir, 1)
    first.done()
    assert [list(page.mails) for page in pages(maildir, 1)] == [["2.x"]]
    assert names(maildir / "cur") == ["1.x:2,S"]


def test_what_is_for_a_person_stays_unread_and_flagged_and_does_not_come_again(maildir):
    arrive(maildir, "1.x", "2.x")
    [page] = pages(maildir)
    page.flag("2.x")
    page.done()
    assert names(maildir / "cur") == ["1.x:2,S", "2.x:2,F"]
    assert list(pages(maildir)) == []


def test_a_mail_that_can_not_be_read_is_kept_and_flagged(maildir):
    (maildir / "new" / "1.x").mkdir()
    [page] = pages(maildir)
    assert page.mails == {"1.x": None}
    page.done()
    assert page.flagged == {"1.x"}
    assert names(maildir / "cur") == ["1.x:2,F"]


def test_of_a_very_long_mail_the_head_is_read_and_all_is_kept(maildir):
    arrive(maildir, "1.x", text="a" * (LONGEST + 5))
    [page] = pages(maildir)
    assert len(page.mails["1.x"]) == LONGEST
    page.done()
    assert (maildir / "cur" / "1.x:2,S").stat().st_size == LONGEST + 5


def test_a_mail_that_another_process_took_is_no_error(maildir):
    arrive(maildir, "1.x", "2.x")
    [page] = pages(maildir)
    (maildir / "new" / "1.x").unlink()
    page.done()
    assert names(maildir / "cur") == ["2.x:2,S"]
    arrive(maildir, "3.x")
    listed = pages(maildir, 1)
    arrive(maildir, "4.x")
    next(listed).done()
    (maildir / "new" / "4.x").unlink()
    assert list(listed) == []


def test_an_empty_mailbox_has_no_page(maildir):
    assert list(pages(maildir)) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("maildir:nowhere", "is no Maildir: .* name the folder"),
        ("maildir:", "of no kind that is known; set `mailbox`"),
        ("pop3://user:hunter2@host", "of no kind that is known"),
        ("hunter2", "of no kind that is known"),
        ("imaps://host/INBOX", "no URL with a user"),
        ("imaps://user:hunter2@host:hunter2/INBOX", "no URL with a user"),
        ("imaps://user:hunter2%0D%0A@host", "no URL with a user"),
        ("imaps://user:hunter2@host/Bo%C3%AEte", "no URL with a user"),
    ],
)
def test_a_mailbox_that_can_not_be_is_refused_without_its_password(tmp_path, url, told):
    with pytest.raises(BadSettings, match=told) as refused, open_box(url, tmp_path):
        pass
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("left", ["nothing", "a file"])
def test_a_folder_that_can_not_be_written_is_told_and_the_mail_is_still_new(maildir, left):
    arrive(maildir, "1.x")
    [page] = pages(maildir)
    (maildir / "cur").rmdir()
    if left == "a file":
        (maildir / "cur").touch()
    with pytest.raises(BadFeedback, match="let this user read and write it"):
        page.done()
    assert names(maildir / "new") == ["1.x"]


def test_a_folder_that_is_gone_is_told(maildir):
    with open_box("maildir:bounces", maildir.parent) as box:
        (maildir / "new").rmdir()
        with pytest.raises(BadFeedback, match="let this user read and write it"):
            list(Mailbox(box).pages())
