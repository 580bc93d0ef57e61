from __future__ import annotations

from napari_visual_ccc.core.progress import Progress, run
from napari_visual_ccc.widgets.parts.training import recorded


def folds():
    for epoch in (1, 2, 3, 1, 2):
        yield Progress(epoch, 3, values={"epoch": epoch, "loss": 1 / epoch})
        yield Progress(epoch, 3)
    return "done"


def test_epochs_of_the_present_fold_are_kept():
    rows: list[dict[str, float]] = []
    assert run(recorded(folds(), rows)) == "done"
    assert rows == [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
