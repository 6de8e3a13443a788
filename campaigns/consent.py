"""How systems write that a customer agreed to be tracked."""

from collections.abc import Collection

from campaigns.project import Project

AGREED = {"true", "1", "yes", "y", "on", "granted", "subscribed"}
"""In the attribute `tracking_consent`; what is none of these is not consent (law 6)."""


def words_of_consent(project: Project) -> Collection[str] | None:
    """The words without which nothing is kept of what a customer does on the pages; None: the pages ask themselves."""
    return AGREED if project.settings.events.need_consent else None
