from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.workflow.recipe import replay
from tests.engine.concordance.fields import phases, smooth
from tests.models import saved


@pytest.fixture(scope="module")
def labels():
    return phases(np.random.default_rng(3), (60, 80), 5)


def test_all_evidence_on_one_phase_is_its_area_inverted(labels):
    found = ccc.concordance((labels == 3).astype(np.float32), labels, names="a, b, c")
    first = found.table.iloc[0]
    assert (first["label"], first["name"]) == (3, "c")
    area = (labels == 3).mean()
    assert first["area_px"] == (labels == 3).sum()
    assert first["share_of_area"] == pytest.approx(area)
    assert (first["share_of_evidence"], first["iou"]) == (1, 1)
    assert first["enrichment"] == pytest.approx(1 / area)
    assert first["p_corrected"] < 0.001
    assert found.notes[0].startswith(f"the evidence lies on c ({1 / area:.2g} times")
    assert "avoids" in found.notes[1]
    shown = found.layer("enrichment (log2)")
    limit = shown.limits[1]
    assert shown.limits == (-limit, limit) == (-np.log2(1 / area), np.log2(1 / area))
    np.testing.assert_allclose(shown.data, np.where(labels == 3, limit, -limit), rtol=1e-6)
    assert "effect" not in found.table


def test_what_is_not_explained_is_not_compared(labels):
    heatmap = np.where(labels == 2, 1.0, -0.5)
    heatmap[50:] = np.nan
    found = ccc.concordance(heatmap, labels)
    upper = ccc.concordance(heatmap[:50], labels[:50])
    by_label, alone = (one.table.set_index("label") for one in (found, upper))
    for column in ("area_px", "share_of_area", "enrichment", "iou"):
        np.testing.assert_array_equal(by_label[column], alone[column])
    assert np.isnan(found.data[50:]).all()
    assert "negative evidence (against the class) was left out" in found.notes
    assert "reaches 255" in ccc.concordance((labels == 2) * 255, labels).notes[-1]


def test_what_the_image_lacks_is_not_compared(labels):
    heatmap = (labels == 2).astype(np.float32)
    image = np.random.default_rng(0).random(labels.shape)
    image[50:] = np.nan
    found = ccc.concordance(heatmap, labels, image, occluded=0)
    alone = ccc.concordance(heatmap[:50], labels[:50])
    assert found.table["area_px"].tolist() == alone.table["area_px"].tolist()
    assert np.isnan(found.data[50:]).all()
    assert "16.67% of the image is missing: not compared" in found.notes


def test_the_background_is_a_region_or_left_out(labels):
    particles = np.where(labels == 3, 0, labels)
    heatmap = (labels != 2).astype(float)
    both = ccc.concordance(heatmap, particles)
    assert set(both.table["name"]) == {"background", "label 1", "label 2"}
    without = ccc.concordance(heatmap, particles, background=False)
    assert without.table["share_of_evidence"].tolist() == [1, 0]
    assert np.isnan(without.data[particles == 0]).all()


def test_objects_are_the_parts_of_labels(labels):
    objects = ccc.concordance(np.maximum(smooth(np.random.default_rng(0), labels.shape, 6), 0),
                              labels, by="object", spacing=2.0, unit="nm")  # fmt: skip
    regions = objects.maps["objects"].data
    assert len(objects.table) == regions.max() > 16
    assert objects.table["area_nm2"].sum() == 4 * labels.size
    one = regions == objects.table["label"][0]
    assert len(np.unique(labels[one])) == 1
    assert objects.table["p_corrected"].between(1 / 2001, 1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.ones((5, 5), int)}, "choose those of one micrograph"),
        ({"labels": np.ones((60, 80), int)}, "labels hold 1 region"),
        ({"heatmap": np.full((60, 80), -1.0)}, "no positive evidence"),
        ({"heatmap": np.full((60, 80), np.nan)}, "no positive evidence"),
        ({"names": "a, b"}, "labels reach 3"),
        ({"names": "a, b, a"}, "the name 'a' is given twice"),
        ({"image": np.zeros((5, 5))}, "the image that was explained"),
        ({"image": np.ones((60, 80)), "target": "star"}, "no class 'star'"),
    ],
)
def test_wrong_input_is_refused_with_what_to_do(change, message, labels):
    given = {"heatmap": (labels == 1).astype(float), "labels": labels} | change
    with pytest.raises(ValueError, match=message):
        ccc.concordance(**given)


@pytest.fixture(scope="module")
def explained():
    """A micrograph with the evidence for its class, and where its particles are."""
    image = samples.load("nanoparticles").data[90:218, 100:228]
    return image, ccc.explain(image), (image < 120).astype(np.uint8)


def test_the_class_is_that_of_the_heatmap_and_occluding_changes_it(explained):
    image, heatmap, particles = explained
    found = ccc.concordance(heatmap, particles, image)
    assert found.target == found.facts["target"] == heatmap.target
    assert heatmap.target in found.notes[0]
    assert found.facts["findings"] == list(found.notes[: len(found.facts["findings"])])
    assert not any("assumed" in note for note in found.notes)
    unnamed = ccc.concordance(heatmap.data, particles, image, occluded=1)
    assert f"its class: {heatmap.target} was assumed, the predicted one" in unnamed.notes[-1]
    assert found.facts["score_of_view"] == pytest.approx(
        heatmap.prediction.probabilities.max(), abs=0.02
    )
    effect = found.table.set_index("label")["effect"]
    assert abs(effect[1]) > 0.05
    one = ccc.concordance(heatmap, particles, image, occluded=1).table
    most = one["share_of_evidence"].idxmax()
    assert one["effect"].notna().tolist() == [k == most for k in range(2)]


def test_a_stack_is_compared_slice_by_slice(labels):
    heatmaps = np.stack([labels == 1, labels == 2]).astype(float)
    stack = np.stack([labels, labels])
    found = ccc.concordance(heatmaps, stack)
    assert found.data.shape == (2, 60, 80)
    first = found.table.groupby("index_0").first()
    assert first["label"].tolist() == [1, 2]


def test_a_record_gives_the_same_table(explained):
    from napari_visual_ccc.core.progress import run
    from napari_visual_ccc.workflow.run import execute

    _, heatmap, particles = explained
    given = {"heatmap": heatmap, "labels": particles}
    outcome = run(execute("concordance", given, {"threshold": 0.3}))
    assert outcome.record.last.parameters["target"] == heatmap.target
    again = replay(outcome.record, heatmap.data, others={"labels": particles})
    np.testing.assert_array_equal(again.data, outcome.result.data)
    assert again.table.equals(outcome.result.table)


def test_occluding_with_another_model_is_noted(explained, tmp_path):
    from napari_visual_ccc.core.micrograph import Micrograph
    from napari_visual_ccc.core.progress import run
    from napari_visual_ccc.workflow.run import execute

    image, _, particles = explained
    made = run(execute("explain", {"image": image}))
    heatmap = Micrograph(made.result.data, metadata={"visual_ccc": made.record.plain()})
    other = saved(tmp_path, classes=["cube", "octahedron", "sphere"])
    given = {"heatmap": heatmap, "labels": particles, "image": image}
    note = "the heatmap was made by another model than the one that classified here"
    assert note in run(execute("concordance", given, {"model": other})).result.notes
    assert note not in run(execute("concordance", given)).result.notes


def test_rows_that_were_not_explained_change_nothing(labels):
    """Shifts must not move an info bar over regions: many particles would be in it."""
    heatmap = smooth(np.random.default_rng(5), labels.shape, 4)
    heatmap -= heatmap.min()
    framed = np.pad(heatmap, ((0, 20), (3, 0)), constant_values=np.nan)
    wider = np.pad(labels, ((0, 20), (3, 0)), constant_values=3)
    for by in ("label", "object"):
        alone, within = (
            ccc.concordance(heatmap, labels, by=by),
            ccc.concordance(framed, wider, by=by),
        )
        assert within.table.equals(alone.table)
        assert within.facts["shifts"] == alone.facts["shifts"]
        np.testing.assert_array_equal(within.data[:60, 3:], alone.data)
        assert np.isnan(within.data[60:]).all()


def test_few_positions_and_fine_regions_are_noted(labels):
    rows, columns = np.ogrid[:60, :80]
    heatmap = np.where((rows - 30) ** 2 + (columns - 40) ** 2 < 500, labels / 3, np.nan)
    parts = 1 + rows // 6 + 10 * (columns // 8)
    assert "positions of the heatmap keep" in ccc.concordance(heatmap, parts).notes[-1]
    stripes = np.broadcast_to(np.arange(512) % 2, (64, 512))
    (found,) = [
        note for note in ccc.concordance(0.1 + 0.8 * stripes, stripes).notes if "cells" in note
    ]
    assert found.startswith("p and the range of chance are of cells of 2 px")
    assert "label 1 (1 instead of 1.8)" in found
    assert not any("cells" in one for one in ccc.concordance(labels / 3, labels).notes)


def test_an_infinite_value_is_not_compared(labels):
    heatmap = np.where(labels == 2, 1.0, 0.0)
    clean = ccc.concordance(heatmap, labels)
    heatmap[5, 5] = np.inf
    found = ccc.concordance(heatmap, labels)
    assert found.table["iou"][0] == pytest.approx(clean.table["iou"][0], abs=0.01)
    assert not any("reaches" in note for note in found.notes)


def test_a_plain_array_has_no_class(explained):
    image, heatmap, particles = explained
    found = ccc.concordance(heatmap.data, particles, image, occluded=1)
    assert found.target == found.facts["target"] == ""
    assert not any(f"for {heatmap.target}" in note for note in found.notes)


def test_a_fine_phase_has_no_effect(explained):
    image, heatmap, _ = explained
    stripes = np.broadcast_to(np.arange(128) // 3 % 2, (128, 128))
    found = ccc.concordance(heatmap, stripes, image)
    assert found.table["effect"].isna().all()
    assert any(note.startswith("no effect is given of ") for note in found.notes)


def test_the_model_is_that_of_the_explanation(explained, tmp_path):
    image, _, particles = explained
    path = saved(tmp_path, classes=["a", "b", "c"])
    heatmap = ccc.explain(image, model=path)
    for given in (heatmap, heatmap.layer()):
        found = ccc.concordance(given, particles, image, occluded=1)
        assert found.target == heatmap.target
        assert found.model["hash"] == heatmap.prediction.model["hash"]
    shipped = ccc.explain(image)
    assert shipped.prediction.model["path"] == ""
    other = saved(tmp_path, classes=["cube", "octahedron", "sphere"])
    note = "the heatmap was made by another model than the one that classified here"
    assert note in ccc.concordance(shipped, particles, image, model=other, occluded=1).notes
