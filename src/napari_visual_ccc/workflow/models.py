"""Model files, and the files written with them: split, report, figures, checkpoints."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.files import REPLACE, check_free, check_writable, make_folder, write_csv, write_text
from ..core.plain import check_given, path_given, printable
from ..core.progress import Reporting, reporter, run
from ..core.result import Result, TrainedModel
from .scripts.models import path_of, remember

if TYPE_CHECKING:
    from ..engine.autoencoder.trained import TrainedAutoencoder
    from ..nets.checkpoint import Model
    from ..nets.sam.hub import Offer

SUFFIX = ".safetensors"


def named(path: str | Path) -> Path:
    """Add the suffix of model files to a path without it."""
    path = Path(path)
    return path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)


def companions(path: Path) -> dict[str, Path]:
    """Paths of the files and folders that are written with a model."""
    stem = path.with_suffix("")
    return {
        name: stem.with_name(f"{stem.name}_{end}")
        for name, end in {
            "split": "split.csv",
            "report": "report.html",
            "numbers": "report.json",
            "history": "history.csv",
            "architecture": "architecture.txt",
            "figures": "figures",
            "checkpoints": "checkpoints",
        }.items()
    }


def check_companions(path: Path, *, force: bool) -> None:
    """Insist that none of the files of a model is there yet, or that all may be replaced.

    The model can be written, too: a training takes long.

    Raises
    ------
    FileExistsError, OSError
        As `files.check_free` and `files.check_writable`.
    """
    others = companions(path)
    folders = [others.pop(name) for name in ("figures", "checkpoints")]
    for one in (path, *others.values()):
        check_free(one, force=force)
    for folder in folders:
        if folder.exists() and not (force and folder.is_dir()):
            raise FileExistsError(f"{folder} already exists; {REPLACE}")
    check_writable(path)


def save_model(
    result: TrainedModel | TrainedAutoencoder, path: str | Path, *, force: bool = False
) -> list[Path]:
    """Write a trained model, and beside it its split, report, figures, layers and checkpoints.

    Parameters
    ----------
    result : TrainedModel or TrainedAutoencoder
        From `train` or `train_autoencoder`.
    path : str or Path
        Of the model; ``.safetensors`` is added where it is missing. The others are named after it.
    force : bool
        Replace files that exist, and the checkpoints of an earlier training.

    Returns
    -------
    list of Path
        What was written: model, split (CSV), report (HTML), its numbers (JSON), history (CSV),
        layers (text) and, of a classifier, folder of figures (SVG) and, if there are any, folder
        of checkpoints.

    Raises
    ------
    FileExistsError
        If one of them already exists.
    """
    from ..engine.autoencoder.trained import TrainedAutoencoder
    from ..nets.card import file_hash
    from ..report.architecture import architecture_text
    from ..report.classifier import write_numbers, write_report
    from ..report.reconstruction.page import write_autoencoder_report

    trained = (TrainedModel, TrainedAutoencoder)
    check_given(result, trained, "result", "what train or train_autoencoder returned")
    path = named(path_given(path, "path"))
    others = companions(path)
    check_companions(path, force=force)
    save_weights(result, path)
    split = result.split
    if "path" in split:
        split = split.assign(path=[_from(path.parent, one) for one in split["path"]])
    for name, table in (("split", split), ("history", result.history)):
        write_csv(table, others[name], force=force)
    card = result.model.card.model_copy(update={"name": printable(path.stem)})
    if result.architecture is not None:
        text = architecture_text(card, result.architecture)
        write_text(text, others["architecture"], force=force)
    if isinstance(result, TrainedModel):
        # the report states the file that it lies beside
        made = replace(result, model=replace(result.model, card=card, hash=file_hash(path)))
        write_report(made, others["report"], figures=others["figures"], force=force)
        write_numbers(made, others["numbers"], force=force)
        _save_checkpoints(result, path, others["checkpoints"])
    else:
        shown = replace(result, model=replace(result.model, card=card))
        write_autoencoder_report(shown, others["report"], others["numbers"], force=force)
    return [path, *(one for one in others.values() if one.exists())]


def save_weights(result: TrainedModel | TrainedAutoencoder, path: Path) -> None:
    """Write the model file alone, named after its path; it replaces a file that is there.

    The checkpoints of a model that it replaces go with it.
    """
    from ..nets import checkpoint

    make_folder(path.parent)
    card = result.model.card.model_copy(update={"name": printable(path.stem)})
    saved = replace(result.model, card=card)
    checkpoint.save(saved, path)
    remember(saved, path)
    _remove_checkpoints(path)


def _remove_checkpoints(path: Path) -> None:
    """Remove the checkpoints beside a model that is replaced: they would be taken for its own."""
    from ..nets.training.checkpoints import files_in, folder_of

    folder = folder_of(path)
    for one in files_in(folder):
        one.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _save_checkpoints(result: TrainedModel, path: Path, folder: Path) -> None:
    from ..nets import checkpoint
    from ..nets.training.checkpoints import file_name

    for model in result.checkpoints:
        kept = model.card.checkpoint
        name = f"{printable(path.stem)}, epoch {kept.epoch}"
        folder.mkdir(exist_ok=True)
        card = model.card.model_copy(update={"name": name})
        checkpoint.save(replace(model, card=card), folder / file_name(kept))


def describe_model(path: str | Path | Model | TrainedModel | None = None) -> Result:
    """List the layers of a model: shapes, numbers of parameters, and which of them are trained.

    Parameters
    ----------
    path : str, Path, Model or result of a training, optional
        Model file (.safetensors), a checkpoint, or a model of `load_model`; the shipped model by
        default.

    Returns
    -------
    Result
        Table ``layers``: ``layer``, ``type``, ``output`` (its shape for one image, channels first),
        ``parameters`` and how many of them are ``trained``. ``facts`` hold the totals, what the
        card states, and ``text`` (the same as text).

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is no model.
    """
    import torch

    from ..nets.checkpoint import load_model
    from ..nets.layers import layer_table
    from ..report.architecture import architecture_text, totals

    model = load_model(path_of(path), torch.device("cpu"), task=None)
    table, card = layer_table(model), model.card
    facts = {
        **model.identity, **totals(table), "classes": list(card.classes),
        "calibrated": card.is_calibrated,
        "operating_point": card.operating_point and card.operating_point.model_dump(),
        "checkpoint": card.checkpoint and card.checkpoint.model_dump(),
        "text": architecture_text(card, table),
    }  # fmt: skip
    return Result(tables={"layers": table}, facts=facts)


def _from(folder: Path, path: str) -> str:
    """Path of an image relative to a folder, where they are on one drive."""
    if not path:
        return ""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(Path(path).absolute())


def fetch_model(offer: Offer, *, report: Reporting = None) -> Path:
    """Download a Segment Anything model that was looked up, and check its SHA-256.

    Parameters
    ----------
    offer : Offer
        From `look_up_model`; its ``lines`` tell name, size and SHA-256 of the files.
    report : callable or True, optional
        Called with every `Progress`; ``True`` prints it.

    Returns
    -------
    Path
        Folder in the cache of the hub, for ``sam_masks(image, model=folder)``.

    Raises
    ------
    ConnectionError, ValueError
        Without a network, or if a file is not what the hub stated.
    """
    from ..nets.sam.hub import Offer, fetch

    check_given(offer, Offer, "offer", "what look_up_model returned")
    return run(fetch(offer), reporter(report, "download"))


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
        Replace a file that exists, and remove the checkpoints beside it.

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

    source, output = path_given(path, "path"), named(path_given(output, "output"))
    check_free(output, force=force)
    name, weights, card = read_visual_ccc(source, classes=classes)
    net = architecture(name).build(len(card.classes), card.input_px)
    net.load_state_dict(weights)
    card = card.model_copy(update={"layers": layers_of(net, card.input_px)})
    make_folder(output.parent)
    checkpoint.save(checkpoint.Model(net, card), output)
    _remove_checkpoints(output)
    return output
