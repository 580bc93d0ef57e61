"""Good micrographs are not flagged; each defect raises its own number, and its flag."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter1d
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.engine.acquisition.quality import quality_of
from napari_visual_ccc.engine.acquisition.spectrum.detail import windows_of

SETS = {
    "superalloy": "segmentation/super1/train/images",
    "coating": "segmentation/ebc1/train/images",
    "powder": "ampis_powder/images",
    "nanocomposite": "nanocomposite/images",
    "particles": "nanoshapes/images/train",
}


def grey(path):
    image = imread(path)
    return image if image.ndim == 2 else image[..., :3].mean(axis=-1).round().astype(np.uint8)


@pytest.fixture(scope="module")
def good(data):
    """One image of every set, 512 pixels a side at most."""
    files = [sorted((data / place).iterdir())[2] for place in SETS.values()]
    return [grey(file)[:512, :512] for file in files]


def stored(image):
    return image.clip(0, 255).round().astype(np.uint8)


def kinds(found):
    return {flag.split(":")[0] for flag in found["flags"]}


def blur(image, sigma):
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return stored(gaussian_filter(image.astype(float), sigma) + noise)


def noisy(image, ratio):
    image = gaussian_filter(image.astype(float), 0.7)
    (signal,) = windows_of(image)  # without what uneven lighting adds
    return image + np.random.default_rng(0).normal(0, signal.std() / np.sqrt(ratio), image.shape)


def lines(image, share):
    jumps = np.random.default_rng(0).normal(0, share * image.std(), (image.shape[0], 1))
    return stored(image + jumps)


def cut(image, percent):
    low, high = image.min(), np.percentile(image, 100 - percent)
    return stored((image.astype(float) - low) / (high - low) * 255)


def shaken(image, length):
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return stored(uniform_filter1d(image.astype(float), length, axis=1) + noise)


@pytest.mark.parametrize("place", SETS.values())
def test_hardly_a_good_micrograph_is_flagged(data, place):
    files = sorted((data / place).iterdir())[:6]
    # three windows of each; benchmarks.quality looks at nine
    flagged = [file.name for file in files if quality_of(grey(file)[:512, :1024])["flags"]]
    assert len(flagged) <= 1, flagged


@pytest.mark.parametrize(
    ("degrade", "steps", "column", "flag"),
    [
        (blur, (1, 2, 3, 5), "detail_px", "blurred"),
        (noisy, (20, 5, 2, 0.5), "snr", "noisy"),
        (lines, (0.0, 0.05, 0.1, 0.2), "row_stripes_percent", "striped along rows"),
        (
            lambda i, share: lines(i.T, share).T,
            (0.0, 0.05, 0.1, 0.2),
            "column_stripes_percent",
            "striped along columns",
        ),
        (cut, (0, 2, 5, 10), "white_percent", "saturated"),
        (shaken, (1, 3, 5, 12), "detail_ratio", "anisotropic"),
    ],
)
def test_a_worse_image_has_a_worse_number_and_the_worst_its_flag(
    good, degrade, steps, column, flag
):
    flagged, some = 0, good[::2]
    for image in some:
        found = [quality_of(degrade(image, step)) for step in steps]
        numbers = [one[column] for one in found]
        if column == "snr":
            numbers = [-n for n in numbers]
        if column == "detail_ratio":
            assert numbers[-1] > numbers[0]
        else:
            assert numbers == sorted(numbers), column
        assert flag not in kinds(found[0])
        flagged += flag in kinds(found[-1])
    # a granular specimen can hide the shaking of its image
    assert flagged >= len(some) - (column == "detail_ratio")


@pytest.mark.parametrize("ratio", [10, 3, 1, 0.3])
def test_signal_to_noise_is_that_of_the_noise_added(good, ratio):
    for image in good[1:]:  # the first has noise of its own
        assert quality_of(noisy(image, ratio))["snr"] == pytest.approx(ratio, rel=0.15)


def test_stripes_are_measured_in_shares_of_the_contrast(good):
    for image in good:
        found = quality_of(lines(image, 0.1))
        assert found["row_stripes_percent"] == pytest.approx(10, abs=2)


@pytest.mark.parametrize(("side", "most"), [(64, 1), (128, 0), (200, 0)])
def test_structure_of_a_small_image_is_not_striped(side, most):
    flagged, found = 0, 0
    for seed in range(10):
        image = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 3)
        flagged += any("striped" in kind for kind in kinds(quality_of(image)))
        jumps = np.random.default_rng(seed + 99).normal(0, 0.2 * image.std(), (side, 1))
        found += "striped along rows" in kinds(quality_of(image + jumps))
    assert flagged <= most
    assert found == 10


def test_streaks_that_do_not_cover_their_rows_are_found(good):
    for image in good:
        rng, marks = np.random.default_rng(1), np.zeros(image.shape)
        for _ in range(image.shape[0] // 3):
            row, first = rng.integers(image.shape[0]), rng.integers(image.shape[1])
            marks[row : row + 2, first : first + image.shape[1] // 2] += rng.normal()
        streaky = stored(image + 0.2 * image.std() * marks / marks.std())
        assert "striped along rows" in kinds(quality_of(streaky))


def test_the_finest_detail_is_where_the_spectrum_ends(rng):
    spectrum = np.fft.fft2(rng.normal(size=(512, 512)))
    y, x = np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512)[None]
    for period in (3.0, 5.0, 10.0):
        image = np.fft.ifft2(spectrum * (np.hypot(y, x) < 1 / period)).real
        image = 100 * image / image.std() + rng.normal(0, 1, image.shape)
        assert quality_of(image)["detail_px"] == pytest.approx(period, rel=0.08)
        table = ccc.image_quality(image, 0.5, "nm").table
        assert table["detail_nm"].iloc[0] == pytest.approx(table["detail_px"].iloc[0] / 2)
    assert "detail_nm" not in ccc.image_quality(image, (0.5, 0.6), "nm").table


def test_saturation_is_the_pile_at_the_end_not_a_thin_tail(rng):
    image = gaussian_filter(rng.normal(size=(300, 300)), 2)
    tail = (2000 + 300 * image / image.std()).round().astype(np.uint16)
    assert quality_of(tail)["white_percent"] < 0.01
    # 12 bits in 16: the end is where the values end
    piled = quality_of(np.minimum(tail, 2500))
    assert piled["white_percent"] == pytest.approx(100 * (tail >= 2500).mean(), abs=0.5)
    assert "saturated" in kinds(piled)


def test_a_label_box_is_not_saturation(good):
    for image in good[:2]:
        boxed = np.minimum(image, 250)
        boxed[-60:-10, 20:200] = 255
        boxed[-45:-25, 40:150:8] = 0
        assert quality_of(boxed)["white_percent"] < 0.1
        # specimen that is white is
        disc = np.hypot(*np.mgrid[-256:256, -256:256]) < 80
        assert quality_of(np.where(disc, 255, np.minimum(image, 250)))["white_percent"] > 2


def test_noise_that_cannot_be_measured_is_missing():
    y, x = np.mgrid[:256, :256]
    smooth = 100 + 50 * np.sin(x / 9) * np.sin(y / 11)
    result = ccc.image_quality(smooth, blurred=50.0)
    assert np.isnan(result.table["snr"].iloc[0])
    assert "cannot be judged" in result.notes[-1]


@pytest.mark.parametrize("factor", [2, 4, 6])
def test_an_enlarged_image_has_the_detail_of_its_original(good, factor):
    import cv2

    image = good[0][: 512 // factor, : 512 // factor]
    large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    found = quality_of(large)
    assert found["enlarged"] == pytest.approx(factor, rel=0.03)
    assert found["detail_px"] >= 1.95 * factor
    assert found["flags"] == [f"enlarged about {factor} times: true detail is {2 * factor} px"]
    assert np.isnan(quality_of(good[0])["enlarged"])


def test_two_factors_of_one_period_are_both_said():
    import cv2

    small = samples.load("powder").data[:300, :300]
    found = quality_of(cv2.resize(small, (510, 510), interpolation=cv2.INTER_CUBIC))
    assert "enlarged about 1.7 times: true detail is 3.4 px" in found["flags"]
    found = quality_of(cv2.resize(small, (660, 660), interpolation=cv2.INTER_CUBIC))
    assert "enlarged about 1.8 or 2.2 times: true detail is 3.8 px or more" in found["flags"]


def test_a_factor_that_is_not_known_is_not_stated():
    from PIL import Image

    small = Image.fromarray(samples.load("coating").data[:90, :90])
    found = quality_of(np.asarray(small.resize((540, 540), Image.Resampling.BILINEAR)))
    (flag,) = [one for one in found["flags"] if one.startswith("enlarged")]
    assert flag.startswith("enlarged or smoothed: true detail is ")
    assert flag.endswith(f"{found['detail_px']:.2g} px or more")
    assert np.isnan(found["enlarged"])


@pytest.mark.parametrize(("ending", "kept"), [("WEBP", {"quality": 85}), ("WEBP", {"quality": 60}),
                                               ("PNG", {})])  # fmt: skip
def test_no_factor_contradicts_the_detail(good, ending, kept):
    import io

    from PIL import Image

    for image in good:
        file = io.BytesIO()
        smooth = gaussian_filter(image.astype(float), 2.5).astype(np.uint8)
        Image.fromarray(smooth).save(file, ending, **kept)
        found = quality_of(np.asarray(Image.open(file).convert("L")))
        assert not any(one.startswith("enlarged about") for one in found["flags"])
        assert np.isnan(found["enlarged"])
        assert found["detail_px"] > 6


def test_stairs_of_repeated_pixels_are_no_displaced_rows(good):
    for factor in (2, 3, 4):
        large = np.kron(good[0][:120, :120], np.ones((factor, factor), np.uint8))
        found = quality_of(large)
        assert np.isnan(found["displaced_px"])
        assert "rows displaced" not in kinds(found)
    assert np.isfinite(quality_of(good[0])["displaced_px"])


def test_rows_that_are_displaced_sideways_are_found(good):
    place = np.arange(512)
    for image in good:
        assert "rows displaced" not in kinds(quality_of(image.T))
        shifts = np.random.default_rng(0).normal(0, 1, len(image))
        pairs = zip(image, shifts, strict=True)
        rows = [
            np.interp(place[: len(row)] - shift, place[: len(row)], row) for row, shift in pairs
        ]
        assert "rows displaced" in kinds(quality_of(stored(np.array(rows))))


def test_what_shows_nothing_is_called_empty(rng):
    assert kinds(quality_of(np.full((64, 64), 7))) == {"empty"}
    assert kinds(quality_of(rng.normal(100, 5, (400, 400)))) == {"empty"}
    assert kinds(quality_of(np.full((64, 64), np.nan))) == {"empty"}
    # one particle in an empty field is something
    y, x = np.mgrid[:400, :400]
    particle = 60.0 * ((y - 200) ** 2 + (x - 150) ** 2 < 100)
    assert "empty" not in kinds(quality_of(particle + rng.normal(100, 5, (400, 400))))


def test_a_slice_of_nothing_does_not_stop_a_stack(good):
    stack = good[0][:128, :128].astype(float)
    stack = np.stack([stack, np.full_like(stack, np.nan), np.roll(stack, (3, -5), (0, 1))])
    table = ccc.image_quality(stack, 2.0, "nm").table
    assert list(table["index_0"]) == [0, 1, 2]
    assert table["flags"].iloc[1] == "empty: no finite pixel"
    assert table["drift_y_nm"].iloc[2] == pytest.approx(6, abs=0.1)
    assert table["flags"].iloc[2] == "moved: 5.8 px since slice 0"
    assert table["drift_y_px"].isna().tolist() == [True, True, False]


def test_drift_is_missing_where_none_was_measured(good, rng):
    stack = [good[0][2 * n : 2 * n + 128, 100 - n : 228 - n] for n in range(8)]
    stack[3], stack[5] = np.full_like(stack[3], 90), rng.normal(100, 40, stack[5].shape)
    table = ccc.image_quality(np.stack(stack).astype(float)).table
    np.testing.assert_allclose(
        table[["drift_y_px", "drift_x_px"]],
        [(np.nan,) * 2, (-2, 1), (-2, 1), (np.nan,) * 2, (-4, 2), (np.nan,) * 2, (-4, 2), (-2, 1)],
        atol=0.1,
    )
    moved = [flag for line in table["flags"] for flag in line.split("; ") if "moved" in flag]
    one = "moved: 2.2 px since the slice before"
    assert moved == [
        one, one, "moved: 4.5 px since slice 2", "moved: 4.5 px since slice 4", one
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (20, 20), (31, 200)])
def test_small_images_say_that_they_are_small(rng, shape):
    found = quality_of(rng.integers(0, 255, shape).astype(np.uint8))
    assert kinds(found) & {"small", "empty"}
    assert np.isnan(found["detail_px"])


def test_missing_pixels_and_lighting_change_little(good):
    image = good[0].astype(float)
    before = quality_of(image)
    holes = image.copy()
    holes[100:110, 100:110] = np.nan
    lit = image + np.linspace(0, 50, 512) - np.linspace(0, 30, 512)[:, None]
    for other in (quality_of(holes), quality_of(lit)):
        assert other["detail_px"] == pytest.approx(before["detail_px"], rel=0.05)
        assert other["snr"] == pytest.approx(before["snr"], rel=0.1)


def test_lazy_planes_give_the_same(good):
    image = np.tile(good[0], (2, 2))
    lazy = ccc.image_quality(da.from_array(image, chunks=300)).table
    assert lazy.equals(ccc.image_quality(image).table)


def test_limits_are_a_persons_choice(good):
    (flags,) = ccc.image_quality(good[0], blurred=3.0, noisy=50.0).table["flags"]
    assert flags.startswith("noisy")
    assert ccc.image_quality(good[0]).notes == ("fit for analysis: no flag",)


@pytest.fixture
def folder(good, tmp_path):
    """Six images of one kind: one blurred, one broken; and a stack with one noisy slice."""
    from skimage.io import imsave
    from tifffile import imwrite

    place = tmp_path / "session"
    (place / "below").mkdir(parents=True)
    image = good[2]
    for name in "abcd":
        part = np.roll(image, 40 * ord(name), axis=0)[:300, :300]
        imsave(place / f"{name}.png", part, check_contrast=False)
    imsave(place / "below" / "soft.png", blur(image, 3)[:300, :300], check_contrast=False)
    stack = np.stack([image[:300, :300], stored(noisy(image, 0.4))[:300, :300]])
    imwrite(
        place / "stack.tif", stack, imagej=True, resolution=(1e7 / 2, 1e7 / 2),
        metadata={"axes": "ZYX", "unit": "cm"},
    )  # fmt: skip
    (place / "broken.png").write_bytes(b"no image")
    return place


def test_a_folder_has_a_row_a_file_and_names_what_is_flagged(folder):
    result = ccc.image_quality_folder(folder)
    table = result.table.set_index("name")
    assert list(table.index) == [
        "a.png", "b.png", "below/soft.png", "broken.png", "c.png", "d.png", "stack.tif"
    ]  # fmt: skip
    assert (table.loc[["a.png", "b.png", "c.png", "d.png"], "flags"] == "").all()
    assert table.loc["below/soft.png", "flags"].startswith("less sharp than the others")
    assert table.loc["stack.tif", "flags"].startswith("noisy: 1 of 2")
    assert table.loc["stack.tif", "slices"] == 2
    assert "cannot be read" in table.loc["broken.png", "problem"]
    assert result.facts == {"flagged": 2, "images": 7}
    assert result.notes[0] == "2 of 7 images are flagged"
    assert any("below/soft.png" in note for note in result.notes)


def test_the_command_line_writes_the_table(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["image_quality_folder", str(folder), "--noisy", "0.1", "-o", str(out)]) == 1
    said = capsys.readouterr()
    assert "broken.png" in said.err
    assert "below/soft.png: less sharp" in said.out
    lines_ = (out / "session_quality.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines_) == 8
    assert "detail_px" in lines_[0]
    (folder / "broken.png").unlink()
    assert main(["image_quality_folder", str(folder), "-o", str(out), "--force"]) == 0
    assert main(["image_quality", str(folder / "a.png"), "-o", str(out)]) == 0
    assert (out / "a_image_quality.csv").exists()


def test_values_whose_squares_are_no_numbers_are_a_sentence(rng):
    with pytest.raises(ValueError, match=r"grey values reach 1e.300, too far; rescale them"):
        ccc.image_quality(rng.random((64, 64)) * 1e-3 + np.float64(1e300))
