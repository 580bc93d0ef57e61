"""Errors of a batch in the words of its dialog."""

from __future__ import annotations

# how they name a parameter to those who type
_FLAG = "--force (force=True in Python)"


def in_dialog(error: Exception) -> Exception:
    """Name the remedy of an error as the dialog has it."""
    if not isinstance(error, FileExistsError):
        return error
    return FileExistsError(str(error).replace(_FLAG, "'Begin anew' (under More)"))
