"""Where in an image the evidence for a class lies: class activation maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..progress import Progress, Steps
from ..results import HeatmapResult, PredictionResult
from .classify import Device, card_facts, normalised
from .images import as_grey, finite, plane_of

if TYPE_CHECKING:
    import torch

    from ..nets.architectures import Architecture

Method = Literal["gradcam", "gradcam++", "hirescam", "layercam", "eigencam"]
_TITLES = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "eigencam": "Eigen-CAM",
}
# of the highest weighted activation: what is lower is rounding, not evidence
_NOTHING = 1e-6


def explain(
    image: Any,
    *,
    model: Path | None = None,
    target: str = "",
    method: Method = "gradcam",
    signed: bool = False,
    device: Device = "auto",
) -> Steps[HeatmapResult]:
    """Show where a network sees the evidence for a class, over the whole image.

    The image is looked at as a whole, at the scale of the training crops, without cropping; one
    pass forward, and one backward through what follows the explained layer. Sources: Selvaraju et
    al., ICCV 2017 (Grad-CAM); Chattopadhyay et al., WACV 2018 (Grad-CAM++); Draelos & Carin,
    arXiv:2011.08891 (HiResCAM); Jiang et al., IEEE Trans. Image Process. 30 (2021) 5875
    (LayerCAM); Muhammad & Yeasin, IJCNN 2020 (Eigen-CAM).

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour, any real dtype.
    model : Path
        A model file (.safetensors); without it the shipped one.
    target : str
        Class to explain; the predicted one when empty.
    method : {'gradcam', 'gradcam++', 'hirescam', 'layercam', 'eigencam'}
        Grad-CAM is the classic; HiResCAM shows nothing the network did not use; Eigen-CAM shows
        what stands out, whatever the class.
    signed : bool
        Show evidence against the class as well, as negative values.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.

    Returns
    -------
    HeatmapResult
        (Y, X) float32, 0 to 1 (signed: -1 to 1), in the frame of the image; all zeros where there
        is no evidence for the class. ``raw_maximum`` is its height before scaling.

    Raises
    ------
    ValueError
        If the model does not know the class, the image is not a plane or has no finite pixel, or
        the file is not a model.
    RuntimeError
        If memory is full.
    """
    if method not in _TITLES:
        raise ValueError(f"no method {method!r}; choose {', '.join(_TITLES)}")
    grey, notes = as_grey(image)
    plane, _ = finite(np.asarray(plane_of(grey, "explain")))
    from ..nets import checkpoint

    _check_target(target, checkpoint.read_card(model)["classes"])
    from ..nets import device as devices
    from ..nets.architectures import architecture
    from ..nets.inference import feature_map, sentence

    yield Progress(0, 0, "model")
    net, card = checkpoint.load(model, devices.choose(device))
    design, size = architecture(card["architecture"]), _input_size(plane, card)
    place = next(net.parameters()).device
    try:
        maps = yield from feature_map(net, design, normalised(plane, card), size, place)
        scores, raw = _weigh(_Head(net, design), maps, target, card["classes"], method)
    except (RuntimeError, MemoryError) as error:
        raise sentence(error, place) from error
    prediction = PredictionResult(tuple(card["classes"]), scores, model=card)
    target = target or prediction.label
    notes = (*notes, f"{card['name']}: {card['use']}")
    if method == "eigencam":
        notes = (*notes, "Eigen-CAM shows what stands out, not the evidence for one class")
    return _heatmap(raw, plane.shape, size, design, method, signed, target, prediction, notes)


def _check_target(target: str, classes: list[str]) -> None:
    if target and target not in classes:
        raise ValueError(f"the model knows no class {target!r}; it knows {', '.join(classes)}")


def _input_size(plane: np.ndarray, card: Mapping[str, Any]) -> tuple[int, int]:
    from ..nets.architectures import architecture

    side = card["input_px"]
    if not architecture(card["architecture"]).any_size:
        return side, side
    scale = side / card["window_px"]
    # a sliver is enlarged until the network's pooling has something to pool
    height, width = (max(side // 2, round(n * scale)) for n in plane.shape)
    return height, width


def _Head(net: Any, design: Architecture) -> torch.nn.Module:
    """Wrap what follows the explained layer as a network: its first layer is the one explained."""
    from torch import nn

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.maps = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return design.head(self.net, self.maps(x))

    return Head().eval()


def _weigh(
    head: Any, maps: torch.Tensor, target: str, classes: list[str], method: str
) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities, and the weighted sum of the maps before anything is cut or scaled."""
    import pytorch_grad_cam as grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    kinds = {
        "gradcam": grad_cam.GradCAM,
        "gradcam++": grad_cam.GradCAMPlusPlus,
        "hirescam": grad_cam.HiResCAM,
        "layercam": grad_cam.LayerCAM,
        "eigencam": grad_cam.EigenCAM,
    }
    maps = maps.detach().requires_grad_()
    targets = None if not target else [ClassifierOutputTarget(classes.index(target))]
    raw = None
    with kinds[method](model=head, target_layers=[head.maps]) as cam:
        cam(input_tensor=maps, targets=targets)
        scores = cam.outputs.detach().float().softmax(dim=1)[0].cpu().numpy()
        activations = cam.activations_and_grads.activations[0].numpy()
        gradients = cam.activations_and_grads.gradients
        gradients = gradients[0].numpy() if gradients else np.zeros_like(activations)
        raw = cam.get_cam_image(maps, head.maps, targets, activations, gradients, False)[0]
    # leaving the block swallows an IndexError
    if raw is None:
        raise RuntimeError("grad-cam gave no map")
    if method == "eigencam" and np.sum(raw * activations[0].mean(axis=0)) < 0:
        # the sign of a principal component is arbitrary
        raw = -raw
    return scores.astype(np.float64), np.asarray(raw, np.float64)


def _heatmap(
    raw: np.ndarray,
    shape: tuple[int, ...],
    size: tuple[int, int],
    design: Architecture,
    method: str,
    signed: bool,
    target: str,
    prediction: PredictionResult,
    notes: tuple[str, ...],
) -> HeatmapResult:
    strongest = float(np.abs(raw).max())
    raw = raw if signed else np.maximum(raw, 0)
    height = float(np.abs(raw).max())
    if height <= _NOTHING * strongest or height == 0:
        raw, height = np.zeros_like(raw), 0.0
        notes = (*notes, f"nothing in the image speaks for {target}: the map is empty")
    fine = to_pixels(raw, shape, size, design.stride, design.first_centre)
    peak = float(np.abs(fine).max())
    if peak > 0:
        fine /= peak
    return HeatmapResult(
        fine.astype(np.float32),
        look="signed" if signed else "heat",
        limits=(-1.0, 1.0) if signed else (0.0, 1.0),
        name=f"{_TITLES[method]} {target}",
        target=target,
        prediction=prediction,
        raw_maximum=height,
        facts={
            "target": target,
            "raw_maximum": height,
            **card_facts(prediction.model),
            "probabilities": dict(
                zip(prediction.classes, prediction.probabilities.tolist(), strict=True)
            ),
        },
        notes=notes,
    )


def to_pixels(
    coarse: np.ndarray,
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: int,
    first_centre: float,
) -> np.ndarray:
    """Interpolate a map of cells to the pixels of the image, each cell at its receptive field.

    Parameters
    ----------
    coarse : (h, w) array
        One value a cell.
    shape : (Y, X)
        Of the image.
    size : (height, width)
        Of the network's input, which shows the whole image.
    stride, first_centre : int, float
        Input pixels between cells, and the one the first cell is centred on.

    Returns
    -------
    (Y, X) float64 array
        Bilinear; beyond the outermost centres the nearest cell goes on.
    """
    rows, columns = (
        _interpolation(cells, pixels, given, stride, first_centre)
        for cells, pixels, given in zip(coarse.shape, shape, size, strict=True)
    )
    return rows @ coarse @ columns.T


def _interpolation(
    cells: int, pixels: int, given: int, stride: int, first_centre: float
) -> np.ndarray:
    centres = (np.arange(pixels) + 0.5) * given / pixels - 0.5
    place = np.clip((centres - first_centre) / stride, 0, cells - 1)
    low = np.minimum(place.astype(int), max(cells - 2, 0))
    weights = np.zeros((pixels, cells))
    weights[np.arange(pixels), low] = 1 - (place - low)
    weights[np.arange(pixels), np.minimum(low + 1, cells - 1)] += place - low
    return weights
