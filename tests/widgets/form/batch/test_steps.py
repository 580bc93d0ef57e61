from __future__ import annotations

from napari.layers import Image, Labels

import napari_visual_ccc as ccc
from napari_visual_ccc.widgets.form.batch.steps import FILE, offered
from napari_visual_ccc.widgets.layers.metadata import METADATA
from napari_visual_ccc.workflow.operations import OPERATIONS


def test_the_steps_of_results_are_offered_once(discs):
    mask = ccc.threshold(ccc.denoise(discs))
    ours, another = mask.record.model_dump(), {"steps": [{"operation": "x"}]}
    layers = [
        Image(discs, name="discs"),
        *(
            Labels(mask.labels, name=name, metadata={METADATA: record})
            for name, record in (("mask", ours), ("copy", ours), ("another's", another))
        ),
    ]
    texts, values = zip(*offered(OPERATIONS["threshold"], layers), strict=True)
    assert texts == (
        "Threshold, as chosen in the form",
        "As copy: Denoise, Threshold",
        "A record (file)",
    )
    assert values == (None, mask.record, FILE)
