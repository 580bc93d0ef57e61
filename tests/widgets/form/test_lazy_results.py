"""Large images: levels of a pyramid, a forecast, results in a file, a viewer that lives."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.widgets.form import forecast
from napari_visual_ccc.widgets.layers import lazy as lazies
from napari_visual_ccc.widgets.layers import source as sources
from napari_visual_ccc.widgets.layers.metadata import calibration
from tests.widgets.heartbeat import LONGEST, Heartbeat
from tests.widgets.opening import dock


@pytest.fixture(scope="module")
def montage():
    """4096 x 4096 pixels of a real micrograph, mirrored at the seams."""
    tile = samples.load("superalloy").data[:512, :512]
    tile = np.block([[tile, tile[:, ::-1]], [tile[::-1], tile[::-1, ::-1]]])
    return np.tile(tile, (4, 4))


def is_shown(form, widget):
    """Whether it would be seen if the viewer were."""
    return widget.native.isVisibleTo(form.native)


def test_a_level_of_a_pyramid_is_worked_on_where_it_lies(viewer, finish):
    image = samples.load("superalloy").data[:512, :512]
    pyramid = [image, image[::2, ::2], image[::4, ::4]]
    source = viewer.add_image(pyramid, name="p", multiscale=True, scale=(3, 3), units="nm")
    form = dock(viewer, "segment")
    assert is_shown(form, form.level)
    assert [form.level.native.itemText(k) for k in range(3)] == ["full resolution", "1/2", "1/4"]
    form.level.value = 2
    form.run_button.native.click()
    finish(form)
    labels = viewer.layers["p Otsu"]
    np.testing.assert_array_equal(labels.data, ccc.threshold(pyramid[2]).labels)
    assert calibration(labels) == ((12.0, 12.0), "nm")
    # extents are those of the pixels' centres
    half = np.array([[-1], [1]]) / 2
    edges = [one.extent.world + half * one.scale for one in (labels, source)]
    np.testing.assert_allclose(*edges)
    area = labels.features["area_nm2"].sum()
    assert area == pytest.approx(128 * 128 * 144)
    viewer.add_image(image, name="plain")
    assert not is_shown(form, form.level)


def test_the_bar_of_a_level_or_a_preview_is_that_of_the_whole(viewer, finish):
    from benchmarks.bar_styles import with_bar

    made = with_bar(
        samples.load("powder").data, "black, framed cells (FEI)", np.random.default_rng(0)
    )
    pyramid = [made.image, made.image[::2, ::2]]
    image = viewer.add_image(pyramid, name="p", multiscale=True, scale=(3, 3), units="nm")
    form = dock(viewer, "cluster")
    form.level.value = 1
    form.run_button.native.click()
    finish(form)
    assert image.metadata["micrograph"]["info_bar"] == made.bar.pixels
    labels = viewer.layers["p k-means 3"]
    assert not labels.data[-(made.bar.bottom // 2) :].any() or not made.bar.bottom
    # what was made of a level cannot be made of the whole
    record = labels.metadata["visual_ccc"]
    with pytest.raises(ValueError, match="level of a pyramid"):
        ccc.replay(record, made.image)
    levels = Micrograph(made.image, levels=tuple(pyramid[1:]))
    again = ccc.replay(record, levels)
    np.testing.assert_array_equal(again.labels, labels.data)
    # and an image that has no pixel size has the recorded one
    pd.testing.assert_frame_equal(again.table, labels.features[list(again.table)])
    measure = dock(viewer, "measure")
    table = measure(labels=labels, intensity=image)
    assert "intensity_mean" in labels.features or table is not None


def test_a_preview_reads_no_more_than_it_shows(viewer, montage):
    read = set()

    def watched(block, block_info=None):
        read.add(block_info[0]["chunk-location"])
        return block

    whole = da.from_array(montage, chunks=256).map_blocks(
        watched, dtype=montage.dtype, meta=montage[:0, :0]
    )
    lazy = viewer.add_image(whole, name="lazy", contrast_limits=(0, 255))
    source = sources.take(lazy, viewer, preview=True)
    read.clear()
    part = np.asarray(source.data)
    assert len(read) <= 36
    top, left = (int(place) for place in source.corner)
    np.testing.assert_array_equal(part, montage[top : top + 1000, left : left + 1000])
    pyramid = viewer.add_image(
        [whole, montage[::2, ::2], montage[::4, ::4], montage[::8, ::8]], multiscale=True,
        name="pyramid", contrast_limits=(0, 255),
    )  # fmt: skip
    read.clear()
    source = sources.take(pyramid, viewer, preview=True)
    np.asarray(source.data)
    assert not read
    step = source.step
    assert source.data.shape[0] * step == pytest.approx(4096, rel=0.02)
    assert source.corner[-1] == pytest.approx((step - 1) / 2)


def test_a_large_run_is_forecast(viewer, montage, monkeypatch):
    monkeypatch.setattr(forecast, "FORECAST_PIXELS", 1000)
    form = dock(viewer, "denoise")
    assert not is_shown(form, form.forecast)
    viewer.add_image(montage, name="montage")
    text = form.forecast.value
    assert is_shown(form, form.forecast)
    assert text.startswith("Needs ~")
    assert " in 16 tiles, about " in text
    form.fields["method"].value = "gaussian"
    assert form.forecast.value != text
    viewer.add_image(montage[:20, :30], name="small")
    assert not is_shown(form, form.forecast)


@pytest.mark.parametrize("name", ["all.ome.zarr", "all.ome.tif"])
def test_a_result_larger_than_memory_is_computed_into_a_file(
    viewer, finish, tmp_path, monkeypatch, discs, name
):
    monkeypatch.setattr(lazies, "memory_budget", lambda: 1000)
    stack = da.from_array(np.stack([discs, discs[::-1]] * 3), chunks=(1, 60, 80))
    viewer.add_image(stack, name="big", contrast_limits=(0, 255), scale=(5, 2, 2), units="nm")
    form = dock(viewer, "texture")
    assert not is_shown(form, form.store_button)
    form.run_button.native.click()
    finish(form)
    layer = viewer.layers["big GLCM contrast"]
    assert hasattr(layer.data, "dask")
    assert is_shown(form, form.store_button)
    whole = ccc.glcm_features(np.asarray(stack)).data
    # what is taken back meanwhile stays as it is
    form.fields["window"].value = 9
    form.run_button.native.click()
    finish(form)
    form.store(tmp_path / f"other_{name}")
    form.undo()
    finish(form)
    assert hasattr(layer.data, "dask")
    np.testing.assert_array_equal(np.asarray(layer.data), whole)
    form.fields["window"].value = 5
    form.run_button.native.click()
    finish(form)
    form.store(tmp_path / name)
    finish(form)
    assert not is_shown(form, form.store_button)
    np.testing.assert_array_equal(np.asarray(layer.data), whole)
    # another run is another result
    form.fields["window"].value = 7
    form.run_button.native.click()
    finish(form)
    assert is_shown(form, form.store_button)
    form.undo_button.native.click()
    np.testing.assert_array_equal(np.asarray(layer.data), whole)
    found = ccc.read(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(found.data), whole)
    assert (found.spacing, found.unit) == ((2.0, 2.0), "nm")
    assert found.axes[0].step == 5
    assert found.metadata["visual_ccc"]["steps"][-1]["operation"] == "glcm_features"


def test_a_file_that_is_open_is_not_computed_over(viewer, finish, tmp_path, monkeypatch, discs):
    monkeypatch.setattr(lazies, "memory_budget", lambda: 1000)
    path = ccc.write(Micrograph(np.stack([discs] * 2)), tmp_path / "stack.ome.zarr")
    (source,) = viewer.open(path, plugin="napari-visual-ccc")
    source.data = da.from_array(np.asarray(source.data), chunks=(1, 60, 80))
    form = dock(viewer, "texture")
    form.run_button.native.click()
    finish(form)
    form.store(path)
    assert form.job is None
    assert "is open in the viewer" in notification_manager.records[-1].message
    np.testing.assert_array_equal(ccc.read(path).data, np.stack([discs] * 2))


def test_many_maps_are_held_together_or_not_at_all(viewer, finish, monkeypatch, discs):
    lazy = da.from_array(np.stack([discs] * 2), chunks=(1, 60, 80))
    monkeypatch.setattr(lazies, "memory_budget", lambda: 8 * lazy.size)
    viewer.add_image(lazy, name="one", contrast_limits=(0, 255))
    form = dock(viewer, "texture")
    for feature, held in ("all", False), ("contrast", True):
        form.fields["feature"].value = feature
        form.run_button.native.click()
        finish(form)
        assert isinstance(form.last[0].layer.data, np.ndarray) == held


@pytest.mark.parametrize("family", ["segment", "cluster", "texture", "denoise"])
def test_the_viewer_lives_while_a_large_image_is_worked_on(
    viewer, montage, qtbot, family, monkeypatch
):
    viewer.add_image(montage, name="montage", metadata={"micrograph": {"info_bar": {}}})
    form = dock(viewer, family)
    if family == "denoise":
        form.fields["method"].value = "gaussian"
    handed_over = []
    # making a layer of the result is napari's own work, and not what is asked here
    monkeypatch.setattr(type(form), "_show", lambda *given: handed_over.append(given) or [])
    qtbot.wait(300)

    def once() -> float:
        handed_over.clear()
        heartbeat = Heartbeat()
        form.run_button.native.click()
        qtbot.waitUntil(lambda: bool(handed_over) and form.job is None)
        return heartbeat.stop()

    # one of three: other work of the process may fall into a run
    assert any(once() < LONGEST for _ in range(3))
