from __future__ import annotations

import ast

import numpy as np
import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.layers import PointsLayer, ShapesLayer
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.pixel_size import diameter_of
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.promptable.presets import PRESETS
from napari_visual_ccc.engine.promptable.prompts import prompts_of
from napari_visual_ccc.nets.sam.mask import Mask
from napari_visual_ccc.workflow.composed import sam_masks
from napari_visual_ccc.workflow.files.script import to_script
from napari_visual_ccc.workflow.recipe import to_yaml
from napari_visual_ccc.workflow.run import execute

LOW = {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "points_per_side": 3}
# one mask for each prompt, though random models give masks that are alike
APART = {"box_nms_thresh": 1.0}


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return samples.load("nanoparticles").data[60:156, 40:168]


@pytest.fixture(scope="module")
def model(tiny_sam):
    return tiny_sam("sam2")


_IMPORTS = """\
from pathlib import Path
from napari_visual_ccc.workflow.record import Drawn
"""


def masks(outcome):
    return np.asarray(outcome.result.layer("masks"))


def test_labels_have_score_stability_and_area(image, model):
    result = ccc.sam_masks(image, None, (2.0, 2.0), "nm", model=model, **LOW, **APART)
    table = result.table
    assert result.labels.dtype == np.int32
    assert sorted(np.unique(result.labels))[1:] == list(table["label"])
    pixels = np.bincount(result.labels.ravel())[1:]
    assert list(table["pixels"]) == list(pixels)
    np.testing.assert_allclose(table["area_nm2"], 4 * pixels)
    assert table["score"].between(0, 1).all()
    assert table["stability"].between(0, 1).all()
    assert list(table["mask_pixels"]) == sorted(table["mask_pixels"], reverse=True)
    assert result.model["architecture"] == "sam2"
    assert result.facts["device"] == "cpu"


def test_the_record_has_the_values_of_the_preset(image, model):
    outcome = run(
        execute("sam_masks", {"image": image}, {"model": model, "preset": "batch", **LOW})
    )
    parameters = outcome.record.last.parameters
    assert parameters["preset"] == "batch"
    assert {name: parameters[name] for name in PRESETS["batch"]} == {**PRESETS["batch"], **LOW}
    assert outcome.record.last.model["hash"] == outcome.result.model["hash"]
    again = ccc.replay(outcome.record.plain(), image)
    np.testing.assert_array_equal(again.labels, masks(outcome))


def points():
    features = pd.DataFrame({"label": ["positive", "positive", "negative"]})
    return PointsLayer(np.array([[30.0, 40], [70, 100.5], [20, 20]]), features=features)


def boxes():
    corners = np.array([[10.0, 20], [10, 60], [50, 60], [50, 20]])
    return ShapesLayer([corners, corners + 30], kinds="rectangle")


@pytest.mark.parametrize("drawn", [points(), boxes()], ids=["points", "boxes"])
def test_prompts_are_recorded_and_replayed(drawn, image, model, tmp_path):
    given = {"image": Micrograph(image, name="copper"), "prompts": drawn}
    outcome = run(execute("sam_masks", given, {"model": model, **APART}))
    assert list(outcome.result.table["prompt"]) in ([1, 2], [2, 1], [1], [2])
    path = tmp_path / "how.yaml"
    path.write_text(to_yaml(outcome.record), encoding="utf-8")
    again = ccc.replay(path, image)
    np.testing.assert_array_equal(again.labels, masks(outcome))
    # and as a script, whose last call is the operation
    text = to_script(outcome.record)
    ast.parse(text)
    assert "import Drawn" in text
    call = next(line for line in text.splitlines() if line.startswith("result_1 = "))
    names: dict = {"ccc": ccc, "image": image, "spacing": None, "unit": "px"}
    exec(f"{_IMPORTS}\n{call}", names)
    np.testing.assert_array_equal(names["result_1"].labels, masks(outcome))


def test_prompts_change_the_result(image, model):
    def labels(prompts):
        return np.asarray(ccc.sam_masks(image, prompts, model=model, **APART))

    positive = PointsLayer(points().data[:2])
    assert not np.array_equal(labels(points()), labels(positive))
    assert not np.array_equal(labels(boxes()), labels(positive))
    np.testing.assert_array_equal(labels(positive), labels(positive.data))


def test_labels_are_refined_or_give_the_points(image, model):
    objects = np.zeros(image.shape, np.int32)
    objects[10:40, 20:50], objects[50:90, 70:120] = 3, 5
    refined = ccc.sam_masks(image, objects, model=model, **APART)
    assert refined.facts["prompts"] == 2
    assert set(refined.table["prompt"]) <= {3, 5}
    by_point = ccc.sam_masks(image, objects, model=model, prompts_from="centroids", **APART)
    assert not np.array_equal(refined.labels, by_point.labels)
    # a mask is a prompt, not its box alone
    thin = objects.copy()
    thin[15:38, 25:45] = 0
    thinner = ccc.sam_masks(image, thin, model=model, **APART)
    assert list(thinner.table["score"]) != list(refined.table["score"])


@pytest.mark.parametrize("source", ["threshold", "watershed"])
def test_prompts_are_the_middle_of_our_own_objects(source, image, model):
    # a grid has points along its sides
    choices = {key: one for key, one in {**LOW, **APART}.items() if key != "points_per_side"}
    result = ccc.sam_masks(image, model=model, prompts_from=source, **choices)
    binary = ccc.threshold(image, min_diameter=diameter_of(16))
    split = ccc.label_objects if source == "threshold" else ccc.watershed_split
    objects = split(binary, min_diameter=diameter_of(16)).labels
    assert result.facts["prompts"] == objects.max() > 0
    other = ccc.sam_masks(image, objects, model=model, prompts_from="centroids", **choices)
    np.testing.assert_array_equal(result.labels, other.labels)


def test_the_info_bar_is_left_out(image, model):
    bar = InfoBar(top=8, bottom=20)
    framed = np.pad(image, ((8, 20), (0, 0)), constant_values=255)
    alone = ccc.sam_masks(image, points(), model=model, outlines=True)
    moved = PointsLayer(points().data + np.array([8, 0]), features=points().features)
    found = ccc.sam_masks(framed, moved, model=model, outlines=True, info_bar=bar)
    np.testing.assert_array_equal(found.labels[8:-20], alone.labels)
    assert not found.labels[:8].any()
    outline = found.layer("outlines")
    np.testing.assert_allclose(
        outline.placement.to_source(outline.data[0]) - (8, 0), alone.layer("outlines").data[0]
    )


def test_a_stack_is_segmented_slice_by_slice(image, model):
    stack = np.stack([image, image[::-1]])
    deep = PointsLayer(np.array([[0, 30.0, 40], [1, 50, 60]]))
    result = ccc.sam_masks(stack, deep, model=model)
    for number in (0, 1):
        alone = ccc.sam_masks(stack[number], deep.data[number : number + 1, 1:], model=model)
        np.testing.assert_array_equal(result.labels[number], alone.labels)
    assert list(result.table["index_0"]) == [0, 1]


def test_colour_and_sixteen_bits_are_taken(image, model):
    deep = ccc.sam_masks(image.astype(np.uint16) * 200, model=model, **LOW, **APART)
    assert deep.table["pixels"].sum() > 0
    colour = ccc.sam_masks(np.repeat(image[..., None], 3, -1), model=model, **LOW, **APART)
    np.testing.assert_array_equal(
        colour.labels, ccc.sam_masks(image, model=model, **LOW, **APART).labels
    )


def test_missing_pixels_have_no_label(image, model):
    gaps = image.astype(np.float32)
    gaps[30:60, 40:80] = np.nan
    result = ccc.sam_masks(gaps, model=model, **LOW, **APART)
    assert not result.labels[np.isnan(gaps)].any()
    assert result.labels.any()
    assert any("9.77% of the image is missing" in note for note in result.notes)
    pixels = np.bincount(result.labels.ravel())[1:]
    assert list(result.table["pixels"]) == list(pixels)


def test_merging_and_cleaning_give_fewer_masks(image, model):
    every = ccc.sam_masks(image, model=model, **LOW, **APART)
    merged = ccc.sam_masks(image, model=model, merge="overlap", **LOW, **APART)
    alike = ccc.sam_masks(image, model=model, merge="likeness", **LOW, **APART)
    assert 0 < alike.facts["masks"] <= merged.facts["masks"]
    assert merged.facts["masks"] < every.facts["masks"]
    large = ccc.sam_masks(
        image, model=model, largest_only=True, min_mask_region_area=300, **LOW, **APART
    )
    assert large.table["mask_pixels"].min() >= 300


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"pred_iou_thresh": 1.0}, "no mask is good enough"),
        ({"prompts_from": "centroids"}, "choose a layer of labels as prompts"),
        ({"model": None}, "choose a model"),
        ({"points_per_side": 2.5}, "points_per_side is 2.5; it must be of type int"),
        ({"use_m2m": "yes"}, "use_m2m is 'yes'; it must be of type bool"),
    ],
)
def test_what_cannot_be_done_is_said(choices, words, image, model):
    with pytest.raises(ValueError, match=words):
        ccc.sam_masks(image, **{"model": model, "points_per_side": 2, **choices})


def test_every_prompt_has_a_mask_or_a_note(image, model):
    features = pd.DataFrame({"label": ["positive"] * 4, "object": [3, 7, "edge", 9]})
    several = PointsLayer(np.array([[20.0, 20], [70, 90], [50, 50], [52, 50]]), features=features)
    result = ccc.sam_masks(image, several, model=model)
    covered = 4 - len(result.table)
    assert set(result.table["prompt"]) <= {3, 7, "edge", 9}
    assert [note.split()[0] for note in result.notes if "covered" in note] == (
        [str(covered)] if covered else []
    )
    with pytest.raises(ValueError, match="no prompt gave a mask: lower mask_threshold"):
        ccc.sam_masks(image, several, model=model, mask_threshold=500.0)


def test_prompts_without_a_mask_and_masks_cut_by_tiles_are_named():
    given = prompts_of(PointsLayer(np.full((14, 2), 3.0)), (9, 9))
    pixel = np.ones((1, 1), bool)
    masks = [Mask(3, 3, pixel, prompt=1), Mask(3, 3, pixel, prompt=2, cut=True)]
    assert sam_masks._of_each(given, masks) == (
        "prompts 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more gave no mask",
        "prompt 2 gave a mask that its tile may cut (enlarge tile_size)",
    )


def test_choices_that_prompts_leave_without_use_are_noted(image, model):
    for source in ("watershed", "centroids"):
        notes = ccc.sam_masks(image, points(), model=model, prompts_from=source).notes
        assert f"prompts_from={source} was not used: prompts are given" in notes
    with pytest.raises(ValueError, match="the automatic threshold finds no object of 16 pixels"):
        ccc.sam_masks(np.pad([[200]], 40), model=model, prompts_from="threshold")


def test_half_precision_without_cuda_is_noted(image, model):
    result = ccc.sam_masks(image, points(), model=model, precision="bf16", device="cpu")
    assert "bf16 is for CUDA: fp32 was used" in result.notes
    assert result.facts["precision"] == "fp32"


def test_a_real_micrograph_keeps_its_scale_and_its_bar_blank(data, model):
    micrograph = ccc.read(data / "formats" / "test_tiff_Zeiss_SEM_1k.tif")
    outcome = run(execute("sam_masks", {"image": micrograph}, {"model": model, **LOW, **APART}))
    assert outcome.info_bar.bottom > 50
    labels = masks(outcome)
    assert labels.shape == micrograph.data.shape
    assert not labels[-outcome.info_bar.bottom :].any()
    area = f"area_{micrograph.unit}2"
    table = outcome.result.table
    pixel = np.prod(micrograph.spacing[-2:])
    np.testing.assert_allclose(table[area], table["pixels"] * pixel, rtol=1e-6)


def test_labels_as_prompts_are_named_in_the_record(image, model):
    objects = np.zeros(image.shape, np.int32)
    objects[10:40, 20:50] = 1
    given = {"image": Micrograph(image, name="copper"), "prompts": Micrograph(objects, name="mine")}
    outcome = run(execute("sam_masks", given, {"model": model}))
    assert outcome.record.last.inputs == {"image": "copper", "prompts": "mine"}
    with pytest.raises(ValueError, match="was also given 'mine' as prompts"):
        ccc.replay(outcome.record, image)
    again = ccc.replay(outcome.record, image, others={"prompts": objects})
    np.testing.assert_array_equal(again.labels, masks(outcome))
