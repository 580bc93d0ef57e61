"""Take the screenshots of the web page: ``python docs/web_screenshots.py`` (needs Chromium)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from napari_visual_ccc import samples

IMAGES = Path(__file__).parent / "images"

OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

# around a part of the page
MARGIN = 12

# longest picture of a page, in pixels
TALLEST = 1500


def use(page: Page) -> None:
    """Do what the tutorial says."""
    names = ("nanoparticles.png", "superalloy.png")
    page.locator("#files").set_input_files([samples.FOLDER / name for name in names])
    for name in names:
        page.get_by_alt_text(f"Preview of {name}").wait_for()
    for name in ("Threshold", "Activations"):
        page.get_by_role("checkbox", name=name).check()
    # sixteen maps are enough for a picture
    page.locator("#activations-channels").evaluate("one => { one.value = 16 }")
    page.get_by_role("button", name="Submit").click()
    page.locator("#status:has-text('Done')").wait_for()
    page.wait_for_timeout(300)


def part(page: Page, image: str, analysis: str, name: str) -> None:
    """Take one analysis of one image."""
    article = page.locator("article").filter(has_text=image)
    section = article.locator("section").filter(has=page.get_by_role("heading", name=analysis))
    section.scroll_into_view_if_needed()
    box = section.bounding_box()
    assert box is not None
    top = page.evaluate("window.scrollY")
    clip = {
        "x": box["x"] - MARGIN, "y": box["y"] + top - MARGIN,
        "width": box["width"] + 2 * MARGIN, "height": box["height"] + 2 * MARGIN,
    }  # fmt: skip
    page.screenshot(path=IMAGES / f"{name}.png", clip=clip, full_page=True)


def shot(page: Page, name: str, width: int) -> None:
    """Take the page at a width."""
    page.set_viewport_size({"width": width, "height": 900})
    height = page.locator("html").evaluate("one => one.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(TALLEST, height)})
    page.locator("html").evaluate("one => one.scrollTo(0, 0)")
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "serve", "--port", "0"]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
                page = browser.new_page(viewport={"width": 1366, "height": 900})
                page.set_default_timeout(120_000)
                page.goto(address)
                page.locator("#main").wait_for()
                use(page)
                shot(page, "web", 1366)
                part(page, "superalloy", "Classify", "web_unknown")
                part(page, "nanoparticles", "Activations", "web_activations")
                page.set_viewport_size({"width": 390, "height": 844})
                page.locator("article").first.evaluate("one => one.scrollIntoView()")
                page.screenshot(path=IMAGES / "web_phone.png")
                browser.close()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
