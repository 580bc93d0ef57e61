"""The command line as users run it: a process, files, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.report.summary import summary
from napari_visual_ccc.workflow import operations, recipe, signature

FORMS = [name for name, one in operations.OPERATIONS.items() if one.has_form]
UNIX = pytest.mark.skipif(os.name != "posix", reason="limits and signals of Unix")


@pytest.fixture
def image(tmp_path, discs):
    path = tmp_path / "discs.tif"
    tifffile.imwrite(path, discs, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "nm"})
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def names(folder):
    return sorted(f.name for f in folder.iterdir()) if folder.exists() else []


def test_results_are_written_with_pixel_size_table_preview_and_record(image, out, discs, capsys):
    assert main(["cluster", str(image), "--clusters", "2", "-o", str(out)]) == 0
    assert names(out) == [
        "discs_kmeans.csv", "discs_kmeans.ome.tif", "discs_kmeans.png", "discs_kmeans.yaml",
    ]  # fmt: skip
    found = ccc.read(out / "discs_kmeans.ome.tif")
    np.testing.assert_array_equal(found.data, ccc.kmeans(discs, clusters=2).labels)
    assert found.spacing == (0.5, 0.5)
    assert found.unit == "nm"
    again = ccc.replay(out / "discs_kmeans.yaml", ccc.read(image))
    np.testing.assert_array_equal(again.labels, found.data)
    table = pd.read_csv(out / "discs_kmeans.csv")
    assert table["area_nm2"].sum() == discs.size / 4
    assert "cluster 1 (darkest)" in capsys.readouterr().out


def test_a_pgm_is_an_image_of_the_command_line(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 4 2 1000\n" + np.arange(8, dtype=">u2").tobytes())
    assert main(["analysis", str(tmp_path / "a.pgm"), "-o", str(tmp_path / "out")]) == 0
    found = ccc.read(tmp_path / "out/a_image_analysis_grey.ome.tif")
    np.testing.assert_array_equal(found.data, np.arange(8).reshape(2, 4))
    assert (tmp_path / "out/a_image_analysis.png").exists()


def test_a_pixel_size_given_by_hand_is_replayed_whatever_the_file_states(image, out):
    assert main(["cluster", str(image), "--spacing", "5", "--unit", "um", "-o", str(out)]) == 0
    table = pd.read_csv(out / "discs_kmeans.csv")
    for given in (image, str(image)):
        again = ccc.replay(out / "discs_kmeans.yaml", given).table
        np.testing.assert_allclose(again["area_µm2"], table["area_µm2"])
    # a Micrograph has a size of its own
    other = ccc.replay(out / "discs_kmeans.yaml", ccc.read(image)).table
    assert other["area_nm2"].sum() == table["area_µm2"].sum() / 100


def test_units_are_written_as_everywhere(image, out, capsys):
    words = ["cluster", str(image), "-o", str(out), "--figures", "none", "--force"]
    for size, unit, name in [("2", "nanometer", "nm"), ("2e-9", "m", "nm"), ("2", "um", "µm")]:
        assert main([*words, "--spacing", size, "--unit", unit]) == 0
        found = ccc.read(out / "discs_kmeans.ome.tif")
        assert (found.spacing, found.unit) == (pytest.approx((2.0, 2.0)), name)
    assert main([*words, "--spacing", "9", "--unit", "m"]) == 2
    assert "a pixel of 9 m is not plausible" in capsys.readouterr().err
    for unit in ("foo", "px", "s"):
        assert main([*words, "--spacing", "2", "--unit", unit]) == 2
        assert f"'{unit}' is not a unit" in capsys.readouterr().err


def test_results_lie_where_the_part_lies_that_they_were_made_of(discs, tmp_path, out):
    part = Micrograph(discs, (2.0, 2.0), "nm", name="p", metadata={"origin": [100.0, 200.0]})
    path = ccc.write(part, tmp_path / "part.ome.tif")
    script = ccc.write(ccc.threshold(part), tmp_path / "mask.ome.zarr", source=ccc.read(path))
    assert ccc.read(script).metadata["origin"] == [100.0, 200.0]
    assert ccc.read(script).spacing == (2.0, 2.0)
    words = ["threshold", str(path), "-o", str(out), "--force"]
    for more, place in ([], [100.0, 200.0]), (["--spacing", "4"], [200.0, 400.0]):
        assert main([*words, *more]) == 0
        found = ccc.read(out / "part_threshold.ome.tif")
        assert found.metadata["origin"] == pytest.approx(place)


def test_results_that_are_there_are_seen_before_anything_is_computed(image, out, capsys):
    out.mkdir()
    # the model has no such class, which would be said once it is asked
    recipe = out / "discs_explain_rod.yaml"
    recipe.write_text("x", encoding="utf-8")
    assert main(["explain", str(image), "--target", "rod", "-o", str(out)]) == 1
    assert recipe.name in capsys.readouterr().err
    recipe.unlink()
    assert main(["explain", str(image), "--target", "rod", "-o", str(out)]) == 1
    assert "rod" in capsys.readouterr().err


def test_results_of_a_stack_lie_on_it(discs, tmp_path, out):
    axes, place = (Axis("z", 5.0, "nm"),), {"origin": [7.0, 10.0, 20.0]}
    stack = Micrograph(np.stack([discs] * 2), (2.0, 2.0), "nm", "s", axes=axes, metadata=place)
    path = ccc.write(stack, tmp_path / "s.ome.tif")
    script = ccc.write(ccc.threshold(stack), tmp_path / "mask.ome.tif", source=ccc.read(path))
    assert ccc.read(script).metadata["origin"] == [7.0, 10.0, 20.0]
    words = ["threshold", str(path), "-o", str(out), "--force"]
    for more, z in ([], 7.0), (["--spacing", "10,2,2"], 14.0):
        assert main([*words, *more]) == 0
        found = ccc.read(out / "s_threshold.ome.tif")
        assert found.metadata["origin"] == pytest.approx([z, 10.0, 20.0])


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (
            ["--format", "imagej", "--tables", "parquet", "--figures", "svg"],
            ["discs_kmeans.parquet", "discs_kmeans.svg", "discs_kmeans.tif", "discs_kmeans.yaml"],
        ),
        (
            ["--format", "ome-zarr", "--figures", "none"],
            ["discs_kmeans.csv", "discs_kmeans.ome.zarr", "discs_kmeans.yaml"],
        ),
    ],
)  # fmt: skip
def test_results_are_written_in_the_formats_asked_for(image, out, options, written):
    words = ["cluster", str(image), "--clusters", "2", "-o", str(out), *options]
    assert main(words) == 0
    assert names(out) == written
    assert main(words) == 1
    assert main([*words, "--force"]) == 0
    if "imagej" in options:
        found = ccc.read(out / "discs_kmeans.tif")
        assert (found.spacing, found.unit, found.data.max()) == ((0.5, 0.5), "nm", 2)
        table = pd.read_parquet(out / "discs_kmeans.parquet")
        assert table["area_nm2"].sum() == found.data.size / 4


@pytest.mark.parametrize(
    "words",
    [
        ["denoise", "--method", "gaussian"],
        ["segment"],
        ["segment", "threshold", "--classes", "3"],
        ["texture", "glcm_features", "--feature", "all", "--no-symmetric"],
        ["texture", "edge_density"],
        ["classify", "--stride", "64"],
        ["explain", "--target", "cube", "--signed"],
        ["classify", "explain", "--method", "hirescam"],
    ],
)
def test_every_family_and_operation_runs(image, out, words):
    assert main([*words, str(image), "-o", str(out)]) == 0
    written = names(out)
    assert any(name.endswith(".ome.tif") for name in written)
    assert sum(name.endswith(".png") for name in written) == sum(
        name.endswith(".ome.tif") for name in written
    )


def test_measure_takes_up_what_segment_wrote(image, out):
    assert main(["segment", str(image), "-o", str(out)]) == 0
    mask = out / "discs_threshold.ome.tif"
    assert main(["segment", "watershed_split", str(mask), "-o", str(out)]) == 0
    split = out / "discs_threshold_watershed_split.ome.tif"
    assert main(["measure", str(split), "--intensity", str(image), "-o", str(out)]) == 0
    table = pd.read_csv(out / "discs_threshold_watershed_split_region_table.csv")
    assert len(table) == 6
    np.testing.assert_allclose(table["equivalent_diameter_nm"], 12, rtol=0.05)
    record = recipe.load(out / "discs_threshold_watershed_split_region_table.yaml")
    assert [step.operation for step in record.steps] == [
        "threshold",
        "watershed_split",
        "region_table",
    ]
    assert record.source.name == "discs"


def test_pixel_size_can_be_given(image, out):
    assert main(["cluster", str(image), "--spacing", "2", "--unit", "µm", "-o", str(out)]) == 0
    assert ccc.read(out / "discs_kmeans.ome.tif").spacing == (2, 2)
    assert "area_µm2" in pd.read_csv(out / "discs_kmeans.csv")


def test_nothing_is_overwritten_without_force(image, out, capsys):
    assert main(["cluster", str(image), "-o", str(out)]) == 0
    before = {name: (out / name).read_bytes() for name in names(out)}
    assert main(["cluster", str(image), "-o", str(out)]) == 1
    assert "--force" in capsys.readouterr().err
    assert before == {name: (out / name).read_bytes() for name in names(out)}
    assert main(["cluster", str(image), "-o", str(out), "--force"]) == 0


def test_a_batch_goes_on_after_a_failure(image, out, tmp_path, capsys):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"no image")
    words = ["segment", str(tmp_path / "none.tif"), str(broken), str(image), "-o", str(out)]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "none.tif: no such file" in said
    assert "broken.tif: cannot be read" in said
    assert "2 of 3 images failed" in said
    assert "discs_threshold.csv" in names(out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate", "x.tif"], "there is no 'frobnicate'"),
        (["cluster"], "IMAGE"),
        (["cluster", "x.tif", "--clusters", "99999"], "between 2 and 65535"),
        (["cluster", "x.tif", "--clusters", "many"], "not a valid integer"),
        (["cluster", "x.tif", "--features", "smell"], "is not one of"),
        (["cluster", "x.tif", "--spacing", "-1"], "above zero"),
        (["cluster", "a/x.tif", "b/x.png"], "different folders"),
        ([], ""),
    ],
)
def test_wrong_use_is_told_with_code_2(words, said, capsys):
    assert main(words) == 2
    assert said in capsys.readouterr().err


ONE = np.zeros((1, 1), np.uint8)


@pytest.mark.parametrize(
    ("words", "array", "said"),
    [
        (["segment"], ONE, "too few for 2 classes"),
        (["texture"], ONE, "take a smaller window"),
        (["texture", "--window", "99"], np.zeros((40, 50), np.uint8), "the image only 50 x 40"),
        (["cluster"], np.full((20, 20), np.nan, np.float32), "no finite pixel"),
        (["denoise"], np.full((20, 20), np.nan, np.float32), "no finite pixel"),
        (["explain", "--target", "rod"], np.zeros((40, 40), np.uint8), "has no class 'rod'"),
        (["measure"], np.zeros((20, 20), np.float32), "integers"),
        (["cluster", "select_cluster"], np.zeros((20, 20), np.uint8), "no cluster 1"),
    ],
)
def test_bad_input_gives_one_sentence_and_no_file(tmp_path, out, words, array, said, capsys):
    path = tmp_path / "bad.tif"
    tifffile.imwrite(path, array)
    assert main([*words, str(path), "-o", str(out)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "bad.tif" in lines[0]
    assert said in lines[0]
    assert names(out) == []


def test_a_stack_is_explained_slice_by_slice(tmp_path, out, capsys):
    image = samples.load("nanoparticles").data[96:160, 96:160]
    tifffile.imwrite(tmp_path / "series.tif", np.stack([image, image.T]))
    assert main(["explain", str(tmp_path / "series.tif"), "--target", "cube", "-o", str(out)]) == 0
    assert "2 slices: 2 cube" in capsys.readouterr().out
    found = ccc.read(out / "series_explain.ome.tif").data
    np.testing.assert_array_equal(found[1], ccc.explain(image.T, target="cube").data)
    lines = (out / "series_explain.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("index_0,target,")
    assert len(lines) == 3


def test_an_explanation_of_the_predicted_class_is_not_made_twice(tmp_path, out, capsys):
    image = tmp_path / "crop.tif"
    tifffile.imwrite(image, samples.load("nanoparticles").data[96:160, 96:160])
    words = ["explain", str(image), "-o", str(out), "--skip-existing"]
    for target, told in [("sphere", ""), ("", ""), ("", "done before"), ("sphere", "done before")]:
        assert main([*words, "--target", target]) == 0
        assert told in capsys.readouterr().out
    assert len(list(out.glob("*.yaml"))) == 2


def test_a_voxel_can_be_given(tmp_path, out, capsys):
    ball = np.zeros((6, 20, 20), np.uint8)
    ball[2:4, 5:10, 5:10] = 1
    path = tmp_path / "ball.tif"
    tifffile.imwrite(path, ball)
    words = ["measure", str(path), "--dimensions", "3D", "-o", str(out)]
    assert main([*words, "--spacing", "2"]) == 1
    assert "step between slices" in capsys.readouterr().err
    assert main([*words, "--spacing", "10,2,2"]) == 0
    assert "2000.0" in (out / "ball_region_table.csv").read_text(encoding="utf-8-sig")
    assert main([*words, "--spacing", "a,b"]) == 2
    assert "is not a size" in capsys.readouterr().err


@pytest.mark.parametrize("operation", FORMS)
def test_one_pixel_gives_a_result_or_a_sentence(tmp_path, out, operation, capsys):
    path = tmp_path / "one.tif"
    tifffile.imwrite(path, np.ones((1, 1), np.uint8))
    words = [operation, str(path), "-o", str(out)]
    for name in signature.inputs(operation)[1:]:
        if name not in signature.optional_inputs(operation):
            words += [f"--{name}", str(path)]
    code = main(words)
    said = capsys.readouterr().err
    assert code in (0, 1)
    assert "a fault of visual-ccc" not in said
    assert (code == 1) == bool(said)


def test_a_foreign_model_is_named(image, out, tmp_path, capsys):
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"something else")
    assert main(["classify", str(image), "--model", str(foreign), "-o", str(out)]) == 1
    assert "foreign.safetensors: not a model" in capsys.readouterr().err


def run(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "napari_visual_ccc.cli", *map(str, words)],
        capture_output=True, text=True, **options,
    )  # fmt: skip


@UNIX
def test_a_full_disk_leaves_nothing_half_written(tmp_path, out):
    import resource

    path = tmp_path / "noise.tif"
    noise = np.random.default_rng(0).integers(0, 65535, (300, 300)).astype(np.uint16)
    tifffile.imwrite(path, noise)

    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = run("denoise", path, "--method", "gaussian", "-o", out, preexec_fn=small_files_only)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(out) == []


@UNIX
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit address space")
def test_full_memory_is_a_sentence(tmp_path, out):
    import resource

    path = tmp_path / "large.tif"
    tifffile.imwrite(path, shape=(8000, 8000), dtype=np.uint8)

    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # seven maps of 512 MB
    words = ("texture", path, "--feature", "all", "-o", out)
    done = run(*words, preexec_fn=little_memory, env=environment)
    assert done.returncode == 1
    assert "large.tif" in done.stderr
    assert "memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(out) == []


STOPPED = """
import os, sys, time
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.core import files

number, words = int(sys.argv[1]), sys.argv[2:]

def stopped(part, path):
    assert part.exists()
    os.kill(os.getpid(), number)
    time.sleep(60)

files._put_in_place = stopped
sys.exit(main(words))
"""


@UNIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_stopped_while_it_writes_leaves_nothing(image, out, name):
    number = getattr(signal, name)
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(int(number)), "segment", str(image), "-o", str(out)],
        capture_output=True, text=True,
        # a shell's background jobs are born deaf to Ctrl-C, and so would be their children
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr.strip() == "visual-ccc: interrupted; no partial file is left"
    assert names(out) == []


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932"])
def test_letters_that_a_code_page_lacks_are_escaped(tmp_path, out, discs, encoding, monkeypatch):
    path = tmp_path / "Größe 粒子.tif"
    tifffile.imwrite(path, discs)
    with (tmp_path / "said").open("w", encoding=encoding) as said:
        monkeypatch.setattr(sys, "stdout", said)
        assert main(["segment", str(path), "-o", str(out)]) == 0
    assert "Größe 粒子.tif".encode(encoding, "backslashreplace") in (tmp_path / "said").read_bytes()


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from napari_visual_ccc.cli.main import main\n"
        "for words in ['-h'], ['cluster', '--help'], ['classify', '--help'], ['explain', '-h']:\n"
        "    assert main(words) == 0\n"
        "heavy = {'torch', 'sklearn', 'skimage', 'napari', 'scipy', 'pandas', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Number of clusters;" in done.stdout


@pytest.mark.parametrize("operation", FORMS)
def test_help_lists_every_parameter_with_its_text_and_default(operation, capsys):
    assert main([operation, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, parameter in signature.parameters(operation).items():
        assert f"--{name.replace('_', '-')}" in text
        assert " ".join(parameter.help.split())[:30] in text


def test_info_tells_versions_devices_and_the_model(capsys):
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert ccc.__version__ in said
    assert "Cu nanoparticle TEM only" in said
    assert "cpu" in said
    assert "watershed_split" in said


def test_the_overview_names_every_operation(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in operations.OPERATIONS if name != "occlude")


def test_summaries_are_short(discs):
    for name in ("threshold", "kmeans", "glcm_features", "classify"):
        assert 0 < len(summary(getattr(ccc, name)(discs))) < 200


def test_names_that_become_one_are_refused(tmp_path, out, discs, capsys):
    for name in ("a b.tif", "a_b.tif"):
        tifffile.imwrite(tmp_path / name, discs)
    words = ["segment", str(tmp_path / "a b.tif"), str(tmp_path / "a_b.tif"), "-o", str(out)]
    assert main([*words, "--force"]) == 2
    assert "different folders" in capsys.readouterr().err
    assert names(out) == []


def test_two_targets_are_two_results(image, out):
    for target in ("cube", "sphere"):
        assert main(["explain", str(image), "--target", target, "-o", str(out)]) == 0
    assert sum(name.endswith(".yaml") for name in names(out)) == 2


@pytest.mark.filterwarnings("error")
def test_a_sliver_gets_a_preview(tmp_path, out, rng):
    path = tmp_path / "line.tif"
    tifffile.imwrite(path, rng.integers(0, 255, (12, 2000)).astype(np.uint8))
    assert main(["cluster", str(path), "-o", str(out)]) == 0
    assert "line_kmeans.png" in names(out)


def test_what_the_readme_measures_can_be_replayed(image, out, discs):
    assert main(["segment", str(image), "-o", str(out)]) == 0
    mask = out / "discs_threshold.ome.tif"
    assert main(["measure", str(mask), "--intensity", str(image), "-o", str(out)]) == 0
    recipe = out / "discs_threshold_region_table.yaml"
    again = ccc.replay(recipe, image)
    written = pd.read_csv(out / "discs_threshold_region_table.csv")
    np.testing.assert_allclose(again.table["intensity_mean"], written["intensity_mean"])


def test_options_that_go_nowhere_are_refused(image, tmp_path, capsys):
    assert main(["segment", str(image), "--unit", "um", "-o", str(tmp_path / "o")]) == 2
    assert "give both" in capsys.readouterr().err
    assert main(["segment", str(image), "--unit", "", "-o", str(tmp_path / "o")]) == 2
    assert "give both" in capsys.readouterr().err
    assert main(["segment", str(image), "-o", str(image)]) == 2
    assert "name a folder" in capsys.readouterr().err


def test_files_of_unlike_pixel_sizes_are_refused_unless_one_is_given(discs, tmp_path, out, capsys):
    for name, size, unit in (("labels", 1, "nm"), ("image", 2, "nm"), ("same", 0.001, "um")):
        tifffile.imwrite(
            tmp_path / f"{name}.tif", (discs > 100).astype(np.uint8) if name == "labels" else discs,
            imagej=True, resolution=(1 / size, 1 / size), metadata={"unit": unit},
        )  # fmt: skip
    words = ["measure", str(tmp_path / "labels.tif"), "-o", str(out), "--force", "--intensity"]
    assert main([*words, str(tmp_path / "image.tif")]) == 1
    assert "labels has pixels of 1 nm, but intensity of 2 nm" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "same.tif")]) == 0
    assert main([*words, str(tmp_path / "image.tif"), "--spacing", "2"]) == 0
    table = pd.read_csv(out / "labels_region_table.csv")
    assert table["area_nm2"].sum() == 4 * (discs > 100).sum()


@UNIX
def test_a_reader_that_leaves_early_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "napari_visual_ccc.cli", "info"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_what_the_reading_found_is_said(tmp_path, out, discs, capsys):
    text = "[Scan]\r\nPixelWidth=0\r\nPixelHeight=0"
    path = tmp_path / "fei.tif"
    tifffile.imwrite(path, discs, extratags=[(34682, "s", 0, text, True)], metadata=None)
    assert main(["segment", str(path), "-o", str(out)]) == 0
    assert "FEI Scan states a pixel size of 0 x 0 m: not used" in capsys.readouterr().out


def test_the_bar_and_the_slice_step_travel_from_command_to_command(tmp_path):
    from napari_visual_ccc.cli.main import main
    from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
    from napari_visual_ccc.core.progress import run
    from napari_visual_ccc.io.read import read
    from napari_visual_ccc.io.write.images import write_image

    image = np.zeros((2, 120, 160), np.uint8)
    image[:, 60:100, 40:80] = 200
    run(write_image(Micrograph(image, info_bar=InfoBar(bottom=20)), tmp_path / "a.ome.tif"))
    words = ["-o", str(tmp_path / "out"), "--figures", "none", "--spacing", "10,2,2"]
    assert main(["threshold", str(tmp_path / "a.ome.tif"), *words]) == 0
    labels = tmp_path / "out" / "a_threshold.ome.tif"
    found = read(labels)
    assert found.info_bar == InfoBar(bottom=20)
    assert (found.axes[0].name, found.axes[0].step, found.axes[0].unit) == ("z", 10.0, "nm")
    assert main(["region_table", str(labels), *words[:4]]) == 0
    table = pd.read_csv(next((tmp_path / "out").glob("*region*.csv")))
    assert table["touches_border"].all()


def test_a_mistyped_command_names_those_like_it(capsys):
    assert main(["partcles", "a.tif"]) == 2
    assert "there is no 'partcles'; did you mean particles?" in capsys.readouterr().err
    assert main(["-V"]) == 0
    assert capsys.readouterr().out.startswith("visual-ccc ")
    assert main(["-x", "info"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_settings_are_shown_changed_and_reset(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    monkeypatch.delenv("VISUAL_CCC_DOWNLOADS", raising=False)
    assert main(["config", "downloads", "no"]) == 0
    file = tmp_path / "napari-visual-ccc.yaml"
    assert capsys.readouterr().out.split() == ["downloads", "no", str(file)]
    assert main(["config", "device", "gpu"]) == 1
    assert "choose auto, cpu, cuda, mps" in capsys.readouterr().err
    assert main(["config", "speed"]) == 2
    assert main(["config", "--reset"]) == 0
    assert not file.exists()
    shown = capsys.readouterr().out
    assert "default" in shown and str(file) in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["thr"], "threshold"),
        (["segment", "wat"], "watershed_split"),
        (["denoise", "--me"], "--method"),
        (["denoise", "--method", "non"], "non-local-means"),
        (["comp"], "completion"),
    ],
)
def test_words_are_completed(words, expected, capsys, monkeypatch):
    monkeypatch.setenv("_VISUAL_CCC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["visual-ccc", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit):
        main([])
    assert expected in [line.split(",")[-1] for line in capsys.readouterr().out.splitlines()]


def test_the_script_of_a_shell_is_printed(capsys):
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        assert "_VISUAL_CCC_COMPLETE" in capsys.readouterr().out


def test_an_option_that_is_misspelled_is_corrected(capsys):
    assert main(["threshold", "a.tif", "--metod", "otsu"]) == 2
    assert "Did you mean '--method'" in capsys.readouterr().err


@UNIX
def test_closed_streams_end_no_command_and_a_full_stdout_is_named(image, out):
    command = f"'{sys.executable}' -m napari_visual_ccc.cli batch threshold '{image}' -o '{out}'"

    def shell(line):
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True)

    assert shell(f"{command} --format none --no-thumbnails 2>&-").returncode == 0
    assert (out / "threshold.csv").is_file()
    if os.path.exists("/dev/full"):
        done = shell(f"'{sys.executable}' -m napari_visual_ccc.cli --version >/dev/full")
        assert done.returncode == 1
        assert "could not be written to stdout" in done.stderr
