"""Whether an image is fit for analysis: a sign, words, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, NamedTuple

from ...core.micrograph import InfoBar

GOOD, DOUBTFUL, BAD = "good", "doubtful", "bad"


class Sign(NamedTuple):
    """A sign that is read without its colour, too."""

    symbol: str
    colour: str
    text: str


SIGNS = {
    GOOD: Sign("✔", "#3fa34d", "Fit for analysis"),
    DOUBTFUL: Sign("!", "#d9a404", "Check before analysis"),
    BAD: Sign("✖", "#e06560", "Not fit for analysis as it is"),
}

NO_NOISE = "no flag, but the noise cannot be judged"

# what to do, by how a flag begins
_ADVICE = {
    "empty": "open another image, or choose another slice of a stack",
    "small": "take a larger image",
    "enlarged": "use the original image: enlarging adds no detail",
    "blurred": "focus again, or measure only what is much larger than the finest detail",
    "noisy": "run Denoise, or record with more dose or a longer dwell time",
    "saturated": "record with less contrast or brightness; grey levels that are cut off are lost",
    "striped": "run Correct, Remove stripes",
    "rows displaced": "record anew without vibration or charging; outlines are uncertain",
    "anisotropic": "check astigmatism and drift, unless the structure has a direction",
}

_SMOOTHED = (
    "the image may have been smoothed or denoised: it can look sharper than it is; use the original"
)

_NO_SIZE, _UNSIZED = "no pixel size", "not known"

_SET_SIZE = "set the pixel size in Micrograph info: until then lengths are in pixels"

_DOUBTFUL_BAR = "check the info bar in Micrograph info: it was not left out"


@dataclass(frozen=True)
class Checked:
    """What was found in the pixels of an image.

    Parameters
    ----------
    row : mapping
        Row of the table of `image_quality`; empty where nothing was assessed.
    limits : mapping
        Its limits.
    bar : InfoBar, optional
        That was left out, or is proposed; None where it was not looked for.
    part : str
        Which part of the image was assessed; empty for all of it.
    problem : str
        Why nothing was assessed.
    """

    row: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    bar: InfoBar | None = None
    part: str = ""
    problem: str = ""

    @property
    def flags(self) -> list[str]:
        """Problems that `image_quality` found."""
        found: list[str] = []
        for part in str(self.row.get("flags", "")).split("; "):
            if part.startswith(tuple(_ADVICE)):
                found.append(part)
            elif found:
                found[-1] += f"; {part}"
        return found

    @property
    def no_noise(self) -> bool:
        """Whether there is no noise to judge, though nothing is flagged."""
        return bool(self.row) and not self.flags and math.isnan(self.row["snr"])


@dataclass(frozen=True)
class Verdict:
    """Whether an image is fit for analysis.

    Parameters
    ----------
    state : {'good', 'doubtful', 'bad'}
        Bad where its quality is flagged; doubtful where something is not known.
    name : str
        Of the image.
    facts : sequence of (str, str)
        Titles and values: size, pixel size, info bar, quality.
    problems, advice : sequence of str
        What is wrong, and what to do about each.
    """

    state: str
    name: str
    facts: Sequence[tuple[str, str]]
    problems: Sequence[str] = ()
    advice: Sequence[str] = ()

    @property
    def sign(self) -> Sign:
        """Its sign."""
        return SIGNS[self.state]

    @property
    def line(self) -> str:
        """One line of plain text."""
        facts = dict(self.facts)
        bar = facts.get("Info bar", "")
        what = [*self.problems, facts.get("Size", "")]
        what += [facts["Pixel size"]] if facts.get("Pixel size") not in (None, _UNSIZED) else []
        what += ["no info bar" if bar == str(InfoBar()) else f"info bar {bar}"] if bar else []
        return f"{self.sign.symbol} {self.sign.text}: {', '.join(one for one in what if one)}"

    @property
    def what_to_do(self) -> str:
        """A sentence about what is wrong and one of what to do; empty where nothing is."""
        if not self.problems:
            return ""
        return f"{self.name}: {'; '.join(self.problems)}. {capital('; '.join(self.advice))}."

    @property
    def without_size(self) -> Verdict:
        """The same verdict, where something else says that the pixel size is missing."""
        problems = [one for one in self.problems if one != _NO_SIZE]
        advice = [one for one in self.advice if one != _SET_SIZE]
        state = self.state if problems else GOOD
        return replace(self, state=state, problems=problems, advice=advice)

    @property
    def html(self) -> str:
        """Sign, facts and what to do as rich text."""
        return self.rich(self.facts)

    def rich(self, facts: Sequence[tuple[str, str]]) -> str:
        """Sign, some facts and what to do as rich text."""
        cells = "".join(
            f"<tr><td style='padding-right:8px'>{escape(title)}</td><td>{escape(value)}</td></tr>"
            for title, value in facts
        )
        todo = "".join(f"<li>{escape(capital(one))}.</li>" for one in self.advice)
        todo = f"<div>What to do:</div><ul style='margin-top:0'>{todo}</ul>" if todo else ""
        return f"{heading(self.sign)}<table>{cells}</table>{todo}"


def heading(sign: Sign, text: str = "") -> str:
    """A sign with its text, or another one, as rich text."""
    symbol = f"<span style='font-size:20pt;color:{sign.colour}'>{sign.symbol}</span>"
    return f"{symbol} <b>{escape(text or sign.text)}</b>"


def capital(text: str) -> str:
    """A text with a capital first letter."""
    return text[:1].upper() + text[1:]


def judge(name: str, size: str, pixel_size: str, checked: Checked) -> Verdict:
    """Judge an image.

    Parameters
    ----------
    name, size : str
        Of the image.
    pixel_size : str
        Empty where it has none.
    checked : Checked
        What was found in its pixels.
    """
    problems = list(checked.flags)
    advice = [_advice(one) for one in problems]
    state = BAD if problems else GOOD
    doubts = [
        (checked.no_noise, NO_NOISE, _SMOOTHED),
        (bool(checked.problem), checked.problem, "run Image quality to see whether it is fit"),
        (not pixel_size, _NO_SIZE, _SET_SIZE),
        (_is_doubtful(checked.bar), "there may be an info bar", _DOUBTFUL_BAR),
    ]
    for is_so, problem, what in doubts:
        if is_so:
            problems.append(problem)
            advice.append(what)
            state = DOUBTFUL if state == GOOD else state
    facts = (
        ("Size", size),
        ("Pixel size", pixel_size or _UNSIZED),
        ("Info bar", _bar(checked.bar)),
        ("Quality", _quality(checked)),
    )
    return Verdict(state, name, facts, tuple(problems), tuple(dict.fromkeys(advice)))


def _advice(flag: str) -> str:
    return next((one for start, one in _ADVICE.items() if flag.startswith(start)), "check it")


def _bar(bar: InfoBar | None) -> str:
    if bar is None:
        return "not looked for"
    return f"perhaps {bar.doubtful}" if not bar and _is_doubtful(bar) else str(bar)


def _is_doubtful(bar: InfoBar | None) -> bool:
    return bar is not None and bool(bar.doubtful)


def _quality(checked: Checked) -> str:
    if checked.problem:
        return checked.problem
    row, limits = checked.row, checked.limits
    found = "; ".join(checked.flags) or (NO_NOISE if checked.no_noise else "no flag")
    measures = [
        f"{title} {row[key]:.3g}{unit} (limit: {bound} {limits[limit]:g}{unit})"
        for title, key, unit, limit, bound in (
            ("finest detail", "detail_px", " px", "blurred", "at most"),
            ("signal-to-noise ratio", "snr", "", "noisy", "at least"),
        )
        if not math.isnan(row[key])
    ]
    part = f"; assessed: {checked.part}" if checked.part else ""
    return f"{found}; {', '.join(measures)}{part}" if measures else f"{found}{part}"


def summary(verdicts: Sequence[Verdict]) -> str:
    """One sentence about several images; empty where all are fit for analysis."""
    wrong = [one for one in verdicts if one.state != GOOD]
    if not wrong:
        return ""
    if len(verdicts) == 1:
        return wrong[0].what_to_do
    bad = sum(one.state == BAD for one in wrong)
    counts = [(len(verdicts) - len(wrong), "fit for analysis"), (len(wrong) - bad, "to check"),
              (bad, "not fit as they are" if bad > 1 else "not fit as it is")]  # fmt: skip
    named = ", ".join(one.name for one in sorted(wrong, key=lambda one: one.state != BAD)[:3])
    more = ", …" if len(wrong) > 3 else ""
    said = ", ".join(f"{count} {text}" for count, text in counts if count)
    return (
        f"{len(verdicts)} images were opened: {said} ({named}{more}). Choose one of them and see "
        "Micrograph info for what to do."
    )
