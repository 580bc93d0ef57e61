"""What RosettaSciIO reads: DM3/DM4, SER/EMI, EMD, MRC, HyperSpy. An extra: it is GPL."""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import stem
from ...core.micrograph import Axis, Micrograph
from ...core.units import unit_of
from ..axes import name_of, order_of
from . import dm, mrc, probe
from .checks import (
    DEFLATE,
    UnreadableFileError,
    check_datasets,
    check_parts,
    check_size,
    is_large,
)
from .lazy import Foreign, from_file
from .pixel_size import BACKWARDS, axis, combined_claim, number, plain, resolve_pixel_size
from .spectra import doubt, is_spectrum_image
from .vendors import VendorMetadata, known_only

# plugins of RosettaSciIO by the ending of a file's name
PLUGINS = {
    ".dm3": "digitalmicrograph", ".dm4": "digitalmicrograph", ".ser": "tia", ".emi": "tia",
    ".mrc": "mrc", ".mrcs": "mrc", ".rec": "mrc", ".st": "mrc", ".ali": "mrc",
    ".map": "mrc", ".hspy": "hspy", ".zspy": "zspy",
}  # fmt: skip

# how many times smaller than in memory they can be; those of HDF5 are checked one by one
_RATIOS = {
    ".dm3": 1, ".dm4": 1, ".hspy": None, ".emd": None, ".hdf5": None, ".h5": None,
    ".zspy": None,
}  # fmt: skip

SUFFIXES, FOLDERS = tuple(PLUGINS), (".zspy",)

_HDF5 = ("emd", "hspy")

_EXTRA = 'pip install "napari-visual-ccc[formats]"'

# the third axis of a tilt series, or of a stack of particles, is no length
_TILT_SERIES = (".st", ".ali", ".mrcs")


def read(path: Path, plugin: str = "") -> list[Micrograph]:
    """Read all images of a file; spectra in it are left out.

    Parameters
    ----------
    path : Path
        The file.
    plugin : str
        Of RosettaSciIO; by the ending of the file's name when empty.

    Raises
    ------
    ImportError
        If RosettaSciIO is not installed: it names the extra.
    UnreadableFileError
        If there is no image in it.
    """
    plugin = plugin or PLUGINS[path.suffix.lower()]
    reader = _plugin(plugin, path.suffix)
    options: dict[str, Any] = {"lazy": True}
    if plugin in _HDF5:
        options["lazy"] = _large(path)
    if plugin == "emd":
        # of images beside spectra it would read the first frame
        options |= {"select_type": "images", "load_SI_image_stack": True}
        # it would stack images whose names begin alike
        options["stack_group"] = _is_simulated(path)
    elif plugin == "hspy":
        options["locking"] = False
    elif plugin == "zspy":
        options["mode"] = "r"
    check_parts(path)
    header = mrc.read_header(path) if plugin == "mrc" else None
    if header is None:
        parts = [dm.in_our_order(part, path) for part in _called(reader, path, options)]
    elif header.mode in mrc.OWN_MODES:
        parts = [mrc.corrected(mrc.read_pixels(path, header), header)]
    else:
        options["endianness"] = header.order
        parts = [mrc.corrected(part, header) for part in _called(reader, path, options)]
    images = [_in_order(part) for part in parts if _is_image(part)]
    if not images:
        spectra = any(part["data"].dtype.kind in "biufc" for part in parts)
        what = "only spectra" if spectra else "no image"
        beside = "; its .ser files must lie beside it" if path.suffix.lower() == ".emi" else ""
        raise UnreadableFileError(f"holds {what}{beside}")
    left = len(parts) - len(images)
    notes = (f"{left} spectra or spectrum images were left out",) if left else ()
    notes = (*notes, *(() if header is None else header.notes))
    return [
        _micrograph(path, part, _name(path, part, k if len(images) > 1 else -1), notes)
        for k, part in enumerate(images)
    ]


def is_plain(path: Path) -> bool:
    """Always False: these files have metadata."""
    return False


def of_tiff(path: Path, index: int) -> VendorMetadata:
    """Pixel size and facts of a TIFF whose tags tifffile does not know.

    Raises
    ------
    ImportError
        If RosettaSciIO is not installed.
    """
    parts = _called(_plugin("tiff", path.suffix), path, {"lazy": False})
    return _found(path, parts[index]) if index < len(parts) else VendorMetadata()


def _plugin(name: str, suffix: str) -> Any:
    try:
        return importlib.import_module(f"rsciio.{name}")
    except ImportError as error:
        raise ImportError(f"{suffix} files need RosettaSciIO: {_EXTRA} ({error})") from None


# warnings and loggers are those of the whole process
_QUIET = threading.RLock()


def _called(plugin: Any, path: Path, options: dict[str, Any]) -> list[dict[str, Any]]:
    import logging

    logger = logging.getLogger("rsciio")
    # it warns of metadata that no image needs, and of files that it leaves to be closed
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            return plugin.file_reader(str(path), **options)
        except RGBA as error:
            # arrays in one piece it cannot leave in the file
            if "RGBA" not in str(error) and "chunks=" not in str(error):
                raise
            return plugin.file_reader(str(path), **{**options, "lazy": False})
        except ModuleNotFoundError as error:
            raise ImportError(
                f"{path.suffix} files with spectra need {error.name}: {_EXTRA}"
            ) from None
        finally:
            logger.setLevel(before)


# what RosettaSciIO raises for colour images of DigitalMicrograph that are asked for lazily
RGBA = ValueError


def _large(path: Path) -> bool:
    """Whether the arrays of an HDF5 file are too large to be read at once.

    Raises
    ------
    UnreadableFileError
        If the file is damaged such that it must not be read at all.
    """
    import h5py

    wrong = probe.fault(path)
    if wrong:
        raise UnreadableFileError(wrong)
    found: list[Any] = []
    with h5py.File(path, "r", locking=False) as file:
        file.visititems(lambda _, one: found.append(one) if isinstance(one, h5py.Dataset) else None)
        check_datasets(found, path)
        return is_large(sum(one.nbytes for one in found))


def _is_simulated(path: Path) -> bool:
    """Whether Prismatic wrote a file: a group for each depth."""
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        return "4DSTEM_simulation" in file


def _is_image(part: Mapping[str, Any]) -> bool:
    data, signal = part["data"], [one for one in part["axes"] if not one.get("navigate")]
    # three axes of a signal are a volume, but one of energies; one is a spectrum, but of colours
    if len(signal) == 3 and is_spectrum_image(signal, part.get("metadata")):
        return False
    spectra = len(signal) == 1 and data.dtype.names is None
    return bool(data.ndim > 1 and data.dtype.kind in "biufcV" and not spectra)


def _name(path: Path, part: Mapping[str, Any], index: int) -> str:
    if index < 0:
        return stem(path)
    title = str(part["metadata"].get("General", {}).get("title") or index + 1)
    return f"{stem(path)} {title}"


def _micrograph(
    path: Path, part: Mapping[str, Any], name: str, notes: tuple[str, ...]
) -> Micrograph:
    data = _pixels(path, part["data"], name)
    found = _found(path, part)
    spacing, unit, source, more = resolve_pixel_size(found.claims)
    axes, of_axes = _leading(path, part)
    metadata = {"facts": found.facts, "original": plain(found.original)}
    return Micrograph(
        data, spacing, unit, name, path, metadata, axes, None, (),
        (*notes, *more, *of_axes, *found.notes, *doubt(part["axes"], data.shape)), source,
    )  # fmt: skip


def _pixels(path: Path, data: Any, key: str) -> Any:
    # the header of MRC has been checked, which may have two pixels in a byte
    if PLUGINS.get(path.suffix.lower()) != "mrc":
        check_size(data.nbytes, path, ratio=_RATIOS.get(path.suffix.lower(), DEFLATE))
    if not is_large(data.nbytes):
        data = np.array(data)
    elif not isinstance(data, np.ndarray) and path.is_file():
        data = from_file(Foreign(data, path), path, key, data.chunks)
    if data.dtype.names:
        # colours: fields named R, G, B and perhaps A
        names = [one for one in "RGBA" if one in data.dtype.names]
        stack = np.stack if isinstance(data, np.ndarray) else _dask().stack
        data = stack([data[one] for one in names], axis=-1)
    return data


def _dask() -> Any:
    import dask.array

    return dask.array


def _in_order(part: dict[str, Any]) -> dict[str, Any]:
    """Put rows and columns last where the axes have these names: RosettaSciIO transposes EMD."""
    axes, data = _ordered(part), part["data"]
    names = [str(one.get("name") or "") for one in axes]
    if len(names) != data.ndim or not {"y", "x"} <= {name_of(one) for one in names}:
        return part
    order = order_of(data.shape, names)
    if order.is_colour or order.dropped or order.axes == tuple(range(data.ndim)):
        return part
    there = [{**one, "index_in_array": k} for k, one in enumerate(order.of(axes))]
    return {**part, "data": order.apply(data), "axes": there}


def _ordered(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    axes = list(part["axes"])
    return sorted(axes, key=lambda one: one["index_in_array"]) \
        if all("index_in_array" in one for one in axes) else axes  # fmt: skip


def _leading(path: Path, part: Mapping[str, Any]) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    leading = _ordered(part)[:-2]
    found = []
    for one in leading:
        name, unit = str(one.get("name") or "axis"), _usual(one.get("units"))
        if PLUGINS.get(path.suffix.lower()) == "mrc" and name == "z" and not unit:
            # RosettaSciIO gives no unit of what the format has in ångström like y and x
            unit = "" if path.suffix.lower() in _TILT_SERIES else "nm"
        found.append(axis(name, one.get("scale"), unit))
    return tuple(one for one, _ in found), tuple(note for _, notes in found for note in notes)


def _found(path: Path, part: Mapping[str, Any]) -> VendorMetadata:
    axes = _ordered(part)
    if part["data"].dtype.names is None and axes and axes[-1].get("name") == "sample":
        axes = axes[:-1]
    claims, notes = [], []
    sizes = [number(one.get("scale")) for one in axes[-2:]]
    if len(axes) >= 2 and sizes != [None, None]:
        units = [unit_of(_usual(one.get("units"))) for one in axes[-2:]]
        if any(size is not None and size < 0 for size in sizes) and units != ["px", "px"]:
            notes.append(BACKWARDS)
        size = [None if one is None else abs(one) for one in sizes]
        claims.append(combined_claim(path.suffix[1:].upper(), size, units))
    original = part.get("original_metadata") or {}
    described = _described(part, original)
    return VendorMetadata(claims, _facts(described), {"rosettasciio": dict(original)}, None, notes)


def _usual(unit: Any) -> str:
    """Undo what traits of HyperSpy leave in place of no unit."""
    text = str(unit or "")
    return "" if text in ("<undefined>", "None", "t.Undefined") else text


def _described(part: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """Give its metadata in HyperSpy's words, with what its mapping takes from the original."""
    words: dict[str, Any] = {}

    def flat(value: Any, before: str) -> None:
        if isinstance(value, Mapping):
            for key, one in value.items():
                flat(one, f"{before}.{key}" if before else str(key))
        else:
            words[before] = value

    flat(part.get("metadata") or {}, "")
    for source, target in (part.get("mapping") or {}).items():
        value: Any = original
        for key in source.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None or not target:
            continue
        name, change = target
        try:
            flat(value if change is None else change(value), name)
        # its functions expect well-formed files
        except Exception:  # noqa: BLE001
            continue
    return words


def _facts(words: Mapping[str, Any]) -> dict[str, Any]:
    def first(*names: str) -> Any:
        for beam in ("TEM", "SEM"):
            for name in names:
                value = words.get(f"Acquisition_instrument.{beam}.{name}")
                if value not in (None, ""):
                    return value
        return None

    dwell = number(first("dwell_time"))
    date = [str(words[f"General.{key}"]) for key in ("date", "time") if words.get(f"General.{key}")]
    return known_only(
        instrument=first("microscope"),
        detector=first("Detector.detector_type", "Detector.Camera.name", "detector_type"),
        voltage_kv=number(first("beam_energy")),
        magnification=number(first("magnification")),
        working_distance_mm=number(first("working_distance")),
        tilt_deg=number(first("Stage.tilt_alpha", "Stage.tilt", "tilt_stage")),
        camera_length_mm=number(first("camera_length")),
        beam_current_na=number(first("beam_current")),
        dwell_time_us=None if dwell is None else dwell * 1e6,
        date="T".join(date) or None,
    )
