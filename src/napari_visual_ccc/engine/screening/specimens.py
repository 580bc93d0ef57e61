"""Names of files that hint at images of one micrograph, and a pattern for their groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

_APART = r"_\-. ()"

# what numbers the parts of a micrograph: an index, a place, the hash of an annotation tool
_INDEX = re.compile(
    r"(?:x|y|z|r|c|n|no|row|col|crop|tile|patch|part|roi|region|object|obj|particle|grain|cut|sub|"
    r"rot|flip|aug|copy|rf|jpe?g|png|tiff?|bmp)?\d*[a-z]?|[0-9a-f]{6,}",
    re.IGNORECASE,
)

# one of several that give the place of a part together
_PLACE = re.compile(r"(?:x|y|z|r|c|row|col|rf|jpe?g|png|tiff?|bmp)\d*", re.IGNORECASE)

_FEWEST_GROUPS = 3


class Hint(NamedTuple):
    """Groups that names suggest.

    Parameters
    ----------
    pattern : str
        Regular expression whose first group matches the micrograph, for ``group``.
    groups : int
        Number of micrographs.
    example : str
        The one with the most images.
    images : int
        Number of these.
    """

    pattern: str
    groups: int
    example: str
    images: int

    @property
    def note(self) -> str:
        """What to do."""
        return (
            f"no groups are given, but names share {self.groups} beginnings, such as "
            f"{self.example!r} of {self.images} images: if these are parts of one micrograph, the "
            f"test is optimistic; {keep_together(self.pattern)}"
        )


def keep_together(pattern: str) -> str:
    """Say how a script or a command groups the images."""
    return f"keep them together with group={pattern!r}"


def facts_of(hint: Hint | None) -> dict[str, dict[str, Any]]:
    """Facts of a result from which a dock offers to group the images; none without a hint."""
    return {} if hint is None else {"proposed_groups": hint._asdict()}


def micrographs_of(stems: Sequence[str], labels: Sequence[str]) -> Hint | None:
    """Find beginnings that several names share and that only indices follow.

    Parameters
    ----------
    stems : sequence of str
        Names of the files without suffix.
    labels : sequence of str
        Class of each.

    Returns
    -------
    Hint or None
        The longest beginnings (without coordinates) of which there are three or more, two in each
        class, with two images each on average.
    """
    most = max((len(_words(stem)) for stem in stems), default=0)
    hint: Hint | None = None
    taken: set[str] = set()
    for count in range(1, most):
        pattern = rf"^(.*[^{_APART}])(?:[{_APART}]+[^{_APART}]+){{{count}}}[{_APART}]*$"
        found = [re.match(pattern, stem) for stem in stems]
        starts = [one.group(1) for one in found if one is not None]
        if len(starts) < len(stems) or not _are_indices(starts, stems):
            break
        if hint is None or all(_PLACE.fullmatch(word) for word in taken):
            hint = _hint(pattern, starts, labels) or hint
        taken = {_words(start)[-1] for start in starts}
    return hint


def _hint(pattern: str, starts: Sequence[str], labels: Sequence[str]) -> Hint | None:
    """Hint for these beginnings, if each class has two and they have two images on average."""
    groups = Counter(starts)
    if not _FEWEST_GROUPS <= len(groups) <= len(starts) / 2:
        return None
    for label in set(labels):
        mine = {start for one, start in zip(labels, starts, strict=True) if one == label}
        if len(mine) < 2:
            return None
    example, images = groups.most_common(1)[0]
    return Hint(pattern, len(groups), example, images)


def _words(stem: str) -> list[str]:
    return [word for word in re.split(f"[{_APART}]+", stem) if word]


def _are_indices(starts: Sequence[str], stems: Sequence[str]) -> bool:
    """Whether what follows the beginnings numbers parts of a micrograph."""
    rests = (stem[len(start) :] for start, stem in zip(starts, stems, strict=True))
    return all(_INDEX.fullmatch(word) for rest in rests for word in _words(rest))


def like_named(labels: Sequence[str]) -> tuple[str, ...]:
    """Name classes that differ in capitals, blanks, ``_`` or ``-`` only."""
    alike: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        alike.setdefault(re.sub(r"[\s_-]+", "", label.casefold()), []).append(label)
    return tuple(
        f"the classes {' and '.join(map(repr, some))} differ in capitals or separators only: give "
        "them one name if they are one class"
        for some in alike.values()
        if len(some) > 1
    )
