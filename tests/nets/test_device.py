from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import napari_visual_ccc
from napari_visual_ccc.arrays.lazy import tile_workers
from napari_visual_ccc.arrays.reduction import threads
from napari_visual_ccc.core.settings.borrowed import given_back
from napari_visual_ccc.core.settings.cores import give_thread
from napari_visual_ccc.nets import device as devices
from napari_visual_ccc.nets.device import (
    at_a_time,
    choose,
    doubles,
    failure,
    full_precision,
    longest_float,
    side_by_side,
    spare_triton,
)
from tests.mps import MPS, mps


def test_the_cpu_is_always_present():
    assert choose("cpu") == torch.device("cpu")
    assert choose("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize(
    ("device", "words"), [("tpu", "no device 'tpu'; choose auto, cuda, mps, cpu")]
)
def test_an_unknown_device_is_refused(device, words):
    with pytest.raises(ValueError, match=words):
        choose(device)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="has an MPS device")
def test_a_device_that_is_not_present_is_refused():
    with pytest.raises(ValueError, match="no mps device"):
        choose("mps")


def test_without_mesa_triton_stays_importable():
    code = (
        "import sys; from napari_visual_ccc.nets.device import spare_triton; spare_triton()\n"
        "assert sys.modules.get('triton', 0) is not None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    spare_triton()


@pytest.mark.parametrize(
    ("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_threads_that_wait_sleep_unless_told_otherwise(given, expected):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"} | given
    code = "import napari_visual_ccc, os; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected


HOSTS = {
    "default": lambda: None,
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "convolutions": lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    "all": lambda: setattr(torch.backends, "fp32_precision", "tf32"),
}


def precision_of_torch():
    parts = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)
    return [part.fp32_precision for part in parts]


def report(host):
    """In a process of its own: torch's choices before, in and after an operation."""
    HOSTS[host]()
    states = [precision_of_torch()]
    with given_back():
        full_precision()
        full_precision()
        states.append(precision_of_torch())
    states.append(precision_of_torch())
    return states


def print_reports(*hosts):
    """Print a host and its report on each line."""
    for host in hosts:
        # torch is imported once, where a process can have such children
        if len(hosts) > 1 and os.fork():
            _, status = os.wait()
            assert status == 0, host
            continue
        print((host, report(host)), flush=True)
        if len(hosts) > 1:
            os._exit(0)


@pytest.fixture(scope="module")
def reports():
    """Reports by host."""
    together = [[*HOSTS]] if hasattr(os, "fork") else [[host] for host in HOSTS]
    # a warning of Python 3.12 about forks is none of an operation
    warnings = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    code = "import sys; from tests.nets.test_device import print_reports as p; p(*sys.argv[1:])"
    lines = [
        line
        for hosts in together
        for line in subprocess.run(
            [sys.executable, *warnings, "-c", code, *hosts], cwd=Path(__file__).parents[2],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()
    ]  # fmt: skip
    return dict(ast.literal_eval(line) for line in lines)


@pytest.mark.parametrize("host", HOSTS)
def test_cuda_is_as_precise_as_the_cpu_while_an_operation_runs(host, reports):
    before, within, after = reports[host]
    assert within == ["ieee", "ieee"]
    assert after == before


def test_a_device_that_fails_is_named_and_the_processor_taken(monkeypatch):
    # nothing can be read from torch's device for shapes: it is there and gives no result
    reason = failure("meta")
    assert "meta" in reason and "\n" not in reason
    assert failure("cpu") == ""
    monkeypatch.setattr(devices, "_present", lambda: {"meta": True, "cpu": True})
    devices._fit.cache_clear()
    with pytest.warns(UserWarning, match=r"the meta device of this machine fails \(.*processor"):
        assert choose("auto").type == "cpu"
    # said once
    assert choose("auto").type == "cpu"
    with pytest.raises(ValueError, match=r"the meta device of .* fails .*; choose device c"):
        choose("meta")


@pytest.mark.gpu
def test_a_gpu_that_is_chosen_computes_in_full_precision():
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    with given_back():
        choose("cuda")
        assert precision_of_torch() == ["ieee", "ieee"]


def test_only_one_module_names_float64():
    # MPS has none: reductions in float64 happen in main memory, see `doubles`
    folder = Path(napari_visual_ccc.__file__).parent / "nets"
    named = {}
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        # of torch, and methods of tensors; NumPy is in main memory
        numpy = {
            id(node) for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "np"
        }  # fmt: skip
        words = [
            node.attr for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and id(node) not in numpy
            and node.attr in ("double", "float64", "complex128", "DoubleTensor")
        ]  # fmt: skip
        if words:
            named[path.relative_to(folder).as_posix()] = len(words)
    assert set(named) == {"device.py"}


def test_a_device_without_float64_is_known():
    assert longest_float(MPS) == torch.float32
    assert longest_float(torch.device("cpu")) == torch.float64
    with mps() as device:
        there = torch.ones(3, device=device)
        with pytest.raises(TypeError, match="float64"):
            there.double()
        assert doubles(there).tolist() == [1, 1, 1]
        assert (doubles(there).dtype, doubles(there).device.type) == (torch.float64, "cpu")


def test_networks_take_no_more_threads_than_cores_are_allowed():
    code = (
        "import torch; torch.set_num_threads(7)\n"
        "from napari_visual_ccc.nets.device import choose\n"
        "choose('cpu'); print(torch.get_num_threads())\n"
        "torch.set_num_threads(1); choose('cpu'); print(torch.get_num_threads())"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_THREADS")}
    environment["SLURM_CPUS_PER_TASK"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]


def test_items_side_by_side_have_a_core_each_and_the_caller_keeps_its_own():
    before, mine = torch.get_num_threads(), threading.get_ident()
    read = []

    def items():
        for number in range(9):
            read.append(threading.get_ident())
            yield number

    def apply(number):
        return number, torch.get_num_threads(), threading.get_ident()

    found = list(side_by_side(apply, items(), 2))
    assert [number for number, _, _ in found] == list(range(9))
    if tile_workers() > 1:
        assert {cores for _, cores, _ in found} == {1}
        assert mine not in {thread for _, _, thread in found}
    assert set(read) == {mine}
    assert torch.get_num_threads() == before
    # threads of the pool get their number back, for what else runs on them
    again = [threads().submit(torch.get_num_threads).result() for _ in range(4)]
    assert set(again) == {before}


def test_a_single_item_and_a_single_core_stay_in_the_thread_of_the_caller():
    mine = threading.get_ident()
    for items, cores in (([1], 4), ([1, 2, 3], 1)):
        found = list(side_by_side(lambda _: threading.get_ident(), items, cores))
        assert found == [mine] * len(items)
    assert list(side_by_side(lambda _: 0, [], 2)) == []


def test_items_within_items_do_not_wait_for_each_other():
    def inner(number):
        cores = at_a_time(torch.device("cpu"))
        return sum(side_by_side(lambda part: number * part, range(5), cores))

    assert list(side_by_side(inner, range(20), 2)) == [10 * number for number in range(20)]


def test_a_run_that_is_left_begins_no_more_items_and_an_error_comes_through():
    begun = []
    steps = side_by_side(lambda number: begun.append(number), iter(range(1000)), 2)
    next(steps)
    steps.close() if hasattr(steps, "close") else None
    assert len(begun) < 10

    def fails(number):
        if number == 3:
            raise ValueError("the fourth")
        return number

    steps = side_by_side(fails, range(9), 2)
    assert [next(steps) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the fourth"):
        next(steps)


def test_a_thread_of_a_batch_has_cores_of_its_own():
    before = torch.get_num_threads()

    def chosen(number):
        give_thread(number)
        choose("cpu")
        return torch.get_num_threads(), at_a_time(torch.device("cpu"))

    for number in (1, 10 * before):
        with ThreadPoolExecutor(1) as pool:
            threads_there, items_there = pool.submit(chosen, number).result()
        assert threads_there == min(number, before)
        assert items_there == min(number, before, tile_workers())
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before
