from __future__ import annotations

import pytest

from napari_visual_ccc.io.read.spectra import doubt, is_spectrum_image

PLAIN = [{"name": name, "units": "nm"} for name in "zyx"]


@pytest.mark.parametrize(
    ("change", "metadata"),
    [
        ({"units": "eV"}, {}), ({"units": " keV"}, None), ({"name": "Energy"}, {}),
        ({"name": "E-loss"}, {}), ({"name": "wavelength_nm"}, {}), ({"units": "1/cm"}, {}),
        ({}, {"Signal": {"signal_type": "EDS_SEM"}}), ({}, {"Signal": {"signal_type": "CL"}}),
    ],
)  # fmt: skip
def test_name_unit_or_type_tell_a_spectrum_image(change, metadata):
    assert is_spectrum_image([PLAIN[0], PLAIN[1], PLAIN[2] | change], metadata)
    assert not is_spectrum_image(PLAIN, {"Signal": {"signal_type": ""}})


@pytest.mark.parametrize("name", ["x", "rawness", "closs", "None"])
def test_other_names_are_no_energies(name):
    assert not is_spectrum_image([{"name": name, "units": None}])


def test_three_unknown_axes_are_doubtful():
    unknown = [{"name": "", "units": None}] * 3
    assert "6 slices of 20 x 30 px" in doubt(unknown, (6, 20, 30))[0]
    assert doubt([{"name": "z"}, *unknown[1:]], (6, 20, 30)) == ()
    assert doubt(PLAIN, (6, 20, 30)) == ()
    assert doubt([{"navigate": True}, *unknown[1:]], (6, 20, 30)) == ()
