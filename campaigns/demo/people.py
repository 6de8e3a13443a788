"""Made-up people for real households: names, addresses, consent, zones, all by a fixed seed."""

import tomllib
from importlib.resources import files

import numpy as np
import pandas as pd


def people(first_purchase: pd.Series, demographics: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Make a customer of each household.

    Args:
        first_purchase: household_id -> time of the first purchase.
        demographics: one row for each household of which something is known.
        seed: the same seed makes the same people.
    """
    names = tomllib.loads(files("campaigns.demo").joinpath("names.toml").read_text(encoding="utf-8"))
    rng = np.random.default_rng(seed)
    ids = first_purchase.index
    n = len(ids)
    first, last = rng.choice(names["first"], n), rng.choice(names["last"], n)
    places = pd.DataFrame(names["places"]).iloc[rng.integers(0, len(names["places"]), n)].reset_index(drop=True)
    frame = pd.DataFrame(
        {
            "id": ids.astype(str),
            "email": [f"{a}.{b}.{number}@example.com".lower() for a, b, number in zip(first, last, ids, strict=True)],
            "phone": [f"+1614555{number:04d}" for number in range(n)],
            "first_name": first,
            "last_name": last,
            "street": [
                f"{number} {street} St"
                for number, street in zip(rng.integers(1, 9900, n), rng.choice(names["streets"], n), strict=True)
            ],
            "city": places["city"],
            "region": places["region"],
            "postcode": places["postcode"],
            "country": "US",
            "locale": "en_US",
            "time_zone": places["time_zone"],
            "consent_email": rng.choice(["subscribed", "unsubscribed", "unknown"], n, p=[0.85, 0.08, 0.07]),
            "created_at": (first_purchase - pd.to_timedelta(rng.integers(1, 60, n), unit="D"))
            .dt.strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_numpy(),
        }
    )
    known = demographics.assign(id=demographics["household_id"].astype(str)).drop(columns="household_id")
    return frame.merge(known, on="id", how="left")
