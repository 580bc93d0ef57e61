from __future__ import annotations

import functools
import json
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import tifffile

import napari_visual_ccc as ccc
from benchmarks.bar_styles import with_bar
from napari_visual_ccc import samples
from napari_visual_ccc.arrays.lazy import is_lazy
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.layers import Placement
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.core.progress import Progress, run
from napari_visual_ccc.engine.segmentation import threshold
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.run import execute
from napari_visual_ccc.workflow.signature import inputs


@pytest.fixture
def image(discs):
    return Micrograph(discs, (2.0, 2.0), "nm", name="discs", info_bar=InfoBar(bottom=10))


def test_an_outcome_holds_the_result_and_how_it_was_made(image, discs):
    outcome = run(execute("threshold", {"image": image}, {"sigma": 0.0}))
    expected = ccc.threshold(
        discs, spacing=(2.0, 2.0), unit="nm", sigma=0.0, info_bar=InfoBar(bottom=10)
    )
    np.testing.assert_array_equal(outcome.result.labels, expected.labels)
    assert outcome.result.table.equals(expected.table)
    record = outcome.record
    assert outcome.info_bar == InfoBar(bottom=10)
    assert record.last.operation == "threshold"
    assert record.last.parameters["sigma"] == 0.0
    assert record.last.bar == InfoBar(bottom=10)
    assert record.source.spacing == [2.0, 2.0]
    again = ccc.replay(record, image.data)
    np.testing.assert_array_equal(again.labels, expected.labels)


def test_a_result_is_one_more_step_of_the_record_of_its_source(image):
    first = run(execute("threshold", {"image": image}))
    name = first.result.layers[0].name
    mask = Micrograph(
        first.result.labels, name="mask", metadata={"visual_ccc": first.record.of(name).plain()}
    )
    record = run(execute("label_objects", {"labels": mask})).record
    assert [step.operation for step in record.steps] == ["threshold", "label_objects"]
    assert record.steps[0].output == name
    assert record.source.name == "discs"
    assert record.last.inputs == {"labels": "mask"}


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        ("text", "holds no steps"),
        ({"steps": ["a"]}, "an operation that does not exist: 'a'"),
        ({"steps": [{"operation": "denoise", "plane": "all"}]}, "plane of denoise"),
        ({"steps": [{"operation": "denoise"}], "source": {"spacing": "wide"}}, "source must be"),
    ],
)
def test_metadata_that_are_no_record_start_a_new_one(discs, carried, words):
    image = Micrograph(discs, name="discs", metadata={"visual_ccc": carried})
    outcome = run(execute("threshold", {"image": image}))
    assert [step.operation for step in outcome.record.steps] == ["threshold"]
    assert outcome.record.source.name == "discs"
    (note,) = [one for one in outcome.result.notes if words in one]
    assert note.startswith("the record of the image was ignored: discs")
    expected = ccc.threshold(discs)
    np.testing.assert_array_equal(outcome.result.labels, expected.labels)
    np.testing.assert_array_equal(ccc.threshold(image).labels, expected.labels)


def test_a_file_with_steps_of_another_program_can_be_worked_on(discs, tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", discs, imagej=True, metadata={"Info": json.dumps({"steps": ["a"]})}
    )
    image = ccc.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(ccc.threshold(image).labels, ccc.threshold(discs).labels)


def test_a_record_without_a_source_gets_one_more_step(discs):
    image = Micrograph(discs, metadata={"visual_ccc": {"steps": [{"operation": "denoise"}]}})
    record = run(execute("threshold", {"image": image})).record
    assert [step.operation for step in record.steps] == ["denoise", "threshold"]


def test_all_inputs_may_be_micrographs(discs):
    labels = (discs > 100).astype(np.uint8)
    found = ccc.region_table(Micrograph(labels), Micrograph(discs)).table
    assert found.equals(ccc.region_table(labels, discs).table)


def test_nothing_is_left_out_of_the_whole_image(image):
    assert run(execute("detect_info_bar", {"image": image})).info_bar == InfoBar()
    assert run(execute("label_objects", {"labels": np.eye(9, dtype=int)})).info_bar == InfoBar()


def test_the_info_bar_may_be_detected_when_the_work_begins(discs):
    asked = []

    def bar():
        asked.append(True)
        return InfoBar(top=5)

    steps = execute("threshold", {"image": discs}, info_bar=bar)
    assert not asked
    assert run(steps).record.last.bar == InfoBar(top=5)


@pytest.mark.parametrize(
    ("name", "given", "choices", "words"),
    [
        ("frobnicate", {}, {}, "no operation 'frobnicate'"),
        ("threshold", {}, {}, "threshold needs image"),
        ("threshold", {"picture": 1}, {}, "threshold takes no 'picture'; it takes image"),
        ("threshold", {"image": np.eye(9)}, {"colour": 1}, "no parameter 'colour'"),
        ("kmeans", {"image": np.eye(9)}, {"clusters": 1}, "between 2 and 65535"),
        ("classify", {"image": np.eye(9)}, {"model": 7}, "must be a path"),
    ],
)
def test_what_does_not_reach_the_operation_is_refused_in_a_sentence(name, given, choices, words):
    with pytest.raises(ValueError, match=words):
        run(execute(name, given, choices))


def test_every_keyword_of_a_script_reaches_its_function_or_is_refused(discs):
    data = from_arrays([discs, discs.T], ["a", "b"])
    with pytest.raises(ValueError, match="info_bar is 'nonsense'; choose"):
        ccc.train(data, info_bar="nonsense")
    with pytest.raises(TypeError, match="info_bar"):
        ccc.evaluate(data, info_bar=InfoBar(bottom=3))
    with pytest.raises(ValueError, match="evaluate takes no info_bar"):
        run(execute("evaluate", {"data": data}, info_bar=InfoBar(bottom=3)))
    with pytest.raises(ValueError, match="info_bar is 'nonsense'; give for example InfoBar"):
        ccc.threshold(discs, info_bar="nonsense")
    with pytest.raises(TypeError, match="colour"):
        ccc.threshold(discs, colour=3)


@pytest.mark.parametrize("name", [name for name in ccc.__all__ if name != "__version__"])
def test_every_public_function_refuses_an_unknown_keyword(name):
    given = [None] * (len(inputs(name)) if name in OPERATIONS else 1)
    words = rf"{name.removesuffix('_dataset')}\w*\(\) got an unexpected keyword argument 'nonsense'"
    with pytest.raises(TypeError, match=words):
        getattr(ccc, name)(*given, nonsense=1)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_driver_refuses_an_unknown_choice_of_every_operation(name):
    given = dict.fromkeys(inputs(name), np.eye(9))
    with pytest.raises(ValueError, match=f"{name} has no parameter 'nonsense'"):
        run(execute(name, given, {"nonsense": 1}))


def test_numpy_numbers_are_taken_for_plain_ones(discs):
    found = ccc.kmeans(discs, clusters=np.int64(2))
    np.testing.assert_array_equal(found.labels, ccc.kmeans(discs, clusters=2).labels)


def test_whole_numbers_are_taken_for_ints_and_flags(discs):
    found = ccc.threshold(discs, min_diameter=np.float32(6))
    np.testing.assert_array_equal(found.labels, ccc.threshold(discs, min_diameter=6.0).labels)
    labels = ccc.label_objects(found.labels).labels
    found = ccc.region_table(labels, exclude_border=1).table
    assert found.equals(ccc.region_table(labels, exclude_border=True).table)


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((40, 50), [2.0] * 2),
        ((40, 50, 3), [2.0] * 2),
        ((3, 40, 50), [2.0] * 3),
        ((2, 40, 50, 3), [2.0] * 3),
    ],
)
def test_one_number_is_recorded_as_the_size_along_every_axis(rng, shape, sizes):
    image = rng.integers(0, 255, shape).astype(np.uint8)
    outcome = run(execute("threshold", {"image": image}, spacing=2.0, unit="nm"))
    assert outcome.record.source.spacing == sizes
    assert ccc.replay(outcome.record, image).table.equals(outcome.result.table)


@pytest.mark.parametrize("size", [np.nan, np.inf])
def test_a_pixel_size_that_is_no_number_is_recorded_as_unknown(discs, size):
    outcome = run(execute("edge_density", {"image": discs}, spacing=(size, size), unit="nm"))
    assert outcome.record.source.spacing is None


@pytest.mark.parametrize("of", [lambda result: result, lambda result: result.layer()])
def test_a_lazy_result_or_layer_is_not_computed_as_an_input(discs, of):
    stack = da.from_array(np.stack([discs, discs[::-1]]), chunks=(1, 50, 50))
    mask = ccc.threshold(stack)
    assert is_lazy(mask.labels)
    found = ccc.label_objects(of(mask))
    assert is_lazy(found.labels)
    np.testing.assert_array_equal(found.labels, ccc.label_objects(np.asarray(mask)).labels)


def test_a_result_is_measured_with_one_number_as_pixel_size(discs):
    mask = ccc.threshold(da.from_array(discs, chunks=50))
    labels = ccc.label_objects(mask)
    outcome = run(execute("region_table", {"labels": labels}, spacing=2.0, unit="nm"))
    assert outcome.record.source.spacing == [2.0, 2.0]
    expected = ccc.region_table(np.asarray(labels), spacing=2.0, unit="nm")
    assert outcome.result.table.equals(expected.table)


def test_data_sets_are_opened_from_their_path(tmp_path, discs):
    from skimage.io import imsave

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        imsave(tmp_path / name / "1.png", discs, check_contrast=False)
    for path in (tmp_path, str(tmp_path)):
        assert ccc.audit_dataset(path).facts["images"] == 2
    with pytest.raises(ValueError, match="the model has no class 'a'"):
        ccc.evaluate(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ccc.train(tmp_path / "nowhere")


def test_a_training_keeps_the_limits_of_the_form(discs):
    data = from_arrays([discs, discs.T], ["a", "b"])
    for choices in ({"epochs": 0}, {"batch_size": 0}, {"rotation": 500.0}):
        with pytest.raises(ValueError, match=rf"^{next(iter(choices))} is .*; it must be"):
            ccc.train(data, **choices)


# pixel size from step to step ---------------------------------------------------------------------


@pytest.fixture
def spots():
    """Touching bright discs above an info bar."""
    y, x = np.mgrid[:120, :160]
    there = ((y - 30) ** 2 + (x - 40) ** 2 < 200) | ((y - 30) ** 2 + (x - 64) ** 2 < 200)
    image = np.where(there | ((y - 70) ** 2 + (x - 120) ** 2 < 300), 200, 60).astype(np.uint8)
    image[100:] = 0
    return image


# the discs touch along x: with pixels of half the width they would have no neck
@pytest.mark.parametrize(("size", "unit"), [((1.325, 1.325), "nm"), ((0.25, 0.5), "µm")])
def test_results_carry_the_pixel_size_from_step_to_step(spots, size, unit):
    image = Micrograph(spots, size, unit, info_bar=InfoBar(bottom=20))
    mask = ccc.threshold(image)
    objects = ccc.watershed_split(mask)
    assert (mask.layer().spacing, objects.layer().unit) == (size, unit)
    found = ccc.region_table(objects, image).table
    column = f"area_{unit}2"
    np.testing.assert_array_equal(
        found[column], ccc.region_table(objects.labels, spots, size, unit).table[column]
    )
    assert len(found) == 3
    # layers of results, and arrays beside a micrograph
    assert column in ccc.region_table(objects.layer()).table
    assert column in ccc.region_table(objects.labels, image).table
    assert column in ccc.label_objects(mask).table
    assert "area_px2" in ccc.region_table(objects.labels).table


def test_the_bar_of_a_micrograph_stays_out_of_later_steps(spots):
    image = Micrograph(spots, info_bar=InfoBar(bottom=20))
    smooth = ccc.denoise(image)
    assert smooth.layer().frame.info_bar == InfoBar(bottom=20)
    later = ccc.threshold(smooth)
    assert later.facts["info_bar"]["bottom"] == 20
    cut = ccc.crop_info_bar(image)
    assert not cut.layer().frame.info_bar
    assert "info_bar" not in ccc.threshold(cut).facts


def test_a_coarse_map_has_coarser_pixels(spots):
    stack = Micrograph(np.stack([spots] * 3), (2.0, 2.0), "nm", axes=(Axis("z", 10.0, "nm"),))
    found = ccc.threshold(stack)
    assert found.layer().spacing == (10.0, 2.0, 2.0)
    assert "volume_nm3" in ccc.region_table(found, dimensions="3D").table
    layer = replace(found.layer(), placement=Placement(stride=4))
    assert layer.spacing == (10.0, 8.0, 8.0)


def test_a_bar_of_an_array_is_named_and_not_left_out():
    made = with_bar(
        samples.load("powder").data, "black, framed cells (FEI)", np.random.default_rng(0)
    )
    bar = InfoBar(**ccc.threshold(Micrograph(made.image)).facts["info_bar"])
    assert bar
    found = ccc.threshold(made.image)
    assert any(f"info bar ({bar})" in note for note in found.notes)
    assert "info_bar" not in found.facts
    for given in (InfoBar(), bar):
        notes = ccc.threshold(made.image, info_bar=given).notes
        assert not any("seems to have" in note for note in notes)
    specimen = made.image[bar.specimen(*made.image.shape)]
    assert not any("seems to have" in note for note in ccc.threshold(specimen).notes)


@pytest.mark.parametrize(
    ("spacing", "unit", "words"),
    [(1e-300, "nm", "1e-30 and"), ((1, 1e300), "nm", "1e-30 and"),
     ((1, 1, 1), "nm", "3 numbers"), ((1, 1, 1, 1), "nm", "4 numbers"), (2, "foo", "'foo'"),
     (2, None, "None"), (2, 3, "3")],
)  # fmt: skip
def test_a_pixel_size_that_cannot_be_is_refused(spots, spacing, unit, words):
    with pytest.raises(ValueError, match=words):
        ccc.denoise(spots, spacing=spacing, unit=unit)
    with pytest.raises(ValueError, match=words):
        ccc.region_table(spots > 100, None, spacing, unit)


@pytest.mark.parametrize("unit", ["um", "µm", "\u03bcm", "micron"])
def test_one_unit_has_one_name(spots, unit):
    assert "area_µm2" in ccc.region_table(spots > 100, None, 2, unit).table


@pytest.mark.parametrize("unit", ["um", "µm", "\u03bcm", "micron"])
def test_results_are_given_in_the_unit_of_the_script(spots, unit):
    labels = ccc.threshold(Micrograph(spots, (2.0, 4.0), "nm"))
    table = ccc.region_table(labels, unit=unit).table
    expected = ccc.region_table(labels).table["area_nm2"] * 1e-6
    np.testing.assert_allclose(table["area_µm2"], expected, rtol=1e-12)
    # the layers too, and what is measured of them
    smooth = ccc.denoise(Micrograph(spots, (2.0, 4.0), "nm"), unit=unit).layer()
    assert (smooth.spacing, smooth.unit) == ((0.002, 0.004), "µm")


@pytest.mark.parametrize("unit", ["foo", "", "px", "s", None, "1/nm", "mrad"])
def test_a_unit_that_a_pixel_size_cannot_be_given_in_is_refused(spots, unit):
    labels = ccc.threshold(Micrograph(spots, (2.0, 2.0), "nm"))
    with pytest.raises(ValueError, match="unit is"):
        ccc.region_table(labels, unit=unit)


def test_a_unit_of_an_array_needs_its_pixel_size(spots):
    with pytest.raises(ValueError, match="give the spacing too"):
        ccc.region_table(spots > 100, unit="nm")


def test_inputs_of_unlike_pixel_sizes_are_refused(spots):
    labels = ccc.threshold(Micrograph(spots, (1.0, 1.0), "nm"))
    other = Micrograph(spots, (2.0, 2.0), "nm")
    with pytest.raises(ValueError, match="labels has pixels of 1 nm, but intensity of 2 nm"):
        ccc.region_table(labels, other)
    assert "area_nm2" in ccc.region_table(labels, other, 2.0, "nm").table
    same = Micrograph(spots, (0.001, 0.001), "µm")
    assert "area_nm2" in ccc.region_table(labels, same).table


@pytest.fixture(scope="module")
def sections():
    """Strong noise on membranes and grain, which a second run makes worse by 0.3 dB."""
    from benchmarks.quality.denoising import sections as drawn

    clean = drawn(0, 0.6)[:160, :160]
    rng = np.random.default_rng(0)
    return clean, rng.poisson(clean * 12) / 12 + rng.normal(0, 0.05, clean.shape)


@pytest.fixture(scope="module")
def denoised(sections, tmp_path_factory):
    """The same denoised image through every door that knows how it was made."""
    once = ccc.denoise(sections[1], method="gaussian")
    file = tmp_path_factory.mktemp("denoised") / "once.tif"
    once.save(file)
    later = ccc.subtract_background(once)
    return {
        "result": once,
        "layer": once.layer(),
        "file": ccc.read(file),
        "result of a later step": later,
    }


@pytest.mark.parametrize("door", ["result", "layer", "file", "result of a later step"])
def test_what_was_denoised_is_not_denoised_again(denoised, door):
    given = denoised[door]
    found = ccc.denoise(given)
    np.testing.assert_array_equal(found.data, np.asarray(getattr(given, "data", given), "f4"))
    assert any(note.startswith("already denoised by gaussian") for note in found.notes)
    assert found.record.last.parameters["denoised"] == "gaussian"
    # nor in a third run, whose last step removed nothing
    assert ccc.denoise(found).record.last.parameters["denoised"] == "gaussian"
    if door != "layer":
        assert ccc.denoise(given, cautious=False).facts["parameter"] > 0


def test_a_second_run_would_do_harm_without_the_record(sections, denoised):
    clean, _ = sections
    once = np.float64(denoised["result"].data)
    twice = ccc.denoise(once, method="gaussian")
    assert np.mean((twice.data - clean) ** 2) > 1.03 * np.mean((once - clean) ** 2)


def test_what_removed_nothing_does_not_count_as_denoised(sections):
    kept = ccc.denoise(sections[1], strength=0)
    found = ccc.denoise(kept)
    assert found.record.last.parameters["denoised"] == ""
    assert found.facts["share"] > 0


def test_a_record_of_two_runs_is_replayed_as_it_was_made(sections, denoised):
    twice = ccc.denoise(denoised["result"])
    again = ccc.replay(twice.record, sections[1])
    np.testing.assert_array_equal(again.data, twice.data)
    # a record of before: two passes, both of them kept
    old = twice.record.plain()
    for step in old["steps"]:
        del step["parameters"]["denoised"]
    both = ccc.denoise(np.asarray(denoised["result"].data))
    np.testing.assert_array_equal(ccc.replay(old, sections[1]).data, both.data)


@pytest.mark.parametrize("size", [10**400, (10**5000, 1), "x", [[1, 2], [3]], object])
def test_what_is_no_pixel_size_is_refused_in_a_sentence(discs, size):
    for given, scale in (
        (discs, {"spacing": size, "unit": "nm"}),
        (Micrograph(discs, size, "nm"), {}),
    ):
        with pytest.raises(ValueError, match=r"^spacing is .{1,120}; give the size of a pixel"):
            ccc.threshold(given, **scale)


def test_a_memory_that_is_full_has_a_sentence(discs, monkeypatch):
    @functools.wraps(threshold.threshold)
    def too_large(*_, **__):
        yield Progress(0, 1)
        np.empty(1 << 55)

    monkeypatch.setattr(threshold, "threshold", too_large)
    with pytest.raises(MemoryError, match=r"^memory is full; take a part of the image \(Unable to"):
        ccc.threshold(discs)
