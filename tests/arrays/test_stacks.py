from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.arrays.stacks import each_slice, per_slice
from napari_visual_ccc.core.layers import ImageLayer, Placement, PointsLayer
from napari_visual_ccc.core.pixel_size import diameter_of
from napari_visual_ccc.core.progress import Progress, run
from napari_visual_ccc.core.result import Result

# operation and choices, for what takes a scope
SCOPED = [
    ("threshold", {}),
    ("threshold", {"classes": 3, "sigma": 0.0}),
    ("threshold", {"min_diameter": diameter_of(50)}),
    ("kmeans", {}),
    ("kmeans", {"features": "multiscale", "clusters": 2, "sample": 2000}),
    ("glcm_features", {}),
    ("glcm_features", {"feature": "all", "levels": 8}),
    ("edge_density", {}),
]
# and what works on slices alone in any case
LOCAL = [("denoise", {"method": "median"}), ("denoise", {"method": "wavelet"})]


class Counted:
    """A lazy stack that knows which of its slices were computed, and how often."""

    def __init__(self, stack):
        self.looks = np.zeros(stack.shape[:-2], int)

        def look(block, block_id):
            self.looks[block_id[:-2]] += 1
            return block

        chunks = (*(1,) * (stack.ndim - 2), *stack.shape[-2:])
        lazy = da.from_array(stack, chunks=chunks)
        self.array = da.map_blocks(look, lazy, dtype=stack.dtype, meta=np.empty((0,) * stack.ndim))


@pytest.fixture
def series(discs):
    """Slices of different brightness: no threshold fits all."""
    part = discs[:80, :90].astype(np.uint16)
    return np.stack([part, part[::-1] * 4 + 900, part[:, ::-1] * 2 + 300])


def pixels(result):
    return [np.asarray(layer) for layer in result.layers]


@pytest.mark.parametrize(("name", "choices"), SCOPED)
@pytest.mark.parametrize("leading", [(3,), (1, 3), (3, 1)])
def test_each_slice_alone_is_what_the_slice_gives(name, choices, leading, series):
    operation = getattr(ccc, name)
    stack = series.reshape(*leading, *series.shape[1:])
    found = operation(stack, scope="slice", **choices)
    each = [operation(plane, **choices) for plane in series]
    for number, layer in enumerate(pixels(found)):
        assert layer.shape == stack.shape
        np.testing.assert_array_equal(
            layer.reshape(series.shape), [pixels(one)[number] for one in each]
        )
    for key, values in found.facts.items():
        assert values == [one.facts[key] for one in each] or values == each[0].facts[key]


@pytest.mark.parametrize(("name", "choices"), SCOPED)
def test_nothing_is_computed_before_a_slice_is_looked_at(name, choices, series):
    lazy = Counted(series)
    found = getattr(ccc, name)(lazy.array, scope="slice", **choices)
    assert lazy.looks.sum() == 0
    whole = getattr(ccc, name)(series, scope="slice", **choices)
    assert [layer.name for layer in found.layers] == [layer.name for layer in whole.layers]
    (first, *_), (expected, *_) = found.layers, whole.layers
    assert isinstance(first.data, da.Array)
    assert first.data.dtype == expected.data.dtype
    np.testing.assert_array_equal(first.data[1].compute(), expected.data[1])
    assert lazy.looks.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("name", "choices", "passes"),
    [
        # limits of the image, limits of the blurred one, and its histogram
        ("threshold", {}, 3),
        ("threshold", {"sigma": 0.0}, 1),
        ("threshold", {"sigma": 0.0, "classes": 3}, 1),
        ("kmeans", {}, 3),
        ("kmeans", {"sigma": 0.0}, 1),
        ("glcm_features", {}, 1),
        ("edge_density", {}, 1),
    ],
)
def test_a_stack_is_gone_through_no_oftener_than_its_grey_levels_need(
    name, choices, passes, series
):
    stack = np.concatenate([series] * 10)
    lazy = Counted(stack)
    getattr(ccc, name)(lazy.array, **choices)
    # the border of nine slices tells which side objects are on
    assert lazy.looks.sum() <= passes * len(stack) + (9 if name == "threshold" else 0)
    assert lazy.looks.min() == passes


def test_denoising_looks_at_one_slice_only(series):
    lazy = Counted(series)
    ccc.denoise(lazy.array, method="gaussian")
    assert lazy.looks.tolist() == [0, 1, 0]


@settings(max_examples=settings.default.max_examples // 2)
@given(
    case=st.sampled_from([*SCOPED, *LOCAL]),
    scope=st.sampled_from(["stack", "slice"]),
    chunks=st.tuples(
        st.integers(1, 2), st.integers(1, 2), st.integers(20, 40), st.integers(20, 50)
    ),
    seed=st.integers(0, 99),
)
def test_chunks_of_any_size_give_what_numpy_gives(case, scope, chunks, seed):
    name, choices = case
    rng = np.random.default_rng(seed)
    stack = rng.integers(0, 200, (2, 2, 40, 50)).cumsum(axis=-1).astype(np.uint16)
    stack[..., 10:20, 10:30] += 9000
    if (name, choices) not in LOCAL:
        choices = {**choices, "scope": scope}
    whole = getattr(ccc, name)(stack, **choices)
    lazy = getattr(ccc, name)(da.from_array(stack, chunks=chunks), **choices)
    for one, other in zip(lazy.layers, whole.layers, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-9)


def test_thresholds_and_areas_are_listed_slice_by_slice(series):
    found = ccc.threshold(series, 2.0, "nm", scope="slice")
    assert len(found.facts["thresholds"]) == 3
    assert found.facts["objects"] == "dark"
    table = found.table
    assert table["index_0"].tolist() == [0, 0, 1, 1, 2, 2]
    for number, plane in enumerate(found.labels):
        row = table[(table["index_0"] == number) & (table["label"] == 1)].iloc[0]
        assert row["pixels"] == plane.sum()
        assert row["area_nm2"] == 4 * plane.sum()
    # one threshold cannot serve all three
    assert (ccc.threshold(series).labels != found.labels).any()


def test_a_constant_slice_stays_blank_and_is_named(series):
    stack = np.concatenate([series, np.full((1, 80, 90), 7, np.uint16)])
    found = ccc.threshold(stack, scope="slice")
    assert not found.labels[3].any()
    assert found.facts["thresholds"][3] is None
    assert any("slice 3: no result: image has 1 grey level" in n for n in found.notes)
    lazy = ccc.threshold(da.from_array(stack, chunks=(1, -1, -1)), scope="slice")
    np.testing.assert_array_equal(lazy.labels.compute(), found.labels)
    with pytest.raises(ValueError, match="too few"):
        ccc.threshold(np.zeros((3, 20, 20), np.uint8), scope="slice")


@pytest.mark.parametrize("name", ["threshold", "kmeans", "glcm_features", "edge_density"])
def test_a_scope_that_is_none_is_refused(name, series):
    with pytest.raises(ValueError, match="choose stack or slice"):
        getattr(ccc, name)(series, scope="volume")


def test_lazy_feature_clusters_stay_lazy(series):
    lazy = Counted(series)
    choices = {"features": "texture", "clusters": 2}
    found = ccc.kmeans(lazy.array, sample=4000, **choices)
    assert isinstance(found.labels, da.Array)
    assert "4000 sampled pixels" in found.notes[-1]
    before = lazy.looks.copy()
    whole = ccc.kmeans(series, sample=4000, **choices)
    np.testing.assert_array_equal(found.labels[2].compute(), whole.labels[2])
    assert (lazy.looks - before).tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.table["area_percent"], whole.table["area_percent"], atol=3)


def test_lazy_splitting_numbers_no_object_twice(series):
    masks = ccc.threshold(series, scope="slice").labels
    lazy = Counted(masks)
    found = ccc.watershed_split(lazy.array)
    assert lazy.looks.tolist() == [1, 0, 0]  # the first slice: is it labels at all?
    split = found.labels.compute()
    assert split.dtype == np.int32
    numbers = [set(np.unique(plane)) - {0} for plane in split]
    assert sum(map(len, numbers)) == len(set.union(*numbers))
    whole = ccc.watershed_split(masks)
    for plane, other in zip(split, whole.labels, strict=True):
        first = plane.max() - other.max()
        np.testing.assert_array_equal(np.where(plane, plane - first, 0), other)
    table = ccc.region_table(found.labels).table
    assert table["area_px2"].tolist() == whole.table["pixels"].tolist()


# operations on one image --------------------------------------------------------------------------


def test_a_series_is_classified_in_a_row_a_slice():
    image = samples.load("nanoparticles").data
    stack = np.stack([image[96:160, 96:160], image[130:194, 150:214]])
    found = ccc.classify(stack[:, np.newaxis])
    table = found.tables["slices"]
    assert table[["index_0", "index_1"]].to_numpy().tolist() == [[0, 0], [1, 0]]
    for row, plane in zip(table.to_dict("records"), stack, strict=True):
        alone = ccc.classify(plane)
        assert row["verdict"] == alone.verdict
        assert [row[f"p_{name}"] for name in alone.classes] == alone.probabilities.tolist()
    assert found.model["hash"] == found.facts["model_hash"]


def test_heatmaps_of_different_targets_are_named_after_the_method(rng):
    def explain(plane):
        yield from ()
        target = "cube" if plane.mean() > 0.5 else "sphere"
        layer = ImageLayer(plane, name=f"Grad-CAM {target}", placement=Placement(2))
        return Result((layer,))

    stack = rng.random((4, 6, 6)) * np.array([0.5, 2, 0.5, 2])[:, None, None]
    (layer,) = run(each_slice(explain, stack)).layers
    assert layer.name == "Grad-CAM"
    assert (layer.placement.stride, layer.placement.first_centre) == (2, (0.5, 0.5))
    np.testing.assert_array_equal(layer.data, stack)


def test_colour_is_told_from_slices():
    image = samples.load("nanoparticles").data[96:160, 96:160]
    colour = np.stack([image] * 3, axis=-1)
    assert ccc.explain(colour).data.shape == (64, 64)
    (layer,) = ccc.explain(np.stack([colour] * 2), target="cube").layers
    assert layer.data.shape == (2, 64, 64)
    np.testing.assert_array_equal(layer.data[1], ccc.explain(image, target="cube").data)


def test_lazy_slices_come_one_at_a_time_and_work_can_be_left(series):
    lazy = Counted(series)

    def brightest(plane):
        from napari_visual_ccc.core.progress import Progress

        yield Progress(0, 1, "looking")
        return Result((ImageLayer(plane.astype(float)),))

    steps = each_slice(brightest, lazy.array)
    assert (next(steps).done, lazy.looks.tolist()) == (0, [1, 0, 0])
    told = next(steps)
    assert (told.done, told.total, told.note) == (1, 3, "slice 2: looking")
    steps.close()
    assert lazy.looks.tolist() == [1, 1, 0]


def test_evidence_of_a_series_is_counted_slice_by_slice():
    heat = np.zeros((2, 2, 20, 20))
    heat[0, 0, 2:8, 2:8] = heat[0, 1, 2:8, 2:8] = heat[1, 1, 10:16, 10:16] = 1
    found = ccc.evidence_regions(heat)
    assert found.table["area_px"].tolist() == [36, 36, 36]
    assert found.labels[0, 1].max() == 2


def test_what_was_found_in_a_series_is_replayed(series):
    from napari_visual_ccc.workflow.record import make_record

    for name, choices in (("threshold", {"scope": "slice"}), ("explain", {"target": "cube"})):
        found = getattr(ccc, name)(series, **choices)
        record = make_record(name, choices, {"image": "series"}, source={"name": "series"})
        again = ccc.replay(record, series)
        np.testing.assert_array_equal(np.asarray(again.layers[0]), np.asarray(found.layers[0]))


def test_further_stacks_and_coordinates_follow_slice_by_slice():
    stack = np.arange(30).reshape(2, 3, 5)
    points = PointsLayer(np.array([[1, 0, 2.5], [0, 1, 1]]))

    def summed(image, other, drawn, flat, fixed):
        np.testing.assert_array_equal(other, image * 10)
        np.testing.assert_array_equal(flat, np.ones((3, 5)))
        assert fixed == "a"
        yield Progress(1, 1)
        return Result((drawn,))

    result = run(
        per_slice(summed)(stack, other=stack * 10, drawn=points, flat=np.ones((3, 5)), fixed="a")
    )
    np.testing.assert_array_equal(result.layer().data, [[0, 1, 1], [1, 0, 2.5]])
