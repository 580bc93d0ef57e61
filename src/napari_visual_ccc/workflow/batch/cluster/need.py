"""How many images at a time fit into memory, on this machine or in a worker of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ... import cost

# share of the free memory that all workers may take together
_SHARE = 0.8

# images at a time on one graphics processor, whose memory is not counted: one is read or written
# while the other is computed
MOST_ON_CARD = 2


@dataclass(frozen=True)
class Need:
    """What the largest image needs.

    Parameters
    ----------
    bytes : int
        Of memory; 0 where no image can be read.
    devices : tuple of str
        Choices of a device, for each step that is a network.
    """

    bytes: int = 0
    devices: tuple[str, ...] = ()


# of which nothing is known
NOTHING = Need()


def at_once(wanted: int, nbytes: int, free: int, *, on_card: bool) -> int:
    """Number of images at a time: at least 1, as a single one may need more than there is.

    Parameters
    ----------
    wanted : int
        At most.
    nbytes : int
        That the largest image needs; 0 where this is not known.
    free : int
        Bytes that are free for all together.
    on_card : bool
        Whether all compute on one graphics processor.
    """
    fit = wanted if not nbytes else int(_SHARE * free // nbytes)
    return max(1, min(wanted, fit, MOST_ON_CARD if on_card else wanted))


def on_card(devices: Sequence[str]) -> bool:
    """Whether a choice of a device is a graphics processor on this machine."""
    if all(one == "cpu" for one in devices):
        return False
    from ....nets.device import choose

    for one in devices:
        # a device that is not there is a fault of every image, and listed
        with suppress(ValueError):
            if choose(one).type != "cpu":
                return True
    return False


def shortage_of(need: Need, threads: int, places: int, free: int) -> str:
    """Say that the memory of a worker of a cluster limits the images at a time; or nothing.

    Parameters
    ----------
    need : Need
        Of the largest image.
    threads, places : int
        Of the worker, and images at a time that `at_once` allows.
    free : int
        Bytes of the worker that are free.
    """
    sizes = (
        f"the largest image needs about {cost.size(need.bytes)}, and a worker has {cost.size(free)}"
    )
    if need.bytes > free:
        return f"{sizes}: it may end there; give workers more memory (--memory-limit)"
    if at_once(threads, need.bytes, free, on_card=False) < threads:
        return f"{places} of {threads} threads of a worker at a time: {sizes}"
    return ""
