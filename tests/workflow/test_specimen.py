"""No result contains the info bar, whatever the operation and wherever the bar."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.layers import Placement, PointsLayer, ShapesLayer
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.core.pixel_size import diameter_of
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.workflow import operations, signature
from napari_visual_ccc.workflow.run import execute
from napari_visual_ccc.workflow.specimen import in_pixels, on_field, watched
from tests.doubtful_bar import doubtful_picture
from tests.models import saved

BARS = [InfoBar(bottom=24), InfoBar(top=17, left=9), InfoBar(8, 8, 8, 8)]
IMAGE_OPERATIONS = [
    name for name, one in operations.OPERATIONS.items() if not one.whole and one.takes == "image"
]
# which look at an image through those that are tested here, or have a test of their own
SLOW = ("cam_sanity_checks", "compare", "sam_masks", "reconstruct", "anomaly_map")
CHOICES = {
    "glcm_features": {"window": 5, "levels": 8},
    "denoise": {"method": "gaussian"},
    "compare": {"across": "classes"},
}


def with_bar(image: np.ndarray, bar: InfoBar, grey: int = 255) -> np.ndarray:
    """The image with stripes of letters around it."""
    widths = ((bar.top, bar.bottom), (bar.left, bar.right))
    framed = np.pad(image, widths, constant_values=grey)
    outside = np.ones(framed.shape, bool)
    outside[bar.specimen(*framed.shape)] = False
    framed[outside & (np.indices(framed.shape).sum(axis=0) % 5 == 0)] = 0
    return framed


@pytest.fixture(scope="module")
def image():
    return samples.load("nanoparticles").data[60:188, 40:200]


def example(name: str, bar: InfoBar | None = None) -> dict[str, PointsLayer | np.ndarray]:
    """A point, or a region, of the specimen, for operations that need one."""
    if name == "occlude":
        region = np.zeros((128, 160), int)
        region[20:60, 30:90] = 1
        widths = ((bar.top, bar.bottom), (bar.left, bar.right)) if bar else 0
        return {"regions": np.pad(region, widths)}
    if "example" not in signature.inputs(name):
        return {}
    corner = (bar.top, bar.left) if bar else (0, 0)
    return {"example": PointsLayer(np.add([[64, 80]], corner))}


@pytest.mark.parametrize(
    ("name", "bar"),
    [
        (name, bar)
        for name in IMAGE_OPERATIONS
        if name not in SLOW
        # networks once: it is the same cut
        for bar in (BARS[1:2] if operations.OPERATIONS[name].family == "classify" else BARS)
    ],
    ids=str,
)
def test_a_result_is_that_of_the_specimen_alone(name, bar, image):
    choices = CHOICES.get(name, {})
    size = {"spacing": (0.5, 0.5), "unit": "nm"}
    alone = run(execute(name, {"image": image, **example(name)}, choices, **size)).result
    framed = with_bar(image, bar)
    inputs = {"image": framed, **example(name, bar)}
    found = run(execute(name, inputs, choices, **size, info_bar=bar)).result
    rows, columns = bar.specimen(*framed.shape)
    assert len(found.layers) == len(alone.layers)
    for one, other in zip(found.layers, alone.layers, strict=True):
        if isinstance(one, PointsLayer | ShapesLayer):
            for places, before in zip(one.data, other.data, strict=True):
                moved = np.add(other.placement.to_source(before), (bar.top, bar.left))
                np.testing.assert_array_equal(one.placement.to_source(places), moved)
            continue
        if one.placement.stride > 1:
            np.testing.assert_array_equal(one.data, other.data)
            top, left = other.placement.first_centre
            assert one.placement.first_centre == (top + bar.top, left + bar.left)
            continue
        assert one.data.shape == framed.shape
        np.testing.assert_array_equal(one.data[rows, columns], other.data)
        blank = np.ones(framed.shape, bool)
        blank[rows, columns] = False
        beyond = np.asarray(one.data)[blank]
        assert np.isnan(beyond).all() if beyond.dtype.kind == "f" else not beyond.any()
    for key, table in found.tables.items():
        expected = alone.tables[key].copy()
        shifts = {"y_nm": bar.top / 2, "x_nm": bar.left / 2}
        for column in ("y_px", "centroid_y_px", "x_px", "centroid_x_px"):
            shifts[column] = bar.top if "y" in column else bar.left
        for column, shift in shifts.items():
            if column in expected:
                expected[column] += shift
        pd.testing.assert_frame_equal(table, expected)
    assert found.facts["info_bar"] == bar.pixels
    assert str(bar) in found.notes[-1]


def test_places_in_tables_are_those_of_the_whole_image():
    labels = np.zeros((60, 80), np.uint8)
    labels[30:40, 20:35] = 1
    bar = InfoBar(top=10, left=5)
    whole, cut = ccc.region_table(labels), ccc.region_table(labels, info_bar=bar)
    for column in ("centroid_y_px", "centroid_x_px", "bbox_top", "bbox_right", "area_px2"):
        np.testing.assert_array_equal(cut.table[column], whole.table[column])


def test_an_object_cut_by_the_bar_touches_the_border():
    labels = np.zeros((60, 80), np.uint8)
    labels[40:50, 20:35] = 1
    assert not ccc.region_table(labels).table["touches_border"].any()
    assert ccc.region_table(labels, info_bar=InfoBar(bottom=10)).table["touches_border"].all()


def test_a_stack_and_a_lazy_image_and_colour_lose_their_bar_too(image):
    bar = InfoBar(bottom=24)
    framed = with_bar(image, bar)
    single = ccc.threshold(framed, info_bar=bar)
    stack = ccc.threshold(np.stack([framed, framed]), info_bar=bar)
    np.testing.assert_array_equal(stack.labels[1], single.labels)
    lazy = ccc.threshold(da.from_array(framed, chunks=50), info_bar=bar)
    assert hasattr(lazy.labels, "dask")
    np.testing.assert_array_equal(lazy.labels.compute(), single.labels)
    colour = ccc.threshold(np.stack([framed] * 3, axis=-1), info_bar=bar)
    np.testing.assert_array_equal(colour.labels, single.labels)


def test_a_micrograph_brings_its_bar_and_its_pixel_size(image):
    bar = InfoBar(bottom=24)
    found = ccc.threshold(Micrograph(with_bar(image, bar), (2.0, 2.0), "nm", info_bar=bar))
    assert found.table["area_nm2"].sum() == pytest.approx(4 * image.size)
    assert not found.labels[-24:].any()
    assert ccc.threshold(Micrograph(image)).facts.get("info_bar") is None


def test_a_bar_that_leaves_nothing_is_refused(image):
    with pytest.raises(ValueError, match="leaves nothing"):
        ccc.threshold(image, info_bar=InfoBar(top=100, bottom=100))


@pytest.fixture(scope="module")
def shown_bars(tmp_path_factory):
    """A model whose card says that it was trained with info bars."""
    return saved(tmp_path_factory.mktemp("keep"), info_bar="keep", conformal=[0.1] * 30)


def test_a_shortcut_is_looked_for_in_the_bar_of_a_model_that_is_shown_it(image, shown_bars):
    framed = with_bar(image, InfoBar(bottom=24))
    found = ccc.detect_shortcuts(framed, info_bar=InfoBar(bottom=24), model=shown_bars)
    assert found.facts["info_bar"]["bottom"] == 24
    assert "info bar" in list(found.table["region"])
    # the shipped model never sees one
    found = ccc.detect_shortcuts(framed, info_bar=InfoBar(bottom=24))
    assert found.facts["info_bar"]["bottom"] == 24
    assert "info bar" not in list(found.table["region"])
    assert any("info bar was left out, as in training: 24 px" in note for note in found.notes)
    plain = ccc.detect_shortcuts(image, bar="none").table
    pd.testing.assert_frame_equal(found.table, plain)


MODEL_OPERATIONS = {
    "classify": {},
    "explain": {},
    "compare": {},
    "morphology_map": {},
    "occlude": {"regions": np.pad(np.ones((8, 8), int), ((0, 80), (0, 80)))},
    "activations": {},
    "find_similar": {"example": [[40.0, 40.0]]},
}


@pytest.mark.parametrize("name", MODEL_OPERATIONS)
def test_the_card_of_the_model_says_whether_the_bar_is_shown(name, shown_bars):
    bar = InfoBar(bottom=24)
    plain = samples.load("nanoparticles").data[40:104, 40:128]
    framed = with_bar(plain, bar)
    micrograph = Micrograph(framed, info_bar=bar)
    further = list(MODEL_OPERATIONS[name].values())

    def facts(image, *, given=further, **more):
        result = getattr(ccc, name)(image, *given, model=shown_bars, **more)
        return {k: v for k, v in result.facts.items() if k != "info_bar"}, result

    kept, result = facts(micrograph)
    whole, _ = facts(framed, info_bar=InfoBar())
    assert kept == whole
    assert result.facts.get("info_bar") is None
    assert any("trained with info bars" in note for note in result.notes)
    # the bar that a script states is where it lies, not whether the model is shown it
    assert facts(framed, info_bar=bar)[0] == whole
    record = run(execute(name, given_inputs(name, micrograph), {"model": shown_bars})).record
    assert not record.steps[0].bar


def given_inputs(name, image):
    return dict(
        zip(signature.inputs(name), [image, *MODEL_OPERATIONS[name].values()], strict=False)
    )


def test_regions_in_a_bar_that_is_left_out_change_nothing(image):
    framed = with_bar(image, InfoBar(bottom=24))
    regions = np.zeros(framed.shape, int)
    regions[-24:] = 1
    found = ccc.occlude(Micrograph(framed, info_bar=InfoBar(bottom=24)), regions)
    assert found.facts["covered_share"] == 0
    np.testing.assert_array_equal(found.table["before"], found.table["after"])
    assert found.layer().data.shape == framed.shape
    # as records of occlusions with the bar still say
    whole = ccc.occlude(framed, regions, info_bar=InfoBar())
    assert whole.facts["covered_share"] > 0


def test_folders_and_evaluations_show_a_model_what_its_card_says(shown_bars, tmp_path):
    from skimage.io import imsave

    from benchmarks.bar_styles import with_bar as drawn

    plain = samples.load("powder").data[:192, :256]
    made = drawn(plain, "black, framed cells (FEI)", np.random.default_rng(0))
    imsave(tmp_path / "a.png", made.image)
    row = ccc.classify_folder(tmp_path, model=shown_bars).table.iloc[0]
    whole = ccc.classify(made.image, model=shown_bars)
    assert row["probability"] == whole.probabilities.max()
    data = from_arrays([made.image], ["sphere"], min_classes=1)
    shown = ccc.evaluate(data, model=shown_bars).probabilities[0]
    np.testing.assert_array_equal(shown, whole.probabilities)


def test_a_bar_that_the_file_does_not_tell_of_is_looked_for(image):
    from benchmarks.bar_styles import with_bar as drawn

    made = drawn(samples.load("powder").data, "black, framed cells (FEI)", np.random.default_rng(0))
    found = ccc.threshold(Micrograph(made.image))
    assert found.facts["info_bar"] == made.bar.pixels
    assert ccc.threshold(Micrograph(made.image, info_bar=InfoBar())).facts.get("info_bar") is None
    # an array is what it is
    assert ccc.threshold(made.image).facts.get("info_bar") is None


@pytest.mark.parametrize(("step", "unit"), [(10.0, "nm"), (0.01, "µm")])
def test_a_stack_brings_the_step_between_its_slices(step, unit):
    labels = np.zeros((5, 40, 40), np.uint8)
    labels[1:4, 10:20, 10:20] = 1
    axes = (Axis("z", step, unit),)
    stack = Micrograph(labels, (2.0, 2.0), "nm", axes=axes, info_bar=InfoBar())
    table = ccc.region_table(stack, dimensions="3D").table
    assert table["volume_nm3"].iloc[0] == pytest.approx(300 * 40)


def test_points_and_shapes_are_in_pixels_of_the_specimen(image):
    shapes = ShapesLayer([np.array([[20, 10], [30, 40.5], [22, 8]])])

    def work(given):
        yield from ()
        return Result((given["points"], given["shapes"]))

    given = {"image": image, "points": PointsLayer(np.array([[17, 9.5]])), "shapes": shapes}
    result = run(on_field(work, given, InfoBar(top=17, left=9)))
    points, moved = result.layers
    np.testing.assert_allclose(points.data, [[0, 0.5]])
    np.testing.assert_allclose(moved.data[0], [[3, 1], [13, 31.5], [5, -1]])
    # and layers of a result lie in the frame of the image
    np.testing.assert_allclose(points.placement.to_source(points.data), [[17, 9.5]])


def test_prompts_are_points_shapes_or_labels():
    layer = PointsLayer(np.array([[1, 2]]), placement=Placement(4, corner=(10, 0)))
    np.testing.assert_allclose(in_pixels(layer, (20, 30)).data, [[15.5, 9.5]])
    assert isinstance(in_pixels([[1, 2], [3, 4.5]], (20, 30, 3)), PointsLayer)
    labels = np.ones((20, 30), int)
    assert in_pixels(labels, (20, 30)) is labels
    with pytest.raises(ValueError, match="labels of the size of the image, 20 x 30"):
        in_pixels(labels[1:], (20, 30))
    # an image of two columns is no list of points: it was called a bug
    with pytest.raises(ValueError, match=r"shape \(2, 2\); give points .* or CSV"):
        in_pixels(Micrograph(labels[:2, :2]), (20, 30))


# axes and colours of inputs ----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", [np.asarray, Micrograph])
@pytest.mark.parametrize("name", ["label_objects", "region_table", "watershed_split"])
def test_a_mask_in_colour_is_a_mask_for_each_operation(channels, kind, name):
    mask = np.zeros((60, 70), np.uint8)
    mask[5:15, 5:20], mask[30:50, 40:60] = 255, 255
    colour = getattr(ccc, name)(kind(np.stack([mask] * channels, -1)), min_diameter=diameter_of(5))
    grey = getattr(ccc, name)(kind(mask), min_diameter=diameter_of(5))
    pd.testing.assert_frame_equal(colour.table, grey.table)
    assert "equal channels" in " ".join(colour.notes)


def test_a_map_in_colours_is_measured_by_its_colours():
    labels = np.zeros((40, 50), np.uint8)
    labels[2:10, 2:10], labels[2:12, 10:30], labels[20:38, 20:45] = 1, 2, 3
    table = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    found = ccc.region_table(table[labels], None, 2.0, "nm").table
    assert sorted(found["area_nm2"]) == [256, 800, 1800]


@pytest.mark.parametrize("name", ["label_objects", "region_table", "watershed_split"])
def test_each_operation_says_that_a_smeared_map_was_put_back(name, tmp_path):
    y, x = np.mgrid[:90, :180]
    labels = (np.hypot(y - 45, x - 45) < 20) + 2 * (np.hypot(y - 45, x - 130) < 25)
    table = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0)], np.uint8)
    Image.fromarray(table[labels]).save(tmp_path / "a.jpg", quality=75)
    found = getattr(ccc, name)(tmp_path / "a.jpg")
    measured = found if name == "region_table" else ccc.region_table(found)
    assert sorted(measured.table["area_px2"]) == pytest.approx([1245, 1941], rel=0.02)
    assert any("they are put back" in note for note in found.notes)


@pytest.mark.parametrize("kind", [np.asarray, da.from_array, Micrograph])
def test_numbers_behind_the_columns_are_no_columns(kind):
    image = np.full((60, 70), 60, np.uint8)
    image[20:40, 20:50] = 200
    found = ccc.threshold(kind(image[..., None]))
    assert found.layer().data.shape == (60, 70)
    several = ccc.threshold(kind(np.stack([image, image // 2], -1)))
    assert several.layer().data.shape == (2, 60, 70)
    assert any("channels" in note for note in several.notes)


def test_notes_of_a_file_are_not_given_again():
    image = Micrograph(np.zeros((60, 70)), notes=("of the file",))
    image.data[20:40, 20:50] = 1
    assert "of the file" not in ccc.threshold(image).notes


def test_a_doubtful_bar_is_noted_and_kept(image):
    def look():
        return InfoBar(doubtful=InfoBar(bottom=20))

    outcome = run(execute("threshold", {"image": image}, info_bar=look))
    assert any("info_bar=InfoBar(bottom=20)" in note for note in outcome.result.notes)
    assert outcome.result.labels[-20:].any()
    assert "info_bar" not in outcome.record.plain()["steps"][-1]


NOT_ARRAYS = [name for name, one in operations.OPERATIONS.items() if one.takes == "dataset"]


@pytest.mark.parametrize("name", [*NOT_ARRAYS, "common_patterns"])
def test_doubtful_bars_of_a_data_set_are_gathered(name, image):
    bar = InfoBar(doubtful=InfoBar(bottom=20))
    images = [Micrograph(image, name="one", info_bar=bar), image]
    data = from_arrays(images, ["a", "b"], names=["one", "other"])
    given, doubts = watched(operations.OPERATIONS[name], {"data": data}, {})
    assert [one.read().data is not None for one in given["data"].examples] == [True, True]
    assert doubts.notes[0].startswith("1 image may have an info bar, which was not left out: one.")
    # a bar that the network is shown is no question
    if "info_bar" in signature.parameters(name):
        given, doubts = watched(operations.OPERATIONS[name], {"data": data}, {"info_bar": "keep"})
        assert given["data"] is data


def test_doubtful_bars_are_named_for_data_sets_and_folders(tmp_path):
    plain, doubtful = doubtful_picture()[:-24], doubtful_picture()
    words = "1 image may have an info bar, which was not left out: b.png. Detect info bar shows it"
    audit = ccc.audit_dataset(
        from_arrays([plain, doubtful, plain.T, plain[::-1]], list("aabb"), names=[
            "a.png", "b.png", "c.png", "d.png"])
    )  # fmt: skip
    assert words in " ".join(audit.notes)
    for name, image in (("a", plain), ("b", doubtful)):
        imsave(tmp_path / f"{name}.png", image, check_contrast=False)
    assert words in " ".join(ccc.image_quality_folder(tmp_path).notes)
    assert words in " ".join(ccc.classify_folder(tmp_path, tta=False).notes)
    (tmp_path / "models").mkdir()
    (tmp_path / "others").mkdir()
    tiny = saved(tmp_path / "models", "visualcnn")
    place = {"model": tiny, "layer": "features.8", "folder": tmp_path}
    spot = PointsLayer(np.array([[64, 80]]))
    assert words in " ".join(ccc.find_similar(plain, spot, **place).notes)
    assert words in " ".join(ccc.look_at(plain, spot, **place).notes)
    bars_shown = saved(tmp_path / "others", "visualcnn", info_bar="keep")
    given = {**place, "model": bars_shown}
    assert words not in " ".join(ccc.find_similar(plain, spot, **given).notes)


def test_masked_pixels_are_missing_ones_and_no_labels(image):
    hidden = np.zeros(image.shape, bool)
    hidden[:40] = True
    gap = np.where(hidden, np.nan, image.astype(np.float32))
    masked = ccc.threshold(np.ma.masked_array(image, hidden))
    np.testing.assert_array_equal(masked.labels, ccc.threshold(gap).labels)
    assert not masked.labels[:40].any()
    regions = np.ma.masked_array(np.ones(image.shape, np.uint8), hidden)
    areas = ccc.region_table(regions).table.filter(like="area").iloc[:, 0]
    assert areas.tolist() == [(~hidden).sum()]
