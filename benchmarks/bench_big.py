"""An image larger than memory would like: ``python -m benchmarks.bench_big [SIDE] [FOLDER]``.

Makes a montage of real micrographs as tiled TIFF and as Zarr, and runs each job in a process of
its own, so that the peak of memory is that of the job. Every result is written to Zarr, as a
script would that has no room for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.arrays.reduction import computed
from napari_visual_ccc.core.progress import run

TILE = 512
CHUNK = 2048
# jobs whose pixels per second are counted together
TOGETHER = ("threshold", "k-means", "contrast")


def tiles(side: int) -> Iterator[np.ndarray]:
    """Tiles of a montage, row by row: crops of the shipped micrographs, turned at random."""
    rng = np.random.default_rng(0)
    sources = [samples.load(name).data for name in ("superalloy", "nanoparticles", "powder")]
    sources = [source if source.ndim == 2 else source[..., 0] for source in sources]
    for _ in range((-(-side // TILE)) ** 2):
        source = sources[rng.integers(len(sources))]
        source = np.pad(source, [(0, max(0, TILE - n)) for n in source.shape], mode="symmetric")
        y, x = (rng.integers(n - TILE + 1) for n in source.shape)
        tile = np.rot90(source[y : y + TILE, x : x + TILE], rng.integers(4))
        yield np.ascontiguousarray(tile, np.uint8)


def make(side: int, folder: Path) -> dict[str, Path]:
    """Write the montage in both formats."""
    import tifffile
    import zarr

    paths = {"TIFF": folder / "montage.tif", "Zarr": folder / "montage.zarr"}
    tifffile.imwrite(
        paths["TIFF"], tiles(side), shape=(side, side), dtype=np.uint8, tile=(TILE, TILE),
        compression="zlib", compressionargs={"level": 1}, maxworkers=os.cpu_count(),
    )  # fmt: skip
    target = zarr.create_array(
        paths["Zarr"], shape=(side, side), chunks=(CHUNK, CHUNK), dtype="u1", overwrite=True
    )
    run(computed(opened(paths["TIFF"]), target))
    return paths


def opened(path: Path) -> Any:
    """The image as lazy dask, as a script reads it."""
    return ccc.read(path).data


def stored(lazy: Any, path: Path, dtype: str) -> None:
    import zarr

    sizes = (CHUNK, CHUNK)
    # zarr's own choice packs floats at a tenth of the speed
    packed = zarr.codecs.BloscCodec(cname="lz4", shuffle="shuffle")
    target = zarr.create_array(
        path, shape=lazy.shape, chunks=sizes, dtype=dtype, compressors=packed, overwrite=True
    )
    run(computed(lazy.astype(dtype), target))


def otsu(image: Any, folder: Path) -> str:
    found = ccc.threshold(image)
    stored(found.labels, folder / "otsu.zarr", "u1")
    return f"threshold {found.facts['thresholds'][0]:.1f}"


def k_means(image: Any, folder: Path) -> str:
    found = ccc.kmeans(image, clusters=3, sigma=0)
    stored(found.labels, folder / "clusters.zarr", "u1")
    return f"{len(found.table)} clusters"


def contrast(image: Any, folder: Path) -> str:
    stored(ccc.glcm_features(image, window=5).data, folder / "contrast.zarr", "f4")
    return "window 5, 32 levels, all angles"


def phases(image: Any, folder: Path) -> str:
    found = ccc.region_table(opened(folder / "otsu.zarr"), image)
    return f"{len(found.table)} region (all objects as one)"


def objects(image: Any, folder: Path) -> str:
    numbers = ccc.label_objects(opened(folder / "otsu.zarr"), min_diameter=5).labels
    return f"{len(ccc.region_table(numbers, image).table):,} regions"


def explain(image: Any, folder: Path) -> str:
    from napari_visual_ccc.nets import checkpoint, device

    # a window of 512 pixels: a quarter of the image's resolution
    shipped = checkpoint.load_model(None, device.choose("cpu"))
    model = checkpoint.Model(
        shipped.net, shipped.card.model_copy(update={"window_px": 512}), shipped.extras
    )
    checkpoint.save(model, folder / "model.safetensors")
    found = ccc.explain(image, model=folder / "model.safetensors", device="cpu")
    stored(found.data, folder / "evidence.zarr", "f4")
    return f"Grad-CAM, {found.target}"


JOBS: dict[str, Callable[[Any, Path], str]] = {
    "threshold": otsu,
    "k-means": k_means,
    "contrast": contrast,
    "region table of the mask": phases,
    "label objects, region table": objects,
    "explain": explain,
}


def peak_mib() -> float:
    """Most memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def job(name: str, path: Path) -> None:
    """Run a job and print what it took."""
    image = opened(path)
    start, busy = time.perf_counter(), time.process_time()
    note = JOBS[name](image, path.parent)
    found = {"seconds": time.perf_counter() - start, "busy": time.process_time() - busy}
    print(json.dumps({**found, "peak": peak_mib(), "note": note}))


def main(side: int, folder: Path) -> None:
    start = time.perf_counter()
    paths = make(side, folder)
    seconds = time.perf_counter() - start
    megapixels = side * side / 1e6
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{side} x {side} uint8, made in {seconds:.0f} s; {os.cpu_count()} cores, {load}\n")
    # of a shared machine the seconds that the processors worked say more than those that passed
    print("| operation | file | seconds | MP/s | CPU, s | peak, MiB | |")
    print("|---|---|---:|---:|---:|---:|---|")
    for kind, path in paths.items():
        together = np.zeros(2)
        for name in JOBS:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.bench_big", name, str(path)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            found = json.loads(done.stdout.splitlines()[-1])
            both = found["seconds"], found["busy"]
            together += both if name in TOGETHER else 0
            print(
                f"| {name} | {kind} | {found['seconds']:.1f} | {megapixels / found['seconds']:.0f} "
                f"| {found['busy']:.1f} | {found['peak']:.0f} | {found['note']} |", flush=True,
            )  # fmt: skip
        print(f"| {', '.join(TOGETHER)} | {kind} | {together[0]:.1f} "
              f"| {megapixels / together[0]:.0f} | {together[1]:.1f} | | one after the other |",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    given = sys.argv[1:]
    if given and given[0] in JOBS:
        job(given[0], Path(given[1]))
    elif len(given) > 1:
        main(int(given[0]), Path(given[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(int(given[0]) if given else 20_000, Path(folder))
