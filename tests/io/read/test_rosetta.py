"""What RosettaSciIO reads."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks
from tests.io.read.made import (
    gatan_tags,
    open_files,
    signal,
    write_mrc,
)


@pytest.mark.parametrize("ending", [".hspy", ".hdf5"])
@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_hyperspy_files_are_read(tmp_path, rng, ending, limit, monkeypatch):
    hspy = pytest.importorskip("rsciio.hspy")
    monkeypatch.setattr(checks, "EAGER_BYTES", limit)
    image = rng.random((4, 20, 30)).astype(np.float32)
    hspy.file_writer(str(tmp_path / f"a{ending}"), signal(image))
    found = formats.read(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(found.data, image)
    assert (found.spacing, found.unit) == ((2.0, 3.0), "nm")
    assert found.axes == (Axis("t", 0.5, "s"),)
    facts = found.metadata["facts"]
    assert (facts["instrument"], facts["voltage_kv"], facts["tilt_deg"]) == ("Titan", 300, 10)
    assert facts["date"] == "2020-01-02"


def test_emd_files_are_read(tmp_path, rng):
    emd = pytest.importorskip("rsciio.emd")
    image = rng.random((20, 30)).astype(np.float32)
    emd.file_writer(str(tmp_path / "a.emd"), signal(image))
    found = formats.read(tmp_path / "a.emd")
    np.testing.assert_array_equal(found.data, image)
    assert (found.spacing, found.unit) == ((2.0, 3.0), "nm")
    assert not any("a.emd" in one for one in open_files())


def test_a_volume_has_the_step_of_its_third_axis_and_a_tilt_series_none(tmp_path, rng):
    pytest.importorskip("rsciio")
    data = rng.random((4, 20, 30)).astype(np.float32)
    found = formats.read(write_mrc(tmp_path / "a.rec", data))
    np.testing.assert_array_equal(found.data, data)
    assert (found.spacing, found.unit) == ((2.0, 2.0), "nm")
    assert found.axes == (Axis("z", 5.0, "nm"),)
    assert formats.read(write_mrc(tmp_path / "a.st", data)).axes == (Axis("z", 1.0, "px"),)


def test_mrc_of_the_other_byte_order_is_read(tmp_path, rng):
    pytest.importorskip("rsciio")
    data = rng.random((20, 30)).astype(np.float32)
    path = write_mrc(tmp_path / "a.mrc", data, stamp=b"\x11\x11", order=">")
    np.testing.assert_array_equal(formats.read(path).data, data)


def test_without_rosettasciio_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    (tmp_path / "a.dm3").write_bytes(b"x" * 100)
    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", None)
    with pytest.raises(ImportError, match=r'pip install "napari-visual-ccc\[formats\]"'):
        formats.read(tmp_path / "a.dm3")
    monkeypatch.setitem(sys.modules, "rsciio.tiff", None)
    tifffile.imwrite(
        tmp_path / "d.tif", np.zeros((20, 30), np.float32), extratags=gatan_tags("nm", 0.05),
        metadata=None,
    )  # fmt: skip
    found = formats.read(tmp_path / "d.tif")
    assert found.spacing is None
    assert "napari-visual-ccc[formats]" in found.notes[0]


# what is an image ---------------------------------------------------------------------------------


def test_pictures_with_one_axis_of_signal_are_images(tmp_path, rng):
    hspy = pytest.importorskip("rsciio.hspy")
    kind = [(name, np.uint16) for name in "RGBA"]
    colours = np.zeros((6, 20, 30), kind)
    colours["R"] = rng.integers(0, 999, (6, 20, 30))
    made = signal(colours)
    for number, axis in enumerate(made["axes"]):
        axis["navigate"] = number < 2
    hspy.file_writer(str(tmp_path / "a.hspy"), made)
    found = formats.read(tmp_path / "a.hspy")
    assert found.data.shape == (6, 20, 30, 4)
    np.testing.assert_array_equal(found.data[..., 0], colours["R"])


@pytest.mark.parametrize("length", [4, 1])
def test_three_axes_of_signal_are_a_stack(tmp_path, rng, length):
    emd = pytest.importorskip("rsciio.emd")
    image = rng.random((length, 20, 30)).astype(np.float32)
    made = signal(image)
    for axis in made["axes"]:
        axis["navigate"] = False
    emd.file_writer(str(tmp_path / "a.emd"), made)
    found = formats.read(tmp_path / "a.emd")
    np.testing.assert_array_equal(np.squeeze(found.data), np.squeeze(image))


def test_spectra_are_called_so(tmp_path, rng):
    hspy = pytest.importorskip("rsciio.hspy")
    made = signal(rng.random((4, 20, 30)).astype(np.float32))
    for number, axis in enumerate(made["axes"]):
        axis["navigate"] = number < 2
    hspy.file_writer(str(tmp_path / "a.hspy"), made)
    with pytest.raises(ValueError, match="holds only spectra"):
        formats.read(tmp_path / "a.hspy")


@pytest.mark.parametrize(("unit", "refused"), [("eV", True), ("keV", True), ("nm", False)])
def test_three_axes_of_signal_of_which_one_has_energies_are_spectra(tmp_path, rng, unit, refused):
    hspy = pytest.importorskip("rsciio.hspy")
    made = signal(rng.random((6, 20, 30)).astype(np.float32))
    for axis in made["axes"]:
        axis["navigate"] = False
    made["axes"][2] |= {"units": unit, "name": ""}
    hspy.file_writer(str(tmp_path / "a.hspy"), made)
    if refused:
        with pytest.raises(ValueError, match="holds only spectra"):
            formats.read(tmp_path / "a.hspy")
    else:
        assert formats.read(tmp_path / "a.hspy").data.size == 3600


@pytest.mark.parametrize(
    ("name", "kind"), [("Energy loss", ""), ("wavelength", ""), ("", "EELS"), ("", "EDS_TEM")]
)
def test_a_spectrum_image_without_units_is_known_by_other_evidence(tmp_path, rng, name, kind):
    hspy = pytest.importorskip("rsciio.hspy")
    made = signal(rng.random((6, 20, 30)).astype(np.float32))
    for axis in made["axes"]:
        axis |= {"navigate": False, "units": "", "name": ""}
    made["axes"][2]["name"] = name
    made["metadata"].setdefault("Signal", {})["signal_type"] = kind
    hspy.file_writer(str(tmp_path / "a.hspy"), made)
    with pytest.raises(ValueError, match="holds only spectra"):
        formats.read(tmp_path / "a.hspy")


@pytest.mark.parametrize(("name", "unit", "doubtful"), [
    ("", "", True), ("dim1", "", True), ("z", "", False), ("", "nm", False),
])  # fmt: skip
def test_three_axes_of_which_nothing_is_known_are_said(tmp_path, rng, name, unit, doubtful):
    hspy = pytest.importorskip("rsciio.hspy")
    made = signal(rng.random((6, 20, 30)).astype(np.float32))
    for axis in made["axes"]:
        axis |= {"navigate": False, "units": unit, "name": ""}
    made["axes"][0]["name"] = name
    hspy.file_writer(str(tmp_path / "a.hspy"), made)
    found = formats.read(tmp_path / "a.hspy")
    said = "does not tell a volume from a spectrum image: read as 6 slices of 20 x 30 px"
    assert any(said in note for note in found.notes) is doubtful


def test_a_package_that_spectra_need_is_named_with_the_extra(tmp_path):
    from napari_visual_ccc.io.read import rosetta

    class Plugin:
        @staticmethod
        def file_reader(*_, **__):
            raise ModuleNotFoundError("No module named 'sparse'", name="sparse")

    with pytest.raises(ImportError, match=r"spectra need sparse: pip install .*\[formats\]"):
        rosetta._called(Plugin, tmp_path / "a.emd", {})
