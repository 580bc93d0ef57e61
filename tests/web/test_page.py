"""The page in a real browser; its texts and colours without one."""

from __future__ import annotations

import re
import shutil
import socket

import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.web.app import PAGES, STATIC
from napari_visual_ccc.web.settings import Settings

from .conftest import LIMITS, running

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    if not BROWSER:
        pytest.skip("there is no Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        one = running.chromium.launch(executable_path=BROWSER, args=list(OPTIONS))
        yield one
        one.close()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1366, "height": 900}, reduced_motion="reduce")
    one, wrong = context.new_page(), []
    one.on("pageerror", lambda error: wrong.append(str(error)))
    # an answer that refuses a file is one of the browser's errors
    one.on("console", lambda said: wrong.append(said.text)
           if said.type == "error" and "status of 415" not in said.text else None)  # fmt: skip
    one.on("request", lambda asked: None if asked.url.startswith((address, "blob:")) else
           wrong.append(asked.url))  # fmt: skip
    one.set_default_timeout(60_000)
    one.goto(address)
    one.locator("#main").wait_for()
    yield one
    context.close()
    # neither errors, nor what the policy forbids, nor requests to others
    assert wrong == []


def kept_become(page, client, jobs, count):
    """Wait until the server has so many of the jobs."""
    for _ in range(100):
        kept = [one for one in jobs if client.get(f"/api/jobs/{one}").status_code == 200]
        if len(kept) == count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(kept)


def test_images_are_classified_explained_and_segmented_with_the_keyboard(
    page, client, tmp_path, tiff16
):
    jobs = set()
    page.on("request", lambda asked: jobs.update(re.findall("/api/jobs/([^/]+)", asked.url)))
    squares = tmp_path / "two squares.tif"
    squares.write_bytes(tiff16)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the results"
    page.keyboard.press("Tab")
    assert page.locator(":focus").get_attribute("id") == "files"
    page.locator("#files").set_input_files([samples.FOLDER / "nanoparticles.png", squares])
    # the server shows what a browser cannot
    page.get_by_alt_text("Preview of two squares.tif").wait_for()
    assert "128 × 96 px, uint16, 2.5 nm a pixel" in page.locator("#queue").inner_text()
    page.get_by_role("checkbox", name="Threshold").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Submit").focus()
    page.keyboard.press("Enter")
    page.locator("#status:has-text('Done.')").wait_for()
    assert page.locator("article").count() == 2
    bars = page.locator("article").first.get_by_role("list", name="Most probable classes")
    assert re.findall(r"\d+\.\d %", bars.inner_text()).__len__() == 3
    text = page.locator("#results").inner_text()
    assert "Calibrated probabilities" in text
    assert "area_nm2" in text
    first = page.get_by_alt_text(re.compile("Grad-CAM cube")).first
    assert first.is_visible()
    again = page.locator("article").first
    again.get_by_label("Method").select_option("hirescam")
    again.get_by_label("Target").select_option("sphere")
    again.get_by_role("button", name="Explain again").click()
    page.get_by_alt_text(re.compile("HiResCAM sphere")).wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download two squares_threshold.csv").click()
    assert download.value.suggested_filename == "two squares_threshold.csv"
    assert "area_nm2" in download.value.path().read_text("utf-8")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.locator("html").evaluate("one => one.scrollWidth") <= 390
    # two previews, three analyses of both, and the explanation that was replaced
    assert len(jobs) == 9
    kept_become(page, client, jobs, 8)
    page.get_by_role("button", name="Remove nanoparticles.png").click()
    assert page.locator("article").count() == 1
    kept_become(page, client, jobs, 4)
    page.get_by_role("button", name="Clear").click()
    assert page.locator("article").count() == 0
    assert page.locator("#queue li").count() == 0
    assert page.get_by_text("Cleared.").is_visible()
    kept_become(page, client, jobs, 0)


def test_an_image_unlike_the_training_images_is_unknown(page):
    page.locator("#files").set_input_files(samples.FOLDER / "superalloy.png")
    page.get_by_role("checkbox", name="Explain").uncheck()
    page.get_by_role("button", name="Submit").click()
    page.locator("#status:has-text('Done.')").wait_for()
    assert page.locator(".verdict").inner_text() == "unknown"
    assert "unlike the training images" in page.locator("article").inner_text()


def test_nothing_chosen_and_a_damaged_file_are_said(page, tmp_path):
    page.get_by_role("button", name="Submit").click()
    assert page.get_by_role("alert").inner_text() == "Choose an image first."
    assert page.locator(":focus").get_attribute("id") == "files"
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    page.locator("#files").set_input_files(broken)
    page.locator("#queue .wrong").wait_for()
    assert "broken.png" in page.locator("#queue .wrong").inner_text()
    page.get_by_role("button", name="Remove broken.png").click()
    dragged = page.evaluate_handle(
        "() => { const all = new DataTransfer();"
        " all.items.add(new File(['text'], 'dropped.txt')); return all; }"
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": dragged})
    page.locator("#queue .wrong").wait_for()
    assert "dropped.txt is not a kind of image" in page.locator("#queue .wrong").inner_text()


def opened(browser, address):
    """A page of its own, for what the browser counts among its errors."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    one = context.new_page()
    one.set_default_timeout(60_000)
    # what was made and not given back
    one.add_init_script(
        "window.kept = new Set(); const { createObjectURL, revokeObjectURL } = URL;"
        "URL.createObjectURL = (blob) => {"
        " const a = createObjectURL.call(URL, blob); kept.add(a); return a; };"
        "URL.revokeObjectURL = (a) => { kept.delete(a); revokeObjectURL.call(URL, a); };"
    )
    one.goto(address)
    one.locator("#main:visible, #login:visible").wait_for()
    return one


def only(page, name):
    """Tick one analysis."""
    for one in page.locator("#analyses legend input").all():
        one.set_checked(one.get_attribute("id") == f"do-{name}")


def submitted(page):
    page.get_by_role("button", name="Submit").click()
    page.locator("#status:has-text('Done')").wait_for()


def test_an_image_that_has_expired_is_sent_again(browser, address, client):
    page, jobs = opened(browser, address), []
    page.on("request", lambda asked: jobs.extend(re.findall("/api/jobs/([^/]+)$", asked.url)))
    page.locator("#files").set_input_files(samples.FOLDER / "nanoparticles.png")
    page.locator("#queue img").wait_for()
    only(page, "threshold")
    submitted(page)
    # as the server does after the time for which results are kept
    for one in set(jobs):
        client.delete(f"/api/jobs/{one}")
    page.get_by_role("button", name="Download nanoparticles_threshold.csv").click()
    assert "has expired" in page.get_by_role("alert").inner_text()
    submitted(page)
    assert page.locator("#status").inner_text() == "Done."
    assert page.locator("article table").count() == 2
    assert page.locator("#queue img").count() == 1
    assert page.evaluate("kept.size") == 3
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate("kept.size") == 0
    page.context.close()


def test_downloads_and_replaced_figures_leave_no_memory(browser, address):
    page = opened(browser, address)
    page.locator("#files").set_input_files(samples.FOLDER / "nanoparticles.png")
    page.locator("#queue img").wait_for()
    only(page, "explain")
    submitted(page)
    before = page.evaluate("kept.size")
    replaced = page.locator("article section").get_attribute("data-job")
    page.get_by_role("button", name="Explain again").click()
    page.locator(f"article section:not([data-job='{replaced}'])").wait_for()
    with page.expect_download():
        page.get_by_role("button", name=re.compile("Download .*json")).click()
    for _ in range(100):
        if page.evaluate("kept.size") == before:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("kept.size") == before
    page.context.close()


def test_a_wrong_number_of_an_analysis_that_is_not_ticked_is_not_in_the_way(browser, address):
    page = opened(browser, address)
    page.locator("#files").set_input_files(samples.FOLDER / "nanoparticles.png")
    page.locator("#queue img").wait_for()
    page.locator("#kmeans-clusters").evaluate("e => { e.value = '1'; }")
    only(page, "threshold")
    submitted(page)
    only(page, "kmeans")
    page.get_by_role("button", name="Submit").click()
    assert page.get_by_role("alert").inner_text().startswith("Clusters: ")
    assert page.locator(":focus").get_attribute("id") == "kmeans-clusters"
    page.context.close()


def test_what_could_only_fail_is_not_on_the_page(page):
    shown = page.locator("#activations-rank_by option").all_text_contents()
    assert shown == ["variance", "sparsity"]
    # one value is no choice
    assert page.locator("#activations-show").count() == 0
    assert page.locator("#threshold-dimensions").count() == 0


TOKEN = "0123456789abcdef"


def test_the_page_lies_below_a_path_and_explains_the_class_of_classify(browser):
    with running(Settings(port=0, prefix="/lab/ccc", limits=LIMITS)) as address:
        page = opened(browser, f"{address}lab/ccc")
        assert page.url == f"{address}lab/ccc/"
        outside = []
        page.on("request", lambda asked: None if asked.url.startswith((page.url, "blob:"))
                else outside.append(asked.url))  # fmt: skip
        page.locator("#files").set_input_files(samples.FOLDER / "nanoparticles.png")
        page.locator("#queue img").wait_for()
        # at this point the class is another than the most probable one, which Explain would take
        page.locator("#classify-decision").evaluate("e => { e.value = 'operating point'; }")
        page.locator("#classify-thresholds").evaluate(
            "e => { e.value = 'cube=0.99, octahedron=0.01, sphere=0.99'; }"
        )
        submitted(page)
        assert page.locator("#status").inner_text() == "Done."
        assert page.locator(".verdict").inner_text() == "octahedron"
        text = page.locator("article section").nth(1).inner_text()
        assert "Evidence for octahedron, the class that Classify gives." in text
        assert "prediction:" not in text
        assert page.get_by_alt_text(re.compile("Grad-CAM octahedron")).count() == 1
        with page.expect_download():
            page.get_by_role("button", name="Download nanoparticles_classify.yaml").click()
        assert outside == []
        # links to what is on the page, in its order
        links = page.locator("#contents a").all()
        assert [one.inner_text() for one in links] == ["nanoparticles.png", "Classify", "Explain"]
        links[2].click()
        explained = page.locator("article section").nth(1)
        assert page.url.endswith(f"#{explained.get_attribute('id')}")
        assert -2 < explained.bounding_box()["y"] < 100
        page.get_by_role("button", name="Clear").click()
        assert page.locator("#contents").is_hidden()
        page.context.close()


def test_a_token_can_be_mistyped_and_is_asked_for_again_in_the_middle(browser, tiff16, tmp_path):
    squares = tmp_path / "squares.tif"
    squares.write_bytes(tiff16)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(Settings(port=port, token=TOKEN, limits=LIMITS)) as address:
        page = opened(browser, address)
        for wrong in ("abc–defghijklmnop€", "two words 0123456789"):
            page.get_by_label("Token").fill(wrong)
            page.get_by_role("button", name="Continue").click()
            assert "without spaces or accents" in page.locator("#login-hint").inner_text()
        # the tab is not locked
        page.reload()
        for number in range(11):
            page.get_by_label("Token").fill(f"wrong{number}")
            page.get_by_label("Token").press("Enter")
            page.locator("#login-hint:has-text('wrong')").wait_for()
            page.wait_for_load_state("networkidle")
        button = page.locator("#continue")
        page.locator("#continue:disabled").wait_for()
        assert re.fullmatch(r"Continue \(in \d+ s\)", button.inner_text())
        page.reload()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_label("Token").press("Enter")
        page.locator("#main").wait_for()
        page.reload()
        page.locator("#main").wait_for()
        page.locator("#files").set_input_files(squares)
        page.locator("#queue img").wait_for()
        only(page, "threshold")
    # started again with another token
    with running(Settings(port=port, token=TOKEN[::-1], limits=LIMITS)):
        page.get_by_role("button", name="Submit").click()
        page.locator("#login").wait_for()
        assert "token is wrong" in page.locator("#login-hint").inner_text()
        assert page.locator("#queue img").count() == 1
        assert page.locator(":focus").get_attribute("id") == "token"
        page.get_by_label("Token").fill(TOKEN[::-1])
        page.get_by_label("Token").press("Enter")
        page.locator("#login").wait_for(state="hidden")
        # the new server does not have the image
        submitted(page)
        assert page.locator("article table").count() == 1
        assert page.locator("legend").count() == 5
        page.context.close()


def test_everything_has_a_name(page):
    for one in page.locator("input:visible, select:visible, button:visible").all():
        named = one.evaluate("e => (e.labels && e.labels.length) || e.textContent || e.ariaLabel")
        assert named, one.evaluate("e => e.outerHTML")
    assert page.locator("#spinner").evaluate("e => getComputedStyle(e).animationName") == "none"
    assert page.locator("html").get_attribute("lang") == "en"


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_that_of_wcag_aa():
    css = (STATIC / "page.css").read_text("utf-8")
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w{6})", block))
        for block in re.findall(r":root {(.*?)}", css, re.S)
    )
    assert light.keys() == dark.keys()
    # of the themes, and of buttons and pictures on white in both
    assert set(re.findall(r": (#\w+);", css.split("box-sizing")[1])) <= {"#000", "#fff"}
    for colours in (light, dark):
        check_contrast(colours)


def check_contrast(colours):

    def ratio(one, other):
        low, high = sorted((luminance(colours[one]), luminance(colours[other])))
        return (high + 0.05) / (low + 0.05)

    for ink in ("ink", "soft", "main"):
        for ground in ("paper", "ground"):
            assert ratio(ink, ground) >= 4.5
    assert ratio("paper", "main") >= 4.5
    assert ratio("bad", "wrong") >= 4.5
    # borders of fields, and bars
    assert ratio("line", "paper") >= 3
    assert ratio("bar", "track") >= 3


def test_the_page_asks_nobody_else_and_all_its_files_are_served():
    names = {name for name, _ in PAGES.values()}
    assert names == {path.name for path in STATIC.iterdir()}
    for name in names:
        text = (STATIC / name).read_text("utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert "innerHTML" not in text
        assert " style=" not in text
