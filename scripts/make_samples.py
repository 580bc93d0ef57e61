"""Copy the sample micrographs into the package: ``python scripts/make_samples.py DATA_FOLDER``.

DATA_FOLDER is the folder of development data that VCCC_DATA points to. Pixels stay as they are; the
micrograph of nanoparticles loses the rows with the scale bar, which gives its pixel size.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = Path(__file__).parents[1] / "src" / "napari_visual_ccc" / "samples"

# length of the bar that is drawn in the micrograph of nanoparticles
BAR_NM = 200

# rows above the scale bar
ROWS = {"nanoparticles": 360}

CHOSEN = {
    "superalloy": {
        "image": "segmentation/super1/test/images/spot2_0d_0.png",
        "masks": {"phases": "segmentation/super1/test/masks/spot2_0d_0.png"},
        "classes": {"phases": ["matrix", "secondary precipitate", "tertiary precipitate"]},
        "shows": "nickel superalloy, SEM",
        "source": "NASA pretrained-microscopy-models, set Super1 (test)",
        "licence": "MIT",
    },
    "coating": {
        "image": "segmentation/ebc1/test/images/070516_1_S1160030.png",
        "masks": {"phases": "segmentation/ebc1/test/masks/070516_1_S1160030.png"},
        "classes": {"phases": ["background", "oxide", "crack"]},
        "shows": "environmental barrier coating, cross-section, SEM",
        "source": "NASA pretrained-microscopy-models, set EBC1 (test)",
        "licence": "MIT",
    },
    "nanoparticles": {
        "image": "nanoshapes/images/test/AB-Cu-S2_0008_png_816326.png",
        "masks": {
            "instances": "nanoshapes/instances/test/AB-Cu-S2_0008_png_816326.png",
            "shapes": "nanoshapes/classes/test/AB-Cu-S2_0008_png_816326.png",
        },
        "classes": {"shapes": ["background", "cube", "octahedron", "sphere"]},
        "shows": "copper nanoparticles, TEM",
        "source": "NanoShapes (test), EPFL CS-433 project, Roboflow Universe mlproject-ce4ej",
        "licence": "CC BY 4.0",
    },
    "powder": {
        "image": "ampis_powder/images/Sc1Tile_001-001-000_0-000.png",
        "masks": {"instances": "ampis_powder/particles_training/Sc1Tile_001-001-000_0-000.png"},
        "classes": {},
        "shows": "metal powder, SEM",
        "source": "AMPIS, powder example (training)",
        "licence": "MIT",
    },
    "nanocomposite": {
        "image": "nanocomposite/images/10C3_0.png",
        "masks": {"agglomerates": "nanocomposite/masks/10C3_0.png"},
        "classes": {},
        "shows": "polymer nanocomposite with agglomerates, SEM",
        "source": "baiyubaiyu/nanocomposites",
        "licence": "MIT",
    },
}


def main(data: Path) -> None:
    facts = {}
    for name, chosen in CHOSEN.items():
        rows = ROWS.get(name)
        image = copy(data / chosen["image"], SAMPLES / f"{name}.png", rows)
        for mask, path in chosen["masks"].items():
            copy(data / path, SAMPLES / f"{name}_{mask}.png", rows)
        facts[name] = {
            **{key: chosen[key] for key in ("shows", "source", "licence", "classes")},
            "original": chosen["image"],
            "masks": list(chosen["masks"]),
            "sha256": hashlib.sha256(image.tobytes()).hexdigest(),
        }
    particles = np.asarray(Image.open(data / CHOSEN["nanoparticles"]["image"]))
    size = round(BAR_NM / bar_length(particles), 3)
    facts["nanoparticles"] |= {"spacing": [size, size], "unit": "nm"}
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    (SAMPLES / "samples.json").write_text(text + "\n", encoding="utf-8")


def copy(source: Path, target: Path, rows: int | None) -> np.ndarray:
    image = Image.open(source)
    array = np.asarray(image)
    if array.ndim == 3:
        array = array[..., 0]
    array = array[:rows]
    Image.fromarray(array).save(target, optimize=True)
    return array


def bar_length(image: np.ndarray) -> int:
    """Pixels of the longest black line in the lowest eighth of the image."""
    longest = 0
    for row in image[-image.shape[0] // 8 :] < 40:
        edges = np.flatnonzero(np.diff(np.pad(row.astype(np.int8), 1)))
        if len(edges):
            longest = max(longest, int((edges[1::2] - edges[::2]).max()))
    return longest


if __name__ == "__main__":
    main(Path(sys.argv[1]))
