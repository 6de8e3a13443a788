"""A campaign as data: a file that says who, what, when, with which template."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from campaigns.cron import Cron
from campaigns.errors import BadCampaign
from campaigns.files import explain, read_toml


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SlateSpec(_Strict):
    """What a slate may hold; see `engine.slate.SlateRules`."""

    size: Annotated[int, Field(ge=1, le=50)] = 8
    max_per_category: Annotated[int, Field(ge=1)] | None = 2
    not_bought_days: Annotated[float, Field(ge=0)] | None = 7
    same_title_once: bool = True
    size_variants_once: bool = True
    in_stock: bool = True
    without_categories: tuple[str, ...] = ()
    discoveries: Annotated[float, Field(ge=0, le=1)] | None = None
    variety: Annotated[float, Field(ge=0, le=1)] = 0
    boosts: dict[str, Annotated[float, Field(ge=0)]] = {}
    at_least: dict[str, Annotated[int, Field(ge=1)]] = {}
    not_shown_again: bool = True


class Schedule(_Strict):
    """When a campaign runs: a cron line, read in `zone`, or in each recipient's own."""

    cron: Cron = "0 8 * * mon"
    zone: str = "UTC"
    grace_hours: Annotated[float, Field(gt=0)] = 6


class Campaign(_Strict):
    """One campaign file."""

    name: str
    subject: str
    preheader: str = ""
    template: str = "weekly_digest"
    audience: str = "everyone"
    slate: SlateSpec = SlateSpec()
    schedule: Schedule = Schedule()
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    in_doubt: Literal["skip", "resend", "ask"] = "skip"
    expires_hours: Annotated[float, Field(gt=0)] = 48
    seed: int = 0
    transport: str | None = None

    @field_validator("name")
    @classmethod
    def _stands_in_headers(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value):
            raise ValueError(
                f"{value!r} stands in headers and links: rename the file, with letters, digits, - and _ only"
            )
        return value

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a campaign file; its name is the file's.

        Raises:
            BadCampaign: the file is wrong; told with line and what was probably meant.
        """
        values = read_toml(path, BadCampaign)
        values.setdefault("name", path.stem)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problem, remedy = explain(error, path, cls)
            raise BadCampaign(problem, remedy=remedy) from error
