from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.cli import demo
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph


def test_the_demo_writes_pictures_layers_tables_and_a_page(tmp_path, capsys, monkeypatch):
    out = tmp_path / "demo"
    whole = samples.load

    def part(name):
        image = whole(name)
        return replace(image, data=image.data[:192, :192])

    monkeypatch.setattr(demo.samples, "load", part)
    assert main(["demo", "--no-screen", "-o", str(out)]) == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    for name in (path.name for path in out.iterdir()):
        assert name in page or name == "index.html"
    assert "Cu nanoparticle TEM only" in page
    assert str(out / "index.html") in capsys.readouterr().out
    labels = ccc.read(out / "nanoparticles_watershed_split.ome.tif")
    assert labels.spacing == samples.load("nanoparticles").spacing
    # it may be replaced by the next demo
    demo.check_folder(out)


def test_the_demo_spares_a_folder_that_is_not_its_own(tmp_path, capsys):
    out = tmp_path / "demo"
    out.mkdir()
    (out / "index.html").write_text("precious")
    assert main(["demo", "--no-screen", "-o", str(out)]) == 1
    assert "holds other files" in capsys.readouterr().err
    assert (out / "index.html").read_text() == "precious"


def test_an_interrupted_demo_can_be_run_again(tmp_path):
    out = tmp_path / "demo"
    demo.write([], out)
    demo.check_folder(out)
    assert "napari-visual-ccc demo" in (out / "index.html").read_text()


def test_a_job_takes_the_first_layer_of_an_earlier_one(discs, capsys):
    image = Micrograph(discs, name="discs", info_bar=InfoBar(bottom=8))
    jobs = [
        demo.Job("denoise", {}),
        demo.Job("kmeans", {"clusters": 2}, after="denoise"),
    ]
    denoised, clustered = demo.run_jobs(image, jobs)
    np.testing.assert_array_equal(clustered.outcome.result.labels[-8:], 0)
    steps = clustered.outcome.record.plain()["steps"]
    assert [step["operation"] for step in steps] == ["denoise", "kmeans"]
    assert denoised.outcome.record.plain()["source"]["name"] == "discs"
    assert capsys.readouterr().out.count("\n") == len(jobs)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("win32", {}, True),
        ("darwin", {}, True),
    ],
)
def test_a_screen_is_a_display_on_linux_and_always_there_elsewhere(
    monkeypatch, platform, variables, expected
):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert demo.has_screen() is expected
