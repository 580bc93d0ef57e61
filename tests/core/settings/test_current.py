from pathlib import Path

import pytest
import yaml

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers.palette import class_colours, luminance
from napari_visual_ccc.core.settings import current
from napari_visual_ccc.core.settings.current import FIELDS, Settings, change, checked, variable


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Path of the settings in an empty folder."""
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    for name in FIELDS:
        monkeypatch.delenv(variable(name), raising=False)
    return tmp_path / "napari-visual-ccc.yaml"


def test_variables_win_over_the_file_and_the_file_over_the_defaults(file, monkeypatch):
    assert current.current() == Settings()
    assert change("device", "cpu") == file
    assert current.found()["device"] == ("cpu", str(file))
    monkeypatch.setenv("VISUAL_CCC_DEVICE", "mps")
    assert current.found()["device"] == ("mps", "VISUAL_CCC_DEVICE")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("device", "gpu", "choose auto, cpu, cuda, mps"),
        ("threads", "-1", "from 0 to 1024"),
        ("threads", "two", "from 0 to 1024"),
        ("downloads", "perhaps", "choose yes or no"),
        ("speed", "1", "there is no setting 'speed'"),
    ],
)
def test_wrong_values_are_refused_and_left_out_of_a_file(name, value, reason, file):
    with pytest.raises(ValueError, match=reason):
        checked(name, value)
    if name in FIELDS:
        file.write_text(yaml.safe_dump({FIELDS[name].metadata["section"]: {name: value}}))
        with pytest.warns(UserWarning, match=reason):
            assert current.current() == Settings()


def test_the_page_of_napari_has_these_settings():
    manifest = yaml.safe_load(Path(ccc.__file__).with_name("napari.yaml").read_text("utf-8"))
    shown = {
        name: (section, about["title"], about["default"], about["description"],
               tuple(about.get("enum", ())), about.get("minimum"), about.get("maximum"))
        for section, page in manifest["contributions"]["configurations"].items()
        for name, about in page["properties"].items()
    }  # fmt: skip
    assert shown == {
        name: (one.metadata["section"], one.metadata["title"], one.default, one.metadata["text"],
               one.metadata.get("choices", ()), one.metadata.get("minimum"),
               one.metadata.get("maximum"))
        for name, one in FIELDS.items()
    }  # fmt: skip


def test_variables_of_the_hub_win_over_the_folder_of_the_file(file, monkeypatch, tmp_path):
    for name in ("HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    assert current.weights_folder() is None
    change("cache", str(tmp_path / "weights"))
    assert current.weights_folder() == tmp_path / "weights"
    monkeypatch.setenv("HF_HOME", "elsewhere")
    assert current.weights_folder() is None
    monkeypatch.setenv("VISUAL_CCC_CACHE", "here")
    assert current.weights_folder() == Path("here")


def test_no_download_is_made_where_none_is_allowed(monkeypatch):
    from napari_visual_ccc.nets.models.timm_models import pretrained

    monkeypatch.setenv("VISUAL_CCC_DOWNLOADS", "no")
    for ask in (
        lambda: ccc.look_up_model("facebook/sam2.1-hiera-tiny"),
        lambda: pretrained("timm:resnet18", 2, "download"),
    ):
        with pytest.raises(PermissionError, match="not allowed \\(VISUAL_CCC_DOWNLOADS\\)"):
            ask()


def test_networks_run_on_the_device_of_the_settings(monkeypatch):
    import torch

    from napari_visual_ccc.nets.device import choose

    monkeypatch.setenv("VISUAL_CCC_DEVICE", "cpu")
    assert choose("auto").type == "cpu"
    monkeypatch.setenv("VISUAL_CCC_DEVICE", "mps")
    if not torch.backends.mps.is_available():
        with pytest.raises(ValueError, match="no mps device, which the settings ask for"):
            choose("auto")
    # what a call states wins
    assert choose("cpu").type == "cpu"


@pytest.mark.parametrize("palette", ["viridis", "cividis"])
@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_palettes_in_order_get_brighter(palette, count, monkeypatch):
    distinct = class_colours(count)
    monkeypatch.setenv("VISUAL_CCC_PALETTE", palette)
    colours = class_colours(count)
    assert colours.shape == (31, 3)
    light = luminance(colours[: min(count, 31)])
    assert (light[1:] > light[:-1]).all()
    assert (colours[count:] == distinct[count:]).all()
