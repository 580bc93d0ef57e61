from __future__ import annotations

import os
import subprocess
import sys

import pytest

from napari_visual_ccc.core import files


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text("one", path)
    with pytest.raises(FileExistsError, match="--force"):
        files.write_text("two", path)
    assert path.read_text() == "one"
    files.write_text("two", path, force=True)
    assert path.read_text() == "two"


def test_a_failed_write_leaves_what_was_there_and_no_half_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.written(path, force=True) as part:
        part.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.txt"]


def test_temporary_names_are_not_known_beforehand_and_end_like_the_file(tmp_path):
    path = tmp_path / ("n" * 247 + ".ome.tif")
    with files.written(path, force=True) as one, files.written(path, force=True) as two:
        assert one != two
        assert one.name.endswith("n.ome.tif")
        assert len(one.name) == 255
        one.touch()
        two.touch()
    assert path.exists()
    with pytest.raises(OSError, match=r"more than 255 bytes; choose a shorter one"):
        files.check_free(tmp_path / ("n" * 256), force=False)


def test_two_writers_of_one_name_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with files.written(path) as second:  # noqa: SIM117
        with pytest.raises(KeyboardInterrupt), files.written(path) as first:
            first.write_text("first")
            second.write_text("second")
            raise KeyboardInterrupt
    assert path.read_text() == "second"


def test_parts_of_killed_processes_of_this_machine_are_removed(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    machine = files._machine()
    dead, alive, foreign = (
        tmp_path / f".part-{machine}-{done.pid}-0-a.txt",
        tmp_path / f".part-{machine}-{os.getpid()}-0-a.txt",
        tmp_path / f".part-00000000-{done.pid}-0-a.txt",
    )
    for one in (dead, alive, foreign):
        one.touch()
    files.write_text("text", tmp_path / "a.txt")
    assert {one.name for one in tmp_path.iterdir()} == {alive.name, foreign.name, "a.txt"}


@pytest.mark.skipif(os.name == "nt", reason="has no such permissions")
def test_what_is_replaced_leaves_its_permissions_and_the_links_to_it(tmp_path):
    (tmp_path / "there").mkdir()
    path, link = tmp_path / "there" / "a.txt", tmp_path / "link.txt"
    path.write_text("one")
    path.chmod(0o600)
    link.symlink_to(path)
    files.write_text("two", link, force=True)
    assert link.is_symlink()
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_that_is_gone_is_told(tmp_path):
    folder = tmp_path / "folder"
    with pytest.raises(OSError, match=r"could not be written .its folder was removed"):  # noqa: SIM117
        with files.written(folder / "a.txt"):
            folder.rmdir()


def test_whether_a_file_can_be_written_is_tried_without_a_trace(tmp_path):
    files.check_writable(tmp_path / "new" / "a.txt")
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"a\.txt: could not be written"):
        files.check_writable(tmp_path / "file" / "a.txt")


def test_names_of_undecodable_bytes_are_written(tmp_path):
    files.write_text("b\udcff", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text("utf-8") == "b\\udcff"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file.*the folder could not be made .*another place"):
        files.make_folder(tmp_path / "file" / "below")
    with pytest.raises(OSError, match="the folder could not be made"):  # noqa: SIM117
        with files.written(tmp_path / "file" / "a.csv"):
            pass


def test_a_name_with_a_null_character_is_told(tmp_path):
    match = r"a\\x00b.txt' is no name of a file"
    with pytest.raises(ValueError, match=match), files.written(tmp_path / "a\0b.txt"):
        pass


def test_files_have_content_and_are_written_through(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").touch()
    (tmp_path / "c.zarr" / "c").mkdir(parents=True)
    found = [files.has_content(tmp_path / name) for name in ("a", "b", "c.zarr", "c.zarr/c", "d")]
    assert found == [True, False, True, False, False]
    files.to_disk([tmp_path / "a", tmp_path / "c.zarr", tmp_path / "gone"])
    assert (tmp_path / "a").read_text() == "a"


@pytest.fixture
def gone():
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_folder_whose_replacement_was_killed_is_brought_back(tmp_path, gone):
    old = files._part_of(tmp_path / "a.zarr", "old")
    old = old.with_name(old.name.replace(f"-{os.getpid()}-", f"-{gone}-"))
    old.mkdir()
    (old / "zarr.json").write_text("{}")
    # that of a process that lives is left alone
    alive = files._part_of(tmp_path / "b.zarr", "old")
    alive.mkdir()
    files.restore(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, tmp_path / "a.zarr"])
    assert (tmp_path / "a.zarr" / "zarr.json").read_text() == "{}"
    # where the new one has its place, the old one goes
    old.mkdir()
    files.restore(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, tmp_path / "a.zarr"])


def test_a_zarr_and_a_file_replace_each_other(tmp_path):
    path = tmp_path / "a.zarr"
    for text in ("1", "2"):
        with files.written(path, force=True) as part:
            part.mkdir()
            (part / "zarr.json").write_text(text)
        assert (path / "zarr.json").read_text() == text
    with files.written(path, force=True) as part:
        part.write_text("file")
    assert path.read_text() == "file"
    assert list(tmp_path.iterdir()) == [path]
