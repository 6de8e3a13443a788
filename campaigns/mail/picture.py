"""Draw a message as a picture, with the chromium that is installed."""

import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

from campaigns.errors import MissingTool

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
"""A drawing needs no network: links and pictures of a message are never fetched."""


def png(html: str, path: Path, width: int = 640, height: int = 1800) -> None:
    """Write `html` to `path` as a PNG, `width` CSS pixels wide.

    A headless window can't be narrower than about 500 pixels, so the message stands in a frame of its width.

    Raises:
        MissingTool: no chromium here, or it drew nothing.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise MissingTool("a picture needs chromium", remedy="install chromium, or use --html instead of --png")
    style = f"border:0;width:{width}px;height:{height}px;display:block"
    frame = f"<body style='margin:0'><iframe style='{style}' srcdoc=\"{escape(html)}\"></iframe>"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(f"<!doctype html><meta charset=utf-8>{frame}", encoding="utf-8")
        where = (f"--user-data-dir={folder}/profile", f"--window-size={width},{height}")
        _run([browser, *QUIET, *where, f"--screenshot={path.resolve()}", page.as_uri()])
    if not path.is_file():
        raise MissingTool("chromium drew nothing", remedy="look at the message with --html")


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - no shell, our own words
    except (subprocess.SubprocessError, OSError) as error:
        raise MissingTool("chromium could not draw the message", remedy="look at it with --html") from error
