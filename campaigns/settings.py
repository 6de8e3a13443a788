"""Settings: handpicked.toml, with every value also to be given in the environment (HANDPICKED_TRANSPORT=...)."""

import secrets
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from campaigns.cron import Cron
from campaigns.errors import BadSettings
from campaigns.files import explain, read_toml
from campaigns.mail.address import ascii_domain
from engine.parameters import DEFAULTS, Parameters

SHORTEST_KEY = 16


class Shop(BaseModel):
    """Who writes: shown in every message."""

    model_config = ConfigDict(extra="forbid")

    name: str = "Your shop"
    sender: str = "Your shop <hello@example.com>"
    reply_to: str | None = None
    postal_address: str
    locale: str = "en_US"
    currency: str = "USD"
    time_zone: str = "UTC"
    base_url: str = "https://shop.example.com"


class Connection(BaseModel):
    """One connected system."""

    model_config = ConfigDict(extra="forbid")

    adapter: str
    path: str | None = None
    url: str | None = None
    user: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    mapping: str | None = None
    hosts: tuple[str, ...] = ()  # of `product_pages`: that it may call beside the one of the url
    allow_private: bool = False  # of `product_pages`: whether these may be in a private network
    pull_at: Cron | None = None  # by the shop's clock, e.g. "0 * * * *": every hour
    push_at: Cron | None = None


class Engine(BaseModel):
    """How the engine looks at purchases; `handpicked tune` finds better values. See `engine.parameters`."""

    model_config = ConfigDict(extra="forbid")

    neighbours_ridge: float = Field(DEFAULTS.neighbours_ridge, gt=0)
    neighbours_half_life_days: float = Field(DEFAULTS.neighbours_half_life_days, gt=0)
    user_neighbours: int = Field(DEFAULTS.user_neighbours, gt=0)
    kinds_ridge: float = Field(DEFAULTS.kinds_ridge, gt=0)
    popularity_half_life_days: float = Field(DEFAULTS.popularity_half_life_days, gt=0)

    def parameters(self) -> Parameters:
        """The same, as the engine takes them."""
        return Parameters(**self.model_dump())


class Signature(BaseModel):
    """One DKIM key: its selector, and the PEM file of the private key, counted from the project's folder."""

    model_config = ConfigDict(extra="forbid")

    selector: str
    key: Path


class Mail(BaseModel):
    """What stands around a message, and where its bounces go."""

    model_config = ConfigDict(extra="forbid")

    return_path: str | None = None  # bounces@example.com: each message's own is bounces+ID@example.com
    mailbox: str | None = None  # where bounces arrive: maildir:FOLDER or imaps://user:password@host/INBOX
    signatures: tuple[Signature, ...] = ()
    soft_bounces: int = Field(5, gt=0)  # so many in a row, and the address is not written to again


class Delivery(BaseModel):
    """How fast messages leave, and how often they are tried."""

    model_config = ConfigDict(extra="forbid")

    processes: int | None = Field(None, gt=0)  # none: one, and up to one a core where many messages wait
    connections: int = Field(20, gt=0)
    messages_per_connection: int = Field(1000, gt=0)
    timeout_seconds: float = Field(60, gt=0)
    lease_seconds: float = Field(60, gt=0)
    retry_after_minutes: tuple[float, ...] = (1, 5, 30, 120)
    per_second: float | None = Field(None, gt=0)
    per_domain_per_second: dict[str, float] = {}
    warm_up_per_day: tuple[int, ...] = ()


class Web(BaseModel):
    """The endpoints that links in messages lead to."""

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8000, gt=0, lt=65536)
    opens: bool = False  # an open pixel, and only for customers who agreed to be tracked
    mailgun_signing_key: SecretStr | None = None
    postmark_user: str | None = None
    postmark_password: SecretStr | None = None
    ses_topic: str | None = None  # the ARN of the SNS topic that may tell of bounces


class Events(BaseModel):
    """What the shop's pages tell of customers, in the form of Segment and RudderStack."""

    model_config = ConfigDict(extra="forbid")

    write_keys: tuple[SecretStr, ...] = ()  # who has one may send events to /v1/batch; none: nobody may
    need_consent: bool = True  # only of customers whose tracking_consent says yes; else the pages ask before they send

    @field_validator("write_keys")
    @classmethod
    def _no_short_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in keys):
            raise ValueError(f"a write key has at least {SHORTEST_KEY} letters")
        return keys


class Settings(BaseSettings):
    """All settings of a project. The environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="HANDPICKED_", env_nested_delimiter="__", extra="forbid", validate_assignment=True
    )

    database: str = "sqlite:///handpicked.db"
    transport: str = "maildir:outbox"
    pretend_now: datetime | None = None
    secret: SecretStr
    shop: Shop
    connections: dict[str, Connection] = {}
    engine: Engine = Engine()
    mail: Mail = Mail()
    delivery: Delivery = Delivery()
    web: Web = Web()
    events: Events = Events()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose values come as keywords."""
        return env_settings, init_settings

    @classmethod
    def load(cls, project: Path) -> Self:
        """Read handpicked.toml and the environment.

        Raises:
            BadSettings: the file is missing or wrong; told with line and what was probably meant.
        """
        path = project / "handpicked.toml"
        values: dict[str, Any] = read_toml(path, BadSettings)
        values.setdefault("secret", _secret(project))
        try:
            settings = cls(**values)
        except ValidationError as error:
            problem, remedy = explain(error, path, cls)
            raise BadSettings(problem, remedy=remedy) from error
        if settings.database.startswith("sqlite:///") and not settings.database.startswith("sqlite:////"):
            settings.database = f"sqlite:///{(project / settings.database.removeprefix('sqlite:///')).resolve()}"
        return settings

    def now(self) -> datetime:
        """The moment at which the data is looked at: the pretended one, or the machine's."""
        moment = self.pretend_now or datetime.now(UTC)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    @property
    def sender_domain(self) -> str:
        """The domain messages come from."""
        return _domain_of(self.shop.sender)


@lru_cache(maxsize=16)
def _domain_of(sender: str) -> str:
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return ascii_domain(domain) if domain else "localhost"


def _secret(project: Path) -> str:
    """Read the project's signing secret, made on first use and readable by its owner only."""
    path = project / ".handpicked-secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()
