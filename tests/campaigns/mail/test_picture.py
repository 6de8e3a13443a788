import os
import shutil
import struct
import zlib
from pathlib import Path

import pytest

from campaigns.errors import MissingTool, NotFound
from campaigns.mail.picture import BROWSERS, png
from campaigns.mail.render import load_template

PAGE = """<!doctype html><html><head><meta name="color-scheme" content="light dark"><style>
body { margin: 0; background: #ffeedd; }
@media (prefers-color-scheme: dark) { body { background: #112233; } }
</style></head><body><div style="height:HEIGHTpx">hello</div>
<script>document.body.innerHTML = ""</script></body></html>"""


@pytest.fixture
def chromium():
    if not any(map(shutil.which, BROWSERS)):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not installed")


def seen(path):
    """Width, height and the colour of the first pixel: it has no neighbours, so no PNG filter changes it."""
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return width, height, zlib.decompress(packed)[1:4].hex()


@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize(("dark", "colour"), [(False, "ffeedd"), (True, "112233")])
def test_a_picture_is_as_wide_as_asked_as_tall_as_the_message_and_light_or_dark(tmp_path, dark, colour):
    png(PAGE.replace("HEIGHT", "777"), tmp_path / "made.png", 375, dark=dark)
    assert seen(tmp_path / "made.png") == (375, 777, colour)


@pytest.mark.usefixtures("chromium")
def test_the_digest_is_drawn_dark_on_a_narrow_screen(tmp_path, digest):
    html = load_template("weekly_digest").render(digest(picks=1)).html
    png(html, tmp_path / "made.png", 375, dark=True)
    width, height, colour = seen(tmp_path / "made.png")
    assert (width, colour) == (375, "12372e")
    assert 300 < height < 700


@pytest.mark.usefixtures("chromium")
def test_a_word_however_long_is_wrapped_inside_its_card(tmp_path, digest):
    heights = []
    for title in ("Tea", "x" * 300):
        context = digest(picks=1)
        context["picks"][0]["title"] = title
        png(load_template("weekly_digest").render(context).html, tmp_path / "made.png", 375)
        heights.append(seen(tmp_path / "made.png")[1])
    assert heights[1] > heights[0] + 100


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A function that puts a program of our own in the place of chromium."""

    def make(script):
        program = tmp_path / "bin" / "chromium"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return make


def test_without_chromium_the_way_without_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="a picture needs chromium; install chromium, or use --html instead of --png"):
        png("<p>x", tmp_path / "made.png")


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(NotFound, match=f"no folder {tmp_path / 'none'} for the picture; make it first"):
        png("<p>x", tmp_path / "none" / "made.png")


def test_a_browser_that_fails_is_told(tmp_path, browser):
    browser("exit 1")
    with pytest.raises(MissingTool, match="chromium could not draw the message; look at it with --html"):
        png("<p>x", tmp_path / "made.png")


def test_a_browser_that_measures_nothing_is_told(tmp_path, browser):
    browser("echo '<html></html>'")
    with pytest.raises(MissingTool, match="chromium could not measure the message; look at it with --html"):
        png("<p>x", tmp_path / "made.png")


def test_an_older_picture_is_not_taken_for_the_new_one(tmp_path, browser):
    browser("echo '<html data-tall=\"10\"></html>'")
    Path(tmp_path / "made.png").write_bytes(b"old")
    with pytest.raises(MissingTool, match="chromium drew nothing; look at the message with --html"):
        png("<p>x", tmp_path / "made.png")
