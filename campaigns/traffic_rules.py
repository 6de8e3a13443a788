"""Judge requests to links: which were a person's. Pure rules over raw hits, to be run again when they get better.

    privacy_proxy  a mail provider that fetches pictures in the reader's place: it says nothing of a person, nor of when
    scanner        a program that checks messages for harm
    prefetch       a program that shows or lists what a link leads to, or asks for it before the browser does
    duplicate      the same person, the same link again, at once
    human          all others
The first verdict that applies counts, in this order.
"""

import numpy as np
import pandas as pd

from campaigns.programs import APPLE, OFFICE, PICTURE_PROXIES, PREVIEWS, SCANNERS, pattern

RULES = "2026-03"
"""The version, kept beside each verdict: change it with the rules."""
BURST_SECONDS = 10.0
"""Who follows all links of a message within so many seconds does not read."""
ENOUGH_LINKS = 5
"""So many links at once are enough, however many more a message has: scanners take samples of long ones."""
FEWEST_LINKS = 3
"""Fewer at once may be a person's, who opens both products of a short message."""
TOO_EARLY_SECONDS = 2.0
"""Nobody sees a message and clicks within this time of its delivery."""
CLOCK_SECONDS = 60.0
"""A server's yes is written down a little after it was given; a scanner may be there before."""
AGAIN_SECONDS = 30.0
"""The same link from the same reader within this time is one click: a double one, or a page that loads twice."""
MESSAGE = ["run_id", "customer_id"]
VISITOR = [*MESSAGE, "address"]
LINK = [*MESSAGE, "kind", "product_id"]


def verdicts(hits: pd.DataFrame) -> pd.Series:
    """Judge hits; all that is known of a message should stand in one frame.

    Args:
        hits: (hits,) run_id, customer_id, kind, product_id, at, method, user_agent, address; sent_at and links may be
            missing values.

    Returns:
        (hits,) text, one of the five verdicts, under the same index.
    """
    agent = hits["user_agent"].fillna("").str.strip()
    opened = hits["kind"] == "open"
    ruled = {
        "privacy_proxy": opened & ((agent == APPLE) | agent.str.contains(pattern(PICTURE_PROXIES))),
        "scanner": agent.str.contains(pattern(SCANNERS)) | _acts_like_a_scanner(hits),
        "prefetch": (agent == "")
        | agent.str.contains(pattern(PREVIEWS))
        | (~opened & agent.str.contains(pattern(OFFICE))),
    }
    applies = [rule.to_numpy(bool) for rule in ruled.values()]
    found = pd.Series(np.select(applies, list(ruled), "human"), index=hits.index, dtype=str)
    return found.mask(_again(hits, found == "human"), "duplicate")


def _acts_like_a_scanner(hits: pd.DataFrame) -> pd.Series:
    acts: pd.Series = (hits["method"] == "HEAD") | _with_honeypot(hits) | _in_burst(hits) | _too_early(hits)
    return acts


def _with_honeypot(hits: pd.DataFrame) -> pd.Series:
    """Whoever followed the link that no reader sees: all that this address did with this message."""
    caught: pd.Series = (hits["kind"] == "more").groupby([hits[name] for name in VISITOR]).transform("any")
    return caught


def _in_burst(hits: pd.DataFrame) -> pd.Series:
    """All links of a message (its products, and the view in the browser), or enough, by one address within seconds."""
    followed = hits[hits["kind"].isin(["click", "view"])].sort_values([*VISITOR, "at"])
    if followed.empty:
        return pd.Series(False, index=hits.index)
    pause = followed.groupby(VISITOR)["at"].diff().dt.total_seconds()
    visit = (pause.isna() | (pause > BURST_SECONDS)).cumsum()
    seen = followed.assign(link=followed["product_id"].fillna("")).groupby(visit)
    span = (seen["at"].transform("max") - seen["at"].transform("min")).dt.total_seconds()
    needed = (pd.to_numeric(followed["links"]).fillna(ENOUGH_LINKS) + 1).clip(FEWEST_LINKS, ENOUGH_LINKS)
    burst = (span <= BURST_SECONDS) & (seen["link"].transform("nunique") >= needed)
    found: pd.Series = burst.reindex(hits.index, fill_value=False)
    return found


def _too_early(hits: pd.DataFrame) -> pd.Series:
    age = (hits["at"] - hits["sent_at"]).dt.total_seconds()
    early: pd.Series = age.between(-CLOCK_SECONDS, TOO_EARLY_SECONDS)
    return early


def _again(hits: pd.DataFrame, human: pd.Series) -> pd.Series:
    """A person's hit on a link soon after the one before it; the first of them stands."""
    theirs = hits[human].sort_values([*VISITOR, "at"])
    pause = theirs.groupby([*LINK, "address"], dropna=False)["at"].diff().dt.total_seconds()
    again: pd.Series = (pause <= AGAIN_SECONDS).reindex(hits.index, fill_value=False)
    return again
