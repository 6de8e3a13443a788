"""A project: the folder a marketer works in, with its settings, its store and its files."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.campaign import Campaign
from campaigns.errors import NotFound
from campaigns.mail.dkim import Signer, load_signer
from campaigns.mail.links import Links
from campaigns.mail.render import CompiledTemplate, load_template
from campaigns.progress import Progress, SilentProgress
from campaigns.settings import Settings
from campaigns.store.database import Store, open_store


@dataclass
class Project:
    """One project folder, opened. Use as a context manager: it closes its store.

    Attributes:
        folder: where `handpicked.toml` stands.
        settings: what that file and the environment say.
        progress: where long work tells how far it is.
    """

    folder: Path
    settings: Settings
    progress: Progress

    @classmethod
    def open(cls, folder: Path, progress: Progress | None = None) -> Self:
        """Open the project in `folder`.

        Raises:
            BadSettings: no settings file there, or a wrong one.
        """
        return cls(folder, Settings.load(folder), progress or SilentProgress())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "store" in self.__dict__:
            self.store.close()

    @cached_property
    def store(self) -> Store:
        """The store, made and migrated on first use."""
        return open_store(self.settings.database)

    @cached_property
    def links(self) -> Links:
        """The signer of links in messages."""
        return Links(self.settings.secret.get_secret_value(), self.settings.shop.base_url)

    @cached_property
    def signers(self) -> list[Signer]:
        """The DKIM keys of the sender's domain, each of which signs every message.

        Raises:
            BadSettings: a key can't be read or is too weak.
        """
        found = self.settings.mail.signatures
        return [load_signer(self.settings.sender_domain, each.selector, self.folder / each.key) for each in found]

    def as_of(self, at: datetime | None = None) -> datetime:
        """The moment the data is looked at: `at`, or the pretended now, or now."""
        return at or self.settings.now()

    def campaigns(self) -> list[Campaign]:
        """Every campaign of the folder, by name."""
        return [Campaign.load(path) for path in sorted((self.folder / "campaigns").glob("*.toml"))]

    def campaign(self, name: str) -> Campaign:
        """Read one campaign file.

        Raises:
            NotFound: no such file; the remedy names those that are there.
            BadCampaign: the file is wrong.
        """
        path = self.folder / "campaigns" / f"{name}.toml"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml"))) or "none yet"
            raise NotFound(f"no campaign {name!r} in {path.parent}", remedy=f"choose one of: {known}")
        return Campaign.load(path)

    def template(self, name: str) -> CompiledTemplate:
        """Compile a template: the project's own before the shipped one."""
        return load_template(name, [self.folder / "templates" / "emails"])


def real_now() -> datetime:
    """The moment by the machine's clock, to the second."""
    return datetime.fromtimestamp(int(time.time()), UTC)
