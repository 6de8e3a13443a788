"""A form says the same whether it is filled quickly or carefully, and what only one of them can do is done."""

import pytest
from jinja2 import TemplateError, UndefinedError

from campaigns.mail.sandbox import HTML, TEXT, Form

WORDS = {
    "name": "Salt & pepper",
    "picks": [{"title": "Rye", "items": 3}, {"title": "<Oats>", "items": 5}],
    "shop": {"name": "Corner"},
    "nothing": None,
}


def fill(environment, source, words=WORDS):
    return Form(environment, source).fill({**environment.globals, **words})


@pytest.mark.parametrize("environment", [HTML, TEXT])
@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("{{ shop.name }}", "Corner"),
        ("{{ shop['name'] }}", "Corner"),
        ("{% for pick in picks %}{{ pick.items }};{% endfor %}", "3;5;"),
        ("{% for pick in picks %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2"),
        ("{% for pick in picks %}{{ loop.previtem.items if not loop.first }}{% endfor %}", "3"),
        ("{% for pick in picks %}{{ loop.cycle('a', 'b') }}{% endfor %}", "ab"),
        ("{{ shop.name.upper() }}", "CORNER"),
        ("{% for key, value in shop.items() %}{{ key }}={{ value }}{% endfor %}", "name=Corner"),
        ("{{ picks | map(attribute='items') | sum }}", "8"),
        ("{{ shop.size is defined }}", "False"),
        ("{{ shop.size | default('none') }}", "none"),
        ("{{ picks.0.items }}", "3"),
    ],
)
def test_what_jinja_can_do_is_done(environment, source, filled):
    form = Form(environment, source)
    assert [form.fill({**environment.globals, **WORDS}) for _ in range(2)] == [filled] * 2


def test_html_is_escaped_and_text_is_not():
    assert fill(HTML, "{{ name }}, {{ picks[1].title.lower() }}") == "Salt &amp; pepper, &lt;oats&gt;"
    assert fill(TEXT, "{{ name }}, {{ picks[1].title.lower() }}") == "Salt & pepper, <oats>"


@pytest.mark.parametrize(
    "source", ["{{ shop.size }}", "{{ somebody.name }}", "{{ name.title.size }}", "{{ nothing.a }}"]
)
def test_a_word_that_is_not_there_is_told(source):
    with pytest.raises(UndefinedError, match=r"undefined|has no"):
        fill(HTML, source)


@pytest.mark.parametrize("source", ["{{ name.__class__ }}", "{{ shop.__class__.__mro__ }}", "{{ picks.append(1) }}"])
def test_the_sandbox_holds(source):
    with pytest.raises(TemplateError):
        fill(HTML, source)


def test_one_customer_for_whom_it_fails_spoils_it_for_no_other():
    form = Form(TEXT, "{{ shop.name }}")
    with pytest.raises(UndefinedError):
        form.fill({"shop": {}})
    assert form.fill({"shop": {"name": "Corner"}}) == "Corner"
