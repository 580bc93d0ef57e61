"""Walk over the catalogue: what holds for every operation."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Literal, get_args, get_origin

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import ImageLayer, PointsLayer, ShapesLayer
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.workflow import operations, signature
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.signature import checked

# these explain an image several to fifty times, through the same checks as `explain`
REPEATED = ("cam_sanity_checks", "compare")
# have no model of their own: see tests/workflow/composed and tests/engine/autoencoder
NEEDS_MODEL = ("sam_masks", "anomaly_map", "reconstruct")
FORMS = [name for name, one in OPERATIONS.items() if one.has_form]
QUICK = [name for name in FORMS if name not in (*REPEATED, *NEEDS_MODEL)]
IMAGES = [name for name in QUICK if OPERATIONS[name].takes == "image"]
LABELS = [name for name in FORMS if OPERATIONS[name].takes == "labels"]
STACKED = [name for name in IMAGES if not OPERATIONS[name].planar]
# activations rank the channels of a stack once: see tests/engine/lens
PLANAR = [n for n in QUICK if OPERATIONS[n].planar and not OPERATIONS[n].stacks]
# lazy labels of these are numbered with gaps between slices
GAPS = ("watershed_split", "particles")
LAZY = [name for name in STACKED if name not in GAPS]
# networks share the code that takes an image: one of them stands for all in what it does with a
# type of number, a layout, a shape
ONE_NETWORK = "explain"
SHARED = [name for name in QUICK if not OPERATIONS[name].planar or name == ONE_NETWORK]
SHARED_IMAGES = [name for name in SHARED if name in IMAGES]


@pytest.fixture
def few(discs) -> np.ndarray:
    """Two of the discs: enough for a network."""
    return discs[:60, :100]


def call(name, data, **choices):
    return getattr(ccc, name)(data, *further(name, data), **choices)


def further(name, data):
    """Labels of two halves for every further input that an operation needs."""
    labels = np.zeros(np.shape(data), np.uint8)
    if labels.ndim:
        labels[..., : labels.shape[-1] // 2] = 1
    needed = set(signature.inputs(name)[1:]) - set(signature.optional_inputs(name))
    return [labels] * len(needed)


def arrays(result: Result):
    return [values(layer) for layer in result.layers]


def values(layer) -> np.ndarray:
    """Pixels, or the (y, x) of all vertices."""
    if isinstance(layer, ShapesLayer):
        return np.concatenate(layer.data)[:, -2:]
    return np.asarray(layer)[:, -2:] if isinstance(layer, PointsLayer) else np.asarray(layer)


def same(one: Result, other: Result):
    assert len(one.layers) == len(other.layers)
    for a, b in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(one.tables.values(), other.tables.values(), strict=True):
        assert a.equals(b)


def given(name, discs):
    return discs if name in IMAGES else np.asarray(ccc.threshold(discs))


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_catalogue_declares_the_kind_of_every_input(name):
    assert list(signature.input_kinds(name)) == signature.inputs(name)


@pytest.mark.parametrize("name", FORMS)
def test_signature_says_what_forms_and_flags_need(name):
    function = operations.function(name)
    assert function.__name__ == name
    assert inspect.isgeneratorfunction(function)
    assert signature.summary(name).endswith(".")
    assert all(signature.input_help(name).values())
    parameters = signature.parameters(name)
    preset = signature.preset_of(name)
    # a ninth is a second function; what a preset sets is one choice
    assert len(parameters.keys() - preset.values_of(preset.default).keys()) <= 8
    for parameter in parameters.values():
        assert parameter.help, parameter.name
        kind = parameter.plain_type
        assert kind is parameter.type or parameter.name in preset.values_of(preset.default)
        literal = get_origin(kind) is Literal
        assert literal or kind in (bool, int, float, str, Path) or kind == Path | None
        if literal:
            assert all(isinstance(choice, str) for choice in get_args(kind))
        if kind in (int, float):
            assert "min" in parameter.options
    assert checked(name, {p.name: p.default for p in parameters.values()}) is not None


@pytest.mark.parametrize("name", QUICK)
def test_the_input_is_left_as_it_was_and_repeats_are_equal(name, few):
    data = given(name, few)
    before = data.copy()
    first = call(name, data)
    np.testing.assert_array_equal(data, before)
    same(first, call(name, data))
    assert first.layers or first.tables


@pytest.mark.parametrize("name", SHARED)
def test_memory_layout_does_not_matter(name, few):
    data = given(name, few)
    wide = np.repeat(np.repeat(data, 2, axis=0), 3, axis=1)
    expected = call(name, data)
    same(expected, call(name, wide[::2, ::3]))
    same(expected, call(name, np.asfortranarray(data)))
    locked = data.copy()
    locked.flags.writeable = False
    same(expected, call(name, locked))


@pytest.mark.parametrize("name", SHARED_IMAGES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_every_dtype_is_taken(name, dtype, discs):
    result = call(name, discs[:70, :90].astype(dtype))
    for layer in result.layers:
        data = np.asarray(layer)
        expected = tuple(max(1, round(n / layer.placement.stride)) for n in (70, 90))
        assert data.shape == expected


@pytest.mark.parametrize("name", SHARED_IMAGES)
def test_colour_is_made_grey_at_the_door(name, discs):
    part = discs[:70, :90]
    colour = np.stack([part] * 3, axis=-1)
    same(call(name, part), call(name, colour))
    tinted = colour.copy()
    tinted[..., 0] = 255 - tinted[..., 0]
    assert any("luminance" in note for note in call(name, tinted).notes)


@pytest.mark.parametrize("name", SHARED_IMAGES)
def test_missing_pixels_have_a_defined_result(name, discs):
    image = discs[:70, :90].astype(float)
    image[3:6, 4] = np.nan
    image[40, 50] = np.inf
    result = call(name, image)
    for layer in result.layers:
        data = np.asarray(layer)
        if (
            layer.placement.stride == 1
            and isinstance(layer, ImageLayer)
            and not OPERATIONS[name].planar
        ):
            good = np.ones(data.shape, bool)
            good[3:6, 4] = good[40, 50] = False
            assert np.isfinite(data[good]).all()


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("image", [np.full((30, 30), np.nan), np.full((9, 9), np.inf)])
def test_an_image_without_a_finite_pixel_is_refused(name, image):
    with pytest.raises(ValueError, match=r"no finite pixel|window"):
        call(name, image)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in IMAGES for value in ((0, 7, 255) if name in SHARED else (7,))],
)
def test_a_constant_image_has_a_result_or_a_sentence(name, value):
    try:
        result = call(name, np.full((64, 64), value, np.uint8))
    except ValueError as error:
        assert "too few" in str(error)
    else:
        for layer in result.layers:
            data = values(layer)
            assert np.isfinite(data).all() or layer.name.startswith("probability")


BLURS = [
    (name, key)
    for name in SHARED_IMAGES
    for key in signature.parameters(name)
    if key in ("sigma", "blur")
]


@pytest.mark.parametrize(("name", "key"), BLURS)
@pytest.mark.parametrize("value", [1e9, 1e19, 2**70])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_blur_far_beyond_the_image_is_a_sentence(name, key, value, dtype, few):
    with pytest.raises(ValueError, match="nothing of it would remain"):
        call(name, few.astype(dtype), **{key: value})


@pytest.mark.parametrize("name", [one for one in SHARED if signature.calibrated(one)])
@pytest.mark.parametrize("spacing", [1e-300, (1e-300, 1e300), 1e300])
def test_a_pixel_size_that_no_pixel_has_is_a_sentence(name, spacing, few):
    with pytest.raises(ValueError, match=r"it must be between 1e-30 and 1e.30"):
        call(name, given(name, few), spacing=spacing, unit="nm")


@pytest.mark.parametrize("name", FORMS)
def test_an_array_larger_than_memory_that_repeats_its_numbers_is_a_sentence(name):
    giant = np.broadcast_to(np.uint8(1), (10**6, 10**6))
    for one in (giant, Micrograph(giant)):
        with pytest.raises(ValueError, match="repeats its numbers"):
            getattr(ccc, name)(one, *[giant] * len(further(name, np.zeros((2, 2)))))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5,), ()])
def test_what_has_no_pixels_is_refused(name, shape):
    with pytest.raises(ValueError):
        call(name, np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in FORMS
        for shape in ([(1, 1), (1, 9), (2, 2), (3, 4)] if name in SHARED else [(1, 9)])
    ],
)
def test_tiny_images_have_a_result_or_a_sentence(name, shape, rng):
    data = rng.integers(0, 3, shape).astype(np.uint8)
    try:
        call(name, data)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize("name", STACKED)
def test_a_stack_keeps_its_shape(name, discs):
    stack = np.stack([discs[:60, :80]] * 2)
    for layer in call(name, stack).layers:
        assert np.asarray(layer).shape == stack.shape


@pytest.mark.parametrize("name", PLANAR)
def test_a_stack_goes_slice_by_slice_where_a_function_takes_one(name, few):
    stack = np.stack([few, few[::-1]])
    with pytest.raises(ValueError, match="pick a slice"):
        run(operations.function(name)(stack, *further(name, stack)))
    found = call(name, stack)
    each = [call(name, plane) for plane in stack]
    for number, layer in enumerate(found.layers):
        alone = [values(one.layers[number]) for one in each]
        drawn = isinstance(layer, PointsLayer | ShapesLayer)
        joined = np.concatenate(alone) if drawn else alone
        np.testing.assert_array_equal(values(layer), joined)
        assert layer.placement.stride == each[0].layers[number].placement.stride
    assert all(set(table["index_0"]) == {0, 1} for table in found.tables.values())
    assert found.layers or found.tables


@pytest.mark.parametrize("name", LAZY)
def test_lazy_in_lazy_out_and_equal(name, discs):
    stack = np.stack([discs, discs[::-1]])
    lazy = call(name, da.from_array(stack, chunks=(1, 50, 70)))
    whole = call(name, stack)
    for one, other in zip(lazy.layers, whole.layers, strict=True):
        data = one.labels if hasattr(one, "labels") else one.data
        assert isinstance(data, da.Array)
        np.testing.assert_allclose(np.asarray(data), np.asarray(other), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [one for one in SHARED_IMAGES if one != ONE_NETWORK])
def test_chunks_without_pixels_change_nothing(name, few):
    height, width = few.shape
    chunks = [((0, 30, height - 30), (width, 0)), ((30, height - 30), (width,))]
    odd, even = (call(name, da.from_array(few, chunks=one)) for one in chunks)
    same(odd, even)
    assert odd.facts == even.facts


@pytest.mark.parametrize("name", ["denoise", "glcm_features", "explain"])
def test_a_16_bit_ramp_keeps_more_than_a_thousand_levels(name, ramp16):
    noisy = (ramp16 * 0.9 + np.random.default_rng(0).integers(0, 3000, ramp16.shape)).astype(
        np.uint16
    )
    choices = {"levels": 256, "window": 9} if name == "glcm_features" else {}
    if name == "explain":
        choices = {"signed": True}
    (layer,) = call(name, noisy, **choices).layers
    assert len(np.unique(np.asarray(layer))) > 1000


@pytest.mark.parametrize("name", ["threshold", "kmeans"])
def test_labels_cut_a_16_bit_ramp_at_levels_that_8_bit_cannot_name(name, ramp16):
    low = (ramp16 // 300).astype(np.uint16) + 20_000
    # 219 levels, all within a single step of 8 bit
    result = call(name, low)
    assert (np.bincount(np.asarray(result).ravel())[1:] > low.size / 8).all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_scripts_get_the_docstring_and_the_signature(name):
    function, own = getattr(ccc, name), operations.function(name)
    names, added = list(inspect.signature(function).parameters), ("info_bar", "report")
    assert "report" in names
    # images of scripts may have an info bar, whatever is done with them
    assert [one for one in names if one not in added] == [
        one for one in inspect.signature(own).parameters if one not in added
    ]
    # progress is explained beside what the operation says
    lines = [line.strip() for line in function.__doc__.splitlines()]
    assert {line.strip() for line in own.__doc__.splitlines()} <= set(lines)
    assert any("report" in line for line in lines)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no operation"):
        operations.function("frobnicate")
    with pytest.raises(AttributeError):
        ccc.frobnicate  # noqa: B018
