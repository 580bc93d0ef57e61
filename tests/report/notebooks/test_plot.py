from html import escape

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.layers import PointsLayer
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.report.evaluations import two


@pytest.fixture(scope="module")
def classified():
    return ccc.classify(samples.load("nanoparticles").data[:256, :256])


def test_layers_are_drawn_with_a_scale_bar_and_their_names(discs):
    image = Micrograph(discs, (2.0, 2.0), "nm")
    found = ccc.kmeans(image, clusters=2)
    figure = found.plot(image=image)
    (axes,) = figure.axes
    assert axes.get_title() == found.layers[0].name
    texts = [text.get_text() for one in axes.artists for text in one.findobj(match=_is_text)]
    assert any("nm" in text for text in texts)
    # the legend names the phases with their shares
    assert all("%" in one.get_text() for one in axes.get_legend().get_texts())


def _is_text(one):
    return hasattr(one, "get_text")


def test_a_notebook_shows_a_figure_without_a_screen(discs):
    assert ccc.threshold(discs).plot()._repr_png_().startswith(b"\x89PNG")


def test_a_table_is_a_distribution_of_sizes_or_bars_of_names(discs, classified):
    regions = ccc.region_table(ccc.label_objects(ccc.threshold(discs)), spacing=2.0, unit="nm")
    (axes,) = regions.plot().axes
    assert axes.get_xlabel() == "equivalent diameter (nm)"
    assert sum(patch.get_height() for patch in axes.patches) == len(regions.table)
    names = {text.get_text() for text in classified.plot("probabilities").axes[0].get_yticklabels()}
    assert names == set(classified.classes[:5])


def test_an_evaluation_is_drawn_as_in_its_report():
    titles = len(two().plot().axes)
    assert titles >= 4
    assert two().plot("roc").axes[0].get_xlabel()


def test_what_cannot_be_drawn_is_named(discs):
    with pytest.raises(ValueError, match="the result has no 'roc'; it has"):
        ccc.threshold(discs).plot("roc")
    with pytest.raises(ValueError, match="nothing to draw"):
        Result(facts={"a": 1}).plot()


# what needs a model of its own is drawn in the tests of its part
OWN = ("sam_masks", "anomaly_map", "reconstruct")


@pytest.fixture(scope="module")
def inputs():
    tem = samples.load("nanoparticles")
    crop = tem.data[96:160, 96:160]
    mask = (crop < 120).astype(np.uint8)
    return {
        "image": Micrograph(crop, tem.spacing, tem.unit, name="crop"), "labels": mask,
        "heatmap": np.linspace(0, 1, crop.size).reshape(crop.shape), "regions": mask,
        "prompts": PointsLayer(np.array([[20.0, 20.0]])),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", [key for key, one in OPERATIONS.items() if one.takes_arrays and key not in OWN]
)
def test_results_of_every_operation_are_drawn_and_shown(name, inputs):
    given = [inputs[kind] for kind in signature.input_kinds(name).values()]
    if name == "align_stack":
        given = [np.stack([inputs["image"].data] * 2)]
    result = getattr(ccc, name)(*given)
    figure = result.plot(image=inputs["image"])
    assert figure.axes
    assert figure._repr_png_().startswith(b"\x89PNG")
    html = result._repr_html_()
    assert all(escape(layer.name) in html for layer in result.layers)
    assert len(repr(result)) < 1000
    if result.tables:
        assert result.table is next(iter(result.tables.values()))
