"""Models and records that are dropped onto the canvas."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

import napari_visual_ccc as ccc
from napari_visual_ccc.nets.card import DEFAULT
from napari_visual_ccc.widgets.form.batch import session
from napari_visual_ccc.widgets.plugin.other_files import get_reader


@pytest.fixture
def drop(viewer):
    """Drop files as a file manager does, and return what is said of them."""

    def dropped(*paths):
        before = len(notification_manager.records)
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        event = QDropEvent(
            QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        viewer.window._qt_viewer.dropEvent(event)
        return [one.message for one in list(notification_manager.records)[before:]]

    return dropped


def test_a_model_and_a_record_say_where_they_are_used(drop, viewer, tmp_path, discs):
    (said,) = drop(DEFAULT)
    assert said == (
        f"{DEFAULT.name} is a model (cube, octahedron, sphere): choose it as Model in Classify & "
        "Explain"
    )
    ccc.write(ccc.threshold(discs), tmp_path / "mask.csv")
    (said,) = drop(tmp_path / "mask.yaml")
    assert said.startswith("mask.yaml is a record (threshold): Run on many images, below a form")
    # whose dialog offers it
    assert session.recalled()["record"] == str(tmp_path / "mask.yaml")
    session.forget()
    assert not viewer.layers


def test_what_is_damaged_or_another_s_is_named(drop, tmp_path):
    for name, text in (("a.safetensors", "no model"), ("b.yaml", "name: another program")):
        (tmp_path / name).write_text(text)
        (said,) = drop(tmp_path / name)
        assert name in said


def test_other_files_are_left_to_others(tmp_path):
    assert get_reader(str(tmp_path / "a.safetensors")) is not None
    assert get_reader([str(tmp_path / "a.yaml"), str(tmp_path / "b.png")]) is None


def test_a_folder_with_a_picture_and_other_files_opens_the_picture(viewer, tmp_path):
    from PIL import Image

    from napari_visual_ccc.widgets.plugin import reader

    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "a.png")
    assert reader.get_reader(str(tmp_path)) is not reader.read
    (tmp_path / "notes.txt").write_text("no picture")
    assert reader.get_reader(str(tmp_path)) is reader.read
    (layer,) = viewer.open(tmp_path, plugin="napari-visual-ccc")
    np.testing.assert_array_equal(np.squeeze(layer.data), np.eye(8))
