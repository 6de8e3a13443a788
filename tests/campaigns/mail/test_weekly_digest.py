"""The shipped digest: what it shows and how, light and dark."""

import re
from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup

from campaigns.mail.lint import GMAIL_CLIP_BYTES
from campaigns.mail.render import load_template

READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3 (AA)
DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{((?:[^{}]*\{[^{}]*\})*)\s*\}")


@pytest.fixture
def page(digest):
    """A function that renders the digest and parses its HTML."""

    def make(**changed):
        return BeautifulSoup(load_template("weekly_digest").render(digest(**changed)).html, "html.parser")

    return make


@pytest.fixture
def text(digest):
    """A function that renders the digest's plain text."""
    return lambda **changed: load_template("weekly_digest").render(digest(**changed)).text


def darkened(page):
    """The page as a mail program in dark mode shows it: the rules for it written over each tag's own."""
    rules = DARK.search("\n".join(style.text for style in page.select("style")))[1]
    for selectors, declarations in re.findall(r"([^{}]+)\{([^{}]+)\}", rules):
        for tag in page.select(selectors.strip()):
            tag["style"] = f"{tag.get('style', '')};{declarations.replace('!important', '')}"
    return page


def colour(tag, *names):
    """The last colour that a tag's own style gives one of these properties."""
    found = re.findall(rf"(?:^|[;\s])(?:{'|'.join(names)})\s*:\s*#([0-9a-f]{{6}})", tag.get("style", ""))
    return found[-1] if found else None


def inherited(tag, *names):
    return next(found for tag in (tag, *tag.parents) if (found := colour(tag, *names)))


def luminance(hexadecimal):
    """Relative luminance (WCAG 2.2): 0 is black, 1 is white."""
    parts = [int(hexadecimal[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrasts(page):
    """Each shown text with its contrast ratio to what is behind it."""
    for piece in page.select_one(".page").find_all(string=lambda words: type(words).__name__ == "NavigableString"):
        if piece.strip():
            ink = luminance(inherited(piece.parent, "color"))
            paper = luminance(inherited(piece.parent, "background", "background-color"))
            yield piece.strip(), (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)


@pytest.mark.parametrize("mode", [lambda page: page, darkened], ids=["light", "dark"])
def test_every_text_can_be_read(page, mode):
    found = list(contrasts(mode(page())))
    assert len(found) > 40
    assert [(words, round(ratio, 2)) for words, ratio in found if ratio < READABLE] == []


def test_in_dark_mode_nothing_large_stays_light(page):
    dark = darkened(page())
    papers = {colour(tag, "background", "background-color") for tag in dark.select("body, .page, .band, .card, .tile")}
    assert None not in papers
    assert max(map(luminance, papers)) < 0.06


def test_eight_picks_are_not_clipped_by_gmail(digest):
    html = load_template("weekly_digest").render(digest()).html
    assert len(html.encode()) < 0.6 * GMAIL_CLIP_BYTES


def test_without_style_sheets_a_card_still_looks_like_one(page):
    made = page()
    for style in made.select("style"):
        style.decompose()
    assert all(colour(tag, "background-color") == "ffffff" for tag in made.select(".card"))
    assert all(colour(tag, "background-color") and "padding" in tag.a["style"] for tag in made.select(".button"))
    assert all("font-size" in tag["style"] for tag in made.select(".title, .price, .why, .about, .kind"))


def test_nothing_is_fetched_but_the_products_pictures(page):
    made = page()
    assert made.select("link, script, iframe, object") == []
    assert "@import" not in str(made)
    assert {image["src"] for image in made.select("img")} == {
        "https://shop.example.com/tea.png",
        "https://shop.example.com/orange.png",
    }


def test_every_picture_has_a_size_and_an_alternative_text(page):
    assert all(image["width"] == image["height"] == "56" and "alt" in image.attrs for image in page().select("img"))


def test_a_pick_without_a_picture_shows_the_first_letter_of_its_category(page):
    tiles = [tile.text.strip() for tile in page().select(".tile")]
    assert tiles == ["S", "B", "", "P", "H", "", "M", "C"]


def test_what_a_product_has_not_leaves_no_empty_line(page):
    mystery = page().select(".card")[6]
    assert not mystery.select(".kind, .about")
    assert mystery.select_one(".price").text.strip() == ""
    assert mystery.select_one(".button a").text == "See it"


def test_an_offer_is_marked_beside_the_price(page):
    assert [" ".join(tag.text.split()) for tag in page(picks=2).select(".price")] == ["$2.07", "$6.49 On offer"]


def test_each_pick_leads_to_its_own_counted_link(page, digest):
    wanted = [pick["url"] for pick in digest()["picks"]]
    for card, url in zip(page().select(".card"), wanted, strict=True):
        assert {link["href"] for link in card.select("a")} == {url}


def test_a_link_says_where_it_leads(page):
    labels = [link.get("aria-label") for link in page(picks=1).select(".button a")]
    assert labels == ["See Brambury Valley peanut butter, 14 oz"]


@pytest.mark.parametrize(("name", "greeting"), [("Ursula", "Hello Ursula,"), ("", "Hello,"), ("שרה", "Hello שרה,")])
def test_a_customer_is_greeted_with_a_name_or_without(page, text, name, greeting):
    assert page(first_name=name).select_one(".hello").text == greeting
    assert greeting in text(first_name=name).splitlines()


def test_the_preheader_keeps_the_inbox_from_showing_what_follows(page):
    hidden = page().body.find("div")
    assert "display:none" in hidden["style"]
    shown, _, padding = hidden.text.strip().partition("Chosen for you.")
    assert shown == ""
    assert len(padding) > 200
    assert set(padding) == {"\u034f", "\u200c", "\xa0", "\n"}  # in two lines: one would be too long for mail


def test_without_a_preheader_there_is_no_empty_line(page, text):
    assert len(page(preheader="").select(".soft")) == 1
    assert "\n\n\n" not in text(preheader="")


def test_a_german_price_is_written_the_german_way(page):
    made = page(picks=1, first_name="Jürgen", locale="de_DE", currency="EUR")
    assert made.select_one(".price").text.strip() == "2,07\xa0€"


def test_the_plain_text_reads_well(text, links):
    made = text(picks=2)
    click = [links.click("digest@1", "c1", f"p{n}", f"https://shop.example.com/products/p{n}") for n in (0, 1)]
    stop, show = links.unsubscribe("c1", "digest"), links.view("digest@1", "c1", datetime.now(UTC))
    assert made.splitlines() == [
        "Corner Market",
        "",
        "Hello Ursula,",
        "",
        "Chosen for you.",
        "",
        "1. Brambury Valley peanut butter, 14 oz",
        "   Brambury Valley · 14 oz",
        "   $2.07",
        "   You buy this about every 26 days",
        f"   {click[0]}",
        "",
        "2. Sourdough bread with sunflower and pumpkin seeds, stone-baked",
        "   Alford · 750 g",
        "   $6.49 (on offer)",
        "   You buy this about every 26 days",
        f"   {click[1]}",
        "",
        "--",
        "You get this because you said yes to news from Corner Market.",
        f"Unsubscribe: {stop}",
        f"Preferences: {stop}",
        f"View in browser: {show}",
        "Corner Market, 1 Market Street",
    ]


def test_a_pick_of_which_little_is_known_is_short_in_plain_text(text):
    assert "7. Mystery box\n   You buy this about every 26 days\n   https://" in text()


def test_no_reader_sees_the_link_that_catches_programs(page, links, digest, text):
    trap = links.honeypot("digest@1", "c1")
    (link,) = page().select(f'a[href="{trap}"]')
    assert link.text == ""
    assert link["tabindex"] == "-1"
    assert link.parent["aria-hidden"] == "true"
    assert "display:none" in link.parent["style"]
    assert trap not in text()


def test_the_open_pixel_is_one_dot_that_says_nothing_to_who_listens(page, links, digest):
    opened = {**digest()["links"], "open": links.open("digest@1", "c1")}
    (dot,) = page(links=opened).select('img[src*="/open/"]')
    assert (dot["width"], dot["height"], dot["alt"]) == ("1", "1", "")
