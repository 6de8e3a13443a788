import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.errors import BadTemplate
from campaigns.mail.render import load_template

PAGE = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
SAY = {"subject": "", "preheader": ""}


@pytest.fixture
def template(tmp_path):
    """A function that writes a template of the given Jinja and compiles it."""

    def make(html="", text=""):
        (tmp_path / "mine.mjml").write_text(PAGE.format(html), encoding="utf-8")
        (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
        return load_template("mine", [tmp_path])

    return make


def fill(template, words, part, jinja):
    """Render with Jinja standing in one part: html or text of the template, or a line of the campaign."""
    if part in ("html", "text"):
        return template(**{part: jinja}).render(words)
    return template().render(words | {part: jinja})


ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ customer.__init__.__globals__ }}",
    "{{ customer.keys.__self__ }}",
    "{{ picks.append(1) }}",
    "{{ customer.update(a=1) }}",
    "{{ customer.clear() }}",
    "{{ '{0.__class__}'.format(customer) }}",
    "{{ '%s' | format(customer.__class__) }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self.__init__ }}",
    "{% for a in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{{ range(1000000000) | list }}",
]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("part", ["html", "text", "subject", "preheader"])
def test_a_template_can_not_reach_python(template, part, escape):
    words = SAY | {"customer": {"first_name": "Ada"}, "picks": [{"title": "Tea"}]}
    with pytest.raises(BadTemplate, match=r"mine\.(mjml|txt): |subject: |preheader: "):
        fill(template, words, part, escape)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text())
def test_a_title_is_escaped_in_html_and_left_alone_in_text(template, title):
    made = template("<b>{{ title }}</b>", "{{ title }}.").render(SAY | {"title": title})
    shown = made.html.partition("<b>")[2].partition("</b>")[0]
    assert not set("<>\"'") & set(shown)
    assert made.text == title + "."


def test_html_in_names_and_titles_is_shown_not_obeyed(digest):
    context = digest(first_name="<script>alert(1)</script>")
    context["picks"][0].update(title='"><img src=x onerror=alert(1)>', category="<i>", brand="<u>", reason="<s>")
    context["shop"]["name"] = "<b>Shop</b>"
    made = load_template("weekly_digest").render(context)
    assert not any(tag in made.html for tag in ("<script>", "<img src=x", "<i>", "<u>", "<s>", "<b>Shop"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made.html


def test_words_in_data_are_never_run_as_jinja(template):
    made = template("{{ name }}", "{{ name }}").render(SAY | {"name": "{{ 1 + 1 }}", "subject": "{{ name }}"})
    assert (made.subject, made.text) == ("{{ 1 + 1 }}", "{{ 1 + 1 }}")
    assert "{{ 1 + 1 }}" in made.html


@pytest.mark.parametrize("part", ["html", "text", "subject"])
def test_an_undefined_name_is_told_with_what_is_known(template, part):
    words = SAY | {
        "customer": {"first_name": "Ada", "locale": "en"},
        "picks": [{"title": "Tea", "price": "$1"}],
        "n": 1,
    }
    known = (
        "use what a template is given: "
        r"customer \(first_name, locale\), n, picks \(of each: price, title\), preheader, subject$"
    )
    with pytest.raises(BadTemplate, match=f"'custmer' is undefined; {known}"):
        fill(template, words, part, "{{ custmer.first_name }}")


def test_a_part_that_a_thing_has_not_is_told(template):
    with pytest.raises(BadTemplate, match=r"no attribute 'colour'.*picks \(of each: title\)"):
        template("{{ picks[0].colour }}").render(SAY | {"picks": [{"title": "Tea"}]})


@pytest.mark.parametrize(
    "wrong",
    ["{{ 1 / 0 }}", "{{ 'a' + 1 }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ picks[0] | round }}"],
)
def test_a_template_that_fails_is_told_with_the_next_step(template, wrong):
    with pytest.raises(BadTemplate, match=r"mine\.txt: .*; mend it, then look at it with `handpicked preview`"):
        template(text=wrong).render(SAY | {"picks": [{"title": "Tea"}]})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text())
def test_subject_and_preheader_are_one_line(template, words):
    made = template(text="{{ preheader }}|").render({"subject": "{{ w }}", "preheader": "a\n{{ w }}\r\nb", "w": words})
    assert len(made.subject.splitlines()) <= 1
    assert len(made.text.splitlines()) == 1
    assert made.text.startswith("a ")


def test_subject_and_preheader_may_use_all_that_a_template_is_given(template):
    words = {"subject": "{{ name }}, {{ preheader }}", "preheader": "{{ n }} picks", "name": "Ada", "n": 3}
    made = template(text="{{ subject }} / {{ preheader }}").render(words)
    assert made.text == "Ada, 3 picks / 3 picks"


def test_the_same_content_renders_to_the_same_words(digest):
    made, again = (load_template("weekly_digest").render(digest()) for _ in range(2))
    assert made == again


def test_rendering_leaves_the_context_alone(digest):
    context = digest()
    before = repr(context)
    load_template("weekly_digest").render(context)
    assert repr(context) == before


def test_a_template_of_ones_own_comes_before_the_shipped_one(tmp_path):
    (tmp_path / "weekly_digest.mjml").write_text(PAGE.format("mine"))
    (tmp_path / "weekly_digest.txt").write_text("mine")
    own = load_template("weekly_digest", [tmp_path])
    assert own.render(SAY).text == "mine"
    assert own.version != load_template("weekly_digest").version


def test_the_version_changes_with_the_words_only(template):
    first = template("a", "b").version
    assert template("a", "c").version != first
    assert template("a", "b").version == first


@pytest.mark.parametrize("name", ["", "../weekly_digest", "/etc/passwd", "a/b"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(BadTemplate, match="is no template name; give the file's name without folder and ending"):
        load_template(name)


def test_a_template_that_is_not_there_is_told_with_where_it_was_sought(tmp_path):
    with pytest.raises(
        BadTemplate, match=f"no template 'summer' in {tmp_path}; write summer.mjml and summer.txt there"
    ):
        load_template("summer", [tmp_path])
    with pytest.raises(BadTemplate, match="no template 'summer' in the shipped templates"):
        load_template("summer")


def test_a_template_without_its_text_part_is_refused(tmp_path):
    (tmp_path / "mine.mjml").write_text(PAGE)
    with pytest.raises(BadTemplate, match=r"mine\.txt can't be read; put a UTF-8 text file there"):
        load_template("mine", [tmp_path])


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "mine.mjml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadTemplate, match=r"mine\.mjml can't be read"):
        load_template("mine", [tmp_path])


@pytest.mark.parametrize(
    ("html", "text", "where"), [("{% if %}", "", "mine.mjml, line 3"), ("", "\n{% if %}", "mine.txt, line 2")]
)
def test_an_error_of_syntax_is_told_with_its_line_in_the_file(template, html, text, where):
    with pytest.raises(BadTemplate, match=f"{where}: .*; mend the Jinja there"):
        template(f"\n\n{html}", text)


def test_an_error_of_syntax_in_the_subject_is_told(template):
    with pytest.raises(BadTemplate, match="subject or preheader, line 1: "):
        template().render(SAY | {"subject": "{% if %}"})
