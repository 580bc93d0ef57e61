"""Files of version 0.1.0 open, classify, replay and go on: `fixtures/v0_1_0/README.md`."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml

import napari_visual_ccc as ccc

HERE = Path(__file__).parent / "fixtures" / "v0_1_0"
RECORDS = sorted(path.stem for path in (HERE / "records").glob("*.yaml"))
SERIES = ("align", "quality")
BARS = {"particles": 16, "labels": 16, "image": 16, "series": 8, "stack": 8}
WRITTEN = sorted(path.name for path in HERE.glob("*.ome.*"))


# what may be called otherwise in a later version


def layers_of(result) -> list[np.ndarray]:
    return [np.asarray(layer.data) for layer in result.layers]


def numbers_of(result) -> list[np.ndarray]:
    tables = result.tables.values()
    return [table.select_dtypes(include="number").to_numpy(np.float64) for table in tables]


def labelled(folder):
    return getattr(ccc, "load_dataset" if hasattr(ccc, "load_dataset") else "load_data")(folder)


# images and results


@pytest.fixture(scope="module")
def arrays():
    return np.load(HERE / "arrays.npz")


@pytest.mark.parametrize("name", WRITTEN)
def test_an_image_reads_back_with_all_that_was_known_of_it(name, arrays):
    stem = name.split(".")[0]
    found = ccc.read(HERE / name)
    pixels = np.asarray(found.data)
    assert pixels.dtype == arrays[stem].dtype
    np.testing.assert_array_equal(pixels, arrays[stem])
    deep = stem in ("series", "stack")
    assert found.spacing == ((2.0, 2.0) if deep else (1.325, 1.325))
    assert found.unit == "nm"
    assert found.name == stem
    assert found.info_bar.bottom == BARS[stem]
    assert (found.info_bar.top, found.info_bar.left, found.info_bar.right) == (0, 0, 0)
    assert [(axis.name, axis.step, axis.unit) for axis in found.axes] == [("z", 5.0, "nm")] * deep
    assert bool(found.metadata.get("labels")) == (stem in ("labels", "stack"))


@pytest.mark.parametrize("name", ["labels.ome.tif", "labels.ome.zarr"])
def test_a_result_carries_its_record_and_is_replayed_from_it(name, arrays):
    record = ccc.read(HERE / name).metadata["visual_ccc"]
    assert record["source"]["spacing"] == [1.325, 1.325]
    assert record["versions"]["napari-visual-ccc"] == "0.1.0"
    assert len(record["steps"]) == 1
    result = ccc.replay(HERE / name, HERE / "particles.ome.tif")
    np.testing.assert_array_equal(layers_of(result)[0], arrays["labels"])


# records


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_replays(name):
    path = HERE / "records" / f"{name}.yaml"
    with np.load(HERE / "records" / "expected.npz") as stored:
        expected = {key: stored[key] for key in stored if key.split("/")[0] == name}
    image = HERE / ("series.ome.tif" if name in SERIES else "particles.ome.tif")
    result = ccc.replay(path, image)
    steps = yaml.safe_load(path.read_text(encoding="utf-8"))["steps"]
    # what a network says differs a little from processor to processor
    network = name == "kmeans_network" or any("model" in step for step in steps)
    shown = any("model" in step["parameters"] for step in steps)
    close = {"rtol": 1e-5, "atol": 1e-3 if network else 1e-5 if shown else 1e-6}
    layers, numbers = layers_of(result), numbers_of(result)
    assert len(layers) == sum("/layer/" in key for key in expected)
    assert len(numbers) == sum("/table/" in key for key in expected)
    for number, found in enumerate(layers):
        wanted = expected[f"{name}/layer/{number}"]
        assert found.shape == wanted.shape
        assert found.dtype.kind == wanted.dtype.kind
        if found.dtype.kind == "f":
            np.testing.assert_allclose(found, wanted, **close)
        elif network:
            assert (found == wanted).mean() > 0.99
        else:
            np.testing.assert_array_equal(found, wanted)
    for number, found in enumerate(numbers):
        np.testing.assert_allclose(found, expected[f"{name}/table/{number}"], **close)
    if f"{name}/probabilities" in expected:
        wanted = expected[f"{name}/probabilities"]
        np.testing.assert_allclose(result.probabilities, wanted, atol=1e-5)


# models and training


@pytest.fixture(scope="module")
def known():
    with np.load(HERE / "models.npz") as stored:
        return dict(stored)


@pytest.fixture
def unpacked(tmp_path) -> Path:
    with tarfile.open(HERE / "training.tar.xz") as archive:
        # Python 3.10.12 and 3.11.4 brought the filter
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path, **safe)
    return tmp_path


@pytest.fixture
def crop() -> np.ndarray:
    return np.asarray(ccc.read(min((HERE / "crops").glob("*/*.png"))).data)


@pytest.mark.parametrize("name", ["linear", "network"])
def test_a_model_says_what_it_said(name, unpacked, crop, known):
    path = (HERE if name == "linear" else unpacked) / f"{name}.safetensors"
    said = ccc.classify(crop, model=path)
    assert said.classes == ("cube", "sphere")
    np.testing.assert_allclose(said.probabilities, known[f"{name}/classify"], atol=1e-5)
    judged = ccc.evaluate(labelled(HERE / "crops"), model=path)
    np.testing.assert_allclose(judged.probabilities, known[f"{name}/evaluate"], atol=1e-5)
    heatmap = ccc.explain(crop, model=path, signed=True, target="cube", smooth="off")
    np.testing.assert_allclose(layers_of(heatmap)[0], known[f"{name}/explain"], atol=1e-3)


def choices(folder: Path, state: str, **more) -> dict:
    common = {"model": "other", "input_px": 48, "epochs": 1, "batch_size": 8, "seed": 3}
    shares = {"split": "holdout", "validation": 0.3, "test": 0.3}
    how = shares if state == "holdout" else {"split": "k-fold"}
    places = {"other": f"local-dir:{folder / 'backbone'}", "state": folder / f"{state}.state"}
    return {**common, **how, **places, **more}


def test_training_goes_on_from_its_state(unpacked, crop, known):
    found = ccc.train(labelled(HERE / "crops"), **choices(unpacked, "holdout", epochs=2))
    assert len(found.history) == 2
    # as it was stored: the first epoch was not run again
    assert found.history["loss"].iloc[0] == known["holdout/loss"][0]
    path = ccc.save_model(found, unpacked / "longer")[0]
    assert ccc.classify(crop, model=path).probabilities.sum() == pytest.approx(1)


def test_what_was_trained_is_finished_from_its_state(unpacked, known):
    found = ccc.train(labelled(HERE / "crops"), **choices(unpacked, "holdout", finish=True))
    wanted = known["holdout/evaluation"]
    np.testing.assert_allclose(found.evaluation.probabilities, wanted, atol=1e-5)


def test_folds_that_are_through_are_taken_from_their_file(unpacked, known):
    given = choices(unpacked, "folds", finish=True)
    found = ccc.train(labelled(HERE / "crops"), **given)
    wanted = known["folds/evaluation"]
    np.testing.assert_allclose(found.evaluation.probabilities, wanted, atol=1e-5)
    (unpacked / "folds.state.folds.npz").unlink()
    with pytest.raises(ValueError, match="cross-validation"):
        ccc.train(labelled(HERE / "crops"), **given)
