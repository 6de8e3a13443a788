"""Compile a template once (MJML to HTML, Jinja kept), then fill it for each customer in Jinja's sandbox."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError

from campaigns.errors import BadTemplate
from campaigns.mail.markup import to_html
from campaigns.mail.sandbox import HTML, TEXT, Form, Sandbox, given

SHIPPED = (
    Path(__file__).parents[1] / "_templates" / "emails",
    Path(__file__).parents[2] / "templates" / "emails",
)
"""Where templates stand in a wheel, and in a checkout."""


class Rendered(NamedTuple):
    """One customer's message, before it is mail."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class CompiledTemplate:
    """A template ready to fill.

    Attributes:
        name: its file name without ending.
        version: hash of its sources; the same words give the same version.
    """

    name: str
    version: str
    _html: Form
    _text: Form

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """Fill the template. Subject and preheader may hold Jinja themselves and are filled first.

        Raises:
            BadTemplate: it names something that it is not given, or fails.
        """
        words = {**HTML.globals, **context}
        for line in ("preheader", "subject"):
            words[line] = " ".join(self._fill(_line(words[line]), words, line).split())
        html = self._fill(self._html, words, f"{self.name}.mjml")
        return Rendered(words["subject"], html, self._fill(self._text, words, f"{self.name}.txt"))

    def _fill(self, form: Form, words: dict[str, Any], where: str) -> str:
        try:
            return form.fill(words)
        except UndefinedError as error:
            raise BadTemplate(
                f"{where}: {error.message}", remedy=f"use what a template is given: {_known(given(words))}"
            ) from error
        except (
            TemplateError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            RecursionError,
        ) as error:
            raise BadTemplate(
                f"{where}: {error}", remedy="mend it, then look at it with `handpicked preview`"
            ) from error


def _known(words: Mapping[str, Any]) -> str:
    """Say what there is to use: customer (first_name, locale), picks (of each: title, url), subject."""
    told = []
    for name, value in sorted(words.items()):
        each = isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
        inside = value[0] if each else value
        names = f" ({'of each: ' if each else ''}{', '.join(sorted(inside))})" if isinstance(inside, Mapping) else ""
        told.append(name + names)
    return ", ".join(told)


def load_template(name: str, folders: Sequence[Path] = ()) -> CompiledTemplate:
    """Find `name`.mjml and `name`.txt, in `folders` first and among the shipped ones next, and compile both.

    Raises:
        BadTemplate: not found, or not MJML, or not Jinja.
    """
    if not name or Path(name).name != name:
        raise BadTemplate(f"{name!r} is no template name", remedy="give the file's name without folder and ending")
    for folder in (*folders, *SHIPPED):
        if (folder / f"{name}.mjml").is_file():
            return _compile(name, _read(folder / f"{name}.mjml"), _read(folder / f"{name}.txt"))
    places = ", ".join(str(folder) for folder in folders) or "the shipped templates"
    raise BadTemplate(f"no template {name!r} in {places}", remedy=f"write {name}.mjml and {name}.txt there")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTemplate(f"{path} can't be read", remedy="put a UTF-8 text file there") from error


@lru_cache(maxsize=32)
def _compile(name: str, mjml: str, text: str) -> CompiledTemplate:
    version = hashlib.sha256(f"{mjml}\0{text}".encode()).hexdigest()
    _parse(HTML, mjml, f"{name}.mjml")  # an error is told with its line in the file, not in the HTML made of it
    html = to_html(f"{name}.mjml", mjml, HTML)
    return CompiledTemplate(name, version, _parse(HTML, html, f"{name}.mjml"), _parse(TEXT, text, f"{name}.txt"))


def _parse(environment: Sandbox, source: str, where: str) -> Form:
    try:
        return Form(environment, source)
    except TemplateSyntaxError as error:
        raise BadTemplate(f"{where}, line {error.lineno}: {error.message}", remedy="mend the Jinja there") from error


@lru_cache(maxsize=128)
def _line(source: str) -> Form:
    return _parse(TEXT, source, "subject or preheader")
