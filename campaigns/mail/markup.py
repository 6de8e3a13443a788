"""Turn MJML that holds Jinja into HTML that holds the same Jinja.

The compiler reads HTML, and HTML knows no Jinja: a loop between two table rows would be moved out of the table, a `<`
in a condition taken for a tag. So each piece of Jinja is hidden behind a word (a statement between tags behind a
comment, which may stand anywhere), and brought back when all is done. So `<mj-style inline="inline">` works as MJML
says: its rules are written into the tags, for mail programs that drop `<style>`.
"""

import re
from collections.abc import Iterable, Iterator

from jinja2 import Environment
from mjml import mjml_to_html

from campaigns.errors import BadTemplate

LONG = 500
_ENDS = {"variable_end", "block_end", "comment_end", "raw_begin", "raw_end"}
_WORD = re.compile(r"jinja(\d+)(?:block|value)")
_COMMENTED = re.compile(r"(?:<!--|&lt;!--)(jinja\d+block)(?:-->|--&gt;)")
_MARKUP = re.compile(r"<!--.*?-->|<(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*>|(jinja\d+block)", re.DOTALL)
_STYLE = re.compile(r"(<style\b.*?</style>)", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'", re.DOTALL)


def to_html(name: str, mjml: str, jinja: Environment) -> str:
    """Compile one template.

    Args:
        name: its file's name, for errors.
        mjml: the source; its Jinja is known to have no syntax error.
        jinja: whose syntax it is.

    Raises:
        BadTemplate: no MJML, or Jinja inside a tag but outside an attribute's value.
    """
    source, hidden = _hide(mjml, jinja)
    source = _MARKUP.sub(lambda found: _between_tags(found, name, hidden), source)
    if "<mj-body" not in source:
        raise BadTemplate(f"{name} is no MJML: it has no <mj-body>", remedy="see mjml.io for how one looks")
    try:
        html = mjml_to_html(source).html
    except Exception as error:  # the compiler has no error tree of its own
        what = f"it knows no tag {error}" if isinstance(error, KeyError) else str(error)
        raise BadTemplate(f"{name} is no MJML: {what}", remedy="check its tags against mjml.io") from error
    lines = "\n".join(_few(line.strip() for line in html.splitlines() if line.strip()))
    # A mail line has at most 998 octets (RFC 5322, section 2.1.1), and links are long: each begins a line of its own.
    lines = lines.replace(' href="', '\nhref="')
    lines = _quick_to_send(lines)
    return _WORD.sub(lambda found: hidden[int(found[1])], _COMMENTED.sub(r"\1", lines))


def _few(lines: Iterable[str]) -> Iterator[str]:
    """Join short lines in which nothing changes: whoever looks for the ends of lines, as mail must, has less to do."""
    joined = ""
    for line in lines:
        if joined and (_WORD.search(joined) or _WORD.search(line) or len(joined) + len(line) > LONG):
            yield joined
            joined = line
        else:
            joined = f"{joined} {line}" if joined else line
    if joined:
        yield joined


def _quick_to_send(html: str) -> str:
    """Keep from each message what can be done once: to write signs in bytes, and a dot before one that begins a line.

    So signs that are not ASCII are written by their number, but for those in CSS, and no line begins with a dot (RFC
    5321, section 4.5.2).
    """
    pieces = _STYLE.split(html)
    pieces[::2] = [piece.encode("ascii", "xmlcharrefreplace").decode() for piece in pieces[::2]]
    return "".join(pieces).replace("\n.", "\n .")


def _hide(source: str, jinja: Environment) -> tuple[str, list[str]]:
    """Put a word in the place of each piece of Jinja; its comments are dropped."""
    hidden: list[str] = []
    shown, piece = [], ""
    for _, kind, text in jinja.lex(source):
        if kind == "data":
            shown.append(text)
            continue
        piece += text
        if kind in _ENDS:
            if kind != "comment_end":
                shown.append(f"jinja{len(hidden)}{'value' if kind == 'variable_end' else 'block'}")
                hidden.append(piece)
            piece = ""
    return "".join(shown), hidden


def _between_tags(found: re.Match[str], name: str, hidden: list[str]) -> str:
    """Hide a statement between tags behind a comment; leave tags and comments as they are."""
    markup = found[0]
    if found[1]:
        return f"<!--{markup}-->"
    loose = None if markup.startswith("<!--") else _WORD.search(_QUOTED.sub("", markup))
    if loose is not None:
        raise BadTemplate(
            f"{name}: {hidden[int(loose[1])]} stands in a tag, outside an attribute's value",
            remedy='write the condition into the value: class="{% if ... %}...{% endif %}"',
        )
    return markup
