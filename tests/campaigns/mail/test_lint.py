import pytest

from campaigns.mail.lint import GMAIL_CLIP_BYTES, faults
from campaigns.mail.render import Rendered, load_template

LINK = "https://shop.example.com/unsubscribe?a=1&b='2'"
CLEAN = Rendered(
    "Picks", '<a href="https://shop.example.com/unsubscribe?a=1&amp;b=&#39;2&#39;">stop</a>', f"stop: {LINK}"
)


def whats(**changed):
    return [fault.what for fault in faults(CLEAN._replace(**changed), LINK)]


def test_a_clean_message_has_no_fault():
    assert whats() == []


def test_the_shipped_digest_is_clean(digest):
    context = digest()
    assert faults(load_template("weekly_digest").render(context), context["links"]["unsubscribe"]) == []


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"subject": " "}, "no subject"),
        ({"text": "\n"}, "no text"),
        ({"html": ""}, "no html"),
        ({"html": "<p>hello</p>"}, "no unsubscribe link"),
        ({"text": "hello"}, "no unsubscribe link"),
        ({"subject": "Hello {{ first_name }}"}, "unrendered braces"),
        ({"text": f"{{% if x %}} {LINK}"}, "unrendered braces"),
        ({"html": CLEAN.html + "x" * GMAIL_CLIP_BYTES}, "too long"),
    ],
)
def test_each_fault_is_found_alone(changed, what):
    assert whats(**changed) == [what]


def test_a_fault_says_where_it_is():
    found = faults(Rendered("Hello {{ name }}", CLEAN.html, "hello"), LINK)
    assert [fault.detail for fault in found] == [
        "the text part has no unsubscribe link",
        "the subject shows '{{ name }}'",
    ]
