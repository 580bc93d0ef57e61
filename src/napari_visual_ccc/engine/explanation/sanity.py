"""Tests of whether a class activation map depends on the model and on the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...core.progress import Progress, Steps
from ...core.result import Result
from ..classification.windows import Device, model_facts
from .explain import TITLES, Method, grey_plane, start_explanation
from .heatmap import evidence
from .occlude import impute_noisy

if TYPE_CHECKING:
    from .explainer import Explainer

# side of the tested part, in pixels of the network's input: it is classified 110 times
_PART, _STEPS = 320, 16

# standard deviation of the blur in window sides: it hides the shape of a particle, not its position
_BLUR = 1 / 8
_ROAD_STEPS = (0.2, 0.4, 0.6, 0.8)

# random maps; each is also used with its sign reversed, in half as many steps
_CONTROLS = 3

# random networks: a single random last layer may agree by chance (0.3 in the mean)
_DRAWS = {"new last layer": 8, "all weights new": 3}

_SLOW = ("scorecam", "ablationcam", "fullgrad")

_RELATIVES = ("gradcam", "hirescam", "layercam", "xgradcam")

# Thresholds are from Grad-CAM and Random-CAM of 26 crops of TEM micrographs (shipped model).
# Smallest gain in probability over random maps. Medians of the gain are 0.13 and 0.12 (ROAD 0.25)
# for Grad-CAM, -0.01 and 0.05 (0.04) for Random-CAM
_CLEAR = 0.05

# rank correlation with maps of random networks; at 0.7 half of the variance does not depend on
# training. At most 0.41 for Grad-CAM, 1.00 for maps that ignore the class
_SAME, _SIMILAR = 0.7, 0.5

# rank correlation of methods: 0.75 to 1.00 for Grad-CAM, median 0.31 for Random-CAM
_AGREE = 0.7

Numbers = dict[str, tuple[float, float, int]]

_VERDICTS = ("good", "doubtful", "bad")

_SOONER = ("sooner", "hardly sooner", "later")

_CHANGES = ("changes", "changes little", "stays the same")

_MEANING = {
    "deletion": ("Blurring what the map marks takes the class away {} than chance.", _SOONER),
    "insertion": ("What the map marks brings the class back {} than chance.", _SOONER),
    "ROAD": (
        "Removing what the map marks costs the class {} than removing the rest.",
        ("more", "hardly more", "less"),
    ),
    "new last layer": ("The map {} when the network forgets the classes.", _CHANGES),
    "all weights new": ("The map {} when the network forgets all it has learnt.", _CHANGES),
    "agreement": (
        "Related methods mark {} places; that alone is no proof.",
        ("the same", "other", "other"),
    ),
}

_NOTHING = "There is nothing to test: the image or the map is empty, or the same everywhere."


def cam_sanity_checks(
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    target: str = "",
    method: Method = "gradcam",
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
) -> Steps[Result]:
    """Run sanity checks on a class activation map.

    Six tests on the part of the image with most evidence: whether the prediction depends on the
    marked pixels (deletion and insertion: Petsiuk et al., BMVC 2018; ROAD: Rong et al., ICML 2022),
    whether the map depends on the trained weights (Adebayo et al., NeurIPS 2018), and whether other
    methods agree. The control are random maps with the same power spectrum (Theiler et al., Physica
    D 58 (1992) 77).

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype. A stack is processed slice by slice (in the viewer:
        the current slice).
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    target : str
        Class of the tested map; the predicted class if empty.
    method : str
        Method of the map. Score-CAM, Ablation-CAM and FullGrad are slow.
    seed : int
        Seed of random maps and random weights.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        A table with one row per test. ``value`` is the mean score of the target (one view) while
        pixels are blurred, the most important first (deletion, low is good), or restored
        (insertion, high is good); the difference in score between removing the least and the most
        important pixels (ROAD, high is good); or the mean rank correlation with maps of networks
        with random weights (low is good) and of other methods (high is good). ``control`` is the
        value of random maps (ROAD: its mean magnitude). ``verdict`` is good, doubtful or bad, and
        ``meaning`` a sentence. ``facts["trusted"]`` is False if any verdict is bad.

    Raises
    ------
    ValueError
        If the model does not know the class, there is no such method, the image is not a plane or
        has no finite pixel, or the file is not a model.
    RuntimeError
        If memory is full.
    """
    from ...nets.inference import user_message
    from .weights import Target

    if method not in TITLES:
        raise ValueError(f"no method {method!r}; choose {', '.join(TITLES)}")
    if not 0 <= seed <= 1_000_000:
        raise ValueError(f"seed is {seed}; choose 0 to 1000000")
    explainer, prediction, target, notes = yield from start_explanation(
        grey_plane(image), spacing, unit, model, target, device
    )
    number = prediction.classes.index(target)
    fine, _ = yield from evidence(explainer, Target(number), method)
    part = _crop_to_evidence(explainer, fine)
    if part is not explainer:
        fine, _ = yield from evidence(part, Target(number), method)
        notes = (*notes, "tested on the {} × {} pixels with most evidence".format(*part.shape))
    values: Numbers = {}
    if fine.max() > 0 and np.ptp(fine) > 0 and np.ptp(part.image) > 0:
        try:
            values = yield from _tests(part, fine, number, method, seed)
        except (RuntimeError, MemoryError) as error:
            raise user_message(error, explainer.model.device) from error
    facts = {"target": target, "method": method, **model_facts(explainer.model)}
    return _card(values, facts, notes)


def _card(values: Numbers, facts: dict[str, Any], notes: tuple[str, ...]) -> Result:
    import pandas as pd

    rows = []
    for test, (sentence, words) in _MEANING.items():
        value, control, verdict = values.get(test, (np.nan, np.nan, 2))
        meaning = sentence.format(words[verdict]) if values else _NOTHING
        rows.append((test, value, control, _VERDICTS[verdict], meaning))
        key = test.lower().replace(" ", "_")
        pairs = {key: value, f"{key}_control": control}
        facts |= {name: one for name, one in pairs.items() if np.isfinite(one)}
    table = pd.DataFrame(rows, columns=["test", "value", "control", "verdict", "meaning"])
    facts["trusted"] = "bad" not in set(table["verdict"])
    notes = notes if values else (_NOTHING, *notes)
    return Result(tables={"score card": table}, facts=facts, notes=notes)


def _crop_to_evidence(explainer: Explainer, fine: np.ndarray) -> Explainer:
    """Crop a large image to the square with most evidence."""
    from scipy.ndimage import uniform_filter

    if explainer.whole and not explainer.design.any_size:
        return explainer
    side, given = explainer.side, explainer.model.card.input_px
    if explainer.design.any_size:
        side = max(1, round(side * max(given, _PART) / given))
    if max(fine.shape) <= side:
        return explainer
    inside = uniform_filter(np.maximum(fine, 0), side, mode="constant")
    y, x = (
        max(0, min(int(middle) - side // 2, n - side))
        for middle, n in zip(
            np.unravel_index(inside.argmax(), inside.shape),
            inside.shape,
            strict=True,
        )
    )
    return explainer.for_image(explainer.image[y : y + side, x : x + side])


def _tests(
    part: Explainer, fine: np.ndarray, number: int, method: str, seed: int
) -> Steps[Numbers]:
    """Value, control and verdict (0 good, 1 doubtful, 2 bad) of each test."""
    from ...nets.checkpoint import randomized

    found = yield from _perturb(part, fine, number, np.random.default_rng(seed))
    for test, draws in _DRAWS.items():
        last = test == "new last layer"
        seeds = range(seed, seed + (1 if method in _SLOW else draws))
        views = (
            (part.for_image(part.image, randomized(part.model, k, last)), method) for k in seeds
        )
        mean = yield from _mean_correlation(views, fine, number, test)
        found[test] = (mean, np.nan, 2 if mean > _SAME else 1 if mean > _SIMILAR else 0)
    others = ((part, other) for other in _RELATIVES if other != method)
    mean = yield from _mean_correlation(others, fine, number, "other methods")
    # disagreement alone proves nothing: never bad
    found["agreement"] = (mean, np.nan, 0 if mean >= _AGREE else 1)
    return found


def _mean_correlation(
    views: Iterable[tuple[Explainer, str]], fine: np.ndarray, number: int, note: str
) -> Steps[float]:
    """Mean rank correlation of a map with others."""
    from .weights import Target

    found: list[float] = []
    for view, method in views:
        yield Progress(len(found), 0, note)
        other, _ = yield from view.explain(Target(number), method)
        found.append(_rank_correlation(fine, other))
    return float(np.mean(found))


def _perturb(
    part: Explainer, fine: np.ndarray, number: int, rng: np.random.Generator
) -> Steps[Numbers]:
    """Perturb the pixels that the map marks: deletion, insertion and ROAD."""
    import torch
    from scipy.ndimage import gaussian_filter

    from ...nets.inference import to_input

    # pixels are changed at the lower of the two resolutions: of the image or of the input
    size = tuple(min(pair) for pair in zip(part.image.shape, part.size, strict=True))
    shown, evidence = (
        to_input(torch.from_numpy(one[None].astype(np.float32)), size, 0.0, 1.0)[0, 0].numpy()
        for one in (part.image, fine)
    )
    blurred = gaussian_filter(shown, _BLUR * part.side * size[0] / part.image.shape[0])
    ends = yield from _probabilities(part, number, [shown, blurred], "blurred")
    numbers = []
    for k in range(_CONTROLS + 1):
        one, count = (_phase_randomised(evidence, rng), _STEPS // 2) if k else (evidence, _STEPS)
        note = f"map {k + 1} of {_CONTROLS + 1}"
        pair = (shown, blurred)
        numbers.append((yield from _scores(part, number, pair, one, count, ends, rng, note)))
    (deletion, insertion, road), *chance = numbers
    # the negative of a random map is a random map: its deletion is the insertion of this one
    random = np.array(chance)[:, :2]
    control, spread = float(random.mean()), float(np.abs(np.diff(random)).mean() / 2)
    luck = float(np.mean([abs(one) for _, _, one in chance]))
    return {
        "deletion": (deletion, control, _grade(control - deletion, spread)),
        "insertion": (insertion, control, _grade(insertion - control, spread)),
        "ROAD": (road, luck, _grade(road, luck)),
    }


def _grade(gain: float, spread: float) -> int:
    needed = max(_CLEAR, spread)
    return 0 if gain >= needed else 2 if gain <= -2 * needed else 1


def _ranks(values: np.ndarray) -> np.ndarray:
    """Fraction of the pixels that are more important than each one; 0 for the strongest."""
    found = np.empty(values.size)
    found[np.argsort(-values, axis=None, kind="stable")] = np.arange(values.size) / values.size
    return found.reshape(values.shape)


def _phase_randomised(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make a random map with the power spectrum of another."""
    phases = np.fft.rfft2(rng.standard_normal(values.shape))
    strength = np.abs(np.fft.rfft2(values - values.mean()))
    return np.fft.irfft2(strength * phases / np.maximum(np.abs(phases), 1e-12), values.shape)


def _area(curve: np.ndarray) -> float:
    """Area under a curve over 0 to 1, sampled at equal steps."""
    return float((curve[:-1] + curve[1:]).mean() / 2)


def _scores(
    part: Explainer,
    number: int,
    pair: tuple[np.ndarray, np.ndarray],
    evidence: np.ndarray,
    count: int,
    ends: np.ndarray,
    rng: np.random.Generator,
    note: str,
) -> Steps[tuple[float, float, float]]:
    """Areas of deletion and insertion, and the difference of ROAD."""
    (shown, blurred), ranks, inner = pair, _ranks(evidence), np.arange(1, count) / count
    images = [np.where(ranks < share, blurred, shown) for share in inner]
    images += [np.where(ranks < share, shown, blurred) for share in inner]
    for share in _ROAD_STEPS:
        yield Progress(0, 0, note)
        images += [impute_noisy(shown, gone, rng) for gone in (ranks < share, ranks >= 1 - share)]
    found = yield from _probabilities(part, number, images, note)
    deleted, inserted, road = np.split(found, [len(inner), 2 * len(inner)])
    return (
        _area(np.concatenate([ends[:1], deleted, ends[1:]])),
        _area(np.concatenate([ends[1:], inserted, ends[:1]])),
        float((road[1::2] - road[::2]).mean()),
    )


def _probabilities(
    part: Explainer, number: int, images: list[np.ndarray], note: str
) -> Steps[np.ndarray]:
    """Probability of the target in perturbed images: (count,)."""
    from ...nets.inference import to_input, whole_strides
    from ...nets.predict import batched, fitting, grey_range

    model, design = part.model, part.design

    def judge(batch: Any) -> Any:
        given = to_input(batch, part.size, *grey_range(model))
        given = whole_strides(given, design) if design.any_size else given
        logits = design.parts.head(model.net, design.parts.features(model.net, given)) + part.shift
        return (logits.float() / model.card.temperature).softmax(dim=1)[:, number]

    def read(start: int, stop: int) -> np.ndarray:
        return np.stack(images[start:stop])

    most = fitting(model, part.size)
    return (yield from batched(judge, read, len(images), model.device, note, most=most))


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; 0 if a map is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(np.nan_to_num(one), axis=None) for one in (first, second))
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length else 0.0
