"""Every keyword of every operation reaches its function or is refused, at both doors."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.layers import PointsLayer
from napari_visual_ccc.nets.card import DEFAULT
from napari_visual_ccc.workflow import operations, signature
from napari_visual_ccc.workflow import run as driver
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.signature import Parameter


class ReachedError(ValueError):
    """The function was called."""


@pytest.fixture
def received(monkeypatch):
    """Keywords that the function of an operation is called with, instead of its work."""
    found: dict[str, Any] = {}

    def spy(name):
        @functools.wraps(operations.function(name))
        def called(*_, **given):
            found.update(given)
            raise ReachedError(name)

        return called

    monkeypatch.setattr(driver, "function", spy)
    return found


def another(parameter: Parameter, folder: Path) -> Any:
    """A valid value that is not the default."""
    kind, low, high = (
        parameter.plain_type, parameter.options.get("min"), parameter.options.get("max"),
    )  # fmt: skip
    if kind is bool:
        return not parameter.default
    if get_origin(kind) is Literal:
        return next(one for one in get_args(kind) if one != parameter.default)
    if kind in (int, float):
        wanted = 3 if low is None else low
        value = wanted if wanted != parameter.default else (low + 1 if high is None else high)
        return kind(value)
    if kind is str:
        return "cube" if parameter.default != "cube" else "sphere"
    return DEFAULT if parameter.name == "model" else folder / parameter.name


def choices_of(name: str, folder: Path) -> dict[str, Any]:
    return {key: another(one, folder) for key, one in signature.parameters(name).items()}


def given_to(name: str, folder: Path) -> list[Any]:
    image = np.arange(80 * 90, dtype=np.uint8).reshape(80, 90)
    values = {
        "image": image, "labels": image // 128, "heatmap": image / 255, "regions": image // 128,
        "prompts": PointsLayer(np.array([[40.0, 40.0]])), "folder": folder,
        "dataset": from_arrays([image, image.T], ["a", "b"]),
    }  # fmt: skip
    return [values[kind] for kind in signature.input_kinds(name).values()]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_script_passes_every_keyword_on(name, received, tmp_path):
    choices = choices_of(name, tmp_path)
    with pytest.raises(ReachedError):
        getattr(ccc, name)(*given_to(name, tmp_path), **choices)
    assert {key: received[key] for key in choices} == choices


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_script_is_refused_a_wrong_value_of_every_keyword(name, received, tmp_path):
    for key in signature.parameters(name):
        with pytest.raises(ValueError, match=f"^{key} is ") as caught:
            getattr(ccc, name)(*given_to(name, tmp_path), **{key: object()})
        assert not isinstance(caught.value, ReachedError)
    assert received == {}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_script_is_told_in_a_sentence_what_is_no_input(name, tmp_path):
    _, *others = given_to(name, tmp_path)
    for wrong in ({"a": 1}, object()):
        with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
            getattr(ccc, name)(wrong, *others)


def flags(name: str, folder: Path) -> list[str]:
    words = []
    for key, value in choices_of(name, folder).items():
        flag = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return words


def files(name: str, folder: Path) -> list[str]:
    """The inputs of a command: files, or a folder of two classes."""
    image = np.arange(80 * 90, dtype=np.uint8).reshape(80, 90)
    for place in ("a", "b"):
        (folder / "data" / place).mkdir(parents=True, exist_ok=True)
        imsave(folder / "data" / place / "1.png", image, check_contrast=False)
    imsave(folder / "labels.png", image // 128, check_contrast=False)
    points = folder / "points.csv"
    points.write_text("index,axis-0,axis-1\n0,40,40\n", encoding="utf-8")
    if not OPERATIONS[name].takes_arrays:
        return [str(folder / "data")]
    first, *further = signature.input_kinds(name).items()
    by_kind = {"labels": str(folder / "labels.png"), "prompts": str(points)}
    found = [by_kind.get(first[1], str(folder / "data" / "a" / "1.png"))]
    for key, kind in further:
        found += [f"--{key}", by_kind.get(kind, str(folder / "data" / "a" / "1.png"))]
    return found


@pytest.mark.parametrize(
    "name", [name for name, one in OPERATIONS.items() if one.has_form or not one.takes_arrays]
)
def test_a_command_passes_every_flag_on(name, received, tmp_path, capsys):
    operation = OPERATIONS[name]
    command = [operation.family, name] if operation.has_form else [name]
    words = [*command, *files(name, tmp_path), *flags(name, tmp_path), "-o", str(tmp_path / "o")]
    assert main(words) == 1, capsys.readouterr().err
    choices = choices_of(name, tmp_path)
    assert {key: received.get(key) for key in choices} == choices, capsys.readouterr().err
    assert main([*words, "--nonsense", "1"]) == 2
    assert "--nonsense" in capsys.readouterr().err
