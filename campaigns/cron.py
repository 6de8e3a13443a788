"""Cron lines, checked where they are read."""

from typing import Annotated

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator


def _cron(value: str) -> str:
    try:
        CronTrigger.from_crontab(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no cron line ({error}); e.g. '0 8 * * mon' is Monday at 8") from error
    return value


Cron = Annotated[str, AfterValidator(_cron)]
"""Minute, hour, day of the month, month, day of the week."""
