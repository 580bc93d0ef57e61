from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.training.checkpoints import (
    BestEpochs,
    current_of,
    file_name,
    files_in,
    folder_of,
)
from napari_visual_ccc.nets.training.fit import EarlyStopping, fit
from napari_visual_ccc.nets.training.recipe import FitOptions
from napari_visual_ccc.nets.training.selection import KeptEpoch
from napari_visual_ccc.nets.training.state import StateFile, epoch_file
from napari_visual_ccc.nets.training.tasks import LOSS, Classifier, Metric
from tests.nets.training.test_fit import TASK, pictures, tiny

OPTIONS = FitOptions(epochs=6, batch_size=8, learning_rate=0.02)


def collected(values, monitor=LOSS, count=3) -> BestEpochs:
    """Epochs with these values, each with its number as its weights."""
    best, net = BestEpochs(monitor, count), nn.Linear(1, 1)
    for epoch, value in enumerate(values, start=1):
        nn.init.constant_(net.weight, epoch)
        row = {"epoch": epoch, "loss": 9.0, f"validation_{monitor.name}": value}
        best.update(row, net)
        assert len(best.weights) <= count
    best.finish(row, net)
    return best


def listed(best):
    return [
        (one.epoch, one.rank, one.last, float(weights["weight"])) for one, weights in best.epochs()
    ]


def test_the_best_epochs_and_the_last_one_are_kept():
    found = listed(collected([3.0, 1.0, 5.0, 2.0, 4.0]))
    assert found == [(2, 1, False, 2), (4, 2, False, 4), (1, 3, False, 1), (5, 0, True, 5)]
    # the last one may be one of the best
    found = listed(collected([3.0, 1.0, 2.0], count=2))
    assert found == [(2, 1, False, 2), (3, 2, True, 3)]


def test_higher_may_be_better():
    found = listed(collected([0.1, 0.9, 0.5], Metric("dice", True), count=1))
    assert found == [(2, 1, False, 2), (3, 0, True, 3)]


@pytest.mark.parametrize("count", [0, 3])
def test_without_validation_there_are_none(count):
    best = BestEpochs(LOSS, count)
    run(fit(TASK, Classifier(tiny()), pictures(), None, OPTIONS, kept=best))
    assert list(best.epochs()) == []
    assert list(collected([1.0, 2.0], count=0).epochs()) == []


def test_a_value_that_is_no_number_is_not_ranked():
    assert listed(collected([float("nan"), 2.0])) == [(2, 1, True, 2)]


def trained(best, state=None):
    """Train with everything; the network and the history."""
    net = Classifier(tiny())
    more = {} if state is None else {"state": StateFile(state)}
    return net, run(fit(TASK, net, pictures(), pictures(seed=1), OPTIONS, kept=best, **more))


def same(first, second):
    one, two = list(first.epochs()), list(second.epochs())
    assert [kept for kept, _ in one] == [kept for kept, _ in two]
    for (_, weights), (_, others) in zip(one, two, strict=True):
        for name, value in weights.items():
            torch.testing.assert_close(value, others[name], rtol=0, atol=0)


def test_the_first_is_the_model_itself_and_the_last_has_other_weights():
    best = BestEpochs(LOSS, 2)
    net, history = trained(best)
    found = list(best.epochs())
    losses = [row["validation_loss"] for row in history]
    assert found[0][0].value == min(losses)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, found[0][1][name], rtol=0, atol=0)
    assert any(kept.last and kept.epoch == len(history) for kept, _ in found)


# a training that is killed ------------------------------------------------------------------------

KILLED = """
    import os, signal
    from pathlib import Path
    from napari_visual_ccc.nets.training.checkpoints import BestEpochs
    from napari_visual_ccc.nets.training.fit import EarlyStopping, fit
    from napari_visual_ccc.nets.training.state import StateFile
    from napari_visual_ccc.nets.training.tasks import LOSS, Classifier
    from tests.nets.training.test_checkpoints import OPTIONS, TASK, pictures, tiny
    steps = fit(
        TASK, Classifier(tiny()), pictures(), pictures(seed=1), OPTIONS,
        state=StateFile(Path({state!r})), kept=BestEpochs(LOSS, 2),
    )
    for progress in steps:
        if progress.note == "epochs" and progress.done == 4:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_checkpoints_survive_a_training_that_is_killed(tmp_path):
    state = tmp_path / "training.state"
    code = textwrap.dedent(KILLED).format(state=str(state))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode < 0, done.stderr
    assert len(list(tmp_path.glob("training.state.epoch-*.pt"))) == 2
    whole, resumed = BestEpochs(LOSS, 2), BestEpochs(LOSS, 2)
    trained(whole)
    _, history = trained(resumed, state)
    assert len(history) == OPTIONS.epochs
    same(resumed, whole)
    # no file of an epoch that is no longer one of the best
    kept = {one.epoch for one, _ in resumed.epochs() if one.rank}
    assert set(tmp_path.glob("*.pt")) == {epoch_file(state, epoch) for epoch in kept}


def test_finishing_gives_the_checkpoints_so_far(tmp_path):
    state = tmp_path / "training.state"
    best, again = BestEpochs(LOSS, 2), BestEpochs(LOSS, 2)
    trained(best, state)
    steps = fit(
        TASK, Classifier(tiny()), pictures(), pictures(seed=1), OPTIONS,
        state=StateFile(state, finish=True), kept=again,
    )  # fmt: skip
    run(steps)
    same(again, best)


def test_an_epoch_whose_file_is_damaged_is_no_longer_kept(tmp_path):
    state = tmp_path / "training.state"
    best, again = BestEpochs(LOSS, 3), BestEpochs(LOSS, 3)
    trained(best, state)
    ranked = [one.epoch for one, _ in best.epochs() if one.rank]
    lost = next(epoch for epoch in ranked[1:] if epoch != OPTIONS.epochs)
    # the weights of the best one are in the state too
    for epoch in (ranked[0], lost):
        epoch_file(state, epoch).write_bytes(b"damaged")
    trained(again, state)
    assert dict(listed_values(again)) == {
        rank: epoch for rank, epoch in listed_values(best) if epoch != lost
    }
    for name, value in next(best.epochs())[1].items():
        torch.testing.assert_close(next(again.epochs())[1][name], value, rtol=0, atol=0)


def listed_values(best):
    return [(one.rank, one.epoch) for one, _ in best.epochs() if one.rank]


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_state_of_fewer_checkpoints_leaves_ranks_empty(tmp_path, earlier):
    state = tmp_path / "training.state"
    trained(BestEpochs(LOSS, earlier), state)
    whole, again = BestEpochs(LOSS, 3), BestEpochs(LOSS, 3)
    trained(whole)
    trained(again, state)
    known = [(rank, epoch) for rank, epoch in listed_values(whole) if rank == 1 or epoch == 6]
    assert listed_values(again) == known


def test_the_first_is_the_model_though_another_is_better_by_next_to_nothing():
    values = [1.0, 0.5, 0.5 - 2e-6, 0.5 - 4e-6, 0.7]
    best, early, net = BestEpochs(LOSS, 2), EarlyStopping(LOSS, 9), nn.Linear(1, 1)
    for epoch, value in enumerate(values, start=1):
        nn.init.constant_(net.weight, epoch)
        row = {"epoch": epoch, "loss": 9.0, "validation_loss": value}
        best.update(row, net)
        early.update(row, net)
    best.finish(row, net)
    assert listed(best) == [(2, 1, False, 2), (4, 2, False, 4), (5, 0, True, 5)]
    assert float(early.weights["weight"]) == 2


def test_the_state_of_an_earlier_version_has_its_best_epoch(tmp_path):
    rows = [{"epoch": k, "loss": 1.0, "validation_loss": v} for k, v in ((1, 0.5), (2, 0.7))]
    stored = {"history": rows, "best_weights": {"weight": torch.ones(1)}}
    best = BestEpochs(LOSS, 3)
    best.load_state_dict(stored, StateFile(tmp_path / "state"))
    assert [(one.epoch, one.value) for one, _ in best.epochs()] == [(1, 0.5)]


# files --------------------------------------------------------------------------------------------


def test_files_are_named_by_epoch_and_value_and_the_last_epoch_is_found(tmp_path):
    model = tmp_path / "shapes v1.2.safetensors"
    model.touch()
    with pytest.raises(ValueError, match=r"shapes v1.2.safetensors: there are no checkpoints"):
        current_of(model)
    with pytest.raises(ValueError, match="the shipped model: there are no checkpoints"):
        current_of(None)
    with pytest.raises(FileNotFoundError, match="no such model file"):
        current_of(model.with_name("none.safetensors"))
    folder = folder_of(model)
    assert folder.name == "shapes v1.2_checkpoints"
    folder.mkdir()
    for epoch in (9, 10, 2):
        kept = KeptEpoch(epoch=epoch, monitor="validation_loss", value=0.25, rank=1)
        (folder / file_name(kept)).touch()
    (folder / "notes.txt").touch()
    assert [path.name for path in files_in(folder)] == [
        f"epoch_{epoch:04d}_validation_loss_0.2500.safetensors" for epoch in (2, 9, 10)
    ]
    assert current_of(model).name.startswith("epoch_0010")
