"""Explanation of predictions by class activation maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.lazy import is_lazy
from ...core.pixel_size import nanometres
from ...core.progress import Progress, Steps, in_part
from ...core.result import Prediction, Result
from ..classification.assess import assess
from ..classification.calibration import softmax
from ..classification.classify import MOST_WINDOWS, prediction_beside
from ..classification.crops import network_plane, normalised, scale_note
from ..classification.windows import COVERAGE, Device
from .heatmap import Smooth, evidence, heatmap, same_maps, view_note, views_of, without_gaps

if TYPE_CHECKING:
    from .explainer import Explainer

Method = Literal[
    "gradcam", "gradcam++", "hirescam", "xgradcam", "layercam", "eigencam", "eigengradcam",
    "scorecam", "ablationcam", "fullgrad", "random",
]  # fmt: skip

TITLES: dict[str, str] = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "xgradcam": "XGrad-CAM",
    "layercam": "LayerCAM",
    "eigencam": "Eigen-CAM",
    "eigengradcam": "Eigen-Grad-CAM",
    "scorecam": "Score-CAM",
    "ablationcam": "Ablation-CAM",
    "fullgrad": "FullGrad",
    "random": "Random-CAM",
}

# larger images are explained tile by tile
LARGE_PIXELS = 1 << 26

# share of the work after which the image is classified
_CLASSIFIED = 0.4

_SIDE_BY_SIDE = ("gradcam", "hirescam", "layercam", "eigencam", "random")


def explain(  # noqa: PLR0913
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    target: str = "",
    against: str = "",
    method: Method = "gradcam",
    layer: Annotated[str, {"more": True}] = "",
    signed: Annotated[bool, {"more": True}] = False,
    smooth: Annotated[Smooth, {"label": "Average 8 rotations", "more": True}] = "auto",
    device: Device = "auto",
) -> Steps[Result]:
    """Compute a class activation map: where the evidence for a class lies.

    The whole image is explained at the scale of the training images, without cropping. For a
    network of fixed input size, maps of overlapping windows are blended. Sources: Selvaraju et al.,
    ICCV 2017 (Grad-CAM); Chattopadhyay et al., WACV 2018 (Grad-CAM++); Draelos & Carin,
    arXiv:2011.08891 (HiResCAM); Fu et al., BMVC 2020 (XGrad-CAM); Jiang et al., IEEE Trans. Image
    Process. 30 (2021) 5875 (LayerCAM); Muhammad & Yeasin, IJCNN 2020 (Eigen-CAM); Wang et al.,
    CVPR Workshops 2020 (Score-CAM); Desai & Ramaswamy, WACV 2020 (Ablation-CAM); Srinivas &
    Fleuret, NeurIPS 2019 (FullGrad).

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype, numpy or dask; (C, Y, X) for a model of several
        channels. A stack is processed slice by slice (in the viewer: the current slice). Images
        above 64 megapixels are explained tile by tile, by Grad-CAM or HiResCAM of networks that end
        in a pooling and a linear layer.
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    target : str
        Explained class; the predicted class if empty.
    against : str
        Class whose evidence is subtracted.
    method : str
        Grad-CAM is the usual choice. HiResCAM marks only what the network uses. Eigen-CAM does not
        depend on the class. Score-CAM and Ablation-CAM evaluate every channel and are slow.
        Random-CAM is a control without meaning.
    layer : str
        Name of the explained layer; the last maps of the network if empty.
    signed : bool
        Keep evidence against the class, as negative values.
    smooth : {'auto', 'on', 'off'}
        Mean over the eight rotated and mirrored views of the image, which takes eight times as
        long. The map of one view changes when the image is mirrored. 'auto' takes the mean where a
        forecast says less than a second (images of up to about 290 x 290 pixels by the shipped
        model), and not for Score-CAM and Ablation-CAM; a note says which. The prediction is that of
        `classify`. It is left out with 'off' where the class is named, which takes a third of the
        time, and of images of more than 1024 windows: scores of one view of the image, named
        ``score_of_view``, are in its place.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        (Y, X) float32 heatmap, 0 to 1 (signed: -1 to 1), aligned with the image; zero if there is
        no evidence for the class, NaN where pixels of the image are NaN or infinite; lazy above 64
        megapixels. ``facts['raw_maximum']`` is its maximum before scaling.

    Raises
    ------
    ValueError
        If the model does not know the class or the layer, the image is not a plane or has no
        finite pixel, or the file is not a model.
    RuntimeError
        If memory is full.
    """
    from .weights import Target

    if method not in TITLES:
        raise ValueError(f"no method {method!r}; choose {', '.join(TITLES)}")
    _check_classes(model, target, against)
    given = grey_plane(image, model, large=True)
    begun = start_explanation(
        given, spacing, unit, model, target, device, layer=layer, one_view=smooth == "off",
    )  # fmt: skip
    explainer, prediction, target, notes = yield from in_part(begun, 0, _CLASSIFIED)
    classes = prediction.classes
    asked = Target(classes.index(target), classes.index(against) if against else None)
    views = views_of(explainer, method, smooth)
    steps = evidence(explainer, asked, method, views > 1)
    fine, height = yield from in_part(steps, _CLASSIFIED, 1)
    fine = without_gaps(fine, given[0])
    notes = (*notes, *view_note(views, smooth), *same_maps(explainer, (method,)))
    if method == "eigencam":
        notes = (*notes, "Eigen-CAM does not depend on the class")
    if method == "random":
        notes = (*notes, "Random-CAM is a control without meaning")
    title = f"{TITLES[method]} {target}" + (f" not {against}" if against else "")
    return heatmap(fine, height, title, signed, target, prediction, (*notes, *explainer.notes))


def compare(  # noqa: PLR0913
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    across: Literal["classes", "methods"] = "classes",
    target: Annotated[str, {"applies": {"across": ("methods",)}}] = "",
    method: Annotated[Method, {"applies": {"across": ("classes",)}}] = "gradcam",
    signed: Annotated[bool, {"more": True}] = False,
    smooth: Annotated[Smooth, {"label": "Average 8 rotations", "more": True}] = "auto",
    device: Device = "auto",
) -> Steps[Result]:
    """Compute class activation maps of all classes, or of several methods.

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
    across : {'classes', 'methods'}
        All classes by one method, on a common scale; or one class by five methods, each on its own
        scale, with Random-CAM as the control.
    target : str
        Across methods: explained class; the predicted class if empty.
    method : str
        Across classes: the method.
    signed : bool
        Keep evidence against a class, as negative values.
    smooth : {'auto', 'on', 'off'}
        Mean over eight rotated and mirrored views, as in `explain`.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        One heatmap layer for each class or method, with ``target`` and ``raw_maximum`` in its
        facts.

    Raises
    ------
    ValueError, RuntimeError
        As `explain`.
    """
    from .weights import Target

    given = grey_plane(image, model, large=True)
    begun = start_explanation(
        given, spacing, unit, model, target, device, one_view=smooth == "off",
    )  # fmt: skip
    explainer, prediction, target, notes = yield from in_part(begun, 0, _CLASSIFIED)
    classes = prediction.classes
    wanted = (
        {name: (name, method) for name in classes}
        if across == "classes"
        else {TITLES[one]: (target, one) for one in _SIDE_BY_SIDE}
    )
    found, views = {}, 1
    ends = np.linspace(_CLASSIFIED, 1, len(wanted) + 1)
    for (name, (label, how)), begin, end in zip(wanted.items(), ends, ends[1:], strict=False):
        views = views_of(explainer, how, smooth)
        asked = Target(classes.index(label))
        steps = evidence(explainer, asked, how, views > 1)
        fine, height = yield from in_part(steps, float(begin), float(end), name)
        found[name] = without_gaps(fine, given[0]), height
    notes = (*notes, *view_note(views, smooth))
    notes = (*notes, *same_maps(explainer, [how for _, how in wanted.values()]))
    fines = [fine if signed else np.maximum(fine, 0) for fine, _ in found.values()]
    shared = max(float(np.nanmax(np.abs(fine))) for fine in fines) if across == "classes" else 0.0
    maps = []
    for name, (fine, height) in found.items():
        label, how = wanted[name]
        title = f"{TITLES[how]} {label}"
        maps.append(heatmap(fine, height, title, signed, label, prediction, (), scale=shared))
    return Result(
        tuple(one.layer() for one in maps),
        prediction=prediction,
        facts=maps[0].facts,
        notes=(*notes, *explainer.notes),
    )


def grey_plane(
    image: Any, model: Path | None = None, *, large: bool = False
) -> tuple[Any, tuple[str, ...]]:
    """Convert an image to a grey plane with finite pixels, with notes on the conversion.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour; (C, Y, X) for a model of several channels, which stay as they are.
    model : Path, optional
        Model file.
    large : bool
        Whether a plane above 64 megapixels may stay lazy.
    """
    from ...nets.card import read_card

    most = LARGE_PIXELS if large else None
    return network_plane(image, read_card(model), "explain", lazy_above=most)


def _check_classes(model: Path | None, target: str, against: str = "") -> None:
    from ...nets.card import read_card

    known = read_card(model).classes
    for name in (target, against):
        if name and name not in known:
            raise ValueError(f"the model has no class {name!r}; its classes are {', '.join(known)}")
    if target and target == against:
        raise ValueError(f"{target} cannot be explained against itself")


def start_explanation(
    given: tuple[np.ndarray, tuple[str, ...]],
    spacing: Any,
    unit: str,
    model: Path | None,
    target: str,
    device: str,
    *,
    layer: str = "",
    one_view: bool = False,
) -> Steps[tuple[Explainer, Prediction, str, tuple[str, ...]]]:
    """Load the model and classify a `grey_plane`, if not for one view of a named class.

    Returns
    -------
    explainer : Explainer
        Of the plane.
    prediction : Prediction
        That of `classify`, or scores of one view of a large image.
    target : str
        Requested or predicted class.
    notes : tuple of str
        Remarks on the image and the model.
    """
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.inference import user_message

    _check_classes(model, target)
    yield Progress(0, 0, "model")
    loaded = checkpoint.load_model(model, devices.choose(device))
    from .explainer import Explainer

    plane, notes = given
    card, size = loaded.card, nanometres(spacing, unit)
    if is_lazy(plane):
        from ..classification.crops import normalised_lazily
        from .streamed import StreamedExplainer

        explainer: Explainer = StreamedExplainer(
            loaded, (yield from normalised_lazily(plane, card)), size, layer
        )
    else:
        explainer = Explainer(loaded, normalised(plane, card), size, layer)
    notes = (*notes, *scale_note(card, size), f"{card.name}: {card.use}")
    if not (is_lazy(plane) or (one_view and target)):
        known = yield from prediction_beside(loaded, plane, size, notes, most=MOST_WINDOWS)
        if known is not None:
            return explainer, known, target or known.label, known.notes
    try:
        logits = yield from explainer.logits()
        features = yield from explainer.features()
    except (RuntimeError, MemoryError) as error:
        if not explainer.fall_back_to_cpu(error):
            raise user_message(error, loaded.device) from error
        yield Progress(0, 0, explainer.notes[-1])
        logits = yield from explainer.logits()
        features = yield from explainer.features()
    probabilities = softmax(logits, card.temperature)
    prediction = assess(
        probabilities, loaded, COVERAGE, features, notes=(*notes, _AT_ONCE), means="score_of_view"
    )
    return explainer, prediction, target or prediction.label, prediction.notes


_AT_ONCE = (
    "the scores are those of one view of the image at once, as it is explained, and no prediction: "
    "classify gives the mean over views or many windows"
)
