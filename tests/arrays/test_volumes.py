from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.volumes import map_volumes
from napari_visual_ccc.core.pixel_size import diameter_of
from napari_visual_ccc.core.progress import run

# thick slices, as of FIB-SEM: nm
VOXEL = (4.0, 2.0, 2.0)


def ball(centre, radius, shape=(40, 80, 80), voxel=VOXEL):
    places = np.indices(shape).reshape(3, -1).T * voxel
    inside = ((places - np.asarray(centre)) ** 2).sum(axis=1) <= radius**2
    return inside.reshape(shape)


@pytest.fixture
def balls():
    """Two balls of 20 and 24 nm radius that touch along z; 8 nm wide voxels would split in 2D."""
    return ball((40, 80, 80), 24) | ball((80, 80, 80), 20)


@pytest.fixture
def noisy(balls):
    rng = np.random.default_rng(1)
    image = np.where(balls, 180.0, 60.0) + rng.normal(0, 15, balls.shape)
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("lazy", [False, True])
def test_touching_balls_are_split_in_space(balls, lazy):
    given = da.from_array(balls, chunks=(11, 30, 30)) if lazy else balls
    found = ccc.watershed_split(given, VOXEL, "nm", dimensions="3D")
    split = np.asarray(found.labels)
    assert split.max() == 2
    np.testing.assert_array_equal(split > 0, balls)
    assert split[10, 40, 40] != split[22, 40, 40]
    volumes = np.bincount(split.ravel())[1:] * 16
    expected = [4 / 3 * np.pi * radius**3 for radius in (24, 20)]
    np.testing.assert_allclose(sorted(volumes, reverse=True), expected, rtol=0.06)
    if lazy:
        assert isinstance(found.labels, da.Array)
    else:
        assert found.table["volume_nm3"].sum() == balls.sum() * 16


def test_the_step_between_slices_counts_when_splitting():
    # a dumb-bell along z whose neck is narrow, in voxels of which the slices lie far apart or near
    labels = np.zeros((13, 30, 30), bool)
    labels[:, 12:18, 12:18] = True
    labels[[*range(5), *range(8, 13)], 5:25, 5:25] = True
    flat, tall = (
        ccc.watershed_split(labels, (z, 1.0, 1.0), "nm", tolerance=3.0, dimensions="3D")
        for z in (0.2, 5.0)
    )
    assert flat.facts["objects"] == 1
    assert tall.facts["objects"] == 2


def test_volumes_of_a_series_are_apart(balls):
    series = np.stack([balls, np.zeros_like(balls), balls])
    found = ccc.watershed_split(series, VOXEL, "nm", dimensions="3D")
    assert [set(np.unique(volume)) - {0} for volume in found.labels] == [{1, 2}, set(), {3, 4}]
    lazy = ccc.watershed_split(
        da.from_array(series, chunks=(2, 20, 40, 80)), VOXEL, "nm", dimensions="3D"
    )
    numbers = [set(np.unique(volume)) - {0} for volume in lazy.labels.compute()]
    assert [len(one) for one in numbers] == [2, 0, 2]
    assert not numbers[0] & numbers[2]
    table = ccc.region_table(lazy.labels, None, VOXEL, "nm", dimensions="3D").table
    assert table["index_0"].tolist() == [0, 0, 2, 2]


def test_a_blur_in_space_finds_balls_in_noise(balls):
    grainy = np.where(balls, 180.0, 60.0) + np.random.default_rng(1).normal(0, 90, balls.shape)
    found = {
        dimensions: ccc.threshold(grainy, VOXEL, "nm", sigma=1.5, dimensions=dimensions).labels > 0
        for dimensions in ("2D", "3D")
    }
    wrong = {key: (labels != balls).sum() for key, labels in found.items()}
    assert wrong["3D"] < 0.7 * wrong["2D"]


def test_thresholds_without_blur_do_not_know_of_dimensions(noisy):
    flat, solid = (
        ccc.threshold(noisy, sigma=0, objects="border", dimensions=d) for d in ("2D", "3D")
    )
    np.testing.assert_array_equal(flat.labels, solid.labels)
    assert flat.facts == solid.facts
    row = ccc.threshold(noisy, VOXEL, "nm", dimensions="3D").table.iloc[0]
    assert row["volume_nm3"] == 16 * row["pixels"]


def test_small_objects_are_told_by_their_voxels():
    image = np.zeros((10, 30, 30), np.uint8)
    # in each slice too small to stay, as a rod along z not
    image[:, 4:6, 4:6] = 200
    image[4:6, 15:25, 15:25] = 200
    choices = {"sigma": 0.0, "min_diameter": diameter_of(30, 3), "objects": "bright"}
    flat, solid = (ccc.threshold(image, dimensions=d, **choices) for d in ("2D", "3D"))
    assert (flat.labels.sum(), solid.labels.sum()) == (200, 240)
    assert solid.table["pixels"].tolist() == [240, image.size - 240]
    lazy = ccc.threshold(da.from_array(image, chunks=(3, 10, 30)), dimensions="3D", **choices)
    np.testing.assert_array_equal(lazy.labels.compute(), solid.labels)
    assert lazy.table.equals(solid.table)


def test_volumes_of_a_series_can_have_their_own_threshold(noisy):
    series = np.stack([noisy, noisy // 2 + 10])
    found = ccc.threshold(series, VOXEL, "nm", dimensions="3D", scope="slice")
    alone = [ccc.threshold(volume, VOXEL, "nm", dimensions="3D") for volume in series]
    np.testing.assert_array_equal(found.labels, [one.labels for one in alone])
    assert found.facts["thresholds"] == [one.facts["thresholds"] for one in alone]
    lazy = da.from_array(series, chunks=(1, 16, 50, 80))
    lazy = ccc.threshold(lazy, VOXEL, "nm", dimensions="3D", scope="slice")
    np.testing.assert_array_equal(lazy.labels.compute(), found.labels)


METHODS = ["non-local means", "total variation", "wavelet", "median", "gaussian"]


@pytest.mark.parametrize("method", METHODS)
def test_slices_help_one_another_against_noise(method):
    rng = np.random.default_rng(0)
    clean = ndimage.gaussian_filter(rng.normal(size=(16, 48, 48)), 3) * 1000 + 100
    noisy = clean + rng.normal(0, 20, clean.shape)
    errors = [
        np.sqrt(np.mean((ccc.denoise(noisy, method=method, dimensions=d).data - clean) ** 2))
        for d in ("2D", "3D")
    ]
    assert errors[1] < 0.95 * errors[0] < 15


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("voxel", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (0.5, 1.0, 1.0)])
def test_blocks_and_chunks_give_what_the_whole_volume_gives(method, voxel):
    rng = np.random.default_rng(0)
    volume = rng.normal(100, 20, (2, 22, 20, 8)).astype(np.float32)
    volume[1, 3, 4, 5] = np.nan
    choices = {"spacing": voxel, "unit": "nm", "method": method, "dimensions": "3D"}
    # chunks smaller than the halos, and one chunk a volume
    lazy, uncut = (
        ccc.denoise(da.from_array(volume, chunks=chunks), **choices).data
        for chunks in ((1, 9, 9, 8), (1, 22, 20, 8))
    )
    assert isinstance(lazy, da.Array)
    expected = uncut.compute()
    np.testing.assert_allclose(ccc.denoise(volume, **choices).data, expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-5, atol=1e-3)
    assert np.isnan(expected[1, 3, 4, 5])


def test_thin_chunks_give_what_the_whole_volume_gives_but_for_rounding():
    rng = np.random.default_rng(0)
    volume = 1000 * ndimage.gaussian_filter(rng.normal(size=(8, 40, 30)), (1, 3, 3))
    volume[rng.random(volume.shape) < 0.01] = np.nan
    volume = volume.astype(np.float32)
    whole = ccc.denoise(volume, dimensions="3D").data
    lazy = ccc.denoise(da.from_array(volume, chunks=(1, 7, 30)), dimensions="3D").data.compute()
    np.testing.assert_allclose(lazy, whole, rtol=0, atol=1e-6 * np.nanmax(np.abs(whole)))


@pytest.mark.parametrize("method", ["median", "gaussian"])
def test_slices_far_apart_do_not_blur_into_each_other(method):
    rng = np.random.default_rng(0)
    volume = np.zeros((9, 40, 40))
    volume[::2] = 100
    volume += rng.normal(0, 10, volume.shape)
    near, far = (
        # the whole effect of the filter: slices of other grey levels are structure, which is kept
        ccc.denoise(
            volume,
            (z, 1.0, 1.0),
            "nm",
            method=method,
            dimensions="3D",
            strength=3.0,
            cautious=False,
        ).data
        for z in (1.0, 50.0)
    )
    contrast = [found[::2].mean() - found[1::2].mean() for found in (near, far)]
    assert contrast[1] > 95
    assert contrast[0] < contrast[1]


@pytest.mark.parametrize("shape", [(50, 40, 30), (2, 1, 17, 9)])
@pytest.mark.parametrize("voxels", [1, 4000, 1 << 22])
def test_blocks_give_what_whole_volumes_give(shape, voxels):
    volume = np.random.default_rng(0).random(shape)

    def smooth(part):
        return ndimage.uniform_filter(part, (3, 5, 7), mode="reflect")

    found = run(map_volumes(smooth, volume, dtype=float, halo=(1, 2, 3), voxels=voxels))
    whole = run(map_volumes(smooth, volume, dtype=float))
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("shape", "choices", "words"),
    [
        ((9, 9), {"dimensions": "3D"}, "has no third dimension"),
        ((4, 9, 9), {"dimensions": "4D"}, "choose 2D or 3D"),
        ((4, 9, 9), {"dimensions": "3D", "spacing": (1, 1), "unit": "nm"}, "step between slices"),
        ((4, 9, 9), {"dimensions": "3D", "spacing": (0, 1, 1), "unit": "nm"}, "above zero"),
    ],
)
@pytest.mark.parametrize("name", ["denoise", "threshold", "watershed_split", "region_table"])
def test_what_is_no_volume_is_refused(name, shape, choices, words):
    with pytest.raises(ValueError, match=words):
        getattr(ccc, name)(np.eye(9, dtype=np.uint8) * np.ones(shape, np.uint8), **choices)


def test_slices_alone_are_what_a_loop_gives(noisy):
    series = noisy[:6, 20:60, 20:60].reshape(2, 3, 40, 40)
    masks = (series > 120).astype(np.uint8)
    split = ccc.watershed_split(masks).labels
    table = ccc.region_table(split, series).table
    for index in np.ndindex(2, 3):
        if not masks[index].any():
            continue
        alone = ccc.watershed_split(masks[index]).labels
        first = split[index].max() - alone.max()
        np.testing.assert_array_equal(np.where(split[index], split[index] - first, 0), alone)
        rows = table[(table["index_0"] == index[0]) & (table["index_1"] == index[1])]
        expected = ccc.region_table(alone, series[index]).table
        rows = rows.drop(columns=["label", "index_0", "index_1"]).reset_index(drop=True)
        assert rows.equals(expected.drop(columns="label"))
