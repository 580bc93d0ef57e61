"""Channels in files of their own: ``a_SE.tif`` and ``a_BSE.tif`` are two channels of ``a``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.files import stem
from ..core.micrograph import Micrograph, select_channels, stack_channels
from .read import is_image, read


def split_name(name: str, channels: Sequence[str]) -> tuple[str, str] | None:
    """Image and channel that a name stands for; None if it ends with no channel.

    Parameters
    ----------
    name : str
        Of a file without its ending, or of a layer: ``"a_SE"``, ``"a-SE"``, ``"a SE"`` or ``"SE"``.
    channels : sequence of str
        Names of the channels; case does not count.
    """
    for channel in sorted(channels, key=len, reverse=True):
        found = re.fullmatch(rf"(?:(.*)[-_. ])?{re.escape(channel)}", name, re.IGNORECASE)
        if found:
            return found[1] or "", channel
    return None


def files_of(path: Path, channels: Sequence[str]) -> dict[str, Path] | None:
    """File of each channel beside the file of one; None if that is the file of no channel.

    Raises
    ------
    ValueError
        If the file of a channel is missing, or there are two.
    """
    found = split_name(stem(path), channels)
    if found is None:
        return None
    return complete(_beside(path.parent, tuple(channels)).get(found[0].casefold(), {}), channels)


def complete(files: Mapping[str, Sequence[Path]], channels: Sequence[str]) -> dict[str, Path]:
    """One file for each channel, in their order.

    Raises
    ------
    ValueError
        If one is missing, or there are two; the message names the channel.
    """
    there = next(iter(files.values()))[0].name if files else "the image"
    for channel in channels:
        mine = files.get(channel, ())
        if not mine:
            raise ValueError(f"the channel {channel} of {there} is missing beside it")
        if len(mine) > 1:
            raise ValueError(
                f"{mine[0].name} and {mine[1].name} are both the channel {channel} of one image"
            )
    return {channel: files[channel][0] for channel in channels}


def _beside(folder: Path, channels: tuple[str, ...]) -> dict[str, dict[str, list[Path]]]:
    return by_image(sorted(folder.iterdir()), channels)


def by_image(paths: Sequence[Path], channels: Sequence[str]) -> dict[str, dict[str, list[Path]]]:
    """Group files of one folder by image and channel; other files are left out."""
    images: dict[str, dict[str, list[Path]]] = {}
    for path in paths:
        found = split_name(stem(path), channels) if is_image(path) else None
        if found is not None:
            image, channel = found
            images.setdefault(image.casefold(), {}).setdefault(channel, []).append(path)
    return images


def read_channels(path: str | Path, channels: Sequence[str]) -> Micrograph:
    """Open an image of several channels.

    Parameters
    ----------
    path : str or Path
        A file with a channel axis (OME-TIFF, ImageJ, OME-Zarr, or an array (C, Y, X)); or the file
        of one channel, whose name ends with that of the channel: those of the others are beside it.
    channels : sequence of str
        Names of the channels, in the order of the result.

    Returns
    -------
    Micrograph
        ``data`` is (C, Y, X).

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `read`; also if a channel is missing, which the message names.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        files = files_of(path, channels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if files is None:
        image = read(path)
        try:
            return select_channels(image, channels)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return read_files(files)


def read_files(files: Mapping[str, Path]) -> Micrograph:
    """Open one file for each channel as one image.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `read`; also if their sizes differ.
    """
    first = next(iter(files.values()))
    try:
        return stack_channels({channel: read(path) for channel, path in files.items()})
    except ValueError as error:
        raise ValueError(f"{first}: {error}") from None
