from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_visual_ccc.nets.training.recipe import Augmentation, FitOptions
from napari_visual_ccc.nets.training.state import (
    StateFile,
    read_folds,
    stored_options,
    write_folds,
)

OPTIONS = FitOptions(augment=Augmentation(brightness=0.2))
ROW = {"epoch": 1, "loss": 0.5, "learning_rate": 0.1}


def test_a_state_reads_back_with_more_epochs_but_not_with_other_options(tmp_path):
    file = StateFile(tmp_path / "state", "mark")
    assert file.read(OPTIONS, {"images": [3]}) is None
    file.write(OPTIONS, {"images": [3]}, {"history": [ROW]})
    assert file.read(replace(OPTIONS, epochs=99), {"images": [3]})["history"] == [ROW]
    others = (
        (file, replace(OPTIONS, learning_rate=0.5), {"images": [3]}),
        (file, replace(OPTIONS, augment=Augmentation()), {"images": [3]}),
        (file, OPTIONS, {"images": [4]}),
        (replace(file, mark="other"), OPTIONS, {"images": [3]}),
    )
    for other, options, fingerprint in others:
        with pytest.raises(ValueError, match="other images or settings"):
            other.read(options, fingerprint)


def test_what_is_no_state_is_refused(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"not a state")
    with pytest.raises(ValueError, match="not the state of a training"):
        StateFile(path).read(OPTIONS, {})


def test_without_a_path_nothing_is_written():
    StateFile().write(OPTIONS, {}, {"history": []})
    assert StateFile().read(OPTIONS, {}) is None


def test_files_keep_the_names_of_the_options_of_0_1_0():
    assert stored_options({"batch_size": 4, "augment": {"scale": 0.1}, "seed": 1}) == {
        "batch": 4, "augment": {"zoom": 0.1}, "seed": 1,
    }  # fmt: skip


def test_a_history_of_0_1_0_has_the_columns_of_today(tmp_path):
    file = StateFile(tmp_path / "state")
    file.write(OPTIONS, {}, {"history": [{"epoch": 1, "loss": 0.5, "rate": 0.1}]})
    assert file.read(OPTIONS, {})["history"] == [ROW]


def test_folds_of_another_training_or_damaged_ones_are_not_used(tmp_path):
    state = Path(tmp_path / "state")
    assert read_folds(state, "mark") is None
    logits = np.arange(6.0).reshape(1, 3, 2)
    write_folds(state, logits, "mark")
    np.testing.assert_array_equal(read_folds(state, "mark"), logits)
    assert read_folds(state, "other") is None
    (tmp_path / "state.folds.npz").write_bytes(b"damaged")
    assert read_folds(state, "mark") is None


def test_later_options_are_part_of_a_state_only_where_they_change_something():
    before = stored_options(asdict(FitOptions()))
    assert set(before["augment"]) == {"flips", "light", "noise", "zoom"}
    turned = FitOptions(augment=Augmentation(rotation=20.0))
    assert stored_options(asdict(turned))["augment"]["rotation"] == 20.0


@pytest.mark.skipif(sys.platform != "linux", reason="has no limit of this kind")
def test_a_full_disk_is_named(tmp_path):
    import resource

    file = StateFile(tmp_path / "state", "mark")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"state: could not be written .File too large"):
            file.write(OPTIONS, {}, {"history": [ROW], "weights": torch.zeros(10_000)})
        with pytest.raises(OSError, match=r"folds\.npz: could not be written .File too large"):
            write_folds(tmp_path / "state", np.zeros(10_000), "mark")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())
