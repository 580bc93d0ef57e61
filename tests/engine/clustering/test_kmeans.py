from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples


def test_clusters_are_numbered_by_mean_intensity_and_add_up(discs):
    found = ccc.kmeans(discs, 0.5, "nm", clusters=4)
    table = found.table
    assert table["mean_intensity"].is_monotonic_increasing
    assert table["area_percent"].sum() == pytest.approx(100)
    assert table["area_nm2"].sum() == pytest.approx(discs.size * 0.25)
    for label, mean, pixels in table[["label", "mean_intensity", "pixels"]].to_numpy():
        assert discs[found.labels == label].mean() == pytest.approx(mean)
        assert (found.labels == label).sum() == pixels


def test_lazy_equals_numpy(rng):
    image = rng.integers(0, 4000, (2, 60, 50)).astype(np.uint16)
    whole = ccc.kmeans(image, clusters=3)
    lazy = ccc.kmeans(da.from_array(image, chunks=(1, 25, 50)), clusters=3)
    assert isinstance(lazy.labels, da.Array)
    np.testing.assert_array_equal(lazy.labels.compute(), whole.labels)


def test_a_16_bit_ramp_is_cut_in_equal_thirds(ramp16):
    found = ccc.kmeans(ramp16, clusters=3)
    np.testing.assert_allclose(found.facts["thresholds"], [65536 / 3, 2 * 65536 / 3], rtol=1e-3)


def test_missing_pixels_belong_to_no_cluster(rng):
    image = rng.normal(size=(20, 20))
    image[3, 4] = np.nan
    for features in ("intensity", "multiscale"):
        found = ccc.kmeans(image, clusters=2, features=features)
        assert found.labels[3, 4] == 0
        assert found.table["pixels"].sum() == 399


def test_fewer_levels_than_clusters_are_said():
    found = ccc.kmeans(np.array([[1, 1], [9, 9]], np.uint8), clusters=3)
    assert found.labels.max() == 2
    assert "2 distinct grey levels" in found.notes[0]
    assert "constant" in ccc.kmeans(np.zeros((4, 4)), clusters=3).notes[0]


def test_target_cluster_gives_a_mask_and_its_share(discs):
    labels = ccc.kmeans(discs, clusters=2).labels
    found = ccc.select_cluster(labels, (0.5, 0.5), "nm", cluster=1)
    np.testing.assert_array_equal(found.labels, labels == 1)
    row = found.table.iloc[0]
    assert row["area_percent"] == pytest.approx(100 * (labels == 1).mean())
    assert row["area_nm2"] == pytest.approx((labels == 1).sum() / 4)


def test_a_cluster_that_is_not_there_is_named(discs):
    labels = ccc.kmeans(discs, clusters=2).labels
    with pytest.raises(ValueError, match="no cluster 7; labels hold 1, 2"):
        ccc.select_cluster(labels, cluster=7)
    with pytest.raises(ValueError, match="run k-means first"):
        ccc.select_cluster(discs / 2.0)


def test_any_number_of_clusters():
    ramp = np.arange(6000, dtype=np.uint16).reshape(75, 80) * 10
    found = ccc.kmeans(ramp, clusters=300, sigma=0)
    assert found.labels.dtype == np.uint16
    assert len(found.table) == len(np.unique(found.labels)) == 300
    widths = np.bincount(found.labels.ravel())[1:]
    assert widths.max() - widths.min() <= 2
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    alone = ccc.kmeans(every, clusters=256, sigma=0)
    np.testing.assert_array_equal(alone.labels, every.astype(int) + 1)
    assert ccc.kmeans(every, clusters=255).labels.dtype == np.uint8


@pytest.mark.parametrize("lazy", [False, True])
def test_many_clusters_of_features_and_of_slices(rng, lazy):
    image = rng.integers(0, 4000, (2, 24, 24)).astype(np.uint16)
    given = da.from_array(image, chunks=(1, 24, 24)) if lazy else image
    for choices in ({"features": "multiscale", "sample": 1000}, {"scope": "slice"}):
        found = ccc.kmeans(given, clusters=260, **choices)
        labels = np.asarray(found.labels)
        assert labels.dtype == found.labels.dtype == np.uint16
        assert 255 < labels.max() <= 260


@pytest.mark.parametrize(
    ("choices", "words"),
    [({"clusters": 1}, "2 to 65535"), ({"features": "smell"}, "intensity, multiscale")],
)
def test_wrong_choices_are_refused(discs, choices, words):
    with pytest.raises(ValueError, match=words):
        ccc.kmeans(discs, **choices)


def test_the_number_of_clusters_that_memory_allows_is_in_the_help():
    every = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    with pytest.raises(ValueError, match=r"8193 clusters of 65,536 .* choose at most 8192"):
        ccc.kmeans(every, clusters=8193, sigma=0)
    assert "8,192 clusters of 65,536" in " ".join(ccc.kmeans.__doc__.split())


def test_a_pixel_without_size_is_refused(discs):
    with pytest.raises(ValueError, match="above zero"):
        ccc.kmeans(discs, 0.0, "nm")


@pytest.mark.parametrize("name", ["superalloy", "nanoparticles", "powder"])
@pytest.mark.parametrize("blur", [0, 2])
def test_a_micrograph_is_not_taken_for_clusters(name, blur):
    from scipy.ndimage import gaussian_filter

    from napari_visual_ccc import samples

    grey = gaussian_filter(samples.load(name).data, blur)
    level = int(np.median(grey))
    for given in (grey, grey.astype(np.uint16) * 3, np.stack([grey] * 2)):
        with pytest.raises(ValueError, match="look like a grey image"):
            ccc.select_cluster(given, cluster=level * (3 if given.dtype == np.uint16 else 1))


@pytest.mark.parametrize("clusters", [2, 17, 60, 90])
def test_clusters_of_noise_are_no_micrograph(rng, clusters):
    labels = ccc.kmeans(rng.normal(size=(100, 120)), clusters=clusters).labels
    found = ccc.select_cluster(labels, cluster=clusters)
    np.testing.assert_array_equal(found.labels, labels == clusters)
    if clusters <= 60:
        # the blank rows of an info bar
        labels[90:] = 0
        ccc.select_cluster(labels, cluster=1)


@pytest.mark.parametrize("clusters", [90, 254, 300])
@pytest.mark.parametrize("lost", ["pixels", "rows", "bright", "dark", "none"])
def test_many_clusters_with_missing_pixels_are_clusters(rng, clusters, lost):
    from scipy.ndimage import gaussian_filter

    image = gaussian_filter(rng.normal(size=(60, 80)), 1.5) * 100 + rng.normal(size=(60, 80))
    level = np.percentile(image, 15 if lost == "dark" else 85)
    missing = {
        "pixels": rng.random(image.shape) < 0.002, "rows": np.arange(60)[:, None] >= 54,
        "bright": image > level, "dark": gaussian_filter(image, 2) < level, "none": False,
    }[lost]  # fmt: skip
    labels = ccc.kmeans(np.where(missing, np.nan, image), clusters=clusters).labels
    found = ccc.select_cluster(labels, cluster=clusters)
    np.testing.assert_array_equal(found.labels, labels == clusters)
    assert found.table["area_percent"][0] == pytest.approx(
        100 * np.mean(labels[labels > 0] == clusters)
    )


def test_a_range_beyond_counting_is_refused():
    with pytest.raises(ValueError, match="scale them"):
        ccc.kmeans(np.array([[-1e308, 1e308]]))


def test_the_clusters_of_a_grey_image_are_not_all_listed():
    grey = np.arange(1, 101, dtype=np.uint8).reshape(10, 10)
    with pytest.raises(
        ValueError, match=r"hold 1, .*, 12 and 88 more: of a grey image, run k-means"
    ):
        ccc.select_cluster(grey, cluster=200)


def test_a_map_speckled_by_noise_is_said_and_denoising_mends_it():
    image = samples.load("superalloy").data[:256, :256]
    (note,) = ccc.kmeans(image, sigma=0).notes
    assert note.startswith("the clusters are speckled: 5% of the pixels")
    assert "blur more (sigma), denoise" in note
    assert ccc.kmeans(ccc.denoise(image), sigma=0).notes == ()
    assert ccc.kmeans(image.astype(float) // 128, clusters=2, sigma=0).notes == ()
    # a stack by its middle slice
    (note,) = ccc.kmeans(np.stack([image // 128 * 128, image, image]), sigma=0).notes
    assert note.startswith("the clusters are speckled")
    # the default blur is enough
    assert ccc.kmeans(image).notes == ()


def two_phases(rng, dtype):
    """Left half 100, right half 140, with noise that makes a tenth of the pixels wrong."""
    image = np.full((64, 80), 100.0)
    image[:, 40:] = 140
    noisy = (image + rng.normal(0, 16, image.shape)).clip(0, 255)
    return noisy.astype(dtype), 1 + (image > 120)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_blur_takes_noise_out_and_leaves_the_boundary(rng, dtype):
    image, true = two_phases(rng, dtype)
    wrong = [np.mean(ccc.kmeans(image, clusters=2, sigma=s).labels != true) for s in (0, 1)]
    assert 0.07 < wrong[0] < 0.15
    assert wrong[1] < 0.01
    found = ccc.kmeans(image, clusters=2)
    np.testing.assert_array_equal(found.labels, ccc.kmeans(image, clusters=2, sigma=1).labels)
    # numbers are grey levels of the image, not of its blur
    assert found.facts["thresholds"] == pytest.approx([120], abs=3)
    assert found.facts["centres"] == pytest.approx([100, 140], abs=3)
    for label, mean in found.table[["label", "mean_intensity"]].to_numpy():
        assert image[found.labels == label].mean(dtype=float) == pytest.approx(mean, rel=1e-6)


def test_the_blur_of_a_step_is_known(rng):
    # rows alike; with 0 | 90, a pixel of 90 alone would be the second cluster
    image = np.zeros((40, 41), np.float32)
    image[:, 20:] = 90
    image[:, 10] = 90
    plain = ccc.kmeans(image, clusters=2, sigma=0)
    assert (plain.labels[:, 10] == 2).all()
    assert plain.facts["centres"] == [0, 90]
    blurred = ccc.kmeans(image, clusters=2, sigma=1)
    # 90 times the middle of a Gaussian of 1 pixel, 0.4, is below the middle of both clusters
    np.testing.assert_array_equal(blurred.labels, 1 + (np.arange(41) >= 20) * np.ones((40, 1), int))


@pytest.mark.parametrize("lazy", [False, True])
def test_missing_pixels_stay_and_do_not_spread_with_the_blur(rng, lazy):
    image, true = two_phases(rng, np.float32)
    missing = np.zeros(image.shape, bool)
    missing[20:24, 30:50] = missing[0, :5] = missing[50, 70] = True
    given = np.where(missing, np.nan, image)
    given = da.from_array(given, chunks=(20, 80)) if lazy else given
    found = ccc.kmeans(given, clusters=2, sigma=1.5)
    labels = np.asarray(found.labels)
    np.testing.assert_array_equal(labels == 0, missing)
    assert found.table["pixels"].sum() == (~missing).sum()
    assert np.mean(labels[~missing] != true[~missing]) < 0.015


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_a_constant_image_is_one_cluster_with_the_blur(dtype):
    for level in (0, 1, 127, 250, 255):
        found = ccc.kmeans(np.full((12, 15), level, dtype), sigma=2)
        assert len(found.table) == 1
        assert found.table["mean_intensity"][0] == level


def test_the_blur_is_the_same_by_slice_and_not_taken_across_slices(rng):
    slices = np.stack([two_phases(rng, np.uint8)[0] for _ in range(3)])
    found = ccc.kmeans(slices, clusters=2, scope="slice", sigma=2).labels
    for slice_, labels in zip(slices, found, strict=True):
        np.testing.assert_array_equal(labels, ccc.kmeans(slice_, clusters=2, sigma=2).labels)


def test_features_are_those_of_the_image_itself(rng):
    image, _ = two_phases(rng, np.uint8)
    with pytest.warns(UserWarning, match="has no effect: it belongs to features='intensity'"):
        one, other = (ccc.kmeans(image, clusters=2, features="multiscale", sigma=s) for s in (0, 5))
    np.testing.assert_array_equal(one.labels, other.labels)


def test_a_blur_without_meaning_is_refused(discs):
    for sigma, words in ((-1, "sigma"), (float("nan"), "sigma"), (1e6, "nothing of it")):
        with pytest.raises(ValueError, match=words):
            ccc.kmeans(discs, sigma=sigma)
