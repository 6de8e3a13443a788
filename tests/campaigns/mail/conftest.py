"""What a digest is made of, built by hand as compose.context builds it."""

from datetime import UTC, datetime

import pytest

from campaigns.mail.links import Links
from campaigns.mail.money import price_text

GOODS = [
    ("Brambury Valley peanut butter, 14 oz", "Brambury Valley", "14 oz", "Spreads", 207, False, None),
    ("Sourdough bread with sunflower and pumpkin seeds, stone-baked", "Alford", "750 g", "Bakery", 649, True, None),
    ("Tea", "", "", "Tea", 1_234_567, False, "https://shop.example.com/tea.png"),
    ("Potatoes", "Corner Market", "5 lb", "Potatoes", 299, False, None),
    ("Donaudampfschifffahrtsgesellschaftskapitänsmütze", "Müller & Söhne", "1", "Hats", 1599, True, None),
    ("Oranges, navel", "Veston Pantry", "", "Fruit", 67, False, "https://shop.example.com/orange.png"),
    ("Mystery box", "", "", "", None, False, None),
    ("Linhill <b>snack</b> crackers & crisps", "Linhill", "9.5 oz", "Crackers", 250, False, None),
]


@pytest.fixture
def links():
    return Links("a secret of the tests", "https://shop.example.com/", clock=lambda: 1_770_000_000)


@pytest.fixture
def digest(links):
    """A function that makes the context of a digest."""

    def make(picks=8, first_name="Ursula", locale="en_US", currency="USD", **changed):
        made = [
            {
                "product_id": f"p{number}",
                "title": title,
                "brand": brand,
                "size": size,
                "category": category,
                "price_minor": minor,
                "price": "" if minor is None else price_text(minor, currency, locale),
                "offer": offer,
                "reason": "You buy this about every 26 days",
                "score": 0.5,
                "image_url": image,
                "url": links.click("digest@1", "c1", f"p{number}", f"https://shop.example.com/products/p{number}"),
            }
            for number, (title, brand, size, category, minor, offer, image) in enumerate(GOODS[:picks])
        ]
        return {
            "shop": {
                "name": "Corner Market",
                "postal_address": "1 Market Street",
                "base_url": "https://shop.example.com",
            },
            "customer": {"first_name": first_name, "locale": locale},
            "picks": made,
            "links": {
                "unsubscribe": links.unsubscribe("c1", "digest"),
                "browser": links.view("digest@1", "c1", datetime.now(UTC)),
                "preferences": links.unsubscribe("c1", "digest"),
                "open": None,
                "honeypot": links.honeypot("digest@1", "c1"),
            },
            "subject": "{{ customer.first_name }}, {{ picks | length }} picks for your week",
            "preheader": "Chosen for you.",
        } | changed

    return make


@pytest.fixture(scope="session")
def zone():
    """Makes a DNS of a table: `zone({"example.com TXT": ["v=spf1 -all"]})`; a name under None does not answer."""

    def make(table):
        def resolve(name, kind, /):
            found = table.get(f"{name} {kind}", [])
            if found is None:
                raise OSError("timed out")
            return list(found)

        return resolve

    return make
