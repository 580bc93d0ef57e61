"""What is kept where a batch ends early: tables of what is done, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ....core.progress import say
from ....core.units import are, counted


@contextmanager
def kept(
    stop: Callable[[], object],
    write: Callable[[], object] | None,
    done: Callable[[], int],
    total: int,
    closed: Callable[[str], object] = lambda _: None,
) -> Iterator[None]:
    """Write the tables, if any, where the work ends early, by Ctrl-C, Cancel or an error.

    Parameters
    ----------
    stop : callable
        Stops the workers; they are not waited for.
    write : callable, optional
        Writes the tables of what is done.
    done : callable
        Number of images that are done.
    total : int
        Number of all images.
    closed : callable
        Called after Cancel with how many images are done, and in the tables or not.

    Raises
    ------
    KeyboardInterrupt
        With how many images are done, and in the tables or not.
    """
    try:
        yield
    except BaseException as error:
        stop()
        tables = _written(write) if done() and write is not None else ""
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(_share(done(), total, tables)) from None
        if isinstance(error, GeneratorExit):
            closed(_share(done(), total, tables))
        raise


@contextmanager
def reported(done: Callable[[], int], total: int, *, is_kept: bool = True) -> Iterator[None]:
    """Follow Ctrl-C by one line on stderr: how many images are done, and how to go on.

    Nothing is said where no later run can go on.

    Raises
    ------
    KeyboardInterrupt
        With that line as its text: an interrupt that has one has been reported.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if not is_kept:
            raise KeyboardInterrupt from None
        share = str(error) or _share(done(), total, "")
        text = f"interrupted: {share}; the same command goes on where it ended"
        say(f"visual-ccc: {text}")
        raise KeyboardInterrupt(text) from None


def _share(done: int, total: int, tables: str) -> str:
    return f"{done} of {counted(total, 'image')} {are(done)} done{tables}"


def _written(write: Callable[[], object]) -> str:
    """Write the tables, and say whether they could be; a second Ctrl-C ends this."""
    try:
        write()
    # the reason why the work ended is what is reported
    except Exception as error:  # noqa: BLE001
        return f", but not in the tables ({error})"
    return " and in the tables"
