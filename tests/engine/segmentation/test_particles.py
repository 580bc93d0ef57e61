from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_visual_ccc as ccc
from napari_visual_ccc import samples


def lattice(step: int = 36, radius: int = 17, side: int = 200) -> np.ndarray:
    """Labels of close-packed discs: they cover more than half, and most of the border."""
    y, x = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    for row in range(-1, side // 30 + 2):
        for column in range(-1, side // step + 2):
            middle = row * step * 0.866, (column + row % 2 / 2) * step
            labels[(y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2] = labels.max() + 1
    return labels


@pytest.fixture(scope="module")
def packed() -> tuple[np.ndarray, np.ndarray]:
    labels = lattice()
    rng = np.random.default_rng(0)
    each = rng.uniform(0.8, 1.2, labels.max() + 1) * 90
    grey = gaussian_filter(60 + each[labels] * (labels > 0), 1) + rng.normal(0, 4, labels.shape)
    return np.uint8(grey), labels


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def write_label(image: np.ndarray) -> np.ndarray:
    """A white box with letters, and a scale bar, as in figures."""
    import cv2

    image = image.copy()
    cv2.rectangle(image, (0, 0), (60, 32), 255, -1)
    cv2.putText(image, "(a)", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2, cv2.LINE_AA)
    cv2.rectangle(image, (20, 190), (90, 194), 255, -1)
    return image


@pytest.mark.parametrize("inverted", [False, True])
def test_close_packed_discs_are_particles_though_they_fill_the_border(packed, inverted):
    image, truth = packed
    found = ccc.particles(255 - image if inverted else image)
    assert found.facts["objects"] == ("dark" if inverted else "bright")
    assert not found.facts["doubtful"]
    assert iou(found.labels > 0, truth > 0) > 0.9
    whole = np.unique(truth[truth > 0]).size
    assert abs(found.facts["particles"] - whole) <= 0.1 * whole
    # the border rule alone takes the gaps
    assert ccc.threshold(image, objects="border").facts["objects"] == "dark"


def test_lettering_and_boxes_neither_set_the_threshold_nor_become_particles():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:200, :200]
    truth = ((y - 100) ** 2 + (x - 60) ** 2 < 400) | ((y - 90) ** 2 + (x - 140) ** 2 < 500)
    image = np.uint8(gaussian_filter(50.0 + 30 * truth, 1) + rng.normal(0, 3, truth.shape))
    written = write_label(image)
    found = ccc.particles(written)
    assert found.facts["particles"] == 2
    assert iou(found.labels > 0, truth) > 0.9
    assert found.facts["annotated"] > 0.03
    assert any("lettering" in note for note in found.notes)
    kept = ccc.particles(written, annotations="keep")
    assert kept.labels[10, 55] > 0
    assert kept.facts["annotated"] == 0


def test_a_slope_larger_than_the_contrast_is_evened_out(packed):
    image, truth = packed
    slope = np.linspace(0, 150, image.shape[1])
    found = ccc.particles(image + slope)
    assert found.facts["uneven"]
    assert iou(found.labels > 0, truth > 0) > 0.85
    assert not ccc.particles(image).facts["uneven"]
    as_is = ccc.particles(image + slope, objects="bright", background="as it is")
    assert iou(as_is.labels > 0, truth > 0) < 0.75


def test_a_porous_particle_stays_whole():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:240, :240]
    truth = ((y - 80) ** 2 + (x - 80) ** 2 < 2500) | ((y - 165) ** 2 + (x - 165) ** 2 < 2500)
    pores = gaussian_filter(rng.normal(size=truth.shape), 2)
    image = 60 + truth * (80 + 30 * pores / pores.std()) + rng.normal(0, 4, truth.shape)
    found = ccc.particles(image)
    assert found.facts["particles"] == 2
    assert iou(found.labels > 0, truth) > 0.9
    assert ccc.watershed_split(ccc.threshold(image).labels).labels.max() > 20


def test_touching_cubes_are_split_at_gaps_that_the_threshold_does_not_reach():
    truth = np.zeros((240, 240), int)
    for row in range(5):
        for column in range(5):
            corner = 30 + 36 * row, 30 + 36 * column
            truth[corner[0] : corner[0] + 34, corner[1] : corner[1] + 34] = truth.max() + 1
    noise = np.random.default_rng(4).normal(0, 4, truth.shape)
    image = 200 - gaussian_filter(120.0 * (truth > 0), 2.5) + noise
    found = ccc.particles(image)
    assert found.facts["particles"] == 25
    assert iou(found.labels > 0, truth > 0) > 0.9


def test_parameters_follow_the_size_of_the_particles(packed):
    image, _ = packed
    small = ccc.particles(image)
    large = ccc.particles(np.kron(image, np.ones((3, 3), np.uint8)))
    assert large.facts["typical_radius"] == pytest.approx(
        3 * small.facts["typical_radius"], rel=0.1
    )
    assert large.facts["particles"] == pytest.approx(small.facts["particles"], abs=3)


def test_the_smallest_diameter_is_in_the_unit(packed):
    image, _ = packed
    everything = ccc.particles(image, 0.5, "nm")
    assert list(everything.table.columns) == ["label", "pixels", "area_nm2"]
    areas = everything.table["area_nm2"]
    least = float(np.sqrt(4 * areas.median() / np.pi))
    some = ccc.particles(image, 0.5, "nm", min_diameter=least)
    assert 0 < some.facts["particles"] < everything.facts["particles"]
    assert some.table["area_nm2"].min() >= 0.95 * areas.median()


def test_particles_at_the_border_can_be_removed(packed):
    image, _ = packed
    found = ccc.particles(image, border="remove").labels
    rim = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    assert not rim.any()
    assert found.max() == np.unique(found).size - 1 > 5


def test_noise_alone_is_doubtful():
    noise = np.random.default_rng(3).normal(100, 20, (200, 200))
    found = ccc.particles(noise)
    assert found.facts["doubtful"]
    assert any("doubtful" in note for note in found.notes)
    assert "doubtful" not in ccc.particles(noise, objects="dark").facts


def test_missing_pixels_belong_to_no_particle(packed):
    image, truth = packed
    holed = image.astype(float)
    holed[90:110, 90:110] = np.nan
    found = ccc.particles(holed)
    assert not found.labels[90:110, 90:110].any()
    assert iou(found.labels > 0, (truth > 0) & np.isfinite(holed)) > 0.88


def test_slices_share_a_side_and_numbers_go_on(packed):
    image, _ = packed
    stack = np.stack([image, image[::-1]])
    found = ccc.particles(stack)
    assert found.facts["objects"] == "bright"
    assert len(found.facts["sigma"]) == 2
    first, second = found.labels
    assert second[second > 0].min() == first.max() + 1
    assert len(found.table) == found.labels.max()
    lazy = ccc.particles(da.from_array(stack, chunks=(1, 64, 64))).labels
    assert isinstance(lazy, da.Array)
    np.testing.assert_array_equal(lazy.compute() > 0, found.labels > 0)
    assert np.unique(lazy.compute()).size == np.unique(found.labels).size


def test_wrong_choices_are_refused(packed):
    with pytest.raises(ValueError, match="grey level"):
        ccc.particles(np.full((40, 40), 7, np.uint8))
    with pytest.raises(ValueError, match="choose"):
        ccc.particles(packed[0], border="cut")


def test_metal_powder_has_the_right_side(data):
    from skimage.io import imread

    name = "Sc1Tile_001-001-000_0-000.png"
    image = imread(data / "ampis_powder/images" / name)[:512, :768]
    truth = imread(data / "ampis_powder/particles_training" / name)[:512, :768]
    found = ccc.particles(image)
    assert found.facts["objects"] == "bright"
    assert iou(found.labels > 0, truth > 0) > 0.8


@pytest.mark.parametrize("axis", [0, 1])
def test_an_image_with_every_second_row_has_the_same_particles(packed, axis):
    image, truth = packed
    every = (
        (slice(None, None, 2), slice(None)) if axis == 0 else (slice(None), slice(None, None, 2))
    )
    size = (2.0, 1.0) if axis == 0 else (1.0, 2.0)
    square = ccc.particles(image, 1.0, "nm")
    oblong = ccc.particles(image[every], size, "nm")
    assert oblong.labels.shape == image[every].shape
    assert oblong.facts["particles"] == pytest.approx(square.facts["particles"], abs=1)
    assert oblong.table["area_nm2"].median() == pytest.approx(
        square.table["area_nm2"].median(), rel=0.05
    )
    assert iou(oblong.labels > 0, truth[every] > 0) > 0.9
    # each particle is the same piece of specimen
    for label in np.unique(square.labels[every])[1:]:
        inside = oblong.labels[square.labels[every] == label]
        assert np.bincount(inside).max() > 0.7 * inside.size
    stack = ccc.particles(np.stack([image, image])[(slice(None), *every)], size, "nm")
    assert stack.facts["particles"] == 2 * oblong.facts["particles"]


def test_fainter_particles_of_the_sample_are_whole_and_nothing_is_taken_for_lettering():
    truth = samples.masks("nanoparticles")["instances"]
    found = ccc.particles(samples.load("nanoparticles"))
    assert found.facts["annotated"] == 0
    # a surface would follow the layer of particles, not the light
    assert not found.facts["uneven"]
    hits = 0
    for label in np.unique(truth)[1:]:
        one = truth == label
        most = np.bincount(found.labels[one]).argmax()
        hits += most > 0 and iou(found.labels == most, one) > 0.5
    assert hits >= 82
    assert found.facts["particles"] <= 89


def disc(radius: int = 40, side: int = 128) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return (y - side / 2) ** 2 + (x - side / 2) ** 2 < radius**2


@pytest.mark.parametrize(("radius", "side"), [(40, 128), (60, 200)])
def test_a_single_disc_has_an_even_background(radius, side):
    noise = np.random.default_rng(0).normal(0, 4, (side, side))
    found = ccc.particles(gaussian_filter(60 + 80.0 * disc(radius, side), 1) + noise)
    assert found.facts["particles"] == 1
    assert not found.facts["uneven"]


def test_a_note_names_particles_beside_missing_pixels():
    image = gaussian_filter(60 + 80.0 * disc(), 1)
    assert not any("missing pixels" in note for note in ccc.particles(image).notes)
    image[:, 62:66] = np.nan
    found = ccc.particles(image)
    assert any(note.startswith("2 particles touch missing pixels") for note in found.notes)
    assert found.facts["cut_by_gaps"] == 2


def test_a_note_names_slices_without_particles(packed):
    image, _ = packed
    found = ccc.particles(np.stack([image, np.full_like(image, 7)]))
    assert not found.labels[1].any()
    assert any(note.startswith("1 of 2 slices hold no particles") for note in found.notes)


def test_small_particles_that_stand_out_are_kept_and_specks_of_noise_are_not():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :300]
    large = [(80, 80), (80, 220), (220, 80), (220, 220)]
    # 0.22 of the typical diameter
    small = [(150, 40), (150, 150), (40, 150), (150, 260), (260, 150)]
    truth = np.zeros(y.shape, bool)
    for radius, places in ((40, large), (9, small)):
        for place in places:
            truth |= (y - place[0]) ** 2 + (x - place[1]) ** 2 < radius**2
    image = gaussian_filter(60 + 80.0 * truth, 1) + rng.normal(0, 4, truth.shape)
    assert ccc.particles(image).facts["particles"] == 9
    typical = ccc.particles(image).facts["typical_radius"]
    assert ccc.particles(image, min_diameter=0.6 * typical).facts["particles"] == 4


def smooth_noise(kind: str, length: float, side: int) -> np.ndarray:
    rng = np.random.default_rng(side)
    draws = {
        "gaussian": rng.normal(size=(side, side)),
        "counts": rng.poisson(8, (side, side)).astype(float),
        "film grain": (rng.random((side, side)) < 0.02).astype(float),
    }
    noise = gaussian_filter(draws[kind], length)
    return 120 + 20 * noise / noise.std()


@pytest.mark.parametrize("kind", ["gaussian", "counts", "film grain"])
@pytest.mark.parametrize(("length", "side"), [(0.0, 160), (1.5, 256), (5.0, 200), (10.0, 300)])
def test_noise_is_doubtful_with_numbers(kind, length, side):
    image = smooth_noise(kind, length, side)
    light = np.linspace(0, 60, side) * (side % 3)
    found = ccc.particles(image + light)
    assert found.facts["doubtful"]
    assert not found.facts["stands_out"]
    assert found.facts["slope"] < 1.8
    assert 0.6 < found.facts["between"] < 0.78
    assert any("nothing stands out of the noise: outlines are 1." in note for note in found.notes)


def test_noise_is_doubtful_on_a_chosen_side_and_in_slices(packed):
    noise = smooth_noise("gaussian", 1.5, len(packed[0]))
    assert not ccc.particles(noise, objects="dark").facts["stands_out"]
    stack = np.stack([packed[0], noise[: packed[0].shape[0], : packed[0].shape[1]]])
    found = ccc.particles(stack)
    assert found.facts["doubtful"]
    assert not found.facts["stands_out"]
    assert any("in 1 of 2 slices" in note for note in found.notes)
    lazily = ccc.particles(da.from_array(noise[None], chunks=(1, -1, -1)))
    assert any("nothing stands out" in note for note in lazily.notes)


@pytest.mark.parametrize("contrast", [12, 80])
def test_particles_in_noise_of_their_own_contrast_stand_out(contrast):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :300]
    truth = np.hypot((y % 60) - 30, (x % 60) - 30) < 18
    found = ccc.particles(60.0 + contrast * truth + rng.normal(0, 12, truth.shape))
    assert not any("stands out" in note for note in found.notes)
    assert found.facts["particles"] == 25


@pytest.mark.parametrize(("contrast", "grain"), [(20, 0.0), (40, 0.0), (80, 1.5)])
def test_a_few_small_particles_stand_out(contrast, grain):
    rng = np.random.default_rng(60)
    y, x = np.mgrid[:400, :400]
    truth = np.zeros(y.shape, bool)
    for row, column in rng.uniform(30, 370, (6, 2)):
        truth |= np.hypot(y - row, x - column) < 8
    noise = gaussian_filter(rng.normal(size=y.shape), grain)
    image = 100 + contrast * gaussian_filter(truth.astype(float), 1) + 10 * noise / noise.std()
    found = ccc.particles(image)
    assert iou(found.labels > 0, truth) > 0.8
    assert found.facts["stands_out"]


@pytest.mark.parametrize("name", samples.NAMES)
def test_the_samples_stand_out(name):
    image = samples.load(name).data[:512, :512]
    assert ccc.particles(image).facts["stands_out"]


@pytest.mark.parametrize("objects", ["auto", "bright"])
def test_a_dark_patch_does_not_make_the_background_a_fainter_particle(objects):
    from scipy.ndimage import gaussian_filter
    from skimage.draw import disk

    rng = np.random.default_rng(0)
    image, truth = np.full((300, 400), 100.0), np.zeros((300, 400), bool)
    for _ in range(60):
        y, x, radius = rng.uniform(10, 290), rng.uniform(10, 390), rng.uniform(6, 12)
        truth[disk((y, x), radius, shape=truth.shape)] = True
    image[truth] = 220
    image = gaussian_filter(image, 1) + rng.normal(0, 4, image.shape)
    image[20:50, 180:210], truth[20:50, 180:210] = 2, False
    found = ccc.particles(np.uint8(image.clip(0, 255)), objects=objects)
    assert found.facts["objects"] == "bright"
    assert found.facts["typical_radius"] == pytest.approx(10, abs=1)
    inside = found.labels > 0
    assert (inside & truth).sum() / (inside | truth).sum() > 0.97
