import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.result import Result
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


@pytest.mark.parametrize("name", ["image_quality", "glcm_features", "detect_info_bar", "particles"])
def test_results_of_all_kinds_are_drawn(name, discs):
    figure = getattr(ccc, name)(np.asarray(discs)).plot()
    assert figure.axes and figure._repr_png_()
