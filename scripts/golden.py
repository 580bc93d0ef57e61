"""Keep what every operation gives on small images, and compare a later version with it.

``python scripts/golden.py store FILE.json`` runs all operations and writes what came out;
``python scripts/golden.py compare FILE.json`` runs them again and lists what differs: additions
(tables, columns, facts and layers that are new) apart from changes, and only changes make the exit
status 1. The file
keeps the names of version 0.1.0: operations, parameters and layers that have been renamed since
then are those of `workflow.upgrade`, columns, tables and facts those of `NAMES`.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import math
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.pixel_size import diameter_of, pixel_side
from napari_visual_ccc.workflow.upgrade import CHANGED, Renamed, new_parameter

# what has been renamed since 0.1.0 ----------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """Names in the results of an operation of version 0.1.0 -> those of today.

    Parameters
    ----------
    columns, tables, facts : mappings
        Columns of tables, tables and facts (at any depth).
    texts : mapping
        Text of values in facts and within cells of tables.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


_OF_REGION = ("share_of_area", "share_of_evidence", "change")
# by old operation
NAMES: dict[str, Names] = {
    "classify": Names(
        facts={
            "confidence": "coverage",
            "familiar_within": "distance_threshold",
            "likely": "prediction_set",
        }
    ),
    "quality": Names(texts={"drawn out:": "anisotropic:"}),
    "quality_folder": Names(texts={"drawn out:": "anisotropic:"}),
    "shortcuts": Names(
        facts={f"label_bar_{name}": f"info_bar_{name}" for name in _OF_REGION},
        texts={"label bar": "info bar"},
    ),
}
# operations whose smallest object has a diameter now
DIAMETER = ("threshold", "label_objects", "watershed_split", "region_table")

# what holds for all operations; an entry above goes first
EVERYWHERE = Names(columns={"likely": "prediction_set"})
# facts that are not compared: the hash of a model file changes with the texts of its card, and a
# device or a path is that of the machine
NOT_COMPARED = {"hash", "device", "path", "folder", "model_hash", "version", "versions"}

# end of the line of something that was not there before
ADDED = " is new"

# relative, for numbers from another processor
TOLERANCE = 1e-3


def renamed(operation: str) -> Renamed:
    """Name, parameters and layers of an old operation today."""
    return CHANGED.get(operation, Renamed(operation))


def old_names(operation: str) -> dict[str, dict[str, str]]:
    """Old names in the results of an operation by their new ones."""
    own = NAMES.get(operation, EVERYWHERE)
    new = {
        what: {**getattr(EVERYWHERE, what), **getattr(own, what)}
        for what in ("columns", "tables", "facts", "texts")
    }
    new["layers"] = dict(renamed(operation).layers)
    return {what: {now: was for was, now in names.items()} for what, names in new.items()}


def call(operation: str, *inputs: Any, **choices: Any) -> Any:
    """Run an operation by its old names."""
    own = renamed(operation)
    given = dict(new_parameter(own, key, value) for key, value in choices.items())
    # the smallest object was a number of pixels
    of_map = own.name == "evidence_regions"
    if (own.name in DIAMETER or of_map) and "smallest" in given:
        axes = 3 if given.get("dimensions") == "3D" else 2
        side = pixel_side(given["spacing"], axes) if "spacing" in given else 1.0
        # of a map 0 is a number of pixels now
        pixels = max(given.pop("smallest"), int(of_map))
        given["min_diameter"] = diameter_of(pixels, axes) * side if pixels > 1 or of_map else 0.0
    return getattr(ccc, own.name)(*inputs, **{**own.missing, **own.extra, **given})


# readers of results: the only places that know their classes --------------------------------------


def layers_of(result: Any) -> list[dict[str, Any]]:
    """Layers of a result: name, array, stride and the source pixel of the first cell."""
    return [
        {
            "name": layer.name,
            "array": layer.data,
            "stride": layer.placement.stride,
            "centre": [float(place) for place in layer.placement.first_centre],
        }
        for layer in result.layers
    ]


def tables_of(result: Any) -> dict[str, Any]:
    """Tables of a result by name."""
    return dict(result.tables)


def facts_of(result: Any) -> dict[str, Any]:
    """Facts of a result."""
    return dict(result.facts)


# what is kept of a result -------------------------------------------------------------------------


def kept(operation: str, result: Any) -> dict[str, Any]:
    """Give the record of a result, under old names."""
    old = old_names(operation)
    return {
        "layers": [kept_layer(layer, old["layers"]) for layer in layers_of(result)],
        "tables": {
            old["tables"].get(name, name): kept_table(
                table.rename(columns=old["columns"]), old["texts"]
            )
            for name, table in tables_of(result).items()
        },
        "facts": plain(facts_of(result), old["facts"], old["texts"]),
    }


def kept_layer(layer: Mapping[str, Any], old: Mapping[str, str]) -> dict[str, Any]:
    values = np.ascontiguousarray(np.asarray(layer["array"]))
    finite = values[np.isfinite(values)]
    numbers = (
        {"min": finite.min(), "max": finite.max(), "mean": finite.mean(dtype=np.float64)}
        if finite.size
        else {}
    )
    return {
        "name": old.get(layer["name"], layer["name"]),
        "dtype": str(values.dtype),
        "shape": list(values.shape),
        "stride": layer["stride"],
        "centre": layer["centre"],
        "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
        "finite": int(finite.size),
        **{name: rounded(value, 6) for name, value in numbers.items()},
    }


def kept_table(table: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    """Hash a table column by column, so that a difference says where it is."""
    words = table.select_dtypes(exclude="number").columns
    for name in words:
        table = table.assign(**{name: [in_old_words(cell, texts) for cell in table[name]]})
    numbers = table.select_dtypes(include="number")
    hashes = {}
    for name in table.columns:
        text = table[[name]].to_csv(index=False, float_format="%.9g", lineterminator="\n")
        hashes[str(name)] = hashlib.sha256(text.encode()).hexdigest()[:20]
    return {
        "columns": [str(name) for name in table.columns],
        "rows": len(table),
        "sha256": hashes,
        "means": {str(name): rounded(numbers[name].mean(), 6) for name in numbers},
    }


def in_old_words(cell: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(cell, str):
        for now, was in texts.items():
            cell = cell.replace(now, was)
    return cell


def rounded(value: Any, digits: int) -> float | None:
    number = float(value)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None


def plain(value: Any, names: Mapping[str, str], texts: Mapping[str, str]) -> Any:
    """Turn facts into what JSON holds, floats to 9 digits."""
    if isinstance(value, Mapping):
        return {
            names.get(str(key), str(key)): plain(one, names, texts)
            for key, one in value.items()
            if names.get(str(key), str(key)) not in NOT_COMPARED
        }
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), names, texts)
    if isinstance(value, list | tuple):
        return [plain(one, names, texts) for one in value]
    if isinstance(value, float):
        return rounded(value, 9)
    if value is None or isinstance(value, bool | int):
        return value
    return texts.get(str(value), str(value))


# images -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Input:
    """An image with what is told of it in the call."""

    image: Any
    scale: Mapping[str, Any] = field(default_factory=dict)
    bar: Mapping[str, Any] = field(default_factory=dict)


BAR = 40
ALL = ("8bit", "16bit", "rgb", "stack", "bar")


@functools.cache
def images(side: int) -> dict[str, Input]:
    """Give the inputs by name, from the samples of the package."""
    import dask.array as da

    def crop(name: str, y: int, x: int, height: int = side) -> np.ndarray:
        return samples.load(name).data[y : y + height, x : x + side]

    grey = crop("coating", 200, 200).astype(np.float64)
    ramp = np.linspace(0.6, 1.0, side)[None, :]
    deep = (grey * ramp * 200 + 3000).astype(np.uint16)
    tint = np.array([1.0, 0.8, 0.55])
    colour = (crop("powder", 300, 300)[..., None] * tint).astype(np.uint8)
    slices = np.stack([crop("nanocomposite", 100 + 3 * k, 140 - 2 * k) for k in range(3)])
    stack = da.from_array(slices, chunks=(1, side, side))
    particles = samples.load("nanoparticles")
    drawn = np.concatenate([crop("nanoparticles", 60, 60, side - BAR), info_strip(side)])
    scale = {"spacing": particles.spacing, "unit": particles.unit}
    return {
        "8bit": Input(crop("superalloy", 50, 50)),
        "16bit": Input(deep),
        "rgb": Input(colour),
        "stack": Input(stack, {"spacing": (5.0, 2.0, 2.0), "unit": "nm"}),
        "bar": Input(drawn, scale, {"info_bar": InfoBar(bottom=BAR)}),
        # the same, but nobody says that there is a bar
        "drawn": Input(drawn, scale),
    }


def info_strip(width: int) -> np.ndarray:
    """Draw a black strip with white letters and a scale bar."""
    from PIL import Image, ImageDraw, ImageFont

    strip = Image.new("L", (width, BAR), 0)
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default_imagefont()
    draw.text((8, 6), "15.0 kV  x 50 000", fill=255, font=font)
    draw.text((8, 22), "100 nm", fill=255, font=font)
    draw.rectangle((60, 26, 60 + 75, 29), fill=255)
    return np.array(strip)


# what is run --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """Choices, and the inputs that they are run on.

    Parameters
    ----------
    choices : mapping
        By old names; the value `SELF` stands for the image.
    inputs : tuple of str
        Names of `images`.
    """

    choices: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ALL


SELF = "the image itself"
SOME = ("8bit", "bar")
STACK = ("stack",)
DENOISERS = ("total variation", "wavelet", "median", "gaussian")
FEATURES = ("dissimilarity", "homogeneity", "asm", "energy", "correlation", "entropy")
CAMS = (
    "gradcam++", "hirescam", "xgradcam", "layercam", "eigencam", "eigengradcam", "ablationcam",
    "fullgrad", "random",
)  # fmt: skip
V = Variant

VARIANTS: dict[str, list[Variant]] = {
    "quality": [V(), V({"blurred": 2.0, "noisy": 50.0, "saturated": 0.1, "striped": 1.0})],
    "background": [
        V(),
        V({"method": "plane"}, ("8bit", "16bit", "bar")),
        V({"method": "rolling ball"}, ("8bit", "bar", "stack")),
        V({"method": "rolling ball", "radius": 12.0, "objects": "dark"}, SOME),
        V({"degree": 4, "remove": "divide"}, ("8bit", "16bit")),
    ],
    "destripe": [V(), V({"direction": "columns"}), V({"widest": 16, "shortest": 0.2}, SOME)],
    "align": [V(), V({"to": "the first slice"}, STACK), V({"subpixel": False}, STACK)],
    "info_bar": [
        V({}, (*ALL, "drawn")),
        V({"find": "by hand", "bottom": 30, "left": 4}, ("8bit", "bar", "stack")),
    ],
    "crop_bar": [
        V({}, (*ALL, "drawn")),
        V({"find": "by hand", "bottom": 30, "left": 4}, ("8bit", "bar", "stack")),
    ],
    "denoise": [
        V(),
        *(V({"method": method}, ("8bit", "16bit", "stack", "bar")) for method in DENOISERS),
        V({"noise": "poisson", "strength": 1.5}, SOME),
        V({"noise": "gaussian", "method": "gaussian"}, SOME),
        *(V({"method": m, "dimensions": "3D"}, STACK) for m in ("non-local means", *DENOISERS)),
    ],
    "otsu": [
        V(),
        V({"classes": 3}),
        V({"objects": "dark"}),
        V({"objects": "bright", "sigma": 0.0, "smallest": 40}),
        V({"scope": "slice"}),
        V({"dimensions": "3D", "smallest": 40}),
        V({"classes": 4, "scope": "slice", "dimensions": "3D"}, STACK),
    ],
    "watershed_split": [
        V(),
        V({"tolerance": 3.0, "smallest": 30}),
        V({"only": 1}, SOME),
        V({"dimensions": "3D"}),
    ],
    "number_objects": [V(), V({"smallest": 30, "only": 1})],
    "glcm": [
        V(),
        *(V({"feature": feature}, ("8bit",)) for feature in FEATURES),
        V({"feature": "all"}, ("16bit", "bar", "stack")),
        V(
            {"window": 9, "distances": "1, 2", "angle": "45", "levels": 16, "symmetric": False},
            SOME,
        ),
        V({"feature": "entropy", "scope": "slice"}),
    ],
    "edge_density": [V(), V({"scope": "slice"})],
    "kmeans": [
        V(),
        V({"clusters": 5}),
        V({"scope": "slice"}),
        V({"features": "multiscale", "sample": 5000, "seed": 3}, ("8bit", "bar", "stack")),
        V({"features": "texture", "sample": 5000}, ("8bit", "rgb", "stack")),
        V({"features": "network", "sample": 5000}, ("8bit", "bar")),
        V({"features": "texture", "sample": 5000, "scope": "slice"}, STACK),
    ],
    "target_cluster": [V(), V({"cluster": 3}), V({"cluster": 9}, ("8bit",))],
    "classify": [
        V(),
        V({"stride": 64, "confidence": 0.95}, ("8bit", "bar", "stack")),
        V({"turns": False}, SOME),
    ],
    "explain": [
        V(),
        *(V({"method": method, "target": "sphere"}, ("bar",)) for method in CAMS),
        V({"signed": True, "target": "cube", "against": "sphere"}, ("8bit", "bar")),
        V({"smooth": True}, ("bar",)),
        V({"layer": "blocks.4", "target": "octahedron"}, ("bar", "stack")),
        V({"target": "dendrite"}, ("8bit",)),
    ],
    "compare": [V(), V({"across": "methods", "target": "cube", "signed": True}, ("bar",))],
    "evidence_regions": [V(), V({"threshold": 0.2, "smallest": 0})],
    "trust": [V({}, SOME), V({"method": "eigencam", "target": "cube", "seed": 2}, ("bar",))],
    "shortcuts": [
        V({}, (*ALL, "drawn")),
        V({"bar": "none", "target": "cube", "threshold": 0.1}, ("8bit", "bar", "drawn")),
    ],
    "morphology_map": [
        V(),
        V({"shared": False, "stride": 48.0}, ("8bit", "bar")),
        V({"window": 60.0, "stride": 30.0, "empty": 0.2}, ("8bit", "bar")),
        V({"window": 90.0, "stride": 45.0, "length": "unit"}, ("8bit", "bar", "stack")),
    ],
    "region_table": [
        V(),
        V({"intensity": SELF}),
        V({"smallest": 30, "exclude_border": True}),
        V({"intensity": SELF, "dimensions": "3D"}),
    ],
    "cover": [V(), *(V({"fill": fill}, ("8bit", "bar")) for fill in ("mean", "blur"))],
}
# side of the images: networks take their time
SMALL = {
    "classify", "explain", "compare", "evidence_regions", "trust", "shortcuts", "morphology_map",
    "cover",
}  # fmt: skip
NEED_NO_SIZE = {
    "destripe", "info_bar", "crop_bar", "glcm", "edge_density", "evidence_regions",
}  # fmt: skip
# a hand that covers, and folders, are told of no bar
NEED_NO_BAR = {"cover"}


def first_input(operation: str, given: Input) -> Any:
    """Give what an operation is run on: the image, or what another operation made of it."""
    if operation in ("watershed_split", "number_objects", "region_table"):
        mask = layers_of(call("otsu", given.image, **given.scale, **given.bar))[0]["array"]
        if operation != "region_table":
            return mask
        return layers_of(call("number_objects", mask, **given.scale, **given.bar))[0]["array"]
    if operation == "target_cluster":
        return layers_of(call("kmeans", given.image, **given.scale, **given.bar))[0]["array"]
    if operation == "evidence_regions":
        return layers_of(call("explain", given.image, **given.scale, **given.bar))[0]["array"]
    return given.image


def on_image(operation: str, variant: Variant, name: str) -> Any:
    """Run an operation of the catalogue."""
    given = images(192 if operation in SMALL else 256)[name]
    choices = {
        key: given.image if value is SELF else value for key, value in variant.choices.items()
    }
    scale = {} if operation in NEED_NO_SIZE else given.scale
    bar = {} if operation in NEED_NO_BAR else given.bar
    inputs = [first_input(operation, given)]
    if operation == "cover":
        regions = np.zeros(np.shape(given.image)[:2], np.uint8)
        regions[40:90, 50:110] = 1
        inputs.append(regions)
    return call(operation, *inputs, **scale, **bar, **choices)


@functools.cache
def crops() -> Path:
    """Write a folder of single particles, one folder a class, and give its path."""
    from PIL import Image

    folder = Path(tempfile.mkdtemp(prefix="golden-"))
    image = samples.load("nanoparticles").data
    masks = samples.masks("nanoparticles")
    names = samples.facts("nanoparticles")["classes"]["shapes"]
    counts: dict[str, int] = {}
    for number in np.unique(masks["instances"])[1:]:
        y, x = (int(p.mean()) for p in np.nonzero(masks["instances"] == number))
        label = names[int(np.median(masks["shapes"][masks["instances"] == number]))]
        part = image[max(0, y - 24) : y + 24, max(0, x - 24) : x + 24]
        if part.shape != (48, 48) or label == "background" or counts.get(label, 0) == 8:
            continue
        counts[label] = counts.get(label, 0) + 1
        place = folder / label / f"{label}_{number:03d}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(part).save(place)
    return folder


@functools.cache
def trained() -> Any:
    return call("train", call("load_dataset", crops()), model="lite0-linear")


@functools.cache
def model_file() -> Path:
    return ccc.save_model(trained(), Path(tempfile.mkdtemp(prefix="golden-")) / "golden")[0]


def jobs() -> dict[str, Callable[[], Any]]:
    """Give what is run on folders, by key."""
    particle = images(192)["bar"].image[:48, :48]
    return {
        "examine | crops": lambda: call("examine", call("load_dataset", crops())),
        "examine | crops | similarity=0.7": lambda: call(
            "examine", call("load_dataset", crops()), similarity=0.7
        ),
        "train | crops": trained,
        "train | crops | split=leave-one-group-out, flips=False, balance=False": lambda: call(
            "train", call("load_dataset", crops()), model="lite0-linear",
            split="leave-one-group-out", flips=False, balance=False,
        ),
        "evaluate | crops": lambda: call("evaluate", call("load_dataset", crops())),
        "evaluate | crops | model=trained, turns=False": lambda: call(
            "evaluate", call("load_dataset", crops()), model=model_file(), turns=False
        ),
        "classify | crop | model=trained": lambda: call("classify", particle, model=model_file()),
        "explain | crop | model=trained, signed=True": lambda: call(
            "explain", particle, model=model_file(), signed=True
        ),
        # Score-CAM takes a minute on a larger image
        "explain | crop | method=scorecam, target=cube": lambda: call(
            "explain", particle, method="scorecam", target="cube"
        ),
        "classify_folder | crops": lambda: call("classify_folder", crops()),
        "classify_folder | crops | model=trained": lambda: call(
            "classify_folder", crops(), model=model_file()
        ),
        "quality_folder | crops": lambda: call("quality_folder", crops()),
        "quality_folder | crops | blurred=2.0, noisy=100.0": lambda: call(
            "quality_folder", crops(), blurred=2.0, noisy=100.0
        ),
    }  # fmt: skip


def cases(only: str = "") -> dict[str, Callable[[], Any]]:
    """Give all runs by their key: operation, input and choices, in the names of 0.1.0."""
    found: dict[str, Callable[[], Any]] = {}
    for operation, variants in VARIANTS.items():
        for variant in variants:
            choices = ", ".join(f"{key}={value}" for key, value in variant.choices.items())
            for name in variant.inputs:
                key = " | ".join(part for part in (operation, name, choices) if part)
                found[key] = functools.partial(on_image, operation, variant, name)
    found |= jobs()
    return {
        key: run
        for key, run in found.items()
        if key.split(" | ")[0] == (only or key.split(" | ")[0])
    }


def outcome(key: str, run: Callable[[], Any]) -> dict[str, Any]:
    """Run one case; a refusal is kept as such, and anything else that is raised as a fault."""
    try:
        return kept(key.split(" | ")[0], run())
    except ValueError as error:
        # the path of a temporary file is another every time
        return {"error": str(error).replace(tempfile.gettempdir(), "")}
    # a fault of one operation must not hide the others
    except Exception as error:  # noqa: BLE001
        return {"fault": f"{type(error).__name__}: {error}"}


def run_all(only: str = "") -> dict[str, dict[str, Any]]:
    """Run all cases, or those of one operation."""
    import cv2
    import dask
    import torch
    from threadpoolctl import threadpool_limits

    warnings.simplefilter("ignore")
    # sums of several threads come in any order: one thread gives the same bits every time
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found, times = {}, {}
    with dask.config.set(scheduler="synchronous"), threadpool_limits(1):
        for key, run in cases(only).items():
            start = time.perf_counter()
            found[key] = outcome(key, run)
            times[key] = time.perf_counter() - start
            if "fault" in found[key]:
                print(f"fault: {key}: {found[key]['fault']}", file=sys.stderr)
    slowest = sorted(times, key=lambda key: -times[key])[:8]
    print(f"{len(found)} runs in {sum(times.values()):.0f} s; the slowest:", file=sys.stderr)
    for key in slowest:
        print(f"  {times[key]:.1f} s  {key}", file=sys.stderr)
    return found


# files and differences ----------------------------------------------------------------------------


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write a line a run, keys sorted."""
    from napari_visual_ccc.workflow.record import versions

    about = {"versions": versions(), "machine": platform.machine()}
    rows = {"about": about, **{key: found[key] for key in sorted(found)}}
    lines = [
        f"{json.dumps(key)}: "
        + json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        for key, row in rows.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def differences(was: Any, now: Any, tolerance: float | None, where: str = "") -> list[str]:
    """List what differs between two records, in words."""
    if isinstance(was, dict) and isinstance(now, dict):
        return differences_of_mappings(was, now, tolerance, where)
    if where.endswith("/ columns") and [name for name in now if name in was] == was != now:
        return [f"{where} / {', '.join(name for name in now if name not in was)}{ADDED}"]
    if isinstance(was, list) and isinstance(now, list):
        if len(was) != len(now) or (was and isinstance(was[0], str) and was != now):
            return [f"{where}: was {outlined(was)}, is {outlined(now)}"]
        return [
            line
            for number, (one, other) in enumerate(zip(was, now, strict=True))
            for line in differences(one, other, tolerance, f"{where} [{number}]")
        ]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (was, now))
    if tolerance is not None and numbers:
        if math.isclose(was, now, rel_tol=tolerance, abs_tol=tolerance):
            return []
    elif was == now:
        return []
    return [f"{where}: was {outlined(was)}, is {outlined(now)}"]


def differences_of_mappings(
    was: dict[str, Any], now: dict[str, Any], tolerance: float | None, where: str
) -> list[str]:
    if "error" in was and "error" in now:
        return []
    if ("error" in was) != ("error" in now) or "fault" in now:
        return [f"{where}: was {outlined(was)}, is {outlined(now)}"]
    found = []
    for key in sorted({*was, *now}):
        if key == "sha256" and tolerance is not None:
            continue
        if key not in was or key not in now:
            found.append(f"{where} / {key}{' is missing' if key in was else ADDED}")
            continue
        found += differences(was[key], now[key], tolerance, f"{where} / {key}")
    return found


def is_addition(line: str) -> bool:
    """Whether a line of `differences` names something that was not there before."""
    return line.endswith(ADDED)


def listed(lines: list[str]) -> str:
    """Text of the comparison: changes, then additions."""
    parts = [
        f"{title} ({len(some)}):\n" + "\n".join(some)
        for title, some in (
            ("changes", [line for line in lines if not is_addition(line)]),
            ("additions", [line for line in lines if is_addition(line)]),
        )
        if some
    ]
    return "\n\n".join(parts) or "no differences"


def outlined(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:157]}..."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("store", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--tolerance", type=float, nargs="?", const=TOLERANCE, metavar="SHARE",
        help=f"compare numbers, not bits: for another processor (default: {TOLERANCE:g})",
    )  # fmt: skip
    parser.add_argument("--only", default="", metavar="OPERATION", help="old name of one operation")
    given = parser.parse_args()
    if given.what == "store":
        write(given.file, run_all())
        return 0
    was = json.loads(given.file.read_text(encoding="utf-8"))
    was.pop("about")
    was = {key: row for key, row in was.items() if given.only in ("", key.split(" | ")[0])}
    now = json.loads(json.dumps(run_all(given.only)))
    lines = [
        line
        for key in sorted({*was, *now})
        for line in (
            differences(was[key], now[key], given.tolerance, key)
            if key in was and key in now
            else [f"{key}: {'was not run' if key in was else 'is not in the file'}"]
        )
    ]
    print(listed(lines))
    return 0 if all(map(is_addition, lines)) else 1


if __name__ == "__main__":
    sys.exit(main())
