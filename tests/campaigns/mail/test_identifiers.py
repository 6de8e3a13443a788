import pytest

from campaigns.errors import BadMessage
from campaigns.mail.identifiers import (
    bulk_sender_id,
    list_name,
    mailbox,
    message_key,
    one_click_link,
    unsubscribe_by_mail,
)


@pytest.mark.parametrize(
    ("write", "what"), [(message_key, "message id"), (list_name, "list id"), (one_click_link, "unsubscribe link")]
)
@pytest.mark.parametrize(
    "value", ["", "<>", "a b", "a\r\nBcc: eve@example.com", "ä", "https://a>,<https://evil", "\ud800"], ids=ascii
)
def test_an_id_or_link_that_would_forge_a_header_is_refused(write, what, value):
    with pytest.raises(BadMessage, match=f"the {what} .* can't stand in a header; give it in ASCII"):
        write(value)


@pytest.mark.parametrize("write", [message_key, list_name, one_click_link])
def test_one_too_long_for_a_line_is_refused(write):
    with pytest.raises(BadMessage, match="has 1025 characters; give one of at most 900"):
        write("https://shop.example.com/" + "x" * 1000)


def test_angle_brackets_are_there_once_whether_given_or_not():
    assert message_key("<1.a@example.com>") == message_key("1.a@example.com") == "<1.a@example.com>"


@pytest.mark.parametrize("value", ["1", "@example.com", "1@", "1@a@b", "1.@example.com", '"1"@example.com'])
def test_a_message_id_that_is_not_left_at_right_is_refused(value):
    with pytest.raises(BadMessage, match=r"the message id .* is not left@right; give one like 0af1@example\.com"):
        message_key(value)


@pytest.mark.parametrize("value", ["weekly", ".example.com", "weekly..example.com", "a@b.c", "x" * 252 + ".com"])
def test_a_list_id_that_is_not_a_name_before_a_domain_is_refused(value):
    with pytest.raises(BadMessage, match=r"is no name before a domain; give one like weekly\.example\.com"):
        list_name(value)


@pytest.mark.parametrize(
    "value",
    [
        "http://shop.example.com/unsubscribe/1", "mailto:leave@example.com", "https:///unsubscribe", "https:shop",
        "/unsubscribe", "http://localhost.example.com/", "https://[::1/",
    ],
)  # fmt: skip
def test_an_unsubscribe_link_that_is_not_https_is_refused(value):
    with pytest.raises(BadMessage, match="is not https; let `base_url`"):
        one_click_link(value)


@pytest.mark.parametrize("value", ["http://localhost:8000/u/1", "http://127.0.0.1/u/1", "http://[::1]:8000/u/1"])
def test_a_trial_on_this_machine_needs_no_https(value):
    assert one_click_link(value) == f"<{value}>"


@pytest.mark.parametrize(
    ("box", "written"),
    [
        ("leave@müller.example", "<mailto:leave+0af1@xn--mller-kva.example?subject=unsubscribe>"),
        ("le?ave&x@example.com", "<mailto:le%3Fave%26x+0af1@example.com?subject=unsubscribe>"),
        ("zoë@example.com", "<mailto:zo%C3%AB+0af1@example.com?subject=unsubscribe>"),
    ],
)
def test_an_unsubscribe_mailbox_is_written_as_a_link_has_it(box, written):
    assert unsubscribe_by_mail(box, "<0af1@example.com>") == written


@pytest.mark.parametrize("box", ["leave", "leave@example.com\r\nBcc: eve@example.com", "x" * 60 + "@example.com"])
def test_an_unsubscribe_mailbox_that_is_none_or_too_long_with_the_key_is_refused(box):
    with pytest.raises(BadMessage, match=r"the unsubscribe mailbox .* is no address that mail can carry"):
        unsubscribe_by_mail(box, "<0af1@example.com>")


@pytest.mark.parametrize("value", ["market1", "a:market1", "a:b:market1", "a:b:c:market1", "::weekly@2:a.b-c_d"])
def test_a_feedback_id_of_gmails_form_is_taken(value):
    assert bulk_sender_id(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "a:b:c:d:market1", "a:b:c:shop", "a:b:c:" + "x" * 16, "a b:market1", "a\r\nBcc: x:market1", "ä:market1"],
    ids=ascii,
)
def test_a_feedback_id_of_another_form_is_refused(value):
    with pytest.raises(BadMessage, match="is not a:b:c:sender; give letters, digits"):
        bulk_sender_id(value)


def test_a_mailbox_is_read_with_its_name():
    assert mailbox('"Müller, Söhne" <hello@müller.example>', "sender") == (
        '"Müller, Söhne" <hello@xn--mller-kva.example>',
        "Müller, Söhne",
        "hello@xn--mller-kva.example",
    )
