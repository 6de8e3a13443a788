"""Find out by its first bytes what stands at the url that somebody typed."""

import re
from typing import Literal

from crm_adapters.errors import BadSource
from crm_adapters.product_pages import items, sitemap
from crm_adapters.product_pages.xml import DOCTYPE, root_of

Kind = Literal["feed", "table", "sitemap", "list", "site"]
START_BYTES = 8192
WHAT = "name a Google Merchant feed (XML, TSV), a sitemap, or the shop's front page"


def kind_of(start: bytes) -> Kind:
    """Tell by its first bytes what a document is; a page, or robots.txt, stands for its site.

    Raises:
        BadSource: it is nothing of all that.
    """
    root = root_of(start)
    if root in items.ROOTS:
        return "feed"
    if root in sitemap.ROOTS:
        return "sitemap"
    text = _text(start)
    if root == "html" or re.search(r"<!doctype html|<html[\s>]", text, re.IGNORECASE):
        return "site"
    if root == DOCTYPE:
        raise BadSource("the source declares a document type, which is not read", remedy=WHAT)
    first = next((line for line in text.splitlines() if line.strip()), "")
    names = {items.name_of(name.strip('"')) for name in first.split(items.delimiter_of(first))}
    if "id" in names and names & {"title", "link", "price"}:
        return "table"
    if re.search(r"^\s*(user-agent|sitemap|disallow)\s*:", text, re.IGNORECASE | re.MULTILINE):
        return "site"
    if re.fullmatch(r"https?://\S+", first.strip()):
        return "list"
    raise BadSource("the source is neither feed nor sitemap nor page", remedy=WHAT)


def _text(start: bytes) -> str:
    coding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return start.decode(coding, "replace")
