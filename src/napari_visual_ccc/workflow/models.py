"""Model files, and the files written with them: the split, the report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.files import check_free, written
from ..core.progress import run
from ..core.result import TrainedModel

if TYPE_CHECKING:
    from ..nets.sam.hub import Offer

SUFFIX = ".safetensors"


def named(path: str | Path) -> Path:
    """Add the suffix of model files to a path without it."""
    path = Path(path)
    return path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)


def companions(path: Path) -> dict[str, Path]:
    """Paths of the files that are written with a model."""
    stem = path.with_suffix("")
    return {
        "split": stem.with_name(f"{stem.name}_split.csv"),
        "report": stem.with_name(f"{stem.name}_report.html"),
        "numbers": stem.with_name(f"{stem.name}_report.json"),
    }


def save_model(result: TrainedModel, path: str | Path, *, force: bool = False) -> list[Path]:
    """Write a trained model, the split it was trained with, and the report.

    Parameters
    ----------
    result : TrainedModel
        From `train`.
    path : str or Path
        Of the model; ``.safetensors`` is added where it is missing. The others are named after it.
    force : bool
        Replace files that exist.

    Returns
    -------
    list of Path
        What was written: model, split (CSV), report (HTML) and its numbers (JSON).

    Raises
    ------
    FileExistsError
        If one of them already exists.
    """
    from ..nets import checkpoint
    from ..report.classifier import write_numbers, write_report

    path = named(path)
    others = companions(path)
    for one in (path, *others.values()):
        check_free(one, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    model = replace(result.model, card=result.model.card.model_copy(update={"name": path.stem}))
    checkpoint.save(model, path)
    split = result.split
    if "path" in split:
        split = split.assign(path=[_from(path.parent, one) for one in split["path"]])
    with written(others["split"], force=force) as part:
        split.to_csv(part, index=False)
    write_report(result, others["report"], force=force)
    write_numbers(result, others["numbers"], force=force)
    return [path, *others.values()]


def _from(folder: Path, path: str) -> str:
    """Path of an image relative to a folder, where they are on one drive."""
    if not path:
        return ""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(Path(path).absolute())


def fetch_model(offer: Offer) -> Path:
    """Download a Segment Anything model that was looked up, and check its SHA-256.

    Parameters
    ----------
    offer : Offer
        From `look_up_model`; its ``lines`` tell name, size and SHA-256 of the files.

    Returns
    -------
    Path
        Folder in the cache of the hub, for ``sam_masks(image, model=folder)``.

    Raises
    ------
    ConnectionError, ValueError
        Without a network, or if a file is not what the hub stated.
    """
    from ..nets.sam.hub import fetch

    return run(fetch(offer))


def import_visual_ccc(
    path: str | Path, output: str | Path, *, classes: Sequence[str] = (), force: bool = False
) -> Path:
    """Turn weights published by Visual-CCC into a model file.

    Parameters
    ----------
    path : str or Path
        State dict, checkpoint or "finalized file" (``.pth``, ``.pt``), read without unpickling.
    output : str or Path
        Model file to write.
    classes : sequence of str
        Names of the classes in order, where the file does not state them.
    force : bool
        Replace a file that exists.

    Returns
    -------
    Path
        Of the model.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it does not hold weights of Visual-CCC.
    """
    from ..nets import checkpoint
    from ..nets.layers import layers_of
    from ..nets.legacy import read_visual_ccc
    from ..nets.models.registry import architecture

    output = named(output)
    check_free(output, force=force)
    name, weights, card = read_visual_ccc(Path(path), classes=classes)
    net = architecture(name).build(len(card.classes), card.input_px)
    net.load_state_dict(weights)
    card = card.model_copy(update={"layers": layers_of(net, card.input_px)})
    output.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(checkpoint.Model(net, card), output)
    return output
