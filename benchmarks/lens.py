"""How well `find_similar` ranks what was marked: ``python -m benchmarks.lens`` (needs VCCC_DATA).

A point is set on one object, or in one phase; the others of its class should rank above those of
the other classes. The background was chosen on the even originals (``--half 1``), the default
layer on none of them; the documentation has the numbers of both halves (the odd ones are ``--half
2``). Beside the network stands the difference of grey levels, blurred by 4 pixels: what is no
better needs no network.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.io import imread
from skimage.measure import regionprops

import napari_visual_ccc as ccc

SHAPES = {1: "cube", 2: "octahedron", 3: "sphere"}
CLICKS = 4


def auc(inside: np.ndarray, outside: np.ndarray) -> float:
    above = inside[:, None] > outside[None]
    return float((above + 0.5 * (inside[:, None] == outside[None])).mean())


def interval(values: list[tuple[str, float]], rng: np.random.Generator) -> str:
    """Mean over images, with its 95 % interval by a bootstrap over the originals."""
    groups: dict[str, list[float]] = {}
    for group, value in values:
        groups.setdefault(group, []).append(value)
    means = np.array([np.mean(one) for one in groups.values()])
    drawn = [rng.choice(means, len(means)).mean() for _ in range(2000)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{means.mean():.2f} ({low:.2f}–{high:.2f}), {len(means)} images, {len(values)} clicks"


def maps_of(image: np.ndarray, point: tuple[float, float], layer: str) -> np.ndarray:
    if layer == "grey level":
        blurred = gaussian_filter(image.astype(float), 4)
        return -np.abs(blurred - blurred[tuple(int(n) for n in point)])
    found = ccc.find_similar(image, [point], layer=layer, device="cpu")
    return np.asarray(found.layer("similarity"))


def original(path: Path) -> str:
    return path.name.split("_jpg")[0].split("_png")[0]


def half_of(paths: list[Path], name: Callable[[Path], str], half: int) -> list[Path]:
    """One file of every second original."""
    names = sorted({name(path) for path in paths})[half - 1 :: 2]
    return [next(path for path in paths if name(path) == one) for one in names]


def shapes(data: Path, half: int, layers: list[str]) -> Iterator[tuple[str, str, str, float]]:
    rng = np.random.default_rng(0)
    folder = data / "nanoshapes" / "images" / "train"
    for path in half_of(sorted(folder.glob("*.png")), original, half):
        image = imread(path, as_gray=True)
        instances, classes = (
            imread(str(path).replace("/images/", f"/{kind}/")) for kind in ("instances", "classes")
        )
        places = [
            (tuple(np.round(one.centroid).astype(int)),
             int(np.bincount(classes[instances == one.label]).argmax()))
            for one in regionprops(instances)
        ]  # fmt: skip
        kinds = [kind for _, kind in places]
        for kind in sorted(set(kinds)):
            same = [place for place, k in places if k == kind]
            others = [place for place, k in places if k != kind]
            if len(same) < 4 or len(others) < 4:
                continue
            for number in rng.permutation(len(same))[:CLICKS]:
                for layer in layers:
                    found = maps_of(image, same[number], layer)
                    inside = np.array([found[p] for k, p in enumerate(same) if k != number])
                    outside = np.array([found[p] for p in others])
                    yield SHAPES.get(kind, str(kind)), layer, original(path), auc(inside, outside)


def phases(
    data: Path, name: str, half: int, layers: list[str]
) -> Iterator[tuple[str, str, str, float]]:
    rng = np.random.default_rng(0)
    folder = data / "segmentation" / name / "train" / "images"
    for path in sorted(folder.glob("*.png"))[half - 1 :: 2][:6]:
        image = imread(path, as_gray=True)[:512, :512]
        mask = imread(str(path).replace("/images/", "/masks/"))[:512, :512]
        for kind in np.unique(mask):
            share = (mask == kind).mean()
            if not 0.02 < share < 0.98:
                continue
            depth = distance_transform_edt(mask == kind)
            deep = np.argwhere(depth >= np.quantile(depth[mask == kind], 0.9))
            for number in rng.permutation(len(deep))[:CLICKS]:
                point = tuple(int(n) for n in deep[number])
                offset = np.indices(mask.shape) - np.array(point)[:, None, None]
                far = np.hypot(*offset) > 40
                for layer in layers:
                    found = maps_of(image, point, layer)
                    inside, outside = (
                        rng.permutation(found[(mask == kind) == one][far[(mask == kind) == one]])
                        for one in (True, False)
                    )
                    yield f"{name} {kind}", layer, path.name, auc(inside[:800], outside[:800])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=int, default=2, choices=(1, 2))
    parser.add_argument("--layers", nargs="*", default=["", "blocks.3", "grey level"])
    chosen = parser.parse_args()
    data = Path(os.environ["VCCC_DATA"])
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    rows = [shapes(data, chosen.half, chosen.layers)]
    rows += [phases(data, name, chosen.half, chosen.layers) for name in ("super1", "ebc1")]
    for several in rows:
        for kind, layer, group, value in several:
            found.setdefault((kind, layer), []).append((group, value))
    rng = np.random.default_rng(0)
    for (kind, layer), values in found.items():
        print(f"{kind:12} {layer or 'last maps':12} {interval(values, rng)}")


if __name__ == "__main__":
    main()
