import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment

from campaigns.errors import BadTemplate
from campaigns.mail.markup import to_html

JINJA = Environment(trim_blocks=True, autoescape=True)


def compiled(inside, head=""):
    body = f"<mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body>"
    return to_html("x.mjml", f"<mjml><mj-head>{head}</mj-head>{body}</mjml>", JINJA)


def rendered(inside, head="", **words):
    return JINJA.from_string(compiled(inside, head)).render(words)


def test_a_loop_over_table_rows_stays_where_it_is():
    rows = '<mj-raw>{% for word in words if word > "a" %}<tr><td class="w">{{ word }}</td></tr>{% endfor %}</mj-raw>'
    cells = BeautifulSoup(rendered(rows, words=["a", "b", "c"]), "html.parser").select("table tr td.w")
    assert [cell.text for cell in cells] == ["b", "c"]


def test_a_loop_may_stand_between_parts_of_mjml():
    assert rendered("{% for n in range(3) %}<mj-text>part {{ n }}</mj-text>{% endfor %}").count(">part ") == 3


@pytest.mark.parametrize(
    "piece",
    [
        "{{ a < b and c > d }}",
        "{{ '}}' ~ \"%}\" }}",
        "{% if a and '<br>' %}",
        "{% raw %}{{ shown as it is }}{% endraw %}",
        "{%- if a -%}",
        "{{ links['a']\n }}",
    ],
)
def test_a_piece_of_jinja_comes_out_as_it_went_in(piece):
    assert piece in compiled(f"<mj-text>{piece}</mj-text>")


def test_jinja_works_in_values_of_attributes_in_styles_and_in_outlooks_own_comments():
    made = rendered(
        '<mj-text color="{{ colour }}">x</mj-text><mj-raw><b class="{% if 1 < 2 %}yes{% endif %}"></b></mj-raw>'
        "<!--[if mso]>{% if 1 < 2 %}<i>{{ colour }}</i>{% endif %}<![endif]-->",
        "<mj-style>b { color: {{ colour }}; }</mj-style><mj-title>{% if colour %}T {{ colour }}{% endif %}</mj-title>",
        colour="#123456",
    )
    assert all(
        part in made
        for part in ("color:#123456", 'class="yes"', "<!--[if mso]><i>#123456</i><![endif]-->", "b { color: #123456; }")
    )
    assert BeautifulSoup(made, "html.parser").title.text.strip() == "T #123456"


def test_a_comment_of_jinja_is_dropped():
    assert "secret plan" not in compiled("<mj-text>{# secret plan #}x</mj-text>")


def test_inline_styles_are_written_into_the_tags_and_media_rules_stay():
    made = rendered(
        '<mj-raw>{% for n in [1] %}<tr><td class="k">{{ n }}</td></tr>{% endfor %}</mj-raw>',
        '<mj-style inline="inline">tr > .k { color: #123456; }</mj-style>'
        "<mj-style>@media (prefers-color-scheme: dark) { .k { color: #fedcba !important; } }</mj-style>",
    )
    page = BeautifulSoup(made, "html.parser")
    assert "#123456" in page.select_one("td.k")["style"]
    assert any("#fedcba" in style.text for style in page.select("style"))


@pytest.mark.parametrize("tag", ['<td {% if a %}class="x"{% endif %}>', "<td {{ attributes }}>", "<{{ tag }}>"])
def test_jinja_inside_a_tag_is_refused_with_what_to_do(tag):
    with pytest.raises(BadTemplate, match=r"x\.mjml: \{.*\} stands in a tag, .* write the condition into the value"):
        compiled(f"<mj-raw>{tag}</mj-raw>")


@pytest.mark.parametrize("source", ["", "<p>hello</p>", "<mjml></mjml>"])
def test_what_is_no_mjml_is_refused(source):
    with pytest.raises(BadTemplate, match=r"x\.mjml is no MJML: it has no <mj-body>"):
        to_html("x.mjml", source, JINJA)


def test_a_tag_nobody_knows_is_named():
    with pytest.raises(BadTemplate, match=r"it knows no tag 'mj-foo'; check its tags against mjml\.io"):
        compiled("<mj-foo>x</mj-foo>")


def test_whatever_else_the_compiler_trips_over_is_told(tmp_path):
    with pytest.raises(BadTemplate, match=r"x\.mjml is no MJML: .*none\.mjml.*; check its tags against mjml\.io"):
        compiled(f'<mj-include path="{tmp_path}/none.mjml" />')


def test_signs_are_written_by_their_number_so_that_the_page_is_ascii_but_for_what_css_and_jinja_say():
    html = compiled("<mj-text>Tee · {{ '·' }}</mj-text>", "<mj-style>.x:after { content: '·' }</mj-style>")
    assert "Tee &#183; {{ '·' }}" in html
    assert "content: '·'" in html
    assert html.count("·") == 2


def test_no_line_begins_with_a_dot():
    html = compiled("<mj-text>tea</mj-text>", "<mj-style>\n.a { color: red }\n.b { color: blue }\n</mj-style>")
    assert ".b { color: blue }" in html
    assert not any(line.startswith(".") for line in html.splitlines())


def test_lines_in_which_nothing_changes_are_joined_and_those_with_jinja_stand_alone():
    html = compiled("<mj-text>{{ name }}</mj-text><mj-text>steady</mj-text>" * 30)
    assert html.count("\n") < html.count("<") / 6
    assert max(len(line) for line in html.splitlines()) <= 500
    assert all("steady" not in line for line in html.splitlines() if "{{" in line)
