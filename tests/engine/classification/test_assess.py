from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.engine.classification.assess import assess
from napari_visual_ccc.nets.checkpoint import Model, load_model

CPU = torch.device("cpu")
SURE = np.array([0.98, 0.015, 0.005])


@pytest.fixture
def model() -> Model:
    return load_model(None, CPU)


def bare(model: Model, *without: str) -> Model:
    values = {key: one for key, one in model.card.as_dict().items() if key not in without}
    return Model(model.net, type(model.card).model_validate(values), model.extras, model.hash)


def known(model: Model) -> np.ndarray:
    return model.extras["reference.features"][:1].float().numpy()


def test_a_training_image_is_in_distribution_and_its_own_neighbour(model):
    found = assess(SURE, model, 0.9, known(model))
    assert not found.unknown
    assert found.verdict == "cube"
    assert found.similar[0]["distance"] == pytest.approx(0, abs=1e-3)
    assert found.facts["distance"] < found.facts["distance_threshold"]
    assert found.facts["coverage"] == 0.9
    assert found.facts["prediction_set"] == list(found.prediction_set) == ["cube"]


def test_an_image_unlike_the_training_images_is_unknown(model):
    found = assess(SURE, model, 0.9, -known(model), notes=("first",))
    assert found.unknown
    assert found.verdict == "unknown"
    assert found.notes[0].startswith("unknown: unlike the training images (distance ")
    assert "first" in found.notes


def test_several_windows_have_a_share_and_no_prediction_set(model):
    features = np.concatenate([known(model), -known(model), -known(model)])
    found = assess(SURE, model, 0.9, features)
    assert found.notes[0] == "unknown: 67% of the image is unlike the training images"
    assert found.prediction_set == ()
    assert "distance" not in found.facts


def test_what_the_card_lacks_is_left_out(model):
    found = assess(SURE, bare(model, "temperature", "conformal", "familiar"), 0.9, known(model))
    assert found.notes == ("the probabilities of this model are not calibrated",)
    assert not {"distance", "prediction_set", "unknown"} & set(found.facts)
    assert found.similar
    assert assess(SURE, model, 0.9, None).similar == ()


def test_too_few_validation_images_rule_nothing_out(model):
    few = model.card.model_copy(update={"conformal": [0.1, 0.2]})
    found = assess(SURE, Model(model.net, few, model.extras), 0.9, known(model))
    assert found.prediction_set == ("cube", "octahedron", "sphere")
    assert any("2 validation images are too few" in note for note in found.notes)


def test_thresholds_decide_where_they_are_given(model):
    found = assess(SURE, model, 0.9, known(model), thresholds=np.array([0.99, 0.01, 0.5]))
    assert (found.label, found.decided, found.verdict) == ("cube", "octahedron", "octahedron")
    assert found.facts["thresholds"] == {"cube": 0.99, "octahedron": 0.01, "sphere": 0.5}
    assert found.table.set_index("class")["threshold"].to_dict() == found.thresholds
    none = assess(SURE, model, 0.9, known(model), thresholds=np.full(3, 0.99))
    assert none.verdict == "none above its threshold"
    # an image unlike all training images stays unknown
    assert assess(SURE, model, 0.9, -known(model), thresholds=np.zeros(3)).verdict == "unknown"
