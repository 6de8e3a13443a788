"""Turn what a page says into rows, one a product or variant: JSON-LD first, then microdata, then Open Graph.

Sources: schema.org (Product, ProductGroup, Offer, AggregateOffer, PriceSpecification), and what Google asks of them
("Product structured data", "Product variant structured data").
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from crm_adapters.product_pages import offers
from crm_adapters.product_pages.jsonld import Node, prose, several, text, types_of
from crm_adapters.product_pages.page import Said
from crm_adapters.product_pages.urls import joined

PRODUCTS = {"Product", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car"}
GROUP = "ProductGroup"
GTINS = ("gtin", "gtin13", "gtin12", "gtin14", "gtin8", "isbn")
OWN = (
    "id",
    "sku",
    "gtin",
    "mpn",
    "url",
    "size",
    "color",
    "price",
    "currency",
    "list_price",
    "availability",
    "available",
)
"""What variants have each for itself; the rest they share with their group and page."""
GRAPH = {
    "title": ("og:title",), "description": ("og:description",), "image": ("og:image:secure_url", "og:image"),
    "brand": ("product:brand", "og:brand"), "category": ("product:category",), "sku": ("product:retailer_item_id",),
    "group": ("product:item_group_id",), "color": ("product:color",), "size": ("product:size",),
    "currency": ("product:price:currency", "og:price:currency"), "condition": ("product:condition",),
    "gtin": ("product:gtin", "product:ean", "product:upc", "product:isbn"), "mpn": ("product:mfr_part_no",),
}  # fmt: skip
GRAPH_PRICE = ("product:sale_price:amount", "product:price:amount", "og:price:amount")

Row = dict[str, str]
Allowed = Callable[[str], bool]


def rows_of(said: Said, allowed: Allowed) -> list[Row]:
    """The products that a page is about; none, if it is about something else, or lists many.

    Args:
        said: what the page says.
        allowed: whether a url is on the shop's hosts; products are not said to be elsewhere.
    """
    structured, marked = (_of_nodes(nodes, said, allowed) for nodes in (said.structured, said.marked))
    if structured is None or (marked is None and not structured):
        return []  # a list of products
    graph = _of_graph(said)
    rows = structured or marked or ([{}] if _is_product(said.graph) else [])
    others = (marked[0] if structured and marked and len(marked) == 1 else {}, graph)
    crumbs = _crumbs([*said.structured, *said.marked], rows[0].get("title") if rows else None, said.base)
    return [_finished(row, others, crumbs, said.url, alone=len(rows) == 1) for row in rows]


def _finished(row: Row, others: tuple[Row, Row], crumbs: str | None, url: str, *, alone: bool) -> Row:
    """Fill what is missing from the next best; variants take from their page only what they share, and the currency."""
    for other in others:
        row = {**(other if alone else {name: told for name, told in other.items() if name not in OWN}), **row}
        if "price" in row and "currency" in other:
            row.setdefault("currency", other["currency"])
    row = {"url": url, **({"category": crumbs} if crumbs else {}), **row}
    row.setdefault("id", row.get("sku") or row.get("gtin") or row.get("mpn") or row["url"])
    return row


def _of_nodes(nodes: list[Node], said: Said, allowed: Allowed) -> list[Row] | None:
    """The rows of nodes; None, if they are a list of products."""
    products = [node for node in nodes if types_of(node) & {*PRODUCTS, GROUP} and _says_something(node)]
    own = _own(products, said)
    if own is None:
        return None
    group = next((node for node in own if GROUP in types_of(node)), None)
    rows = _variants(group, said, allowed) if group else []
    singles = [_row(node, said, allowed) for node in own if GROUP not in types_of(node)]
    if group and not rows:
        shared = _shared(group, said, allowed)
        whole = _row(group, said, allowed)
        rows = [{**shared, **row} for row in singles] or [{"id": whole.get("sku") or shared["group"], **whole}]
    return _merged(rows if group else singles)


def _own(products: list[Node], said: Said) -> list[Node] | None:
    """The products that the page is about; None, if there are several things and none is said to be here."""
    places = [_path(joined(said.base, _url(node))) for node in products]
    here = [node for node, place in zip(products, places, strict=True) if place == _path(said.url)]
    names = {(GROUP in types_of(node), text(node.get("name"))) for node in here or products}
    if not here:
        return products if len(names) == len(dict(names)) else None
    placeless = [node for node, place in zip(products, places, strict=True) if not place]
    return [*here, *(node for node in placeless if text(node.get("name")) in dict(names).values())]


def _merged(rows: list[Row]) -> list[Row]:
    """One row for each thing: a theme and an app may both speak of the same, one with its sku, the other without."""
    merged: list[Row] = []
    for row in rows:
        same = (one for one in merged if _is_same(one, row))
        if (known := next(same, None)) is None:
            merged.append(row)
        else:
            known.update({**row, **known})
    return merged


def _is_same(one: Row, other: Row) -> bool:
    if "sku" in one and "sku" in other:
        return one["sku"] == other["sku"]
    urls = {row["url"] for row in (one, other) if "url" in row}
    return len(urls) < 2 and all(one.get(name) == other.get(name) for name in ("title", "group"))


def _says_something(node: Node) -> bool:
    return any(key in node for key in ("name", "offers", "sku", "hasVariant", *GTINS))


def _variants(group: Node, said: Said, allowed: Allowed) -> list[Row]:
    """A row for each variant of a group that has a price of its own; the others only say where they stand."""
    own = [each for each in several(group.get("hasVariant")) if isinstance(each, dict) and "offers" in each]
    shared = _shared(group, said, allowed)
    return [{**shared, **_row(each, said, allowed), "group": shared["group"]} for each in own]


def _shared(group: Node, said: Said, allowed: Allowed) -> Row:
    """What variants have from their group."""
    row = _row(group, said, allowed)
    identity = text(group.get("productGroupID")) or row.get("sku") or said.url
    return {**{name: value for name, value in row.items() if name not in OWN}, "group": identity}


def _row(node: Node, said: Said, allowed: Allowed) -> Row:
    """What one node says; values that it does not say are left out."""
    url = joined(said.base, _url(node))
    group = next((each for each in several(node.get("isVariantOf")) if isinstance(each, dict)), {})
    found: Mapping[str, str | None] = {
        "title": text(node.get("name")),
        "description": prose(node.get("description")),
        "url": url if url and allowed(url) else None,
        "image": joined(said.base, _image(node.get("image"))),
        "brand": text(node.get("brand")) or text(node.get("manufacturer")),
        "category": _category(node.get("category")),
        "sku": text(node.get("sku")) or text(node.get("productID")),
        "gtin": next((code for name in GTINS if (code := text(node.get(name)))), None),
        "mpn": text(node.get("mpn")),
        "group": text(node.get("inProductGroupWithID")) or text(group.get("productGroupID")),
        **{name: text(node.get(name)) for name in ("size", "color", "material")},
        **offers.read(node),
    }
    return {name: value for name, value in found.items() if value}


def _url(node: Node) -> str | None:
    """The url that a node says, which may be a node itself."""
    told = next(iter(several(node.get("url"))), None)
    if isinstance(told, dict):
        told = told.get("@id")
    return told if isinstance(told, str) else None


def _path(url: str | None) -> str:
    """Host and path of a url: a variant's differs from its page's only in the query."""
    parts = urlsplit(url or "")
    return f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}"


def _image(value: Any) -> str | None:
    """The first picture: a url, or a node that has one."""
    for each in several(value):
        told = each
        if isinstance(each, dict):
            told = each.get("contentUrl") or each.get("url") or each.get("@id")
        told = next(iter(several(told)), None)
        if isinstance(told, str) and told.strip():
            return told
    return None


def _category(value: Any) -> str | None:
    """A path of categories; several are the steps of one, unless one is such a path itself."""
    told = [found for each in several(value) if (found := text(each))]
    path = next((each for each in told if ">" in each), None) or " > ".join(told)
    return " > ".join(part.strip() for part in path.split(">") if part.strip()) or None


def _crumbs(nodes: list[Node], title: str | None, base: str) -> str | None:
    """The way to the page, without the shop's front page and the product itself."""
    for node in nodes:
        if "BreadcrumbList" not in types_of(node):
            continue
        steps = [each for each in several(node.get("itemListElement")) if isinstance(each, dict)]
        if len(steps) > 1 and any("position" in each for each in steps):
            steps.sort(key=_position)
        named = [(text(each.get("name")) or text(each.get("item")), each) for each in steps]
        named = [(name, each) for name, each in named if name and name != title and not _is_front(each, base)]
        if path := " > ".join(str(name).replace(">", "/") for name, _ in named):
            return path
    return None


def _position(step: Node) -> float:
    told = text(step.get("position")) or ""
    return float(told) if told.isdigit() and len(told) < 10 else 0


def _is_front(step: Node, base: str) -> bool:
    item = next(iter(several(step.get("item"))), None)
    told = (item.get("@id") or _url(item)) if isinstance(item, dict) else item
    whole = joined(base, told) if isinstance(told, str) else None
    return bool(whole) and urlsplit(whole or "").path in ("", "/")


def _is_product(graph: Mapping[str, str]) -> bool:
    kind = graph.get("og:type", "").lower()
    return kind in ("product", "og:product", "product.item") or any(name in graph for name in GRAPH_PRICE)


def _of_graph(said: Said) -> Row:
    """Open Graph says little beside a name and an amount, and of variants nothing."""
    graph = said.graph
    row = {name: told for name, names in GRAPH.items() if (told := next((graph[n] for n in names if n in graph), None))}
    row["image"] = joined(said.base, row.get("image")) or ""
    paid = offers.amount(next((graph[name] for name in GRAPH_PRICE if name in graph), None), row.get("currency"))
    stock = offers.availability(graph.get("product:availability") or graph.get("og:availability"))
    return {name: told for name, value in {**row, **paid, **stock}.items() if (told := text(value))}
