"""The header of MRC: signs of bytes, byte order, cell."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks
from napari_visual_ccc.io.read.mrc import read_header

pytest.importorskip("rsciio")

IMOD = 1146047817


def write(path, data, mode, *, cell=None, samples=None, version=20140, imod=None, limits=None,
          axes=(1, 2, 3), order="<"):  # fmt: skip
    """A file with a header as programs write it; cell in ångström."""
    data = data if data.ndim == 3 else data[None]
    planes, rows, columns = data.shape
    header = bytearray(1024)
    samples = (columns, rows, planes) if samples is None else samples
    struct.pack_into(f"{order}10i", header, 0, columns, rows, planes, mode, 0, 0, 0, *samples)
    cell = (20.0 * columns, 20.0 * rows, 50.0 * planes) if cell is None else cell
    struct.pack_into(f"{order}6f", header, 40, *cell, 90, 90, 90)
    limits = (float(data.min()), float(data.max())) if limits is None else limits
    struct.pack_into(f"{order}3i3f", header, 64, *axes, *limits, 0)
    struct.pack_into(f"{order}i", header, 108, version)
    if imod is not None:
        struct.pack_into(f"{order}2i", header, 152, IMOD, imod)
    header[208:216] = b"MAP " + (b"DD\0\0" if order == "<" else b"\x11\x11\0\0")
    path.write_bytes(bytes(header) + data.astype(data.dtype.newbyteorder(order)).tobytes())
    return path


@pytest.fixture
def levels():
    return np.linspace(0, 255, 600).astype(np.uint8).reshape(20, 30)


@pytest.mark.case("S09")
@pytest.mark.parametrize("ending", [".mrc", ".rec", ".mrcs"])
@pytest.mark.parametrize(
    "more",
    [{"imod": 1}, {"imod": 5}, {"version": 0}, {"version": 20140, "limits": (0, 0)},
     {"version": 20141, "limits": (-128, 127), "order": ">"}],
)  # fmt: skip
def test_bytes_with_a_sign_keep_the_order_of_their_levels(tmp_path, levels, ending, more):
    signed = (levels.astype(int) - 128).astype(np.int8)
    found = formats.read(write(tmp_path / f"a{ending}", signed, 0, **more)).data
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, signed)


@pytest.mark.parametrize("name", ["a.map", "EMD-1.MAP"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_map_of_ccp4_is_mrc(tmp_path, rng, name, order):
    values_ = rng.normal(size=(4, 20, 30)).astype(np.float32)
    path = write(tmp_path / name, values_, 2, order=order)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, values_)
    assert found.spacing == pytest.approx((2, 2))
    assert found.unit == "nm"
    assert found.axes == (Axis("z", pytest.approx(5), "nm"),)
    assert formats.is_image(path)


@pytest.mark.parametrize("content", [b'{"version": 3, "sources": []}' * 99, b"short"])
def test_a_map_of_another_program_is_no_image(tmp_path, content):
    path = tmp_path / "bundle.js.map"
    path.write_bytes(content)
    assert not formats.is_image(path)
    with pytest.raises(ValueError, match=r"bundle\.js\.map: is (no map in MRC|cut off)"):
        formats.read(path)
    assert formats.is_image(tmp_path / "missing.map")


@pytest.mark.parametrize("more", [{"imod": 0}, {"version": 0}, {"version": 20140}])
def test_bytes_without_a_sign_stay_as_they_are(tmp_path, levels, more):
    found = formats.read(write(tmp_path / "a.mrc", levels, 0, **more)).data
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, levels)


def test_a_file_that_does_not_say_whether_its_bytes_have_a_sign_is_told(tmp_path, levels):
    found = formats.read(write(tmp_path / "a.mrc", levels, 0, version=0, limits=(0, 0)))
    np.testing.assert_array_equal(found.data, levels)
    assert any("sign" in note for note in found.notes)


@pytest.mark.parametrize("kind", [(1, np.int16), (6, np.uint16), (2, np.float32)])
def test_other_types_are_what_they_are(tmp_path, levels, kind):
    mode, dtype = kind
    found = formats.read(write(tmp_path / "a.mrc", levels.astype(dtype), mode)).data
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, levels)


@pytest.mark.parametrize("samples", [(0, 0, 0), (0, 20, 1)])
def test_a_cell_without_samples_is_divided_by_columns_and_rows(tmp_path, levels, samples):
    found = formats.read(write(tmp_path / "a.mrc", levels, 0, samples=samples))
    assert (found.spacing, found.unit) == (pytest.approx((2.0, 2.0)), "nm")
    assert any("number of samples" in note for note in found.notes)


def test_samples_may_be_more_than_pixels(tmp_path, levels):
    found = formats.read(write(tmp_path / "a.mrc", levels, 0, samples=(60, 40, 1)))
    assert found.spacing == pytest.approx((1.0, 1.0))


def test_axes_may_be_stored_in_another_order(tmp_path, levels):
    data = np.stack([levels] * 3)
    # columns along y, rows along z, planes along x
    path = write(tmp_path / "a.rec", data, 0, axes=(2, 3, 1), cell=(6.0, 90.0, 100.0),
                 samples=(3, 30, 20))  # fmt: skip
    assert read_header(path).sizes == pytest.approx((0.2, 0.5, 0.3))
    found = formats.read(path)
    assert found.spacing == pytest.approx((0.5, 0.3))
    assert found.axes == (Axis("z", pytest.approx(0.2), "nm"),)


def test_no_cell_is_no_pixel_size(tmp_path, levels):
    found = formats.read(write(tmp_path / "a.mrc", levels, 0, cell=(0, 0, 0)))
    assert (found.spacing, found.unit) == (None, "px")
    found = formats.read(write(tmp_path / "b.mrc", levels, 0, cell=(0, 0, 0), samples=(0, 0, 0)))
    assert (found.spacing, found.unit) == (None, "px")


@pytest.mark.parametrize("cell", [(-300.0, -200.0, 0.0), (-30.0, -20.0, -1.0)])
def test_the_default_of_a_camera_is_called_so(tmp_path, levels, cell):
    found = formats.read(write(tmp_path / "a.mrc", levels, 0, cell=cell))
    assert found.spacing[0] > 0
    assert any("not measured" in note for note in found.notes)


KINDS = {0: np.int8, 1: np.int16, 2: np.float32, 4: np.complex64, 6: np.uint16, 12: np.float16}


def values(rng, dtype, shape=(3, 20, 31)):
    found = rng.integers(0 if dtype is np.uint16 else -100, 100, shape).astype(dtype)
    return found + np.complex64(1j) * found[::-1] if dtype is np.complex64 else found


@pytest.mark.parametrize("mode", KINDS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("stamp", [None, b"\0\0\0\0", b"DD\0\0", b"\x11\x11\0\0"])
def test_the_byte_order_is_right_whatever_the_stamp_says(tmp_path, rng, mode, order, stamp):
    data = values(rng, KINDS[mode])
    path = write(tmp_path / "a.mrc", data, mode, order=order, limits=(-100, 100))
    if stamp is not None:
        content = bytearray(path.read_bytes())
        content[212:216] = stamp
        path.write_bytes(content)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, data)
    assert found.data.dtype == KINDS[mode]
    assert (found.spacing, found.unit) == ((2, 2), "nm")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("extended", [0, 160])
@pytest.mark.parametrize("mode", [3, 16, 101])
def test_packed_complex_and_colour_pixels(
    tmp_path, rng, monkeypatch, large, order, extended, mode
):  # fmt: skip
    if large:
        monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    shape = (3, 20, 31)
    if mode == 101:
        right = rng.integers(0, 16, shape).astype(np.uint8)
        halves = np.pad(right, ((0, 0), (0, 0), (0, 1)))
        stored = halves[..., ::2] | halves[..., 1::2] << 4
    elif mode == 16:
        right = stored = rng.integers(0, 255, (*shape, 3)).astype(np.uint8)
    else:
        stored = rng.integers(-900, 900, (*shape, 2)).astype(np.int16)
        right = stored[..., 0] + np.complex64(1j) * stored[..., 1]
    path = write(tmp_path / "a.mrc", values(rng, np.int16), mode, order=order)
    header = bytearray(path.read_bytes()[:1024])
    struct.pack_into(f"{order}i", header, 92, extended)
    pixels = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    path.write_bytes(bytes(header) + bytes(extended) + pixels)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, right)
    assert isinstance(found.data, np.ndarray) != large
    assert (found.spacing, found.axes) == ((2, 2), (Axis("z", 5.0, "nm"),))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="cut off"):
        formats.read(path)


def test_a_type_that_is_not_defined_is_named(tmp_path, levels):
    with pytest.raises(ValueError, match=r"a\.mrc: has pixels of mode 77"):
        formats.read(write(tmp_path / "a.mrc", levels, 77))


@pytest.mark.parametrize("order", "<>")
def test_a_stack_of_volumes_has_an_axis_of_its_own(tmp_path, rng, order):
    data = values(rng, np.int16, (6, 20, 31))
    path = write(tmp_path / "a.mrc", data, 1, order=order, samples=(31, 20, 3),
                 cell=(620, 400, 150))  # fmt: skip
    content = bytearray(path.read_bytes())
    struct.pack_into(f"{order}i", content, 88, 401)
    path.write_bytes(content)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, data.reshape(2, 3, 20, 31))
    assert found.axes == (Axis("volume"), Axis("z", 5.0, "nm"))


@pytest.mark.parametrize(("ending", "samples"), [(".mrc", 1), (".mrcs", 1), (".mrcs", 6)])
def test_images_of_a_stack_are_no_slices_of_one_thing(tmp_path, rng, ending, samples):
    data = values(rng, np.int16, (6, 20, 31))
    path = write(tmp_path / f"a{ending}", data, 1, samples=(31, 20, samples))
    found = formats.read(path)
    assert (found.spacing, found.axes) == ((2, 2), (Axis("z"),))
