"""The phases that the classes of all images of a folder rest on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filters.blur import SIGMA
from ...arrays.inputs import to_gray
from ...core.micrograph import Micrograph
from ...core.plain import reason_of
from ...core.progress import Progress, Steps, as_one_step
from ...core.result import Result
from ...engine.acquisition.bar_detector import info_bar_of
from ...engine.acquisition.info_bar import Doubts
from ...engine.classification.windows import Device
from ...engine.clustering.kmeans import kmeans
from ...engine.concordance.concordance import concordance
from ...engine.concordance.summary import NONE, class_notes, class_table, image_row
from ...engine.explanation.explain import explain
from ...engine.segmentation.threshold import threshold
from ...io.axes import without_singles
from ...io.datasets import unlabelled
from ...io.folders import check_is_folder

if TYPE_CHECKING:
    from ...nets.card import ModelCard

_SEGMENTED = {"applies": {"labels": (None,)}}

_CLUSTERED = {"applies": {"labels": (None,), "segmentation": ("k-means",)}}


def concordance_folder(  # noqa: PLR0913
    folder: Path,
    *,
    model: Path | None = None,
    target: str = "",
    segmentation: Annotated[Literal["k-means", "threshold"], _SEGMENTED] = "k-means",
    clusters: Annotated[int, {"min": 2, "max": 20, **_CLUSTERED}] = 3,
    sigma: Annotated[float, {**SIGMA, **_CLUSTERED}] = 1.0,
    labels: Annotated[Path | None, {"mode": "d"}] = None,
    names: str = "",
    occluded: Annotated[int, {"min": 0, "max": 100, "label": "Occluded regions"}] = 0,
    device: Device = "auto",
) -> Steps[Result]:
    """Test on which phase the classes of all images of a folder rest.

    Every image is classified, the evidence for its class is mapped (`explain`), the image is
    segmented, and both are compared (`concordance`).

    Parameters
    ----------
    folder : Path
        Its images, also those in folders within it.
    model : Path
        Model file (.safetensors); the shipped model by default.
    target : str
        Explained class; of each image the predicted one if empty.
    segmentation : {'k-means', 'threshold'}
        Phases: clusters of grey levels, from the darkest to the brightest; or objects and
        background by Otsu's threshold.
    clusters : int
        Number of clusters.
    sigma : float
        Gaussian blur before the clusters, in pixels, as of `kmeans`; the threshold has its own of
        1 pixel.
    labels : Path
        Folder of label images with the names of the images, instead of a segmentation; the suffix
        may differ. Label 0 is the background.
    names : str
        Names of the labels from 1 on, separated by commas.
    occluded : int
        Number of regions of an image, those with the most evidence, that are occluded one by one.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``images``, one row per image: ``name``, ``class``, ``probability``, ``region`` (the most
        enriched one among those with a corrected p below 0.05, or none) with its ``enrichment``,
        ``p_corrected``, ``share_of_evidence``, ``share_of_area`` and ``effect``, the enrichment of
        every region, and ``problem`` (why an image could not be compared). ``regions by class``:
        how many images of each class rest on each region, with 95 % intervals; missing if no image
        could be compared.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, no image in it, the file is not a model, it does not know the
        class, or a phase is called ``none``.
    """
    import pandas as pd

    card = _card_of(model, target, device)
    if labels is not None:
        check_is_folder(Path(labels))
    if NONE in (name.strip() for name in names.split(",")):
        raise ValueError(f"no phase can be called {NONE!r}: it stands for no enriched region")
    regions: dict[str, None] = {}

    def assess(micrograph: Micrograph) -> Steps[dict[str, Any]]:
        image = _specimen(micrograph, keep_info_bar=card.keeps_info_bar)
        scale = (micrograph.spacing, micrograph.unit)
        heat = yield from explain(image, *scale, model=model, target=target, device=device)
        phases, called = yield from _phases(
            image, micrograph, folder, segmentation, clusters, sigma, labels, names
        )
        found = yield from concordance(
            heat.data, phases, image, *scale, names=called, occluded=occluded,
            target=heat.target, model=model, device=device,
        )  # fmt: skip
        regions.update(dict.fromkeys(found.table.sort_values("label")["name"]))
        # of a large image it is the score of one view
        stated = heat.prediction
        assert stated is not None
        value = stated.probabilities[stated.classes.index(heat.target)]
        return {"class": heat.target, stated.means: float(value)} | image_row(found.table)

    doubts = None if card.keeps_info_bar else Doubts()
    rows = yield from _rows_of(folder, assess, {"class": "", "region": ""}, doubts)
    table = pd.DataFrame([{"problem": ""} | row for row in rows])
    table["problem"] = table.pop("problem")
    failed = int((table["problem"] != "").sum())
    tables = {"images": table}
    notes: tuple[str, ...] = (f"{failed} not compared",) if failed else ()
    notes = (*notes, *(doubts.notes if doubts else ()))
    if failed < len(table):
        summary = tables["regions by class"] = class_table(table, tuple(regions))
        notes = (*class_notes(summary), *notes)
    return Result(tables=tables, notes=notes)


def _card_of(model: Path | None, target: str, device: Device) -> ModelCard:
    """Card of a model that can be loaded and knows the class."""
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.card import read_card

    # what is wrong with it is no fault of each image
    card = read_card(model)
    if target and target not in card.classes:
        known = ", ".join(card.classes)
        raise ValueError(f"the model has no class {target!r}; its classes are {known}")
    return checkpoint.load_model(model, devices.choose(device)).card


def _rows_of(
    folder: Path,
    assess: Callable[[Micrograph], Steps[dict[str, Any]]],
    empty: dict[str, Any],
    doubts: Doubts | None,
) -> Steps[list[dict[str, Any]]]:
    """Assess every image of a folder; one that cannot be read has a ``problem``.

    Those with a doubtful info bar are gathered in `doubts`, where it is left out.
    """
    examples = unlabelled(folder, closed=True)
    examples = doubts.watched(examples) if doubts else examples
    rows = []
    for done, example in enumerate(examples):
        here = Progress(done, len(examples), "images")
        yield here
        try:
            found = yield from as_one_step(assess(example.read()), here)
        except (ValueError, OSError) as error:
            found = empty | {"problem": reason_of(error, example.path)}
        rows.append({"name": example.name} | found)
    return rows


def _specimen(micrograph: Micrograph, *, keep_info_bar: bool) -> Any:
    """The grey image, without the info bar if that is not kept."""
    grey, _ = to_gray(micrograph.data)
    # a single slice of a stack is an image
    grey = without_singles(grey)
    if keep_info_bar:
        return grey
    return grey[(..., *info_bar_of(micrograph).specimen(*grey.shape[-2:]))]


def _phases(
    image: Any,
    micrograph: Micrograph,
    folder: Path,
    segmentation: str,
    clusters: int,
    sigma: float,
    labels: Path | None,
    names: str,
) -> Steps[tuple[Any, str]]:
    """Labels of an image, and the names of its phases."""
    if labels is not None:
        return _label_file(micrograph, folder, labels, image.shape), names
    if segmentation == "threshold":
        found = yield from threshold(image)
        return found.labels, names or "objects"
    found = yield from kmeans(image, clusters=clusters, sigma=sigma)
    middle = [f"cluster {k}" for k in range(2, clusters)]
    return found.labels, names or ", ".join(("darkest", *middle, "brightest"))


def _label_file(micrograph: Micrograph, folder: Path, labels: Path, shape: tuple[int, ...]) -> Any:
    """Read the labels of an image, without its info bar."""
    from ...io.read import is_image, read

    assert micrograph.path is not None
    place = (Path(labels) / Path(micrograph.path).relative_to(folder)).with_suffix("")
    beside = place.parent.iterdir() if place.parent.is_dir() else ()
    # compared as text: a name may have dots, and what a pattern would expand
    files = sorted(file for file in beside if file.stem == place.name and is_image(file))
    if not files:
        raise ValueError(f"no labels: there is no {place}.*")
    if len(files) > 1:
        named = " and ".join(file.name for file in files)
        raise ValueError(f"{place.parent} holds {named}: keep one file of labels for each image")
    opened = read(files[0])
    if opened.metadata.get("picture"):
        raise ValueError(opened.metadata["picture"])
    found = opened.data
    if found.shape == np.shape(micrograph.data)[: found.ndim] and found.shape != shape:
        found = found[info_bar_of(micrograph).specimen(*found.shape)]
    return found
