"""Training of an autoencoder in the AI lens: from usual images to an anomaly map."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from skimage.io import imsave

from napari_visual_ccc.widgets.docks import usual_images as sources
from napari_visual_ccc.widgets.docks.autoencoder import NAME, AutoencoderTraining
from napari_visual_ccc.workflow import signature
from tests.stripes import CHOICES, stripes, with_disc
from tests.widgets.opening import dock


@pytest.fixture
def lens(viewer, tmp_path):
    for k in range(4):
        imsave(tmp_path / f"{k}.png", stripes(k), check_contrast=False)
    lens = dock(viewer, "lens")
    training = lens.training
    training.images.source.value = sources.FOLDER
    training.images.folder.value = tmp_path
    for name, value in {**CHOICES, "tiles": 16}.items():
        training.fields[name].value = value
    return lens


def test_from_usual_images_to_an_anomaly_map(viewer, lens, finish, qtbot, tmp_path):
    training = lens.training
    training.train_button.native.click()
    assert training.train_button.text == "Stop"
    qtbot.waitUntil(lambda: not training.is_running)
    assert "PSNR" in training.message.text()
    assert training.epochs == 3
    assert len(training.curves.figure.axes) == 3
    assert training.examples.figure.axes[0].images
    saved = training.save(tmp_path / "own.safetensors")
    assert saved.with_name("own_report.html").exists()
    training.use_button.native.click()
    assert lens.operation.name == "anomaly_map"
    assert lens.fields["model"].value == saved
    # also for its activations, by default those of the code
    assert lens._fields["activations"]["model"].value == saved
    assert "code" in lens._fields["activations"]["layer"].choices
    viewer.add_image(with_disc(stripes(9))[0], name="new", scale=(2, 2), units=("nm", "nm"))
    lens.fields["score"].value = "residual"
    lens.run_button.native.click()
    finish(lens)
    layer = viewer.layers["new anomaly"]
    assert tuple(layer.scale) == (2, 2)
    assert np.isfinite(layer.data).all()
    assert "new anomalies" in viewer.layers


def test_a_stopped_training_keeps_its_best_epoch(lens, qtbot):
    training = lens.training
    training.fields["epochs"].value = 200
    training.train()
    qtbot.waitUntil(lambda: training.epochs > 0)
    training.stop()
    assert training.train_button.text == "Cancel"
    qtbot.waitUntil(lambda: not training.is_running)
    assert training.result is not None
    assert len(training.result.history) < 200
    training.use()
    assert lens.fields["model"].value.exists()


def test_a_wrong_choice_is_reported_and_nothing_starts(lens):
    lens.training.images.source.value = sources.LAYER
    lens.training.train()
    assert not lens.training.is_running
    assert "open a micrograph" in notification_manager.records[-1].message


def test_every_choice_has_a_field_but_those_that_the_widget_sets(headless):
    used = []
    training = AutoencoderTraining(headless, used.append)
    assert set(training.choices) == set(signature.parameters(NAME)) - {"state", "finish"}
    signature.checked(NAME, training.choices)
    assert training.save() is None
    training.use()
    training.stop()
    assert used == []
    assert not training.save_button.enabled


def test_the_forecast_follows_the_choices(headless):
    training = dock(headless, "lens").training
    first = training.forecast.text()
    assert first.startswith("Needs ~")
    training.fields["epochs"].value = 900
    assert training.forecast.text() != first


def test_a_training_stops_with_its_layer(headless, qtbot):
    for name in ("usual", "other"):
        headless.add_image(stripes(0), name=name)
    training = AutoencoderTraining(headless, print)
    training.images.image.value = headless.layers["usual"]
    for name, value in {**CHOICES, "tiles": 16, "epochs": 200}.items():
        training.fields[name].value = value
    training.train()
    headless.layers.remove("other")
    assert training.is_running
    headless.layers.remove("usual")
    qtbot.waitUntil(lambda: not training.is_running)
    assert training.message.text() == "Cancelled: usual was removed."
    assert training.train_button.text == "Train"
