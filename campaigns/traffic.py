"""TRAFFIC: judge the requests of a period; what people did becomes events, and can be judged again by better rules."""

from collections import Counter
from datetime import datetime, timedelta

from campaigns.project import Project
from campaigns.store import hits
from campaigns.traffic_rules import RULES, verdicts

BEFORE = timedelta(hours=1)
"""So much before the period is read as well: who was a scanner just before it began is still one."""


def judge(project: Project, since: datetime, until: datetime) -> Counter[str]:
    """Judge every hit of a period; judging it again with the same rules changes nothing.

    Args:
        project: the open project.
        since: the first moment of the period.
        until: the last.

    Returns:
        how many hits of the period have each verdict.
    """
    with project.progress.track("judge", None) as bar:
        for part in hits.read_parts(project.store, since - BEFORE, until):
            judged = part.assign(verdict=verdicts(part))
            same = (judged["verdict"] == part["verdict"]) & (part["rules"] == RULES)
            hits.save_verdicts(project.store, judged[~same & (part["at"] >= since)], RULES)
            bar.advance(len(part))
    return hits.verdict_counts(project.store, since, until)
