from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile

from napari_visual_ccc.web.decoder import decode, load
from napari_visual_ccc.web.settings import Limits, Refused

UUIDS = ("urn:uuid:11111111-1111-1111-1111-111111111111",
         "urn:uuid:21111111-1111-1111-1111-111111111111")  # fmt: skip


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    return folder


@pytest.fixture
def hidden(tmp_path):
    """Files beside the folder of the job, which a client must not see."""
    (tmp_path / "secret.txt").write_bytes(b"TOPSECRET-TOKEN!" * 4)
    tifffile.imwrite(tmp_path / "hidden.tif", np.full((8, 8), 99, np.uint8))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["hidden"] = np.full((8, 8), 77, np.uint8)
    return tmp_path


def external(file, hidden):
    file.create_dataset(
        "a", shape=(8, 8), dtype="u1", external=[(str(hidden / "secret.txt"), 0, 64)]
    )


def virtual(file, hidden):
    layout = h5py.VirtualLayout((8, 8), "u1")
    layout[:] = h5py.VirtualSource(str(hidden / "other.h5"), "hidden", (8, 8))
    file.create_virtual_dataset("deep/a", layout)


def linked(file, hidden):
    file["a"] = h5py.ExternalLink(str(hidden / "other.h5"), "hidden")


@pytest.mark.parametrize("make", [external, virtual, linked])
@pytest.mark.parametrize("name", ["image.h5", "image.hspy"])
def test_hdf5_does_not_reach_other_files(job, hidden, make, name):
    with h5py.File(job / name, "w") as file:
        make(file, hidden)
    with pytest.raises(Refused, match="names data in other files"):
        decode(job / name, name, Limits())


def test_plain_hdf5_is_read(job):
    with h5py.File(job / "image.h5", "w") as file:
        file["deep/a"] = np.eye(8, dtype=np.uint8)
        file["again"] = h5py.SoftLink("/deep/a")
    decode(job / "image.h5", "image.h5", Limits())
    np.testing.assert_array_equal(load(job, "image.h5").data, np.eye(8))


def test_ome_tiff_does_not_reach_other_files(job, hidden):
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID>'
        "</TiffData>"
        for z, (name, uuid) in enumerate(
            zip(("image.tif", hidden / "hidden.tif"), UUIDS, strict=True)
        )
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME '
        f'UUID="{UUIDS[0]}" xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="8" '
        'SizeY="8" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        f"{planes}</Pixels></Image></OME>"
    )
    tifffile.imwrite(job / "image.tif", np.zeros((8, 8), np.uint8), description=xml, metadata=None)
    try:
        decode(job / "image.tif", "image.tif", Limits())
    except Refused:
        return
    # or without the other file
    assert not np.any(load(job, "image.tif").data == 99)
