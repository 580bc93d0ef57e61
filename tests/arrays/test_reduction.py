from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.mapping import map_planes
from napari_visual_ccc.arrays.reduction import computed, map_pieces, pieces, stepwise
from napari_visual_ccc.core.progress import run


@pytest.mark.parametrize("lazy", [False, True])
def test_pieces_together_are_the_image(rng, lazy):
    image = rng.integers(0, 9, (3, 20, 10))
    given = da.from_array(image, chunks=(2, 7, 10)) if lazy else image
    found = np.concatenate([piece.ravel() for piece in pieces(given)])
    np.testing.assert_array_equal(np.sort(found), np.sort(image.ravel()))


def test_work_can_be_left_half_way(rng):
    done = []
    steps = map_planes(lambda p: done.append(1) or p, rng.normal(size=(9, 8, 8)), dtype=float)
    next(steps)
    steps.close()
    assert len(done) == 1


@pytest.mark.parametrize("workers", [1, 3])
def test_generators_run_a_few_at_once_to_their_end(workers):
    taken = []

    def work(number):
        for step in range(number):
            taken.append((number, step))
            yield

    ended = list(stepwise((work(number) for number in range(6)), workers))
    assert ended.count(True) == 6
    assert ended.count(False) == 15
    assert sorted(taken) == [(number, step) for number in range(6) for step in range(number)]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_generator_can_be_left_between_its_steps(workers):
    taken = []

    def work():
        for step in range(1000):
            taken.append(step)
            yield

    steps = stepwise((work() for _ in range(9)), workers)
    next(steps)
    steps.close()
    assert len(taken) <= workers + 2


def test_an_error_of_a_step_comes_through():
    def work():
        yield
        raise OSError("tile 3 is damaged")

    with pytest.raises(OSError, match="tile 3 is damaged"):
        list(stepwise([work()], 2))


def test_a_zarr_array_takes_a_result_chunk_by_chunk(tmp_path, discs):
    import zarr

    target = zarr.create_array(
        tmp_path / "out.zarr", shape=discs.shape, chunks=(50, 64), dtype="u1"
    )
    found = ccc.kmeans(da.from_array(discs, chunks=(33, 47)))
    run(computed(found.labels, target))
    np.testing.assert_array_equal(target[:], ccc.kmeans(discs).labels)


def test_every_chunk_is_read_once(rng):
    image, reads = rng.normal(size=(60, 80)), []

    def read(block_info=None):
        place = block_info[None]["array-location"]
        reads.append(tuple(place))
        return image[tuple(slice(*side) for side in place)]

    lazy = da.map_blocks(read, chunks=((17, 43), (20, 20, 40)), dtype=float, meta=np.empty((0, 0)))
    halo = da.map_overlap(lambda b: b, lazy, depth=3, boundary="none", meta=np.empty((0, 0)))
    found = [answer for _, answer in sorted(map_pieces(lambda *given: given, halo))]
    assert len(reads) == len(set(reads)) == 6
    for place, part in found:
        np.testing.assert_array_equal(part, image[place])
    assert [place[0].start for place, _ in found] == [0, 0, 0, 17, 17, 17]


def test_an_error_of_a_chunk_comes_through():
    def broken(block):
        raise OSError("chunk 3 is damaged")

    lazy = da.zeros((40, 40), chunks=10).map_blocks(broken, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(OSError, match="chunk 3 is damaged"):
        list(map_pieces(lambda _, part: part.sum(), lazy))


def test_leaving_half_way_stops_the_rest():
    asked = []
    lazy = da.zeros((1000, 10), chunks=(10, 10))
    answers = map_pieces(lambda place, part: asked.append(place), lazy)
    next(answers)
    answers.close()
    assert len(asked) < 50
