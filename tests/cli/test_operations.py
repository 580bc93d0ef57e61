from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from PIL import Image

import napari_visual_ccc as ccc
from napari_visual_ccc.cli.main import cli, main
from napari_visual_ccc.workflow.operations import OPERATIONS, families


@pytest.fixture
def runner():
    return CliRunner()


@pytest.fixture
def image(tmp_path, discs):
    tifffile.imwrite(tmp_path / "discs.tif", discs)
    return tmp_path / "discs.tif"


@pytest.mark.parametrize("words", [["cluster"], ["cluster", "kmeans"], ["kmeans"]])
def test_an_operation_goes_with_and_without_its_family(runner, image, tmp_path, discs, words):
    done = runner.invoke(cli, [*words, str(image), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    found = ccc.read(tmp_path / "out" / "discs_kmeans.ome.tif").data
    np.testing.assert_array_equal(found, ccc.kmeans(discs).labels)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "occlude"])
def test_every_command_refuses_an_unknown_option(runner, image, name):
    done = runner.invoke(cli, [name, str(image), "--nonsense", "1"])
    assert done.exit_code == 2
    assert "No such option '--nonsense'" in done.output.replace(": --nonsense", " '--nonsense'")


def test_an_option_without_an_effect_is_named_once_on_stderr(runner, image, tmp_path):
    many = [str(image), str(image.parent / "more.tif")]
    tifffile.imwrite(many[1], tifffile.imread(image))
    words = ["threshold", *many, "--method", "otsu", "--value", "10", "-o", str(tmp_path / "out")]
    done = runner.invoke(cli, words)
    assert done.exit_code == 0, done.output
    note = "value=10.0 has no effect: it belongs to method='manual'"
    assert done.stderr.count(note) == 1
    assert note not in done.stdout


def test_exit_codes_are_those_of_the_process(runner, tmp_path):
    assert runner.invoke(cli, []).exit_code == 2
    assert runner.invoke(cli, ["--version"]).exit_code == 0
    assert runner.invoke(cli, ["cluster", "--clusters"]).exit_code == 2
    assert runner.invoke(cli, ["cluster", str(tmp_path / "none.tif")]).exit_code == 1


def test_a_file_named_as_an_operation_is_an_image(runner, image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image.rename(tmp_path / "select_cluster")
    done = runner.invoke(cli, ["cluster", "select_cluster"])
    assert done.exit_code == 1
    assert "no cluster" not in done.output


def completed(words, incomplete):
    found = ShellComplete(cli, {}, "visual-ccc", "_VISUAL_CCC_COMPLETE")
    return {item.value for item in found.get_completions(words, incomplete)}


def test_a_shell_completes_families_operations_and_flags():
    assert families().keys() <= completed([], "")
    assert completed(["segment"], "wa") == {"watershed_split"}
    assert "--clusters" in completed(["cluster"], "--c") | completed(["kmeans"], "--c")
    assert completed(["kmeans", "--features"], "te") == {"texture"}


def test_regions_drawn_by_hand_have_no_form_and_are_a_file_of_a_command(runner):
    assert not OPERATIONS["occlude"].has_form
    assert "Missing option '--regions'" in runner.invoke(cli, ["occlude", "a.tif"]).output


def test_a_result_becomes_a_script_that_repeats_it(runner, image, tmp_path, discs):
    out = tmp_path / "out"
    assert runner.invoke(cli, ["kmeans", str(image), "-o", str(out)]).exit_code == 0
    done = runner.invoke(cli, ["script", str(out / "discs_kmeans.yaml")])
    assert done.exit_code == 0
    found = {}
    exec(done.stdout, found)
    np.testing.assert_array_equal(found["result_1"].labels, ccc.kmeans(discs).labels)
    words = ["script", str(out / "discs_kmeans.ome.tif"), "-o", str(out / "again.py")]
    assert runner.invoke(cli, words).exit_code == 0
    assert (out / "again.py").read_text("utf-8") == done.stdout
    assert runner.invoke(cli, words).exit_code == 1


def test_shortcuts_of_a_stack_are_written(runner, tmp_path, rng):
    stack = rng.integers(60, 200, (2, 64, 64)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    out = tmp_path / "out"
    words = ["classify", "detect_shortcuts", str(tmp_path / "stack.tif"), "-o", str(out)]
    done = runner.invoke(cli, words)
    assert done.exit_code == 0, done.output
    (table,) = out.glob("*.csv")
    written = pd.read_csv(table)
    expected = ccc.detect_shortcuts(stack).table
    assert list(written["region"]) == list(expected["region"])
    np.testing.assert_allclose(written["change"], expected["change"], atol=1e-6)


def test_every_image_of_a_folder_is_segmented_and_a_fault_stops_nothing(
    runner, tmp_path, discs, tiny_sam
):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.tif", "c.tif"):
        tifffile.imwrite(folder / name, discs)
    (folder / "b.tif").write_bytes(b"no image")
    words = [
        "batch", "sam_masks", str(folder), "--model", str(tiny_sam("sam2")),
        "--preset", "batch", "--points-per-side", "2", "--crop-n-layers", "0",
        "--pred-iou-thresh", "0", "--stability-score-thresh", "0", "--no-use-m2m",
        "--overlays", "outlined", "-o", str(tmp_path / "out"),
    ]  # fmt: skip
    done = runner.invoke(cli, words)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    listed = pd.read_csv(tmp_path / "out" / "images.csv", keep_default_na=False)
    assert list(listed["image"]) == ["a.tif", "b.tif", "c.tif"]
    assert ["mask" in text for text in listed["result"]] == [True, False, True]
    assert [line for line in lines if "b.tif: " in line]
    assert "2 of 3 images done" in lines
    found = {path.name for path in (tmp_path / "out" / "results").iterdir()}
    for name in ("a", "c"):
        start = f"{name}_sam_masks"
        assert {f"{start}.ome.tif", f"{start}_overlay.png"} <= found
    table = pd.read_csv(tmp_path / "out" / "sam_masks.csv")
    assert set(table["image"]) == {"a.tif", "c.tif"}
    written = tmp_path / "out" / "results" / "a_sam_masks.ome.tif"
    record = ccc.read(written).metadata["visual_ccc"]
    parameters = record["steps"][0]["parameters"]
    assert parameters["points_per_side"] == 2
    assert parameters["points_per_batch"] == 128
    assert parameters["use_m2m"] is False


def test_images_of_one_name_in_several_folders_are_written_into_such_folders(
    runner, tmp_path, discs
):
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "images" / name / "x.tif", discs)
    words = ["batch", "threshold", str(tmp_path / "images"), "-o", str(tmp_path / "out")]
    done = runner.invoke(cli, words)
    assert done.exit_code == 0, done.output
    results = tmp_path / "out" / "results"
    for name in ("a", "b"):
        assert (results / name / "x_threshold.yaml").exists()
    # of two of one name in one folder, each has its ending in the names of its results
    tifffile.imwrite(tmp_path / "images" / "b" / "x.png", discs)
    words[-1] = str(tmp_path / "more")
    done = runner.invoke(cli, words)
    assert done.exit_code == 0, done.output
    for name in ("x.png", "x.tif"):
        assert (tmp_path / "more" / "results" / "b" / f"{name}_threshold.yaml").exists()
    # files that are named one by one are refused before anything is computed
    files = [str(tmp_path / "images" / name) for name in ("a/x.tif", "b/x.tif")]
    done = runner.invoke(cli, ["threshold", *files, "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "would both be written as x" in done.output


def test_prompts_come_from_a_file(runner, image, tmp_path, discs, tiny_sam):
    points = tmp_path / "points.csv"
    points.write_text("index,axis-0,axis-1,label\n0,30,30,positive\n1,90,80,negative\n")
    masks = {}
    for number, given in enumerate(([], ["--prompts", str(points)])):
        out = tmp_path / f"out{number}"
        words = ["sam_masks", str(image), "--model", str(tiny_sam("sam2")), "-o", str(out)]
        words += ["--pred-iou-thresh", "0", "--stability-score-thresh", "0"]
        done = runner.invoke(cli, [*words, "--points-per-side", "2", *given])
        assert done.exit_code == 0, done.output
        masks[number] = ccc.read(out / "discs_sam_masks.ome.tif")
    assert not np.array_equal(masks[0].data, masks[1].data)
    again = ccc.replay(masks[1].metadata["visual_ccc"], discs)
    np.testing.assert_array_equal(again.labels, masks[1].data)


def test_a_folder_without_images_is_said_so(runner, tmp_path):
    (tmp_path / "empty").mkdir()
    done = runner.invoke(cli, ["batch", "threshold", str(tmp_path / "empty")])
    assert done.exit_code == 1
    assert "no image that can be read" in done.output


def test_files_of_a_heatmap_and_of_labels_are_compared(runner, image, tmp_path, discs):
    out = tmp_path / "out"
    made = ["-o", str(out)]
    assert runner.invoke(cli, ["explain", str(image), "--target", "cube", *made]).exit_code == 0
    assert runner.invoke(cli, ["threshold", str(image), *made]).exit_code == 0
    heatmap = out / "discs_explain_cube.ome.tif"
    labels = out / "discs_threshold.ome.tif"
    words = ["concordance", str(heatmap), "--labels", str(labels), "--image", str(image), *made]
    done = runner.invoke(cli, [*words, "--names", "particles"])
    assert done.exit_code == 0, done.output
    # the class is stated in the file of the heatmap
    assert "vidence for cube" in done.output
    # and is in the names of the files, though it was not given
    again = runner.invoke(cli, [*words, "--names", "particles", "--skip-existing"])
    assert again.exit_code == 0, again.output
    assert "done before" in again.output
    stem = "discs_explain_cube_concordance_cube"
    assert (out / f"{stem}_chart.png").exists()
    table = pd.read_csv(out / f"{stem}.csv")
    expected = ccc.concordance(ccc.read(heatmap), ccc.read(labels), discs, names="particles")
    pd.testing.assert_frame_equal(table, expected.table, check_dtype=False)
    again = ccc.replay(out / f"{stem}.yaml", image, others={"labels": ccc.read(labels)})
    np.testing.assert_array_equal(again.data, expected.data)


def test_places_like_points_of_a_file_are_found(tmp_path, capsys):
    from skimage.io import imsave

    from tests.lens_images import SPOTS, planted
    from tests.models import saved

    imsave(tmp_path / "image.png", planted())
    y, x = SPOTS[0]
    (tmp_path / "points.csv").write_text(f"index,axis-0,axis-1\n0,{y},{x}\n")
    words = ["lens", "find_similar", str(tmp_path / "image.png"), "--example"]
    words += [str(tmp_path / "points.csv"), "--model", str(saved(tmp_path, "visualcnn"))]
    words += ["--layer", "features.8", "--threshold", "0.5", "-o", str(tmp_path / "out")]
    assert main(words) == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"image_find_similar.csv", "image_find_similar_similar.ome.tif"} <= written
    assert "3 regions are as similar as 0.5" in capsys.readouterr().out


def test_two_sizes_are_said_where_a_comma_may_be_decimal(runner, image, tmp_path):
    words = ["threshold", str(image), "-o", str(tmp_path / "out"), "--force"]
    done = runner.invoke(cli, [*words, "--spacing", "2,5"])
    assert "pixels are 2 nm high and 5 nm wide" in done.output
    for size in ("2.5", "10,2,2", "2,2"):
        assert "high and" not in runner.invoke(cli, [*words, "--spacing", size]).output


def test_json_has_facts_tables_and_files_of_each_image(image, tmp_path, capsys):
    words = ["threshold", str(image), str(tmp_path / "none.tif"), "-o", str(tmp_path / "out")]
    assert main([*words, "--json"]) == 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["operation"] == "threshold"
    done, failed = found["results"]
    assert done["image"] == str(image)
    assert len(done["facts"]["thresholds"]) == 1
    shares = [row["area_percent"] for row in next(iter(done["tables"].values()))]
    assert sum(shares) == pytest.approx(100)
    assert {Path(file).name for file in done["files"]} == {
        path.name for path in (tmp_path / "out").iterdir()
    }
    assert failed["problem"].endswith("none.tif: no such file")
    assert "none.tif: no such file" in said.err


def test_a_quiet_run_says_nothing_and_writes_the_same(image, tmp_path, capsys):
    assert main(["threshold", str(image), "-q", "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.out + said.err == ""
    assert (tmp_path / "out").is_dir()
    assert main(["threshold", str(tmp_path / "none.tif"), "-q", "-o", str(tmp_path / "out")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_choices_are_listed_without_spaces_and_taken_with_them(capsys):
    assert main(["denoise", "--help"]) == 0
    assert "[non-local-means|total-variation|" in capsys.readouterr().out
    (method,) = (
        one
        for one in cli.get_command(None, "denoise").get_command(None, "denoise").params
        if one.name == "choice_method"
    )
    for given in ("total-variation", "total variation"):
        assert method.type.convert(given, method, None) == "total variation"


def test_regions_of_occlude_are_a_file(tmp_path, discs, capsys):
    image, regions = tmp_path / "a.tif", tmp_path / "regions.png"
    tifffile.imwrite(image, discs)
    Image.fromarray(((discs > 100) * 255).astype(np.uint8)).save(regions)
    words = ["occlude", str(image), "--regions", str(regions), "-o", str(tmp_path / "out")]
    assert main(words) == 0, capsys.readouterr().err
    table = pd.read_csv(next((tmp_path / "out").glob("*.csv")))
    expected = ccc.occlude(discs, discs > 100).table
    assert table["class"].tolist() == expected["class"].tolist()
    np.testing.assert_allclose(table["after"], expected["after"], atol=1e-6)


def test_a_length_is_taken_with_its_unit(tmp_path, discs, capsys):
    tifffile.imwrite(tmp_path / "a.tif", (discs < 130).astype("u1"))
    words = ["label_objects", str(tmp_path / "a.tif"), "--figures", "none", "-o"]
    size = ["--spacing", "2", "--unit", "nm", "--min-diameter"]
    for number, given in enumerate(("4 nm", "0.004µm", "2 px", "4")):
        out = tmp_path / str(number)
        assert main([*words, str(out), *size, given]) == 0
        record = yaml.safe_load((out / "a_label_objects.yaml").read_text(encoding="utf-8"))
        assert record["steps"][-1]["parameters"]["min_diameter"] == pytest.approx(4)
    # without a pixel size there are no nanometres
    assert main([*words, str(tmp_path / "no"), "--min-diameter", "4 nm"]) == 1
    assert "give the pixel size of the image" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "no"), *size, "4 apples"]) == 2
    assert "its unit must be a length" in capsys.readouterr().err
