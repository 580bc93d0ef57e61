"""Weights of Segment Anything on the hub of Hugging Face: looked up and fetched on request."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.files import sha256
from ...core.plain import check_given
from ...core.progress import Progress, Steps
from ...core.settings.current import check_download, weights_folder
from .background import in_background

# models that are known to load, the smallest first; SAM 3 asks for an account and a licence
KNOWN = (
    "facebook/sam2.1-hiera-tiny",
    "facebook/sam2.1-hiera-small",
    "facebook/sam2.1-hiera-base-plus",
    "facebook/sam2.1-hiera-large",
    "facebook/sam-vit-base",
    "facebook/sam-vit-large",
    "facebook/sam-vit-huge",
    "syscv-community/sam-hq-vit-base",
)

# files that a model needs; weights as pickle are never fetched
_NEEDED = ("config.json", "preprocessor_config.json", "processor_config.json")

_SECONDS = 15


@dataclass(frozen=True)
class HubFile:
    """A file on the hub, as the hub states it.

    Parameters
    ----------
    name : str
        Within the model.
    size : int
        Bytes.
    sha256 : str
        Empty for small files, which the hub gives no hash for.
    """

    name: str
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Offer:
    """A model on the hub: what a fetch would download.

    Parameters
    ----------
    name : str
        Owner and name.
    revision : str
        Commit that the sizes and hashes are of.
    files : tuple of HubFile
        Configuration and weights.
    endpoint : str, optional
        Address of the hub that was asked.
    """

    name: str
    revision: str
    files: tuple[HubFile, ...]
    endpoint: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)

    @property
    def lines(self) -> list[str]:
        """What a person should see before the download."""
        found = [f"{self.name}, {self.size / 1e6:,.1f} MB, revision {self.revision[:12]}"]
        for one in self.files:
            checked = f", sha256 {one.sha256}" if one.sha256 else ""
            found.append(f"{one.name}: {one.size:,} bytes{checked}")
        return found


def look_up_model(name: str, *, endpoint: str | None = None) -> Offer:
    """Ask the hub for the files of a model, their sizes and their SHA-256. Downloads nothing.

    Parameters
    ----------
    name : str
        Owner and name, such as ``facebook/sam2.1-hiera-small``.
    endpoint : str, optional
        Address of another hub.

    Raises
    ------
    ConnectionError
        Without a network.
    ValueError
        If the hub does not know the model, does not give it to everybody, or it has no weights as
        safetensors.
    """
    from huggingface_hub import HfApi

    check_given(name, str, "name", "the name of a model on the hub")
    check_download(name)
    with _plain_errors(name):
        api = HfApi(endpoint=endpoint)
        about = api.model_info(name, files_metadata=True, timeout=_SECONDS)
    files = []
    for one in about.siblings or []:
        is_weights = one.rfilename.endswith(".safetensors") and "/" not in one.rfilename
        if is_weights or one.rfilename in _NEEDED:
            digest = one.lfs.sha256 if one.lfs else ""
            files.append(HubFile(one.rfilename, int(one.size or 0), digest))
    if not any(one.name.endswith(".safetensors") for one in files):
        raise ValueError(f"{name} has no weights as safetensors on the hub")
    return Offer(name, str(about.sha), tuple(files), api.endpoint)


def fetch(offer: Offer, *, folder: Path | None = None) -> Steps[Path]:
    """Download the files of an offer into the cache of the hub, and check their hashes.

    Parameters
    ----------
    offer : Offer
        From `look_up_model`, after a person has agreed to it.
    folder : Path, optional
        Another cache.

    Returns
    -------
    Path
        Folder of the model.

    Raises
    ------
    ConnectionError, ValueError
        As `look_up_model`; also if a file is not what the hub stated. It is removed then.
    """
    from huggingface_hub import hf_hub_download

    check_download(offer.name)
    folder = folder or weights_folder()
    for number, one in enumerate(offer.files):

        def download(file: HubFile = one) -> Path:
            with _plain_errors(offer.name):
                return Path(
                    hf_hub_download(
                        offer.name, file.name, revision=offer.revision, endpoint=offer.endpoint,
                        cache_dir=folder,
                    )
                )  # fmt: skip

        note = Progress(number, len(offer.files), f"{one.name}, {one.size / 1e6:,.0f} MB")
        path = yield from in_background(download, note)
        found = yield from in_background(functools.partial(sha256, path), note)
        if one.sha256 and found != one.sha256:
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise ValueError(
                f"{one.name} of {offer.name} has the SHA-256 {found}, not {one.sha256} as the hub "
                "states; it was removed"
            )
    return path.parent


def cached(name: str, *, folder: Path | None = None) -> Path | None:
    """Folder of a model that has been fetched; None if it has not. Never asks the network."""
    from huggingface_hub import constants

    cache = folder or weights_folder() or Path(constants.HF_HUB_CACHE)
    snapshots = cache / f"models--{name.replace('/', '--')}" / "snapshots"
    found = [path for path in snapshots.glob("*/config.json") if _has_weights(path.parent)]
    # of several revisions the one fetched last
    return max(found, key=lambda path: path.lstat().st_mtime).parent if found else None


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Say in one sentence what is wrong with the hub."""
    from huggingface_hub import errors

    # of the library that it speaks HTTP with, which differs between its versions
    http_error: Any = getattr(errors, "HTTPError", OSError)
    try:
        yield
    except (errors.GatedRepoError, errors.RepositoryNotFoundError) as error:
        raise ValueError(
            f"the hub does not give {name} to everybody, or does not know it: check the name, or "
            "log in with an account that may have it (hf auth login)"
        ) from error
    except errors.HFValidationError as error:
        raise ValueError(f"{name!r} is not a name on the hub, such as {KNOWN[0]}") from error
    except (
        errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, http_error,
        errors.HfHubHTTPError, OSError,
    ) as error:  # fmt: skip
        raise ConnectionError(
            f"the hub of Hugging Face could not be reached for {name}: check the network, or copy "
            f"a folder with the model from another machine ({type(error).__name__})"
        ) from error
