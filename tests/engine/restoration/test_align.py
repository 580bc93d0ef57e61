from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import shift
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc.cli.main import main

SETS = (
    "segmentation/super1/train/images",
    "segmentation/ebc1/train/images",
    "ampis_powder/images",
    "nanocomposite/images",
)
DRIFT = np.array([(0, 0), (1.3, -2.6), (4.75, -3.1), (3.2, 8.4), (-20.5, 11.25)])


@pytest.fixture(params=SETS)
def picture(request, data):
    image = imread(sorted((data / request.param).iterdir())[0]).astype(float)
    return (image if image.ndim == 2 else image[..., :3].mean(axis=-1))[:400, :420]


def drifting(picture, drift, noise=0.0):
    """A window of 300 pixels on a picture that moves."""
    rng = np.random.default_rng(0)
    slices = [shift(picture, move, order=5, mode="mirror")[50:350, 60:360] for move in drift]
    return np.stack([one + rng.normal(0, noise, one.shape) for one in slices])


def measured(result):
    return result.table[["drift_y_px", "drift_x_px"]].to_numpy()


@pytest.mark.parametrize("reference", ["previous", "first"])
def test_drift_is_found_to_a_tenth_of_a_pixel(picture, reference):
    result = ccc.align_stack(drifting(picture, DRIFT), 2.0, "nm", reference=reference)
    errors = np.hypot(*(measured(result) - DRIFT).T)
    # from slice to slice errors may add up
    assert errors.max() < (0.1 if reference == "first" else 0.2), errors
    np.testing.assert_allclose(result.table["drift_x_nm"], 2 * result.table["drift_x_px"])
    assert (result.table["match"] > 0.9).all()


def test_each_step_is_found_to_a_tenth_of_a_pixel_in_noise(picture):
    result = ccc.align_stack(drifting(picture, DRIFT, noise=0.3 * picture.std()))
    steps = np.diff(measured(result), axis=0) - np.diff(DRIFT, axis=0)
    assert np.hypot(*steps.T).max() < 0.15


@pytest.mark.parametrize("subpixel", [True, False])
def test_aligned_slices_lie_on_the_first(picture, subpixel):
    stack = drifting(picture, DRIFT)
    result = ccc.align_stack(stack, reference="first", subpixel=subpixel)
    assert result.data.dtype == np.float32
    np.testing.assert_array_equal(result.data[0], stack[0].astype(np.float32))
    inner = np.s_[:, 25:-25, 25:-25]
    assert np.isfinite(result.data[inner]).all()
    left = np.abs(result.data[inner] - result.data[inner][0])[1:].mean()
    before = np.abs(stack[inner] - stack[inner][0])[1:].mean()
    assert left < (0.15 if subpixel else 0.5) * before
    # what moved in is not made up
    assert np.isnan(result.data[4][:20]).all()
    assert np.isnan(result.data[3][:, -8:]).all()
    if not subpixel:
        assert set(np.unique(result.data[1][20:-20, 20:-20])) <= set(
            np.unique(stack[1]).astype(np.float32)
        )


def test_lazy_stacks_stay_lazy_and_give_the_same(picture):
    stack = drifting(picture, DRIFT[:3])
    lazy = ccc.align_stack(da.from_array(stack, chunks=(2, 128, 128)))
    assert isinstance(lazy.data, da.Array)
    whole = ccc.align_stack(stack)
    assert lazy.table.equals(whole.table)
    np.testing.assert_array_equal(np.asarray(lazy.data), whole.data)


def test_slices_follow_the_nearest_axis_of_a_series(rng):
    from scipy.ndimage import gaussian_filter

    depths = [100 * gaussian_filter(rng.normal(size=(128, 128)), 2) for _ in range(2)]
    depths[1] = 0.6 * depths[0] + 0.4 * depths[1]
    series = np.stack(
        [[np.roll(one, (2 * t, z - 3 * t), (0, 1)) for z, one in enumerate(depths)]
         for t in range(3)]
    )  # fmt: skip
    table = ccc.align_stack(series, subpixel=False).table
    assert list(table["index_0"]) == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(table["drift_y_px"], [0, 0, 2, 2, 4, 4], atol=0.2)
    np.testing.assert_allclose(table["drift_x_px"], [0, 1, -3, -2, -6, -5], atol=0.2)


def cut(picture, drift):
    """Windows of 128 pixels, moved by whole pixels."""
    return np.stack([picture[90 - y : 218 - y, 90 - x : 218 - x] for y, x in drift])


STEADY = np.array([(2 * number, -number) for number in range(10)])


@pytest.fixture
def alloy(data):
    return imread(sorted((data / SETS[0]).iterdir())[0]).astype(float)


def useless(kind, shape, seed=0):
    if kind != "noise":
        return np.full(shape, 7.0 if kind == "blank" else np.nan)
    return np.random.default_rng(seed).normal(100, 40, shape)


@pytest.mark.parametrize("reference", ["previous", "first"])
@pytest.mark.parametrize("kind", ["noise", "blank", "missing"])
@pytest.mark.parametrize("where", [(5,), (0,), (0, 1), (4, 5, 9)])
def test_drift_goes_on_across_bad_slices(alloy, reference, kind, where):
    stack = cut(alloy, STEADY)
    for place in where:
        stack[place] = useless(kind, stack[place].shape, place)
    result = ccc.align_stack(stack, reference=reference, subpixel=False)
    usable = [place for place in range(10) if place not in where]
    expected = STEADY - STEADY[usable[0]]
    for place in where:
        # it stays where the last was
        expected[place] = expected[place - 1] if place else 0
    expected[: usable[0]] = 0
    np.testing.assert_allclose(measured(result), expected, atol=0.1)
    assert result.notes == (
        "slices without a match keep the shift of the last one: "
        + ", ".join(str(place) for place in where),
    )
    assert (result.table["match"].iloc[usable[1:]] > 0.9).all()


def test_a_new_view_is_noted_and_the_old_one_may_return(alloy, data):
    other = imread(sorted((data / SETS[3]).iterdir())[0]).astype(float)
    drift = STEADY[:8]
    stack = cut(alloy, drift)
    stack[3:6] = cut(other, drift[3:6])
    result = ccc.align_stack(stack)
    expected = drift.copy()
    # the other view is followed from where the first was left
    expected[3:6] = drift[2] + drift[3:6] - drift[3]
    np.testing.assert_allclose(measured(result), expected, atol=0.2)
    assert result.notes == (
        "slices where a new view begins: 3; they are not aligned with those before",
    )


@pytest.mark.parametrize("reference", ["previous", "first"])
@pytest.mark.parametrize("kind", [None, "noise", "blank"])
@pytest.mark.parametrize("place", [(0, 0), (1, 0), (0, 1)])
def test_series_of_stacks_go_on_across_a_bad_slice(alloy, reference, kind, place):
    drift = np.array([[(5 * t + z, -2 * t + 2 * z) for z in range(3)] for t in range(3)])
    series = cut(alloy, drift.reshape(-1, 2)).reshape(3, 3, 128, 128)
    if kind is not None:
        series[place] = useless(kind, (128, 128))
    result = ccc.align_stack(series, reference=reference, subpixel=False)
    good = np.array([kind is None or index != place for index in np.ndindex(3, 3)])
    expected = drift.reshape(-1, 2) - drift.reshape(-1, 2)[good][0]
    np.testing.assert_allclose(measured(result)[good], expected[good], atol=0.1)
    if kind is not None:
        assert result.notes[0].endswith(f"keep the shift of the last one: {place}")


def test_missing_pixels_move_with_their_slice(picture):
    stack = drifting(picture, [(0, 0), (5, -4)])
    stack[1, 105:110, 100:104] = np.nan
    found = ccc.align_stack(stack, subpixel=False).data[1]
    assert np.isnan(found[100:105, 104:108]).all()
    assert np.isfinite(found[90:99, 90:103]).all()
    fine = ccc.align_stack(stack).data[1]
    assert np.isnan(fine[100:105, 104:108]).all()
    assert np.isfinite(fine[90:98, 90:102]).all()


def test_a_single_image_stays_as_it_is(discs):
    result = ccc.align_stack(discs)
    np.testing.assert_array_equal(result.data, discs.astype(np.float32))
    assert "single image" in result.notes[0]
    with pytest.raises(ValueError, match="choose previous or first"):
        ccc.align_stack(discs, reference="last")


def test_the_command_line_writes_the_drift(picture, tmp_path):
    from tifffile import imwrite

    path = tmp_path / "series.tif"
    imwrite(
        path, drifting(picture, DRIFT[:2]).astype(np.float32), imagej=True,
        metadata={"axes": "ZYX", "unit": "nm"}, resolution=(0.5, 0.5),
    )  # fmt: skip
    out = tmp_path / "out"
    assert main(["align_stack", str(path), "-o", str(out)]) == 0
    lines = (out / "series_align_stack.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "index_0,drift_y_px,drift_x_px,drift_y_nm,drift_x_nm,match"
    assert float(lines[2].split(",")[3]) == pytest.approx(2.6, abs=0.2)
    assert ccc.read(out / "series_align_stack.ome.tif").data.shape == (2, 300, 300)
