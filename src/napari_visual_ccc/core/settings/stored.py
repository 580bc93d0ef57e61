"""The file of the settings: where napari keeps those of this plugin."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write_text

_NAME = "napari-visual-ccc.yaml"


def path() -> Path | None:
    """Path of the file, beside napari's own settings; None where napari keeps none.

    napari has settings of each environment of Python. ``NAPARI_CONFIG`` names its file.
    """
    named = os.environ.get("NAPARI_CONFIG")
    if named is not None:
        return Path(named).parent / _NAME if named else None
    return _folder() / _NAME


@functools.cache
def _folder() -> Path:
    """What napari takes; a test compares them."""
    import hashlib
    from importlib.metadata import version

    import platformdirs

    prefix = os.path.realpath(sys.prefix)
    if prefix.startswith(platformdirs.user_cache_dir("uv")):
        from packaging.version import Version

        marker = os.path.join("uvx", Version(version("napari")).base_version)
    else:
        marker = f"{os.path.basename(prefix)}_{hashlib.sha1(prefix.encode()).hexdigest()}"
    return Path(platformdirs.user_config_dir("napari", False, marker))


def read() -> Mapping[str, Mapping[str, Any]]:
    """Values of the file by section; empty without one."""
    file = path()
    try:
        about = None if file is None else file.stat()
    except OSError:
        about = None
    return {} if file is None or about is None else _read(file, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=4)
def _read(file: Path, changed: int, size: int) -> Mapping[str, Mapping[str, Any]]:
    import yaml

    try:
        values = yaml.safe_load(file.read_text("utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        warnings.warn(f"{file}: cannot be read ({reason}); defaults are used", stacklevel=2)
        return {}
    sections = values.items() if isinstance(values, dict) else ()
    return {str(key): one for key, one in sections if isinstance(one, dict)}


def write(section: str, name: str, value: Any) -> Path:
    """Write one value and keep the others.

    Raises
    ------
    OSError
        If the file cannot be written, or there is none.
    """
    import yaml

    file = path()
    if file is None:
        raise OSError("NAPARI_CONFIG is empty, so no settings are kept: unset it, or name a file")
    values = {key: dict(one) for key, one in read().items()}
    values.setdefault(section, {})[name] = value
    write_text(yaml.safe_dump(values), file, force=True)
    return file


def remove() -> None:
    """Remove the file, so that the defaults hold."""
    if file := path():
        file.unlink(missing_ok=True)
