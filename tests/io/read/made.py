"""Small files of many formats, and texts as microscopes write them."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.io import read as formats


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


def open_files():
    links = [Path("/proc/self/fd") / one for one in os.listdir("/proc/self/fd")]
    return {os.readlink(one) for one in links if one.is_symlink()}


def fei_text(**sections):
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]", *(f"{key}={value}" for key, value in values.items())]
    return "\r\n".join(lines)


def write_tags(path, image, *tags, **options):
    extra = [
        (code, "s" if isinstance(v, str) else "B", 0 if isinstance(v, str) else len(v), v, True)
        for code, v in tags
    ]
    tifffile.imwrite(path, image, extratags=extra, metadata=None, **options)
    return path


def write_palette(path, indices, table, bits, order="<", opacity=False):
    """Write a TIFF of indices of 1 to 16 bits; the table (n, 3) goes into the file as it is."""
    if opacity:
        indices = np.stack([indices, np.full_like(indices, 200)], -1)
    if bits < 8:
        digits = np.unpackbits(indices.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
        pixels = np.packbits(digits.reshape(len(indices), -1), axis=1).tobytes()
    else:
        pixels = indices.astype(f"{order}u{bits // 8}").tobytes()
    height, width = indices.shape[:2]
    colours = np.asarray(table, f"{order}u2").T.tobytes()
    samples = 2 if opacity else 1
    depth = bits * 0x10001 if opacity else bits
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, depth), (259, 3, 1, 1),
            (262, 3, 1, 3), (273, 4, 1, 8), (277, 3, 1, samples), (278, 4, 1, height),
            (279, 4, 1, len(pixels)), (320, 3, colours, 8 + len(pixels))]  # fmt: skip
    tags += [(338, 3, 1, 2)] if opacity else []
    entries = b""
    for code, kind, count, value in tags:
        count = len(count) // 2 if isinstance(count, bytes) else count
        short = kind == 3 and count == 1
        entries += struct.pack(f"{order}HHI{'H2x' if short else 'I'}", code, kind, count, value)
    start = 8 + len(pixels) + len(colours)
    head = b"II" if order == "<" else b"MM"
    content = head + struct.pack(f"{order}HI", 42, start) + pixels + colours
    path.write_bytes(content + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    return path


def zeiss_text(image="5.230 nm", screen="2.615 nm", precise="2.614514e-09", store="512 * 384"):
    lines = ["0", "0", "0", precise, "104.5"]
    for key, value in {
        "AP_PIXEL_SIZE": f"Pixel Size = {screen}",
        "AP_IMAGE_PIXEL_SIZE": f"Image Pixel Size = {image}",
        "AP_MAG": "Mag = 25.00 K X",
        "DP_IMAGE_STORE": f"Store resolution = {store}",
    }.items():
        lines += [key, value]
    return "\r\n".join(lines)


SCAN = {"PixelWidth": "3e-09", "PixelHeight": "3e-09"}


WIDE = {"ResolutionX": 30, "ResolutionY": 20}


TESCAN = "\n".join(
    ["[MAIN]", "Device=VEGA3", "Magnification=500", "PixelSizeX=2e-09", "PixelSizeY=3e-09",
     "ImageStripSize=6", "[SEM]", "HV=20000.0", "WD=0.015", "Detector=SE", "StageTilt=12.5"]
)  # fmt: skip


def check_tescan(found):
    assert (found.spacing, found.unit) == (pytest.approx((3, 2)), "nm")
    assert found.info_bar == InfoBar(bottom=6)
    facts = found.metadata["facts"]
    assert (facts["instrument"], facts["voltage_kv"], facts["tilt_deg"]) == ("VEGA3", 20, 12.5)
    assert facts["working_distance_mm"] == pytest.approx(15)


def tvips_bytes(mode):
    header = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V1)
    header["Version"] = 2
    more = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V2)
    more["Magic"], more["PixelSizeX"], more["PixelSizeY"] = 0xAAAAAAAA, 0.5, 0.5
    more["TemMode"], more["TemHighTension"], more["TemMagnification"] = mode, 200_000, 50_000
    return header.tobytes() + more.tobytes()


def gatan_tags(unit, size):
    return [(65003, "s", 0, unit, True), (65004, "s", 0, unit, True),
            (65009, "d", 1, size, True), (65010, "d", 1, size, True)]  # fmt: skip


JEOL = "\n".join(
    ["$CM_FORMAT JEOL-SEM", "$CM_INSTRUMENT JSM-7600F", "$CM_ACCEL_VOLT 15.00", "$CM_MAG 5000",
     "$CM_SIGNAL SEI", "$CM_DATE 2019/05/03", "$CM_TIME 11:20:30", "$CM_FULL_SIZE 30 20",
     "$$SM_MICRON_BAR 10", "$$SM_MICRON_MARKER 1um", "$$SM_WD 8.1"]
)  # fmt: skip


HITACHI = "\r\n".join(
    ["[SemImageFile]", "InstructName=SU8000", "ImageName=a.tif", "DataSize=30x20",
     "PixelSize=24.8", "SignalName=SE(U)", "AcceleratingVoltage=15000 Volt", "Magnification=4000",
     "WorkingDistance=8100 um", "Date=05/03/2019", "Time=11:20:30"]
)  # fmt: skip


def signal(image):
    def axis(name, size, scale, unit, navigate):
        return {"name": name, "size": size, "scale": scale, "offset": 0.0, "units": unit,
                "navigate": navigate, "is_binned": False, "_type": "UniformDataAxis"}  # fmt: skip

    rows, columns = image.shape[-2:]
    axes = [axis("y", rows, 2.0, "nm", False), axis("x", columns, 3.0, "nm", False)]
    if image.ndim == 3:
        axes.insert(0, axis("t", len(image), 0.5, "s", True))
    for k, one in enumerate(axes):
        one["index_in_array"] = k
    tem = {"microscope": "Titan", "beam_energy": 300.0, "Stage": {"tilt_alpha": 10.0}}
    return {
        "data": image, "axes": axes, "original_metadata": {"a": {"b": 1}},
        "metadata": {
            "General": {"title": "x", "date": "2020-01-02"}, "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": tem},
        },
        "attributes": {"_lazy": False, "ragged": False}, "learning_results": {}, "models": {},
        "tmp_parameters": {}, "package_info": {"package": "hyperspy", "package_version": "2"},
    }  # fmt: skip


def write_mrc(path, data, size=(20.0, 20.0, 50.0), stamp=b"\x44\x44", order="<"):
    """An MRC file by its published layout; sizes in ångström (x, y, z)."""
    header = np.zeros(256, f"{order}i4")
    planes, rows, columns = (1,) * (3 - data.ndim) + data.shape
    header[[0, 1, 2, 3, 7, 8, 9]] = columns, rows, planes, 2, columns, rows, planes
    lengths = np.array([size[0] * columns, size[1] * rows, size[2] * planes], f"{order}f4")
    header[10:13] = lengths.view(f"{order}i4")
    raw = bytearray(header.tobytes())
    raw[208:212], raw[212:214] = b"MAP ", stamp
    path.write_bytes(bytes(raw) + data.astype(f"{order}f4").tobytes())
    return path


def imagej(path, axes, **described):
    shape = dict(zip("TZCYX", (2, 3, 2, 4, 5), strict=True))
    tifffile.imwrite(
        path, np.zeros([shape[one] for one in axes], np.uint8), imagej=True,
        resolution=(2, 0.5), metadata={"axes": axes, **described},
    )  # fmt: skip
    return formats.read(path)
