"""Images with known answers, and the real micrographs that VCCC_DATA points to."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from pytestqt.qtbot import QtBot
from threadpoolctl import threadpool_limits

import napari_visual_ccc as ccc

# one thread a process: test processes, and those that tests start, compete for the same cores;
# torch and OpenCV read this when they are loaded. Numba, which napari colours labels with, sets the
# threads of torch to its own, but for the thread alone that it runs in
for _name in (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM",
    "NUMBA_NUM_THREADS",
):  # fmt: skip
    os.environ.setdefault(_name, "1")
# plugins of pytest have loaded NumPy, and Numba where it is installed, before this file
threadpool_limits(1)
if "numba" in sys.modules:
    sys.modules["numba"].config.reload_config()
# napari reads and writes no settings: those of the user stay as they are, and no viewer waits
os.environ["NAPARI_CONFIG"] = ""
# images that tests open are checked where that is what they test
os.environ["VISUAL_CCC_CHECK_IMAGES"] = "no"

# the thorough run: make test ARGS=--hypothesis-profile=thorough
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.register_profile("quick", max_examples=20, deadline=None)
settings.load_profile("quick")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Exempt the libraries, which are loaded by now, from every later search for garbage."""
    gc.collect()
    gc.freeze()


class PatientBot(QtBot):
    """Wait for what will be, however slow or busy the machine is: only what never comes fails."""

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = 600_000) -> None:
        """Wait until the callback is true."""
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> QtBot:
    """The fixture of pytest-qt, with patience."""
    return PatientBot(request)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real micrographs; tests that need it are skipped without it."""
    folder = os.environ.get("VCCC_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VCCC_DATA does not point to the micrographs")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_sam(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny random Segment Anything model by its kind."""
    pytest.importorskip("transformers")
    from tests.sam_models import save_tiny

    @functools.cache
    def folder(kind: str) -> Path:
        return save_tiny(kind, tmp_path_factory.mktemp("models") / kind)

    return folder


@pytest.fixture(scope="session")
def stripes_model(tmp_path_factory: pytest.TempPathFactory):
    """File of a tiny autoencoder of stripes, and the result of its training."""
    from tests.stripes import saved

    return saved(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def ramp16() -> np.ndarray:
    """A 16-bit ramp: every tool must keep more than 1,000 of its levels."""
    return np.linspace(0, 65535, 256 * 256).astype(np.uint16).reshape(256, 256)


@pytest.fixture
def discs() -> np.ndarray:
    """Six dark discs of radius 12 on a bright background, as nanoparticles in TEM."""
    y, x = np.mgrid[:120, :160]
    image = np.full((120, 160), 200.0)
    for cy, cx in [(30, 30), (30, 80), (30, 130), (90, 30), (90, 80), (90, 130)]:
        image[(y - cy) ** 2 + (x - cx) ** 2 <= 144] = 60.0
    return (
        (image + np.random.default_rng(0).normal(0, 8, image.shape)).clip(0, 255).astype(np.uint8)
    )


@pytest.fixture(scope="session")
def channel_model(tmp_path_factory) -> Path:
    """Model of the channels SE and BSE: which of them has stripes, see `tests.channels`."""
    from napari_visual_ccc.core.dataset import from_arrays
    from tests.channels import CHANNELS, image

    random = np.random.default_rng(0)
    labels = ["a", "b"] * 10
    images = [image(label, random) for label in labels]
    data = from_arrays(images, labels, channels=CHANNELS, name="stripes")
    found = ccc.train(data, input_px=64, device="cpu")
    assert found.evaluation.value("accuracy") == 1
    return ccc.save_model(found, tmp_path_factory.mktemp("channels") / "stripes")[0]
