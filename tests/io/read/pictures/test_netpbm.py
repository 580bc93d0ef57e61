"""PBM, PGM, PPM and PFM, written by hand and by other programs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc.io import read as formats


def read(path, content):
    path.write_bytes(content)
    return formats.read(path)


@pytest.mark.parametrize(
    ("name", "content", "values"),
    [("a.pgm", b"P2\n# a comment\n3 2 # another\n9\n0 1 2\n7 8 9\n", [[0, 1, 2], [7, 8, 9]]),
     ("a.pgm", b"P2 2 1 4095 0 4095", [[0, 4095]]),
     ("a.pgm", b"P5 2 1 1000\n" + bytes([0x03, 0xE8, 0x00, 0x07]), [[1000, 7]]),
     ("a.pgm", b"P5\n2 1\n100\n" + bytes([100, 10]), [[100, 10]]),
     ("a.ppm", b"P3 1 1 31 31 0 7\n", [[[31, 0, 7]]]),
     ("a.ppm", b"P6 1 1 65535\n" + bytes([1, 2, 3, 4, 5, 6]), [[[258, 772, 1286]]]),
     ("a.pbm", b"P1\n3 2\n1 0 0\n# the digits touch\n010\n", [[0, 255, 255], [255, 0, 255]]),
     ("a.pbm", b"P4\n9 1\n" + bytes([0b10000001, 0b10000000]), [[0, *[255] * 6, 0, 0]])],
)  # fmt: skip
def test_values_are_those_of_the_file(tmp_path, name, content, values):
    data = read(tmp_path / name, content).data
    assert data.tolist() == values
    assert data.dtype == (np.uint16 if b"95 " in content or b"1000" in content
                          or b"65535" in content else np.uint8)  # fmt: skip


def test_the_largest_grey_level_is_kept_and_values_are_not_stretched(tmp_path):
    one = read(tmp_path / "a.pgm", b"P2 2 1 4095 0 2000")
    assert one.data.max() == 2000
    assert one.metadata["original"] == {"maxval": 4095}


@pytest.mark.parametrize(("order", "scale"), [("<f4", "-1.0"), (">f4", "2.5")])
def test_a_pfm_starts_with_its_bottom_row(tmp_path, order, scale):
    image = np.arange(6, dtype=np.float32).reshape(2, 3) - 0.5
    content = f"Pf\n3 2\n{scale}\n".encode() + image[::-1].astype(order).tobytes()
    one = read(tmp_path / "a.pfm", content)
    np.testing.assert_array_equal(one.data, image)
    assert one.data.dtype == np.float32
    assert one.metadata["original"] == {"scale": float(scale)}
    colours = np.stack([image, image + 1, image + 2], axis=-1)
    content = f"PF\n3 2\n{scale}\n".encode() + colours[::-1].astype(order).tobytes()
    np.testing.assert_array_equal(read(tmp_path / "b.pfm", content).data, colours)


def test_files_of_other_programs_are_read(tmp_path, rng, ramp16):
    grey = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    colours = rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for name, image in (("a.pgm", grey), ("a.ppm", colours), ("b.pgm", ramp16)):
        Image.fromarray(image).save(tmp_path / name)
        np.testing.assert_array_equal(formats.read(tmp_path / name).data, image)
    Image.fromarray(grey > 99).save(tmp_path / "a.pbm")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.pbm").data, (grey > 99) * 255)
    Image.fromarray(grey / np.float32(7)).save(tmp_path / "a.pfm")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.pfm").data, grey / np.float32(7))


def test_pictures_that_follow_each_other_are_all_read(tmp_path):
    path = tmp_path / "two.pgm"
    path.write_bytes(b"P5 2 1 255\n\x01\x02P5 1 2 255\n\x03\x04\n")
    assert [one.data.tolist() for one in formats.read_all(path)] == [[[1, 2]], [[3], [4]]]


@pytest.mark.parametrize(
    ("name", "header", "pixels"),
    [("a.pgm", "P5|3 1|255|", [7, 8, 9]), ("a.pgm", "P5|3 1|255|", [10, 8, 9]),
     ("a.pgm", "P5 3 1 4095|", [[1, 2, 3, 4, 5, 10]]), ("a.ppm", "P6|1 1|255|", [10, 13, 10]),
     ("a.pbm", "P4|8 1|", [0b10100000]), ("a.pfm", "Pf|1 1|-1|", [0, 0, 128, 63])],
)  # fmt: skip
def test_line_ends_of_windows_end_a_header(tmp_path, name, header, pixels):
    raster = np.array(pixels, np.uint8).tobytes()
    unix, windows = (header.replace("|", end).encode() + raster for end in ("\n", "\r\n"))
    expected = read(tmp_path / name, unix).data
    np.testing.assert_array_equal(read(tmp_path / name, windows).data, expected)
    path = tmp_path / f"two{name}"
    path.write_bytes(windows * 2)
    both = formats.read_all(path)
    assert len(both) == 2
    for one in both:
        np.testing.assert_array_equal(one.data, expected)


def test_a_pixel_after_a_carriage_return_stays(tmp_path):
    assert read(tmp_path / "a.pgm", b"P5 3 1 255\r\n\x01\x02").data.tolist() == [[10, 1, 2]]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"P5 200 100 255\n" + bytes(50), "it claims 20,000 bytes"),
     (b"P2 3 2 9\n0 1 2", "it has 3 of 6 values"),
     (b"P2 2 1 9\n0 10", "allows 0 to 9"),
     (b"P2 2 1 9\n0 x", "text among its values"),
     (b"P2 0 1 9\n", "claims 0 x 1 pixels"),
     (b"P5 1 1 70000\n\x00\x00", "largest value 70000"),
     (b"GIF89a", "header cannot be read")],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path, content, said):
    with pytest.raises(ValueError, match=rf"a\.pgm.*{said}"):
        read(tmp_path / "a.pgm", content)


def test_slices_of_a_folder_and_one_reader(tmp_path):
    for number in (2, 10):
        (tmp_path / f"s{number}.pgm").write_bytes(b"P5 2 1 255\n" + bytes([number, 0]))
    assert np.asarray(formats.read(tmp_path).data)[:, 0, 0].tolist() == [2, 10]
    assert not formats.is_plain(tmp_path / "s2.pgm")
