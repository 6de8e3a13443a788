"""The demo: a newcomer's first ten minutes, on a year of real purchases, with the verbs any user would use."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.deliver import deliver
from campaigns.demo.export import export
from campaigns.errors import BadSettings
from campaigns.init import init
from campaigns.picks import segment_picks
from campaigns.progress import Progress
from campaigns.project import Project
from campaigns.report import RunReport, report
from campaigns.send import send
from campaigns.store import runs
from campaigns.sync import Pulled, pull
from campaigns.train import train

# The Monday after the year's last purchase week, at the digest's hour in the shop's zone.
PRETEND_NOW = "2018-01-01T13:00:00Z"
TOBACCO = ("Cigarettes", "Cigars", "Tobacco and lighters", "Chewing tobacco")  # no shop would mail these
MARKER = ".handpicked-demo"


@dataclass(frozen=True)
class Journey:
    """What the demo did."""

    pulled: list[Pulled]
    report: RunReport
    message: Path
    messages: int
    customer_id: str
    segments: int


def demo(folder: Path, progress: Progress) -> Journey:
    """Lay out `folder`, export, sync, train, send and deliver. A folder left by an earlier demo is renewed."""
    clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    init(folder, pretend_now=PRETEND_NOW)
    _leave_out(folder / "campaigns" / "weekly_digest.toml", TOBACCO)
    with progress.track("export a year of purchases", None):
        export(folder / "data")
    with Project.open(folder, progress) as project:
        pulled = pull(project, "shop")
        train(project)
        send(project, "weekly_digest")
        deliver(project, until_empty=True)
        newest = report(project, "weekly_digest")[0]
        inbox = sorted((folder / "outbox" / "new").iterdir())
        segments = segment_picks(project, 1)
        written_to = runs.sent_customers(project.store, newest.run_id, limit=1)[0]
        return Journey(pulled, newest, inbox[0], len(inbox), written_to, segments["segment"].nunique())


def _leave_out(campaign: Path, categories: Sequence[str]) -> None:
    """Fill in the campaign's list of categories that are never picked."""
    listed = ", ".join(f'"{name}"' for name in categories)
    text = campaign.read_text(encoding="utf-8")
    campaign.write_text(
        re.sub(r"^without_categories = .*", f"without_categories = [{listed}]", text, flags=re.MULTILINE),
        encoding="utf-8",
    )


def clear(folder: Path) -> None:
    """Remove what an earlier demo made, and nothing else.

    Raises:
        BadSettings: the folder holds a project that is no demo.
    """
    if (folder / "handpicked.toml").exists() and not (folder / MARKER).exists():
        raise BadSettings(f"{folder} holds a project that is no demo", remedy="choose another folder with --project")
    for name in ("data", "models", "outbox", "campaigns", "mappings"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in [folder / "handpicked.toml", *folder.glob("handpicked.db*")]:
        path.unlink(missing_ok=True)
