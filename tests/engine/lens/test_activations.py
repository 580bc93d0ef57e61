from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.crops import normalised
from napari_visual_ccc.nets.checkpoint import load_model
from napari_visual_ccc.nets.inference import to_input
from napari_visual_ccc.workflow.recipe import replay
from napari_visual_ccc.workflow.run import execute
from tests.channels import image as channels_image
from tests.models import saved_vit


def test_maps_are_those_of_a_forward_hook_at_the_scale_of_training(image, tiny):
    found = ccc.activations(image, model=tiny, layer="features.4", channels=8)
    model = load_model(tiny, torch.device("cpu"))
    seen = []
    handle = model.net.features[4].register_forward_hook(lambda *given: seen.append(given[2]))
    # windows of 32 pixels fill an input of 64
    given = to_input(torch.from_numpy(normalised(image, model.card))[None], (240, 280))
    with torch.no_grad():
        model.net(given)
    handle.remove()
    numbers = found.table["channel"].tolist()[:8]
    np.testing.assert_allclose(found.layers[0].data, seen[0][0, numbers].numpy(), atol=1e-6)


def test_the_first_rank_varies_most_and_all_channels_are_listed(image, tiny):
    found = ccc.activations(image, model=tiny, channels=5, contact_sheet=True, colour="PCA")
    maps, colour, sheet = found.layers
    assert maps.data.shape == (5, *found.features.shape[1:])
    np.testing.assert_array_equal(maps.data, found.features[:5])
    variances = found.features.reshape(len(found.features), -1).var(axis=1)
    assert (np.diff(variances) <= 1e-9).all()
    assert maps.channels[0] == f"channel {found.table['channel'][0]} (rank 1)"
    assert len(found.table) == len(found.features)
    assert (
        found.facts["channels"]
        == len(found.table) + found.facts["dead"] + found.facts["duplicates"]
    )
    assert maps.placement.stride == found.facts["cell_px"] == 4
    assert colour.data.shape == (*maps.plane_shape, 3)
    assert sheet.placement.corner[1] > image.shape[1]
    assert np.nanmax(sheet.data) == 1
    assert found.tables["layers"]["output"][0] == "32 × 64 × 64"


def test_painted_labels_rank_the_channels(image, tiny):
    mask = np.zeros(image.shape, np.uint8)
    for y, x in ((30, 40), (30, 100)):
        mask[y - 8 : y + 8, x - 8 : x + 8] = 1
    found = ccc.activations(image, mask, model=tiny, layer="features.6", rank_by="class AUC")
    assert abs(found.table["auc"][0] - 0.5) > 0.4
    other = ccc.activations(image, 7 * mask, model=tiny, layer="features.6", rank_by="class AUC")
    assert other.table["auc_label"][0] == 7
    with pytest.raises(ValueError, match="differ"):
        ccc.activations(image, mask[:-1], model=tiny)
    with pytest.raises(ValueError, match="nothing is labelled"):
        ccc.activations(image, 0 * mask, model=tiny)


def test_an_info_bar_is_left_out_and_the_maps_lie_beside_it(image, tiny):
    with_bar = np.concatenate([np.zeros((10, image.shape[1]), np.uint8), image])
    bar = InfoBar(top=10)
    found = ccc.activations(with_bar, model=tiny, info_bar=bar)
    alone = ccc.activations(image, model=tiny)
    np.testing.assert_array_equal(found.layers[0].data, alone.layers[0].data)
    assert found.layers[0].placement.corner == (10, 0)


def test_a_record_replays(image, tiny):
    micrograph = Micrograph(image, name="planted", info_bar=InfoBar())
    choices = {"model": tiny, "channels": 4, "colour": "PCA"}
    outcome = run(execute("activations", {"image": micrograph}, choices))
    again = replay(outcome.record, image)
    for one, other in zip(outcome.result.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


@pytest.fixture(scope="module")
def stack(image):
    # other channels vary most in the second slice
    stripes = 100 + 80 * np.sin(np.arange(image.shape[1]) / 2)
    return np.stack([image, np.broadcast_to(stripes, image.shape).astype(np.uint8)])


def test_a_rank_is_the_same_channel_in_every_slice_of_a_stack(stack, tiny):
    found = ccc.activations(stack, model=tiny, layer="features.8", channels=6, colour="PCA")
    maps, colour = found.layers
    every = [ccc.activations(one, model=tiny, layer="features.8", channels=512) for one in stack]
    assert [one.table["channel"][0] for one in every] != 2 * [found.table["channel"][0]]
    for number, alone in enumerate(every):
        names = {name.partition(" (")[0]: k for k, name in enumerate(alone.layers[0].channels)}
        for rank, name in enumerate(maps.channels):
            channel = name.partition(" (")[0]
            assert channel == f"channel {found.table['channel'][rank]}"
            # some are dead, or repeat another, in one slice alone
            if channel in names:
                expected = alone.layers[0].data[names[channel]]
                np.testing.assert_array_equal(maps.data[number, rank], expected)
    both = np.stack([one.features.var() for one in every])
    assert (both > 0).all()
    variances = maps.data.var(axis=(0, 2, 3))
    assert (np.diff(variances) <= 1e-6).all()
    assert any("ranked over 2 of 2 slices" in note for note in found.notes)
    # one colour stands for one mixture of channels
    assert colour.data.shape == (2, *maps.plane_shape, 3)
    same = ccc.activations(stack[[0, 0]], model=tiny, layer="features.8", colour="PCA")
    assert not np.array_equal(colour.data[0], same.layers[1].data[0])


def test_a_record_of_a_stack_replays_also_lazily(stack, tiny):
    choices = {"model": tiny, "channels": 4, "layer": "features.8", "colour": "NMF"}
    lazy = Micrograph(da.from_array(stack, chunks=(1, 60, 140)), name="s", info_bar=InfoBar())
    outcome = run(execute("activations", {"image": lazy}, choices))
    again = replay(outcome.record, stack)
    for one, other in zip(outcome.result.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    assert outcome.result.layers[0].channels == again.layers[0].channels


def test_labels_of_a_stack_rank_over_all_slices(stack, image, tiny):
    labels = np.zeros(stack.shape, np.uint8)
    labels[0, 22:38, 32:48] = 1
    found = ccc.activations(stack, labels, model=tiny, layer="features.6", rank_by="class AUC")
    assert abs(found.table["auc"][0] - 0.5) > 0.4
    with pytest.raises(ValueError, match="the stack is"):
        ccc.activations(stack, labels[[0, 0, 1]], model=tiny)


def test_a_mask_smaller_than_the_cells_is_ranked_or_refused_by_name(image, tiny):
    mask = np.zeros(image.shape, np.uint8)
    mask[28:30, 34:46] = 1
    found = ccc.activations(image, mask, model=tiny, rank_by="class AUC")
    assert found.table["auc"].between(0.45, 0.55).mean() < 0.5
    assert any("label 1 covers at most 50% of a cell" in note for note in found.notes)
    mask[:] = 0
    mask[28, 34] = 1
    with pytest.raises(ValueError, match="label larger regions, or choose a layer of smaller"):
        ccc.activations(image, mask, model=tiny, rank_by="mask correlation")


def test_attention_of_a_transformer_is_a_stack_too(image, tmp_path, tiny):
    vit = saved_vit(tmp_path)
    rollout = ccc.activations(image[:60, :60], model=vit, show="attention")
    heads = ccc.activations(image[:60, :60], model=vit, show="attention", layer="blocks.1")
    assert rollout.layers[0].name == "attention rollout"
    assert heads.layers[0].name == "attention blocks.1"
    assert rollout.features.min() >= 0
    assert any("windows" in note for note in rollout.notes)
    with pytest.raises(ValueError, match="no attention maps"):
        ccc.activations(image, model=tiny, show="attention")


def test_a_model_of_several_channels_sees_them_all(channel_model, rng):
    pixels = channels_image("b", rng, 130)
    found = ccc.activations(pixels, model=channel_model)
    swapped = ccc.activations(pixels[::-1], model=channel_model)
    assert found.layers[0].plane_shape == found.features.shape[1:]
    assert found.facts["channels"] == 2 * 1280
    assert not np.array_equal(found.table["channel"][:9], swapped.table["channel"][:9])
