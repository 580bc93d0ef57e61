"""Models as objects: loaded, given instead of a file, and found again where they were saved."""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.plain import path_given
from ...core.result import Result, prediction_of
from ..record import Record, Step, model_of

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# files of models that scripts saved or loaded, by the content of the model
_files: dict[str, Path] = {}

# name of a model without a file
UNSAVED = "unsaved"

_NOTE = (
    "the model was never saved: its record can be replayed once it is, by "
    'ccc.save_model(trained, "model.safetensors") and '
    'ccc.replay(record, image, others={"model": "model.safetensors"})'
)


@dataclass(frozen=True)
class Unsaved:
    """A model that a script gave without a file.

    Parameters
    ----------
    parameter : str
        What it was given as.
    content : str
        From `content_of`.
    """

    parameter: str
    content: str

    @property
    def note(self) -> str:
        """Say in a result that the model has no file, and how it gets one."""
        return _NOTE

    def in_record(self, record: Record) -> Record:
        """Record the content of the model instead of the file that it had for the run."""
        last = record.last
        parameters = {**last.parameters, self.parameter: UNSAVED}
        model = {**last.model, "content": self.content}
        last = last.model_copy(update={"parameters": parameters, "model": model})
        return record.model_copy(update={"steps": [*record.steps[:-1], last]})


def load_model(path: str | Path | None = None, *, device: str = "cpu") -> Model:
    """Load a model, to be looked into or given to an operation.

    Parameters
    ----------
    path : str or Path, optional
        Model file (``.safetensors``), or the name of the shipped model; that one by default.
    device : str
        Where the network is: ``"cpu"``, ``"cuda"`` or ``"mps"``. An operation has its own choice.

    Returns
    -------
    checkpoint.Model
        ``card`` (classes, input, metrics, ...), ``net`` (torch module with weights of its own),
        ``hash`` (SHA-256 of the file) and ``path``. Operations take it as ``model``.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is no model.
    """
    import copy

    import torch

    from ...nets import checkpoint
    from ...nets.card import DEFAULT

    given = None if path is None else path_given(path, "path")
    shipped = given is None or str(given) == DEFAULT.stem
    kept = checkpoint.load_model(None if shipped else given, torch.device(device), task=None)
    # weights of its own: those of the cache must not change
    model = replace(
        kept,
        net=copy.deepcopy(kept.net),
        extras={name: value.clone() for name, value in kept.extras.items()},
    )
    remember(model, Path(kept.path) if kept.path else DEFAULT)
    return model


def remember(model: Model, path: Path) -> None:
    """Remember in which file a model is: given as an object, it is recorded as that file."""
    _files[content_of(model)] = path.absolute()


def kept_as_files(choices: Mapping[str, Any]) -> tuple[dict[str, Any], Unsaved | None]:
    """Replace models among the choices of an operation by their files.

    Parameters
    ----------
    choices : mapping
        By name; models are those of `load_model`, checkpoints, or the result of a training.

    Returns
    -------
    dict
        The choices, with paths. A model without a file gets one until the end of the process.
    Unsaved or None
        The model that has no file of its own.
    """
    given, unsaved = dict(choices), None
    for name, value in choices.items():
        model = _model_in(value)
        if model is None:
            continue
        from ...nets.card import DEFAULT

        content = content_of(model)
        path = _files.get(content)
        if path is not None and path.is_file() and content_of_file(path) == content:
            given[name] = None if path == DEFAULT else path
        else:
            given[name] = _written(model, content)
            unsaved = Unsaved(name, content)
    return given, unsaved


def path_of(model: Any) -> Path | None:
    """File of a model: of an object as `kept_as_files`, of a path that path, None of None."""
    path = kept_as_files({"model": model})[0]["model"]
    return None if path is None else path_given(path, "model")


def choices_of(step: Step, others: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a recorded step, with the model that was given instead of its file."""
    if "model" not in step.parameters:
        return step.parameters
    if "model" in others:
        return {**step.parameters, "model": path_of(others["model"])}
    if step.parameters["model"] == UNSAVED:
        raise ValueError(
            f"{step.operation} was run with a model that had no file: write it with save_model, "
            'and give its path in others={"model": ...}'
        )
    return step.parameters


def check_model(step: Step, result: Result) -> None:
    """Refuse a result that was made with another model than the recorded one."""
    was, now = str(step.model.get("hash") or ""), model_of(result).get("hash")
    # the file of a model that was saved later has another name in it
    if content := step.model.get("content"):
        file = (prediction_of(result) or result).model.get("path")
        was, now = str(content), content_of_file(Path(file) if file else None)
    if was and now and was != now:
        raise ValueError(
            f"{step.operation} was recorded with model {was[:12]}, this one is {now[:12]}; "
            "give the recorded model"
        )


def _model_in(value: Any) -> Model | None:
    if value is None or isinstance(value, str | Path | int | float):
        return None
    inner = getattr(value, "model", value)
    # a mapping is the card in a result that used a model
    return inner if hasattr(inner, "net") and hasattr(inner, "card") else None


def _written(model: Model, content: str) -> Path:
    from ...nets import checkpoint

    path = _folder() / f"{content[:16]}.safetensors"
    if not path.is_file():
        card = model.card.model_copy(update={"name": model.card.name or UNSAVED})
        checkpoint.save(replace(model, card=card), path)
    return path


@functools.cache
def _folder() -> Path:
    """Folder for models without a file, removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="visual-ccc-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


# what a model is, whatever its file is called ----------------------------------------------------


def content_of(model: Model) -> str:
    """SHA-256 of the weights and the card of a model, without its name.

    Unlike the hash of its file it is the same before and after the model is saved.
    """
    stored = model.design.stored
    tensors = {
        name: value for name, value in model.net.state_dict().items() if name.startswith(stored)
    }
    return _digest({**tensors, **model.extras}, model.card.as_dict())


def content_of_file(path: Path | None) -> str:
    """`content_of` of a model file; of the shipped one without a path."""
    from ...nets.card import DEFAULT
    from ...nets.checkpoint import hash_of

    path = DEFAULT if path is None else path
    return _content_of_file(path, hash_of(path))


@functools.lru_cache(maxsize=16)
def _content_of_file(path: Path, _hash: str) -> str:
    from ...nets.card import read_card
    from ...nets.checkpoint import tensors_of

    return _digest(tensors_of(path), read_card(path).as_dict())


def _digest(tensors: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    about = {key: value for key, value in card.items() if key not in ("name", "format")}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
    for name in sorted(tensors):
        values = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()
