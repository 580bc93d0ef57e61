from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.acquisition.bar_detector import find_info_bar
from napari_visual_ccc.engine.explanation.shortcuts import BAR, BORDER, BRIGHT, TEXT, suspicious
from napari_visual_ccc.engine.explanation.shortcuts import detect_shortcuts as steps
from napari_visual_ccc.engine.learning.train import train
from napari_visual_ccc.io.read import read
from napari_visual_ccc.nets import checkpoint
from tests.models import CLASSES, saved

SIDE = 128


def shortcuts(*args, **choices):
    return run(steps(*args, device="cpu", **choices))


def tiles(name, count):
    image = samples.load(name).data
    corners = [
        (y, x)
        for y in range(0, image.shape[0] - SIDE + 1, SIDE)
        for x in range(0, image.shape[1] - SIDE + 1, SIDE)
    ]
    return [image[y : y + SIDE, x : x + SIDE] for y, x in corners[:count]]


def labelled(image, text="HV 20 kV  WD 9.8 mm", background=0, ink=255, height=28):
    bar = Image.new("L", (image.shape[1], height), background)
    draw = ImageDraw.Draw(bar)
    draw.text((4, 8), text, fill=ink)
    right = image.shape[1] - 8
    draw.line((right - 40, height - 6, right, height - 6), fill=ink, width=3)
    return np.vstack([image, np.array(bar)])


def trained(folder, images, labels):
    data = from_arrays(images, labels)
    found = run(train(data, model="lite0-linear", device="cpu", info_bar="keep"))
    path = folder / "model.safetensors"
    checkpoint.save(found.model, path)
    return path


@pytest.fixture(scope="module")
def dark():
    return [labelled(tile) for tile in tiles("superalloy", 16)]


@pytest.fixture(scope="module")
def looks_at_the_bar(tmp_path_factory, dark):
    """The specimen is the same in both classes: nothing but the bar tells them apart."""
    light = [labelled(tile, "EHT = 5 kV  Mag 105 X", 255, 0) for tile in tiles("superalloy", 16)]
    labels = ["dark bar"] * len(dark) + ["light bar"] * len(light)
    return trained(tmp_path_factory.mktemp("bar"), dark + light, labels)


@pytest.fixture(scope="module")
def looks_at_the_specimen(tmp_path_factory):
    images = [tiles("superalloy", 16), tiles("powder", 24)]
    labels = ["superalloy"] * len(images[0]) + ["powder"] * len(images[1])
    return trained(tmp_path_factory.mktemp("specimen"), images[0] + images[1], labels)


def test_a_model_that_looks_at_the_bar_is_found_out(looks_at_the_bar, dark):
    for image in dark[::8]:
        found = shortcuts(image, model=looks_at_the_bar, target="dark bar")
        row = found.table.set_index("region").loc[BAR]
        assert row["warning"]
        assert row["share_of_evidence"] > 2 * row["share_of_area"]
        assert row["share_of_area"] == pytest.approx(28 / 156)
        assert found.facts["warned"]
        assert found.facts["info_bar"] == {"top": 0, "bottom": 28, "left": 0, "right": 0}
        assert found.facts["info_bar_change"] == row["change"] > 0.2
        assert found.notes[0].startswith("this model relies on the info bar: ")
        assert f"the score of one view changes by {row['change']:.2f} without it" in found.notes[0]


def test_a_model_that_looks_at_the_specimen_is_left_in_peace(looks_at_the_specimen):
    for name in ("superalloy", "powder"):
        for image in tiles(name, 16)[::8]:
            found = shortcuts(image, model=looks_at_the_specimen)
            assert not found.facts["warned"], found.table
            assert BAR not in list(found.table["region"])
            assert found.notes[0] == "no sign of a shortcut in this image"


def test_a_bar_that_all_classes_have_is_no_shortcut(tmp_path):
    images = [[labelled(tile) for tile in tiles(name, 16)] for name in ("superalloy", "powder")]
    path = trained(tmp_path, images[0] + images[1], ["superalloy"] * 16 + ["powder"] * 16)
    for image in (images[0][3], images[1][3]):
        table = shortcuts(image, model=path).table.set_index("region")
        assert not table.loc[BAR, "warning"]
        assert table.loc[BAR, "change"] < 0.1


def test_no_bar_is_looked_for_when_there_is_none(looks_at_the_bar, dark):
    found = shortcuts(dark[0], model=looks_at_the_bar, bar="none")
    assert BAR not in list(found.table["region"])
    assert not any(found.facts["info_bar"].values())


def test_what_told_the_training_images_apart_comes_first(tmp_path, dark):
    known = {"height": 1.0, "pixel size": 0.93}
    path = saved(tmp_path, training_data={"name": "a", "tells_apart": known})
    found = shortcuts(dark[0], model=path, target=CLASSES[0])
    assert found.facts["warned"]
    assert found.facts["training_shortcuts"] == known
    assert found.notes[0].startswith("this model may rely on what is no specimen")
    assert "height 100%, pixel size 93%" in found.notes[0]


def test_repeats_are_equal(dark):
    first, second = (shortcuts(dark[0]) for _ in range(2))
    assert first.table.equals(second.table)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 60)])
def test_constant_images_do_not_crash(shape):
    found = shortcuts(np.full(shape, 7, np.uint8))
    assert not found.facts["warned"]


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [({"threshold": 0.0}, "threshold is 0.0"), ({"target": "rod"}, "no class 'rod'")],
)
def test_wrong_choices_are_named(choice, sentence):
    with pytest.raises(ValueError, match=sentence):
        shortcuts(np.eye(64), **choice)


@pytest.mark.parametrize(("background", "ink"), [(0, 255), (255, 0), (60, 220)])
@pytest.mark.parametrize("name", ["superalloy", "coating", "powder"])
def test_bars_are_found_below_and_above_also_in_jpeg(name, background, ink):
    image = labelled(samples.load(name).data[:280, :280], "HV 20 kV  mag 5000x", background, ink)
    assert find_info_bar(image) == InfoBar(bottom=28)
    assert find_info_bar(np.roll(image, 28, axis=0)) == InfoBar(top=28)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=85)
    assert abs(find_info_bar(np.array(Image.open(file))).bottom - 28) <= 1
    assert find_info_bar(image.astype(np.uint16) * 257) == InfoBar(bottom=28)


@pytest.mark.parametrize("name", samples.NAMES)
def test_samples_have_no_bar_and_no_text(name, rng):
    image = samples.load(name).data
    for side in (64, 128, 256, 300):
        y, x = (int(rng.integers(0, n - side)) for n in image.shape)
        part = image[y : y + side, x : x + side]
        assert not find_info_bar(part)
        assert TEXT not in suspicious(part)


@pytest.mark.data
def test_the_bar_of_a_microscope_is_found(data):
    image = np.asarray(read(data / "formats" / "test_tiff_Zeiss_SEM_1k.tif").data)
    assert find_info_bar(image) == InfoBar(bottom=77)


def test_burnt_in_scale_bars_are_found_and_saturated_grains_are_not_text():
    y, x = np.mgrid[:200, :300]
    image = (90 + 40 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint8)
    image[170:176, 200:280] = 255
    grain = 330 - 8 * np.hypot(y - 60, x - 80)
    image = np.maximum(image, grain.clip(0, 255).astype(np.uint8))
    found = suspicious(image)
    assert found[TEXT][172, 240]
    assert not found[TEXT][:150].any()
    assert found[BRIGHT][60, 80]
    assert not found[BRIGHT][172, 240]


def test_the_border_is_a_twentieth_of_the_shorter_side():
    border = suspicious(np.arange(100 * 200).reshape(100, 200))[BORDER]
    assert border[:5].all()
    assert border[:, -5:].all()
    assert not border[5:-5, 5:-5].any()
