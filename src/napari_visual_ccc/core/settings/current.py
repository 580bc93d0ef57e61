"""The settings that hold now.

An environment variable wins over the file that napari's preferences and ``visual-ccc config``
write, and the file wins over the defaults. What a call, a form or a command line states itself wins
over all of them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from ..plain import shown
from . import stored

_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _setting(default: Any, title: str, text: str, section: str, **limits: Any) -> Any:
    about = {"title": title, "text": text, "section": section, **limits}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Settings:
    """Settings of the user.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda', 'mps'}
        What ``device="auto"`` of an operation means.
    threads : int
        Processor threads that networks, filters and batches use; 0 for all that are allowed.
    memory_mb : int
        Memory that the results of a large image may take in the viewer, in MB.
    downloads : bool
        Whether weights may be downloaded when they are asked for.
    cache : str
        Folder of downloaded weights; empty for that of the Hugging Face hub.
    palette : {'distinct', 'viridis', 'cividis'}
        Colours of classes and phases.
    check_images : bool
        Whether images are checked when they are opened.
    """

    device: str = _setting(
        "auto", "Device", "What networks run on where the form or command says auto", "computing",
        choices=("auto", "cpu", "cuda", "mps"),
    )  # fmt: skip
    threads: int = _setting(
        0, "Threads (0: all)", "Processor threads of networks and filters, and workers of a batch. "
        "Filters take it at the next start", "computing", minimum=0, maximum=1024,
    )  # fmt: skip
    memory_mb: int = _setting(
        1024, "Memory for results (MB)",
        "Results of large images up to this size are kept in memory; larger ones are stored in a "
        "file", "computing", minimum=16, maximum=1 << 20,
    )  # fmt: skip
    downloads: bool = _setting(
        True, "Allow downloads", "Download weights when they are asked for", "weights"
    )
    cache: str = _setting(
        "", "Folder of weights", "Where downloaded weights are kept; empty: the cache of the "
        "Hugging Face hub", "weights",
    )  # fmt: skip
    palette: str = _setting(
        "distinct", "Colours of classes and phases",
        "distinct: easy to tell apart, also with colour blindness; viridis and cividis: dark to "
        "bright. For new results", "display", choices=("distinct", "viridis", "cividis"),
    )  # fmt: skip
    check_images: bool = _setting(
        True, "Check images when opened", "Say whether their quality and pixel size are fit for "
        "analysis", "display",
    )  # fmt: skip


FIELDS = {one.name: one for one in fields(Settings)}


class Found(NamedTuple):
    """Value of a setting, and where it is from."""

    value: Any
    origin: str


def variable(name: str) -> str:
    """Name of the environment variable of a setting."""
    return f"VISUAL_CCC_{name.upper()}"


def current() -> Settings:
    """The settings that hold now."""
    return Settings(**{name: one.value for name, one in found().items()})


def found() -> dict[str, Found]:
    """Each setting with its value and where it is from: a variable, the file or the default."""
    values = stored.read()
    return {name: _found(name, values) for name in FIELDS}


def _found(name: str, values: Mapping[str, Mapping[str, Any]]) -> Found:
    section = FIELDS[name].metadata["section"]
    places = [(variable(name), os.environ.get(variable(name)))]
    if path := stored.path():
        places.append((str(path), (values.get(section) or {}).get(name)))
    for origin, value in places:
        if value is None:
            continue
        try:
            return Found(checked(name, value), origin)
        except ValueError as error:
            warnings.warn(f"{origin}: {error}; it is left out", stacklevel=2)
    return Found(FIELDS[name].default, "default")


def checked(name: str, value: Any) -> Any:
    """Turn a value, or the text of one, into that of a setting.

    Raises
    ------
    ValueError
        If there is no such setting, or it cannot have the value.
    """
    if name not in FIELDS:
        raise ValueError(f"there is no setting {shown(name)}; there are {', '.join(FIELDS)}")
    default: Any = FIELDS[name].default
    kind, about = type(default), FIELDS[name].metadata
    if kind is bool:
        word = str(value).strip().lower()
        if word not in _YES + _NO:
            raise ValueError(f"{name} is {shown(value)}; choose yes or no")
        return word in _YES
    if kind is int:
        low, high = about["minimum"], about["maximum"]
        try:
            number = int(str(value))
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(
                f"{name} is {shown(value)}; choose a whole number from {low} to {high}"
            )
        return number
    if value not in about.get("choices", (value,)):
        raise ValueError(f"{name} is {shown(value)}; choose {', '.join(about['choices'])}")
    return str(value)


def change(name: str, value: Any) -> Path:
    """Write a setting to the file; napari shows it at its next start.

    Raises
    ------
    ValueError
        If there is no such setting, or it cannot have the value.
    OSError
        If the file cannot be written, or there is none: ``NAPARI_CONFIG`` is empty.
    """
    value = checked(name, value)
    return stored.write(FIELDS[name].metadata["section"], name, value)


def weights_folder() -> Path | None:
    """Folder of downloaded weights; None for that of the Hugging Face hub.

    The variables of the hub win over the file, ours over them.
    """
    here = found()["cache"]
    of_hub = any(os.environ.get(one) for one in ("HF_HUB_CACHE", "HF_HOME"))
    if not here.value or (of_hub and here.origin != variable("cache")):
        return None
    return Path(here.value).expanduser()


def check_download(name: str) -> None:
    """Refuse a download where the settings do not allow it.

    Raises
    ------
    PermissionError
        If downloads are not allowed.
    """
    allowed = found()["downloads"]
    if not allowed.value:
        raise PermissionError(
            f"{name} is not downloaded: downloads are not allowed ({allowed.origin}); allow them "
            "in the preferences of napari or with visual-ccc config downloads yes"
        )
