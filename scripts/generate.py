"""Write what follows from the catalogue: typed public names, and the table of the README.

``python scripts/generate.py`` writes the files, with ``--check`` it only tells whether they are
up to date.
"""

from __future__ import annotations

import inspect
import sys
import typing
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import FAMILIES, OPERATIONS, function
from napari_visual_ccc.workflow.scripts.call import leaves_out_bar

ROOT = Path(__file__).parents[1]
STUB = ROOT / "src" / "napari_visual_ccc" / "__init__.pyi"
README = ROOT / "README.md"
START, END = "<!-- operations: written by scripts/generate.py -->", "<!-- end of operations -->"

HEAD = '''\
"""Public functions with their types; written by scripts/generate.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from .core.dataset import Dataset
from .core.layers import Layer
from .core.micrograph import InfoBar, Micrograph
from .core.progress import Reporting
from .core.result import Audit, Evaluation, Prediction, Result, TrainedModel
from .engine.autoencoder.trained import TrainedAutoencoder
from .engine.lens.activations import Activations
from .engine.lens.patterns import Patterns
from .nets.checkpoint import Model
'''

TYPES = '''
class _Array(Protocol):
    """Numpy or dask."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...

Image: TypeAlias = Micrograph | Result | Layer | _Array
AnyModel: TypeAlias = Model | TrainedModel | TrainedAutoencoder | str | Path

__version__: str
'''


def stub() -> str:
    """Text of ``__init__.pyi``."""
    imports = []
    for name, module in ccc._ELSEWHERE.items():
        original = getattr(ccc, name).__name__
        imports.append(f"from {module} import {original} as {name}\n")
    return HEAD + "".join(sorted(imports)) + TYPES + "".join(map(_definition, OPERATIONS))


def _definition(name: str) -> str:
    hints = get_type_hints(function(name))
    kinds = signature.input_kinds(name)
    lines, keywords = [], False
    for parameter in inspect.signature(function(name)).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            lines.append("*")
        text = _type(hints[parameter.name])
        if parameter.name in kinds and OPERATIONS[name].takes_arrays:
            text = "Image" if parameter.default is parameter.empty else "Image | None"
        if parameter.name == "model":
            text = text.replace("str | Path", "AnyModel")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        lines.append(f"{parameter.name}: {text}{default}")
    lines += [] if keywords else ["*"]
    if leaves_out_bar(name):
        lines.append("info_bar: InfoBar | None = None")
    lines.append("report: Reporting = None")
    (*_, result) = get_args(hints["return"])
    body = "".join(f"    {line},\n" for line in lines)
    return f'\ndef {name}(\n{body}) -> {_type(result)}:\n    """{signature.summary(name)}"""\n'


def _type(kind: Any) -> str:
    if kind is Any or kind is NoneType:
        return "Any" if kind is Any else "None"
    if kind is Path:
        return "str | Path"
    if get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(repr, _spellings(get_args(kind))))}]"
    if get_origin(kind) in (typing.Union, UnionType):
        return " | ".join(map(_type, get_args(kind)))
    if get_origin(kind) is not None:
        return f"{get_origin(kind).__name__}[{', '.join(map(_type, get_args(kind)))}]"
    return str(kind.__name__)


def _spellings(choices: tuple[Any, ...]) -> list[Any]:
    """Choices, those with spaces also with hyphens, and numbers also as such."""
    texts = [one for one in choices if isinstance(one, str)]
    hyphens = [signature.hyphened(one) for one in texts if " " in one]
    return [*choices, *hyphens, *(int(one) for one in texts if one.isdigit())]


def table() -> str:
    """Table of operations, by widget."""
    lines = ["| Widget | Function | What it does |", "|---|---|---|"]
    for family, title in FAMILIES.items():
        for operation in OPERATIONS.values():
            if operation.family == family:
                lines.append(
                    f"| {title} | `{operation.name}` | {signature.summary(operation.name)} |"
                )
                title = ""
    return "\n".join(lines)


def readme() -> str:
    """Text of the README with the table of now."""
    before, rest = README.read_text(encoding="utf-8").split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}"


def main(words: list[str]) -> int:
    """Write or check; the exit status tells whether a file is out of date."""
    stale = 0
    for path, text in ((STUB, stub()), (README, readme())):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in words:
            print(f"{path.relative_to(ROOT)} is out of date: run python scripts/generate.py")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
