"""Made-up people for real households: names, addresses, consent, zones, all by a fixed seed."""

import numpy as np
import pandas as pd

FIRST = [
    "Ada",
    "Ben",
    "Clara",
    "Dan",
    "Eva",
    "Finn",
    "Grace",
    "Hugo",
    "Iris",
    "Jack",
    "Kate",
    "Leo",
    "Mia",
    "Noah",
    "Olive",
    "Paul",
    "Quinn",
    "Rosa",
    "Sam",
    "Tess",
    "Uma",
    "Vera",
    "Will",
    "Xenia",
    "Yara",
    "Zoe",
    "Amir",
    "Bella",
    "Carlos",
    "Dina",
    "Emil",
    "Fatima",
    "George",
    "Hana",
    "Ivan",
    "Julia",
    "Karim",
    "Lena",
    "Marco",
    "Nina",
    "Omar",
    "Petra",
    "Rafael",
    "Sofia",
    "Tomas",
    "Ursula",
    "Victor",
    "Wanda",
]
LAST = [
    "Adams",
    "Baker",
    "Carter",
    "Diaz",
    "Evans",
    "Fisher",
    "Green",
    "Hughes",
    "Ito",
    "Jones",
    "King",
    "Lopez",
    "Miller",
    "Nguyen",
    "Owens",
    "Patel",
    "Quist",
    "Reed",
    "Smith",
    "Turner",
    "Underhill",
    "Vance",
    "Walker",
    "Young",
    "Abbott",
    "Brooks",
    "Cohen",
    "Dunn",
    "Ellis",
    "Foster",
    "Grant",
    "Hayes",
    "Irwin",
    "Jensen",
    "Kelly",
    "Lane",
    "Moore",
    "Nolan",
    "Ortiz",
    "Price",
]
STREETS = [
    "Maple",
    "Oak",
    "Cedar",
    "Elm",
    "Walnut",
    "Lake",
    "Hill",
    "River",
    "Park",
    "Church",
    "Mill",
    "Spring",
    "Ridge",
    "Meadow",
]
CITIES = [("Columbus", "OH", "43004"), ("Dayton", "OH", "45402"), ("Louisville", "KY", "40202"), ("Nashville", "TN", "37203"),
          ("Houston", "TX", "77002"), ("Denver", "CO", "80202")]  # fmt: skip
ZONES = {
    "OH": "America/New_York",
    "KY": "America/Kentucky/Louisville",
    "TN": "America/Chicago",
    "TX": "America/Chicago",
    "CO": "America/Denver",
}


def people(first_purchase: pd.Series, demographics: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Make a customer of each household.

    Args:
        first_purchase: household_id -> time of the first purchase.
        demographics: one row for each household of which something is known.
        seed: the same seed makes the same people.
    """
    rng = np.random.default_rng(seed)
    ids = first_purchase.index
    n = len(ids)
    first, last = rng.choice(FIRST, n), rng.choice(LAST, n)
    places = pd.DataFrame([CITIES[k] for k in rng.integers(0, len(CITIES), n)], columns=["city", "region", "postcode"])
    frame = pd.DataFrame(
        {
            "id": ids.astype(str),
            "email": [f"{f}.{l}.{i}@example.com".lower() for f, l, i in zip(first, last, ids, strict=True)],
            "phone": [f"+1614555{number:04d}" for number in range(n)],
            "first_name": first,
            "last_name": last,
            "street": [
                f"{number} {street} St"
                for number, street in zip(rng.integers(1, 9900, n), rng.choice(STREETS, n), strict=True)
            ],
            "city": places["city"],
            "region": places["region"],
            "postcode": places["postcode"],
            "country": "US",
            "locale": "en_US",
            "time_zone": places["region"].map(ZONES),
            "consent_email": rng.choice(["subscribed", "unsubscribed", "unknown"], n, p=[0.85, 0.08, 0.07]),
            "created_at": (first_purchase - pd.to_timedelta(rng.integers(1, 60, n), unit="D"))
            .dt.strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_numpy(),
        }
    )
    known = demographics.assign(id=demographics["household_id"].astype(str)).drop(columns="household_id")
    return frame.merge(known, on="id", how="left")
