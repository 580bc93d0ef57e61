from dataclasses import replace

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.workflow.scripts.models import content_of, content_of_file


@pytest.fixture(scope="module")
def image():
    return samples.load("nanoparticles").data[:256, :256]


@pytest.fixture(scope="module")
def changed():
    """A model that no file holds."""
    model = ccc.load_model()
    return replace(checkpoint.randomized(model, 3, only_last=True), hash="", path="")


def test_the_shipped_model_is_loaded_by_its_name_and_given_as_an_object(image):
    model = ccc.load_model("nanoshapes")
    assert model.hash == ccc.load_model().hash
    found, expected = ccc.classify(image, model=model), ccc.classify(image)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert found.record.last.parameters["model"] is None
    assert ccc.describe_model(model).table.equals(ccc.describe_model().table)


def test_a_loaded_model_has_weights_of_its_own(image):
    expected = ccc.classify(image).probabilities
    model = ccc.load_model()
    for one in model.net.parameters():
        one.data.zero_()
    np.testing.assert_array_equal(ccc.classify(image).probabilities, expected)
    # its weights are no longer those of the file
    found = ccc.classify(image, model=model)
    assert not np.allclose(found.probabilities, expected)
    assert any("never saved" in note for note in found.notes)


def test_a_model_without_a_file_is_used_and_replayed_once_it_is_saved(image, changed, tmp_path):
    found = ccc.classify(image, model=changed)
    assert sum("never saved" in note for note in found.notes) == 1
    step = found.record.last
    assert step.parameters["model"] == "unsaved"
    assert step.model["content"] == content_of(changed)
    with pytest.raises(ValueError, match="model that had no file: write it with save_model"):
        ccc.replay(found.record, image)
    path = tmp_path / "later.safetensors"
    card = changed.card.model_copy(update={"name": "later"})
    checkpoint.save(replace(changed, card=card), path)
    assert content_of_file(path) == content_of(changed)
    again = ccc.replay(found.record, image, others={"model": path})
    np.testing.assert_array_equal(again.probabilities, found.probabilities)
    with pytest.raises(ValueError, match="recorded with model"):
        ccc.replay(found.record, image, others={"model": ccc.load_model()})


def test_a_batch_needs_a_model_with_a_file(changed, tmp_path):
    with pytest.raises(ValueError, match="write it with save_model"):
        ccc.batch("*.tif", "classify", tmp_path / "out", {"model": changed})


def test_a_model_that_was_saved_is_recorded_as_its_file(image, changed, tmp_path):
    path = tmp_path / "mine.safetensors"
    checkpoint.save(changed, path)
    found = ccc.classify(image, model=ccc.load_model(path))
    assert str(found.record.last.parameters["model"]) == str(path)
    assert not any("never saved" in note for note in found.notes)
    expected = ccc.classify(image, model=str(path))
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
