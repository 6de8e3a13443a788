"""Fill a shop with pages of products, and see what is asked of it."""

from tests.crm_adapters.product_pages.shop import page, product, sitemap

THEN = "2026-01-05"


def fill(shop, numbers, date=THEN, **more):
    """Pages of products, and a sitemap of all that were put so far."""
    for number in numbers:
        shop.put(f"/p/{number}", page(product(sku=f"s{number}", name=f"Tea {number}", **more)))
        shop.dates[f"/p/{number}"] = date
    shop.put("/sitemap.xml", sitemap([(shop.url + path, date) for path, date in shop.dates.items()]))


def read(shop, go):
    """The pages of products that are asked for while something is done."""
    before = len(shop.asked)
    found = go()
    return sorted(path for path in shop.paths()[before:] if path.startswith("/p/")), found


def ids(found):
    return sorted(row["id"] for row in found[0])
