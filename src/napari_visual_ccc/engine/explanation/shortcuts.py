"""Detection of shortcuts: models that rely on overlays instead of the specimen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filling import filled
from ...core.micrograph import InfoBar
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..acquisition.bar_detector import find_info_bar
from ..acquisition.lettering import in_lines
from ..classification.calibration import softmax
from ..classification.windows import Device, model_facts
from .explain import grey_plane, start_explanation
from .heatmap import evidence

if TYPE_CHECKING:
    from ...nets.card import ModelCard
    from .explainer import Explainer

# relative to a uniform distribution of the evidence
_PREFERRED = 2.0

# change of the probability; at most 0.03 for a model with the same bar in all classes
_CHANGE = 0.2

_BORDER = 0.05

# fraction of pixels at the end of the grey range: fewer are chance, more are a binary image
_CLIPPED = (0.001, 0.5)

# contrast of letters, as a fraction of the range of grey levels
_EDGE = 0.25

_COLUMNS = ("region", "share_of_area", "share_of_evidence", "change", "warning")

BAR, TEXT, BORDER = "info bar", "text and scale bar", "image border"

BRIGHT, DARK = "saturated bright spots", "saturated dark spots"


def detect_shortcuts(  # noqa: PLR0913
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    info_bar: InfoBar | None = None,
    *,
    model: Path | None = None,
    target: str = "",
    bar: Literal["trained", "include", "none"] = "trained",
    threshold: Annotated[float, {"min": 0.05, "max": 0.95, "step": 0.05}] = 0.2,
    device: Device = "auto",
) -> Steps[Result]:
    """Warn if a model relies on the info bar, the border or saturated spots.

    A network may learn an info bar or a frame that the images of a class have in common, instead of
    the specimen (Geirhos et al., Nat. Mach. Intell. 2 (2020) 665; Lapuschkin et al., Nat. Commun.
    10 (2019) 1096). The evidence is computed by HiResCAM, which marks only what the network uses.
    A bar that only the other classes have leaves no evidence: test all classes. The model is shown
    what it is shown by `classify`: the info bar is tested where the model was trained with info
    bars, and left out where it was not. Then the size of the images may still tell classes apart,
    if only one of them had bars: where `train` found that, the model card says so, and so does the
    first note.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype, with its info bar. A stack is processed slice by
        slice (in the viewer: the current slice).
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    info_bar : InfoBar, optional
        Info bar of the image, if it is known.
    model : Path
        Model file (.safetensors); the shipped model by default.
    target : str
        Tested class; the predicted class if empty.
    bar : {'trained', 'include', 'none'}
        'trained' shows the model the info bar if it was trained with info bars; 'include' shows it
        in any case, as version 0.1.0 did; 'none' assumes that there is none. `info_bar` gives it,
        or it is detected.
    threshold : float
        Share of the evidence above which there is a warning, if it is also more than twice the
        share of the area.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        A table with one row per region: ``share_of_area``, ``share_of_evidence``, ``change`` of
        the score of one view of the whole image if the region is replaced by its surroundings, and
        ``warning``. The warnings are the first notes.

    Raises
    ------
    ValueError
        If the model does not know the class, the threshold is out of range, the image is not a
        plane or has no finite pixel, or the file is not a model.
    RuntimeError
        If memory is full.
    """
    import pandas as pd

    from ...nets.card import read_card
    from .weights import Target

    if not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold}; choose 0.05 to 0.95")
    given, found, shown = _as_shown(grey_plane(image), bar, info_bar, read_card(model))
    explainer, prediction, target, notes = yield from start_explanation(
        given, spacing, unit, model, target, device
    )
    number = prediction.classes.index(target)
    fine, _ = yield from evidence(explainer, Target(number), "hirescam")
    positive = np.maximum(fine, 0)
    if not positive.any():
        notes = (f"no evidence for {target} in this image", *notes)
    yield Progress(0, 0, "regions")
    facts: dict[str, Any] = {"target": target, **model_facts(explainer.model)}
    facts |= {"info_bar": found.pixels}
    rows, warnings = [], []
    before = yield from _probability(explainer, explainer.image, number)
    for name, region in suspicious(filled(given[0])[0], shown).items():
        after = yield from _probability(explainer, _without(explainer.image, name, region), number)
        row = _row(name, region, positive, abs(after - before), threshold)
        rows.append(row)
        facts |= {f"{name.replace(' ', '_')}_{key}": row[key] for key in _COLUMNS[1:4]}
        if row["warning"]:
            warnings.append(
                f"this model relies on the {name}: {row['share_of_evidence']:.0%} of the evidence "
                f"lies there and the score of one view changes by {row['change']:.2f} without it"
            )
    facts |= _of_training(explainer.model.card, warnings)
    facts["warned"] = bool(warnings)
    return Result(
        tables={"shortcuts": pd.DataFrame(rows, columns=list(_COLUMNS))},
        facts=facts,
        notes=(*(warnings or ["no sign of a shortcut in this image"]), *notes),
    )


def _as_shown(
    given: tuple[Any, tuple[str, ...]], bar: str, known: InfoBar | None, card: ModelCard
) -> tuple[tuple[Any, tuple[str, ...]], InfoBar, InfoBar]:
    """Plane and notes as the model is shown them, the info bar, and what of it is in the plane."""
    plane, notes = given
    found = InfoBar()
    if bar != "none":
        found = find_info_bar(plane) if known is None else known
    if not found or card.keeps_info_bar or bar == "include":
        return given, found, found
    note = f"the info bar was left out, as in training: {found}; it cannot be a shortcut"
    return (plane[found.specimen(*plane.shape)], (*notes, note)), found, InfoBar()


def _of_training(card: ModelCard, warnings: list[str]) -> dict[str, Any]:
    """Warn of what tells the training images apart without the specimen, as the card states."""
    about = card.training_data if isinstance(card.training_data, dict) else {}
    known = about.get("tells_apart")
    if not isinstance(known, dict) or not known:
        return {}
    listed = ", ".join(f"{name} {accuracy:.0%}" for name, accuracy in known.items())
    warnings.insert(
        0,
        "this model may rely on what is no specimen, whatever this image shows: in its training "
        f"images the class follows from it alone ({listed} of held-out images)",
    )
    return {"training_shortcuts": known}


def _row(
    name: str, region: np.ndarray, positive: np.ndarray, change: float, threshold: float
) -> dict[str, Any]:
    """Compare the evidence in a region with its area."""
    total = float(positive.sum())
    share = float(positive[region].sum()) / total if total else 0.0
    area = float(region.mean())
    preferred = (share > threshold or change > _CHANGE) and share > _PREFERRED * area
    # the border and saturated spots are specimen, which may rightly decide; overlays may not
    decides = change > _CHANGE and name in (BAR, TEXT)
    return dict(zip(_COLUMNS, (name, area, share, change, preferred or decides), strict=True))


def _probability(explainer: Explainer, image: np.ndarray, number: int) -> Steps[float]:
    logits = yield from explainer.for_image(image).logits()
    return float(softmax(logits, explainer.model.card.temperature)[number])


def suspicious(plane: np.ndarray, bar: InfoBar | None = None) -> dict[str, np.ndarray]:
    """Find regions that are possible shortcuts: masks by name, outside of the info bar.

    Parameters
    ----------
    plane : (Y, X) array
        Finite grey image of any real dtype, not normalised.
    bar : InfoBar, optional
        Info bar of the image.
    """
    found = {}
    field = (bar or InfoBar()).specimen(*plane.shape)
    specimen = np.zeros(plane.shape, bool)
    specimen[field] = True
    if bar:
        found[BAR] = ~specimen
    text = np.zeros(plane.shape, bool)
    text[field] = _drawn(plane[field])
    if text.any():
        found[TEXT] = text
    side = min(one.stop - one.start for one in field)
    width = max(1, round(_BORDER * side))
    if side > 2 * width:
        border = specimen.copy()
        border[tuple(slice(one.start + width, one.stop - width) for one in field)] = False
        found[BORDER] = border
    left = specimen & ~text
    ends = (plane[left].max(), plane[left].min()) if left.any() else ()
    for name, end in zip((BRIGHT, DARK), ends, strict=False):
        clipped = (plane == end) & left
        if _CLIPPED[0] <= clipped.sum() / specimen.sum() <= _CLIPPED[1]:
            found[name] = clipped
    return found


def _drawn(plane: np.ndarray) -> np.ndarray:
    """Find scale bars and letters: objects of one extreme grey level with sharp edges."""
    import cv2

    drawn = np.zeros(plane.shape, bool)
    low, high = float(plane.min()), float(plane.max())
    if high <= low:
        return drawn
    near = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    grey = ((plane.astype(np.float64) - low) / (high - low)).astype(np.float32)
    for end in (0.0, 1.0):
        extreme = (grey == end).astype(np.uint8)
        _, labels, boxes, _ = cv2.connectedComponentsWithStats(extreme, connectivity=8)
        # overlays have sharp edges, saturated parts of the specimen do not
        rim = np.where(extreme == 0, cv2.dilate(labels.astype(np.float32), near), 0).astype(int)
        far = np.abs(grey - end) > _EDGE
        count, distant = (
            np.bincount(rim.ravel(), weight, len(boxes)) for weight in (None, far.ravel())
        )
        sharp = distant >= 0.7 * np.maximum(count, 1)
        _, _, width, height, area = boxes.T
        bars = (width >= 16) & (width >= 4 * height) & (area >= 0.8 * width * height)
        chosen = (sharp & bars) | _letters(boxes, sharp)
        chosen[0] = False
        drawn |= chosen[labels]
    return cv2.dilate(drawn.astype(np.uint8), near).astype(bool)


def _letters(boxes: np.ndarray, sharp: np.ndarray) -> np.ndarray:
    """Find four or more objects of the same height in a line."""
    found = np.zeros(len(boxes), bool)
    candidates = np.flatnonzero(sharp & (boxes[:, 3] >= 5) & (boxes[:, 2] <= 3 * boxes[:, 3]))
    found[candidates] = in_lines(boxes[candidates], least=4)
    return found


def _without(image: np.ndarray, name: str, region: np.ndarray) -> np.ndarray:
    """Fill bars and borders with the mirrored specimen, and inpaint spots (Telea, 2004)."""
    import cv2

    if name not in (BAR, BORDER):
        near = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
        return cv2.inpaint(image, cv2.dilate(region.astype(np.uint8), near), 3, cv2.INPAINT_TELEA)
    # the border is that of the specimen without the info bar
    box = [_reach(region, axis) if name == BORDER else slice(None) for axis in (0, 1)]
    part = tuple(box)
    kept = ~region[part]
    inner = [_reach(kept, axis) for axis in (0, 1)]
    widths = [(one.start, length - one.stop) for one, length in zip(inner, kept.shape, strict=True)]
    filled = image.copy()
    filled[part] = np.pad(image[part][tuple(inner)], widths, mode="symmetric")
    return filled


def _reach(mask: np.ndarray, axis: int) -> slice:
    """Slice from the first to the last row (or column) with true values."""
    at = np.flatnonzero(mask.any(axis=1 - axis))
    return slice(int(at[0]), int(at[-1]) + 1)
