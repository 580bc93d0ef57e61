from __future__ import annotations

import torch

from napari_visual_ccc.workflow.batch.cluster.need import Need, at_once, on_card, shortage_of


def test_memory_and_a_card_limit_the_images_at_a_time():
    assert at_once(8, 0, 0, on_card=False) == 8
    assert at_once(8, 100, 1000, on_card=False) == 8
    assert at_once(8, 100, 350, on_card=False) == 2
    assert at_once(8, 100, 0, on_card=False) == 1
    assert at_once(8, 100, 1000, on_card=True) == 2
    assert at_once(1, 100, 1000, on_card=True) == 1


def test_a_card_is_one_that_the_choices_take():
    present = torch.cuda.is_available() or torch.backends.mps.is_available()
    assert not on_card(())
    assert not on_card(("cpu", "cpu"))
    assert on_card(("cpu", "auto")) == present


def test_a_worker_with_too_little_memory_is_said_with_its_numbers():
    need = Need(3_000_000_000)
    assert shortage_of(need, 2, 2, 16_000_000_000) == ""
    assert shortage_of(Need(), 2, 2, 0) == ""
    few = shortage_of(need, 4, 2, 8_000_000_000)
    assert few == (
        "2 of 4 threads of a worker at a time: the largest image needs about 3.0 GB, "
        "and a worker has 8.0 GB"
    )
    assert "give workers more memory" in shortage_of(need, 4, 1, 2_000_000_000)
