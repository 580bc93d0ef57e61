"""What a file of torch holds is looked at before torch reads it."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict

import pytest
import torch

from napari_visual_ccc.nets.training.archive import depth, trouble


def test_states_and_weights_are_no_trouble(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimiser = torch.optim.AdamW(net.parameters())
    net(torch.rand(4, 3)).sum().backward()
    optimiser.step()
    rows = [{"loss": 0.1, "epoch": k} for k in range(2000)]
    state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "history": rows}
    torch.save(state, tmp_path / "state")
    assert trouble(tmp_path / "state") == ""


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_the_depth_of_tuples_is_counted_whatever_lies_between(protocol):
    value = ()
    for _ in range(50):
        value = (1, value, "x")
    mixed = [OrderedDict(a=value), [value, {"b": {1, 2}}], frozenset([(1, 2)]), value]
    assert 50 <= depth(pickle.dumps(mixed, protocol)) <= 60
    nested = []
    for _ in range(200):
        nested = [nested, {}]
    assert depth(pickle.dumps(nested, protocol)) <= 1


def archive(path, code, compression=zipfile.ZIP_STORED):
    start = io.BytesIO()
    torch.save({"a": torch.zeros(100_000)}, start)
    with zipfile.ZipFile(start) as old, zipfile.ZipFile(path, "w", compression) as new:
        for member in old.namelist():
            new.writestr(member, code if member.endswith(".pkl") and code else old.read(member))
    return path


def test_deep_and_inflated_files_are_trouble(tmp_path):
    deep = b"\x80\x02}(" + b")" + b"\x85" * 100_000 + b"K\x01u."
    assert "nested far deeper" in trouble(archive(tmp_path / "deep", deep))
    hidden = b"\x80\x02)" + b"q\x00h\x000h\x00\x85" * 300 + b"."
    assert "nested far deeper" in trouble(archive(tmp_path / "hidden", hidden))
    assert "far larger" in trouble(archive(tmp_path / "bomb", b"", zipfile.ZIP_DEFLATED))
    assert trouble(archive(tmp_path / "good", b"")) == ""
    with pytest.raises(zipfile.BadZipFile):
        (tmp_path / "text").write_text("text")
        trouble(tmp_path / "text")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    assert "a pipe" in trouble(tmp_path / "pipe.pt")
