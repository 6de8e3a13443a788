"""Fills a Vendure shop as its owner does, by the Admin API: customers, a catalogue, placed orders, administrators."""

import json
import time

import httpx

OWNER = {"user": "superadmin", "password": "superadmin"}
LOGIN = "mutation ($user: String!, $password: String!) { login(username: $user, password: $password) { __typename } }"
TOGETHER = 50
"""Mutations in one request."""
SIZES = ["small", "large"]
BRANDS = ["Mill & Co", "Brüder Öl"]
HOME = {"city": "York", "province": "Yorkshire", "postalCode": "YO1", "countryCode": "GB"}
FAR = {"streetLine1": "1 Far Road", "city": "Leeds", "postalCode": "LS1", "countryCode": "GB"}
ADD_HOME = """mutation ($id: ID!, $home: CreateAddressInput!, $far: CreateAddressInput!) {
  far: createCustomerAddress(customerId: $id, input: $far) { id }
  home: createCustomerAddress(customerId: $id, input: $home) { id }
}"""
ADD_ITEM = "addItemToDraftOrder(orderId: $id, input: $%s) { __typename ... on ErrorResult { message } }"
PLACE = """mutation ($id: ID!, $customer: ID, $guest: CreateCustomerInput, $to: CreateAddressInput!, $post: ID!,
                     $payment: ManualPaymentInput!, %s) {
  customer: setCustomerForDraftOrder(orderId: $id, customerId: $customer, input: $guest) {
    __typename ... on ErrorResult { message } }
  to: setDraftOrderShippingAddress(orderId: $id, input: $to) { id }
  %s
  post: setDraftOrderShippingMethod(orderId: $id, shippingMethodId: $post) {
    __typename ... on ErrorResult { message } }
  ready: transitionOrderToState(id: $id, state: "ArrangingPayment") { __typename ... on ErrorResult { message } }
  paid: addManualPaymentToOrder(input: $payment) { __typename ... on ErrorResult { message } }
}"""


def named(name, **more):
    return [{"languageCode": "en", "name": name, **more}]


def chosen(code, **values):
    """A configurable operation; Vendure takes its arguments as texts."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return {"code": code, "arguments": [{"name": name, "value": value} for name, value in texts.items()]}


class Shop:
    """The owner's hand on one shop; what the shop refuses fails the test."""

    def __init__(self, url):
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=60)
        self.log_in()

    def log_in(self):
        answer = self.http.post("/admin-api", json={"query": LOGIN, "variables": OWNER})
        self.http.headers["Authorization"] = f"Bearer {answer.headers['vendure-auth-token']}"

    def close(self):
        self.http.close()

    def ask(self, query, **variables):
        answer = self.http.post("/admin-api", json={"query": query, "variables": variables}).json()
        assert not answer.get("errors"), answer["errors"]
        refused = [told for told in answer["data"].values() if isinstance(told, dict) and told.get("message")]
        assert not refused, refused
        return answer["data"]

    def do(self, name, returns, **arguments):
        """One mutation; an argument is its type and its value."""
        head = ", ".join(f"${key}: {kind}" for key, (kind, _) in arguments.items())
        used = ", ".join(f"{key}: ${key}" for key in arguments)
        query = f"mutation ({head}) {{ {name}({used}) {{ __typename {returns} }} }}"
        return self.ask(query, **{key: value for key, (_, value) in arguments.items()})[name]

    def make(self, kind, returns="id", **values):
        return self.do(f"create{kind}", returns, input=(f"Create{kind}Input!", values))

    def make_many(self, kind, inputs, returns="id"):
        return self.together(f"create{kind}", f"Create{kind}Input!", inputs, returns)

    def together(self, name, type_name, inputs, returns):
        """One mutation for many inputs; the answers stand in their order."""
        found = []
        for start in range(0, len(inputs), TOGETHER):
            some = {f"i{n}": one for n, one in enumerate(inputs[start : start + TOGETHER])}
            head = ", ".join(f"${alias}: {type_name}" for alias in some)
            body = " ".join(f"{alias}: {name}(input: ${alias}) {{ __typename {returns} }}" for alias in some)
            found += self.ask(f"mutation ({head}) {{ {body} }}", **some).values()
        return found

    def found(self, name, fields, page=1_000, **only):
        """All items of a list, by id: the shop's own word, read otherwise than the adapter reads."""
        kind = f"{name.title()[:-1]}ListOptions"
        query = f"query ($options: {kind}) {{ {name}(options: $options) {{ items {{ {fields} }} }} }}"
        items = []
        while True:
            options = {"skip": len(items), "take": page, "sort": {"id": "ASC"}, "filter": only}
            more = self.ask(query, options=options)[name]["items"]
            items += more
            if len(more) < page:
                return {item["id"]: item for item in items}

    def open_up(self):
        """What a new shop needs before anything can be bought: a country with 20 % tax, a post and a card."""
        country = self.make("Country", code="GB", enabled=True, translations=named("United Kingdom"))["id"]
        zone = self.make("Zone", name="Europe", memberIds=[country])["id"]
        channel = {"id": "1", "defaultTaxZoneId": zone, "defaultShippingZoneId": zone}
        self.do("updateChannel", "", input=("UpdateChannelInput!", channel))
        tax = self.make("TaxCategory", name="Standard", isDefault=True)["id"]
        self.make("TaxRate", name="VAT", enabled=True, value=20, categoryId=tax, zoneId=zone)
        self.make(
            "ShippingMethod",
            code="post",
            fulfillmentHandler="manual-fulfillment",
            checker=chosen("default-shipping-eligibility-checker", orderMinimum=0),
            calculator=chosen("default-shipping-calculator", rate=500, includesTax="auto", taxRate=0),
            translations=named("Post", description=""),
        )
        self.make(
            "PaymentMethod",
            code="card",
            enabled=True,
            handler=chosen("dummy-payment-handler", automaticSettle=True),
            translations=named("Card", description=""),
        )

    def add_customers(self, count, name="c"):
        """Their ids; each has a first address, and another that is for bills."""
        people = [
            {"firstName": f"Ann {n}", "lastName": "Ōé", "emailAddress": f"{name}{n}@example.com"} for n in range(count)
        ]
        returns = "... on Customer { id } ... on ErrorResult { message }"
        ids = [one["id"] for one in self.make_many("Customer", people, returns)]
        for one in ids:
            home = {"streetLine1": f"{one} High Street", "defaultBillingAddress": True, **HOME}
            self.ask(ADD_HOME, id=one, home=home, far=FAR)
        return ids

    def add_catalogue(self, count):
        """Products in turn of two brands, each small at 100 + n and large at 200 + n before tax; [(id, variants)].

        Every fifth is sold out, and every second stands on a shelf within a shelf.
        """
        values = [{"code": f"b{n}", "translations": named(brand)} for n, brand in enumerate(BRANDS)]
        facet = {"code": "brand", "isPrivate": False, "translations": named("Brand"), "values": values}
        brands = self.make("Facet", "values { id }", **facet)["values"]
        goods = [
            {
                "enabled": True,
                "facetValueIds": [brands[n % 2]["id"]],
                "translations": named(f"Product {n}", slug=f"product-{n}", description=f"The {n}th"),
            }
            for n in range(count)
        ]
        products = [one["id"] for one in self.make_many("Product", goods)]
        variants = self.add_variants(products)
        self.fill_shelves(products)
        return list(zip(products, variants, strict=True))

    def add_variants(self, products):
        sizes = [{"code": size, "translations": named(size)} for size in SIZES]
        return [self.add_sizes(product, n, sizes) for n, product in enumerate(products)]

    def add_sizes(self, product, n, sizes):
        group = {"code": f"size-{n}", "translations": named("Size"), "options": sizes}
        made = self.make("ProductOptionGroup", "id options { id }", **group)
        self.do("addOptionGroupToProduct", "", productId=("ID!", product), optionGroupId=("ID!", made["id"]))
        wanted = [
            {
                "productId": product,
                "sku": f"SKU-{n}-{name}",
                "price": 100 * (size + 1) + n,
                "optionIds": [option["id"]],
                "stockOnHand": 0 if n % 5 == 4 else 1_000,
                "trackInventory": "TRUE",
                "translations": named(f"Product {n}, {name}"),
            }
            for size, (name, option) in enumerate(zip(SIZES, made["options"], strict=True))
        ]
        variants = self.do("createProductVariants", "id", input=("[CreateProductVariantInput!]!", wanted))
        return [one["id"] for one in variants]

    def fill_shelves(self, products):
        def shelf(name, parent, on_it):
            return self.make(
                "Collection",
                filters=[chosen("product-id-filter", productIds=on_it, combineWithAnd=True)],
                translations=named(name, slug=name.lower().replace(" ", "-"), description=""),
                **parent,
            )["id"]

        wide = shelf("Grocery", {}, products)
        narrow = shelf("Tea & more", {"parentId": wide}, products[::2])
        self.wait_for(wide, 2 * len(products))
        self.wait_for(narrow, 2 * len(products[::2]))

    def wait_for(self, shelf, variants):
        """The shop fills its shelves in the background."""
        query = "query ($id: ID!) { collection(id: $id) { productVariants { totalItems } } }"
        for _ in range(600):
            if self.ask(query, id=shelf)["collection"]["productVariants"]["totalItems"] == variants:
                return
            time.sleep(0.1)
        raise TimeoutError(f"shelf {shelf} is not filled")

    def place(self, items, customer=None, guest=None):
        """Place and pay an order of (variant, quantity); its id."""
        order = self.ask("mutation { createDraftOrder { id } }")["createDraftOrder"]["id"]
        lines = {f"l{n}": {"productVariantId": variant, "quantity": count} for n, (variant, count) in enumerate(items)}
        head = ", ".join(f"${name}: AddItemToDraftOrderInput!" for name in lines)
        adding = "\n  ".join(f"{name}: {ADD_ITEM % name}" for name in lines)
        by_post = self.ask("{ shippingMethods { items { id } } }")["shippingMethods"]["items"][0]["id"]
        self.ask(
            PLACE % (head, adding),
            id=order,
            customer=customer,
            guest=guest,
            to=FAR,
            post=by_post,
            payment={"orderId": order, "method": "card", "transactionId": f"t{order}", "metadata": {}},
            **lines,
        )
        return order

    def order(self, identity):
        fields = "state total lines { id quantity proratedUnitPriceWithTax } payments { id }"
        return self.ask(f"query ($id: ID!) {{ order(id: $id) {{ {fields} }} }}", id=identity)["order"]

    def refund(self, identity, count):
        """Give the money of `count` pieces of the first line back."""
        order = self.order(identity)
        line = {"orderLineId": order["lines"][0]["id"], "quantity": count}
        values = {"lines": [line], "shipping": 0, "adjustment": 0, "paymentId": order["payments"][0]["id"]}
        self.do("refundOrder", "... on ErrorResult { message }", input=("RefundOrderInput!", values))

    def cancel(self, identity):
        self.do("cancelOrder", "... on ErrorResult { message }", input=("CancelOrderInput!", {"orderId": identity}))

    def update_customer(self, identity, **values):
        returns = "... on ErrorResult { message }"
        self.do("updateCustomer", returns, input=("UpdateCustomerInput!", {"id": identity, **values}))

    def update_variants(self, *changes):
        self.do("updateProductVariants", "id", input=("[UpdateProductVariantInput!]!", changes))

    def delete(self, kind, identities):
        for one in identities:
            self.do(f"delete{kind}", "result", id=("ID!", one))

    def add_administrator(self, name, permissions):
        """One who may do only this; the password is the name twice."""
        role = self.make("Role", code=name, description=name, permissions=permissions)["id"]
        person = {"firstName": name, "lastName": name, "emailAddress": f"{name}@example.com", "password": name * 2}
        self.make("Administrator", roleIds=[role], **person)
