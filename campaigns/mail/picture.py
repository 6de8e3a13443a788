"""Draw a message as a picture, light or dark, with the chromium that is installed."""

import re
import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

from campaigns.errors import MissingTool, NotFound

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
"""A drawing needs no network: links and pictures of a message are never fetched."""
MEASURE = "document.documentElement.dataset.tall = this.contentDocument.documentElement.scrollHeight"


def png(html: str, path: Path, width: int = 640, *, dark: bool = False) -> None:
    """Write `html` to `path` as a PNG, `width` CSS pixels wide and as tall as the message.

    A headless window can't be narrower than about 500 pixels, so the message stands in a frame of its width. The frame
    runs no script, and its `color-scheme` is what `prefers-color-scheme` inside answers to.

    Raises:
        NotFound: the folder of `path` does not exist.
        MissingTool: no chromium here, or it drew nothing.
    """
    if not path.parent.is_dir():
        raise NotFound(f"no folder {path.parent} for the picture", remedy="make it first")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise MissingTool("a picture needs chromium", remedy="install chromium, or use --html instead of --png")
    # Helpers of chromium may still write while it ends: what they leave is no reason to fail.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, drawn = folder / "page.html", folder / "drawn.png"
        command = [browser, *QUIET, f"--user-data-dir={folder / 'profile'}"]
        page.write_text(_frame(html, width, 1, dark=dark), encoding="utf-8")
        height = _height(_run([*command, "--dump-dom", page.as_uri()]))
        page.write_text(_frame(html, width, height, dark=dark), encoding="utf-8")
        _run([*command, f"--window-size={width},{height}", f"--screenshot={drawn}", page.as_uri()])
        if not drawn.is_file():
            raise MissingTool("chromium drew nothing", remedy="look at the message with --html")
        shutil.copyfile(drawn, path)


def _frame(html: str, width: int, height: int, *, dark: bool) -> str:
    scheme = "dark" if dark else "light"
    style = f"border:0;width:{width}px;height:{height}px;display:block;color-scheme:{scheme}"
    frame = f'<iframe sandbox="allow-same-origin" onload="{MEASURE}" style="{style}" srcdoc="{escape(html)}"></iframe>'
    return f'<!doctype html><meta charset="utf-8"><body style="margin:0">{frame}'


def _height(page: str) -> int:
    measured = re.search(r'data-tall="(\d+)"', page)
    if measured is None:
        raise MissingTool("chromium could not measure the message", remedy="look at it with --html")
    return max(1, int(measured[1]))


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - no shell, our own words
    except (subprocess.SubprocessError, OSError) as error:
        raise MissingTool("chromium could not draw the message", remedy="look at it with --html") from error
    return done.stdout.decode("utf-8", "replace")
