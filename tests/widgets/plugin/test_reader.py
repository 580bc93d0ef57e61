"""Files dropped onto the viewer."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.settings import get_settings
from PIL import Image

from napari_visual_ccc import samples
from napari_visual_ccc.core.layers import LabelsLayer
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks
from napari_visual_ccc.io.write.images import write_image
from napari_visual_ccc.io.write.layers import micrograph_of
from napari_visual_ccc.widgets.layers.convert import layer_data
from napari_visual_ccc.widgets.layers.metadata import calibration
from napari_visual_ccc.widgets.layers.viewers import scale_bar
from napari_visual_ccc.widgets.plugin import other_files, reader
from tests.io.read.made import JEOL, TESCAN, fei_text, write_tags

PLUGIN = "napari-visual-ccc"


def fei_file(path):
    text = fei_text(Scan={"PixelWidth": "3e-09", "PixelHeight": "2e-09"},
                    Image={"ResolutionX": 30, "ResolutionY": 20}, Beam={"HV": 5000})  # fmt: skip
    return write_tags(path, np.zeros((24, 30), np.uint16), (34682, text))


def test_a_microscope_s_file_opens_with_scale_unit_and_facts(viewer, tmp_path):
    (layer,) = viewer.open(fei_file(tmp_path / "a.tif"), plugin=PLUGIN)
    assert layer.name == "a"
    np.testing.assert_allclose(layer.scale, (2, 3))
    assert calibration(layer) == (pytest.approx((2, 3)), "nm")
    assert layer.axis_labels == ("y", "x")
    known = layer.metadata["micrograph"]
    assert known["voltage_kv"] == 5
    assert known["info_bar"] == {"top": 0, "bottom": 4, "left": 0, "right": 0}
    assert (known["spacing"], known["unit"]) == (pytest.approx((2, 3)), "nm")
    assert known["original"]["fei"]["Scan"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "spacing", "unit"),
    [("FEI-Helios-Ebeam-8bits.tif", 3372.4, "nm"), ("test_tiff_Zeiss_SEM_1k.tif", 2614.514, "nm"),
     ("test_dm_image_um_unit.dm3", 0.16867469, "µm"),
     ("128x128-TEM_search_1.ser", 5.2612142, "nm")],
)  # fmt: skip
def test_vendor_files_open_with_their_scale(headless, data, name, spacing, unit):
    (layer,) = headless.open(data / "formats" / name, plugin=PLUGIN)
    assert calibration(layer) == (pytest.approx((spacing, spacing)), unit)


@pytest.mark.data
def test_several_images_become_several_layers(headless, data):
    layers = headless.open(data / "formats/olympus_SIS.tif", plugin=PLUGIN)
    assert [one.name for one in layers] == ["olympus_SIS 1", "olympus_SIS 2"]
    assert layers[0].rgb
    assert calibration(layers[1])[1] == "nm"


@pytest.mark.data
def test_a_stack_has_its_steps_in_the_units_of_its_axes(headless, data):
    path = data / "formats/test_loading_image_saved_with_imageJ_stack.tif"
    (layer,) = headless.open(path, plugin=PLUGIN)
    assert layer.axis_labels == ("z", "y", "x")
    np.testing.assert_allclose(layer.scale, (2.5, 0.168674711, 0.168674711))
    assert {f"{one:~}".replace("μ", "µ") for one in layer.units} == {"µm"}


def test_a_diffraction_pattern_is_not_shown_in_micrometres(headless):
    one = Micrograph(np.zeros((20, 30), np.float32), (0.05, 0.05), "1/nm")
    data, options, _ = layer_data(one)
    layer = headless.add_image(data, **options)
    assert calibration(layer) == (pytest.approx((0.05, 0.05)), "1/nm")


def test_a_time_series_without_pixel_size_opens(viewer):
    one = Micrograph(np.zeros((5, 20, 30), np.uint8), axes=(Axis("t", 0.5, "s"),))
    data, options, _ = layer_data(one)
    layer = viewer.add_image(data, **options)
    assert layer.axis_labels == ("t", "y", "x")
    assert calibration(layer) == (None, "px")
    assert layer.scale[0] == 0.5


def test_a_pyramid_becomes_a_multiscale_layer(viewer, tmp_path):
    path = tmp_path / "p.ome.tif"
    image = np.zeros((64, 64), np.uint8)
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(image, subifds=1, tile=(16, 16), metadata={"axes": "YX"})
        tif.write(image[::2, ::2], subfiletype=1, tile=(16, 16))
    (layer,) = viewer.open(path, plugin=PLUGIN)
    assert layer.multiscale
    assert layer.level_shapes.tolist() == [[64, 64], [32, 32]]


def test_a_large_image_opens_lazily(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 20, 30), np.uint8), photometric="minisblack")
    (layer,) = viewer.open(tmp_path / "a.tif", plugin=PLUGIN)
    assert isinstance(layer.data, da.Array)


def test_labels_come_back_as_labels(headless):
    found = Micrograph(np.ones((20, 30), np.int32), metadata={"labels": True})
    assert layer_data(found)[2] == "labels"
    decimals = Micrograph(np.ones((20, 30), np.float32), metadata={"labels": True})
    assert layer_data(decimals)[2] == "image"


def test_the_scale_bar_goes_on_with_a_pixel_size(viewer, tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((24, 30), np.uint8))
    viewer.open(tmp_path / "plain.tif", plugin=PLUGIN)
    assert not scale_bar(viewer).visible
    fei_file(tmp_path / "sem.tif")
    viewer.open(tmp_path / "sem.tif", plugin=PLUGIN)
    assert scale_bar(viewer).visible


def test_a_result_of_ours_keeps_how_it_was_made(headless, tmp_path):
    record = {"source": {"name": "x"}, "steps": [{"operation": "threshold"}]}
    result = LabelsLayer(np.ones((20, 30), np.int32))
    made = micrograph_of(result, Micrograph(None, (2, 2), "nm"), record)
    run(write_image(made, tmp_path / "r.ome.tif"))
    (layer,) = headless.open(tmp_path / "r.ome.tif", plugin=PLUGIN)
    assert layer.metadata["visual_ccc"] == record
    assert calibration(layer) == ((2, 2), "nm")


def test_a_folder_and_several_files_are_one_stack(viewer, tmp_path):
    for k in (10, 2):
        fei_file(tmp_path / f"s{k}.tif")
    (layer,) = viewer.open(tmp_path, plugin=PLUGIN)
    assert layer.data.shape == (2, 24, 30)
    assert calibration(layer) == (pytest.approx((2, 3)), "nm")
    paths = [tmp_path / "s2.tif", tmp_path / "s10.tif"]
    (layer,) = viewer.open(paths, plugin=PLUGIN, stack=True)
    assert layer.data.shape == (2, 24, 30)


@pytest.mark.parametrize("by_hand", [False, True])
def test_plain_slices_are_in_order_and_what_is_left_out_is_said(
    headless, tmp_path, monkeypatch, by_hand
):
    said = []
    monkeypatch.setattr(reader, "show_info", said.append)
    for number, name in enumerate(("t-10", "t-2", "t+2", "t+2 (1)")):
        Image.fromarray(np.full((8, 9), number, np.uint8)).save(tmp_path / f"{name}.png")
    paths = sorted(map(str, tmp_path.iterdir())) if by_hand else tmp_path
    (layer,) = headless.open(paths, plugin=PLUGIN, stack=by_hand)
    assert np.asarray(layer.data)[:, 0, 0].tolist() == [0, 1, 2]
    assert any("t+2 (1).png (of t+2.png)" in one for one in said)


def is_ours(path):
    return reader.get_reader(str(path)) is reader.read


def test_plain_images_are_left_to_napari_s_own_reader(headless, tmp_path, rng):
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image)
    np.save(tmp_path / "a.npy", image)
    for name in ("a.png", "a.jpg", "a.bmp"):
        Image.fromarray(image).save(tmp_path / name)
    for name in ("a.tif", "a.npy", "a.png", "a.jpg", "a.bmp"):
        path = tmp_path / name
        assert not is_ours(path), name
        (ours,) = headless.open(path, plugin=PLUGIN)
        (theirs,) = headless.open(path, plugin="napari")
        np.testing.assert_array_equal(ours.data, theirs.data)
        assert ours.metadata == theirs.metadata


def test_pictures_that_napari_would_stretch_or_colour_are_ours(headless, tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P2 3 1 4095 0 7 4000")
    first, second = (Image.fromarray(np.full((4, 5), level, np.uint8)) for level in (9, 90))
    first.save(tmp_path / "b.gif", save_all=True, append_images=[second], duration=500)
    reader.prefer()
    (layer,) = headless.open(tmp_path / "a.pgm", plugin=PLUGIN)
    assert layer.data.tolist() == [[0, 7, 4000]]
    (layer,) = headless.open(tmp_path / "b.gif", plugin=PLUGIN)
    assert layer.data[:, 0, 0].tolist() == [9, 90]
    assert not layer.rgb
    assert layer.scale[0] == 0.5
    assert is_ours(tmp_path / "a.pgm") and is_ours(tmp_path / "b.gif")


def test_what_would_lose_something_is_ours(tmp_path, rng, monkeypatch):
    image = rng.integers(0, 255, (26, 30)).astype(np.uint8)
    assert is_ours(fei_file(tmp_path / "fei.tif"))
    write_tags(tmp_path / "tescan.tif", image, (50431, TESCAN.encode()))
    tifffile.imwrite(tmp_path / "imagej.tif", image, imagej=True, metadata={"unit": "nm"})
    tifffile.imwrite(tmp_path / "b.ome.tif", image)
    with tifffile.TiffWriter(tmp_path / "two.tif") as tif:
        tif.write(image, metadata=None)
        tif.write(image[:9], metadata=None)
    Image.fromarray(image).save(tmp_path / "jeol.png")
    (tmp_path / "jeol.txt").write_text(JEOL)
    for name in ("tescan.tif", "imagej.tif", "b.ome.tif", "two.tif", "jeol.png"):
        assert is_ours(tmp_path / name), name
    tifffile.imwrite(tmp_path / "large.tif", image)
    assert not is_ours(tmp_path / "large.tif")
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    assert is_ours(tmp_path / "large.tif")


def test_other_kinds_are_refused(tmp_path):
    assert reader.get_reader(str(tmp_path / "a.docx")) is None
    assert reader.get_reader([]) is None


def test_the_manifest_offers_what_can_be_read():
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(formats.Path(reader.__file__).parents[2] / "napari.yaml")
    one, other = manifest.contributions.readers
    assert set(one.filename_patterns) == {f"*{suffix}" for suffix in formats.SUFFIXES}
    assert one.accepts_directories
    others = {f"*{suffix}" for suffix in (*other_files.MODELS, *other_files.RECORDS)}
    assert set(other.filename_patterns) == others
    assert not other.accepts_directories


def test_a_damaged_file_is_named(headless, tmp_path):
    path = fei_file(tmp_path / "half.tif")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match=r"half\.tif: "):
        headless.open(path, plugin=PLUGIN)
    assert not headless.layers


def test_napari_does_not_ask_which_reader_to_take_once_we_are_used(viewer, tmp_path):
    fei_file(tmp_path / "a.TIF")
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(Exception, match="Multiple plugins found"):
        viewer.open(tmp_path / "a.TIF", plugin=None)
    reader.prefer()
    (layer,) = viewer.open(tmp_path / "a.TIF", plugin=None)
    assert calibration(layer)[1] == "nm"
    (layer,) = viewer.open(tmp_path / "b.png", plugin=None)
    assert layer.source.reader_plugin == PLUGIN
    slices = tmp_path / "slices"
    slices.mkdir()
    fei_file(slices / "1.TIF")
    (layer,) = viewer.open(slices, plugin=None)
    assert "micrograph" in layer.metadata


def test_a_choice_of_the_person_is_left_alone():
    plugins = get_settings().plugins
    plugins.extension2reader = {"*.tif": "napari"}
    reader.prefer()
    assert plugins.extension2reader["*.tif"] == "napari"
    assert plugins.extension2reader["*.png"] == PLUGIN


def test_the_info_bar_of_a_micrograph_survives_as_plain_values():
    _, options, _ = layer_data(Micrograph(np.zeros((20, 30)), info_bar=InfoBar(bottom=3)))
    assert InfoBar(**options["metadata"]["micrograph"]["info_bar"]) == InfoBar(bottom=3)
    _, options, _ = layer_data(samples.load("powder"))
    assert options["metadata"]["micrograph"]["info_bar"] is None
