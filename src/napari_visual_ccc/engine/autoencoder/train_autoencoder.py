"""Train an autoencoder on micrographs, and learn which residuals are usual."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...core.dataset import Dataset, shared_groups
from ...core.progress import Progress, Steps, in_part, to_its_end
from ...nets.training.recipe import AutoencoderRecipe, FitOptions
from ..classification.windows import Device
from .quality import Pairs, examples, image_table, reconstructed, summary_table
from .tiles import PARTS_GIVEN, TEST, TRAIN, VALIDATION, TileSet, cut_tiles
from .trained import TrainedAutoencoder
from .usual import few_tiles

if TYPE_CHECKING:
    import torch

    from ...nets.card import NetworkInput
    from ...nets.checkpoint import Model
    from ...nets.training.selection import AnomalyScale

_NOTHING_HELD_OUT = (
    "no image is held out for validation: there is no early stopping and no threshold, and "
    "anomaly_map refuses the model"
)

_NO_PLACE = (
    "there is no threshold of anomalies, and anomaly_map refuses the model: every place of the "
    "held-out tiles is near missing pixels"
)

_OF_TRAINING = "PSNR and SSIM are of the training tiles, which are reconstructed better than others"

# images that a note names
_NAMED = 3

# share of usual tiles that fewer held-out tiles than nine cannot support
_USUAL = 0.9

# tiles that a normal distribution is fitted to
_FITTED = 100
_VARIATIONAL = {"applies": {"variational": (True,)}}


def train_autoencoder(  # noqa: PLR0913
    data: Dataset,
    *,
    latent: Annotated[int, {"min": 1, "max": 64, "label": "Channels of the code"}] = 8,
    depth: Annotated[int, {"min": 1, "max": 5, "label": "Halvings"}] = 3,
    variational: bool = False,
    divergence: Annotated[float, {"min": 0, "max": 1, "step": 0.0001, **_VARIATIONAL}] = 0.001,
    similarity: Annotated[float, {"min": 0, "max": 1, "step": 0.1}] = 0.0,
    tile: Annotated[int, {"min": 16, "max": 512, "label": "Tile (px)"}] = 96,
    tiles: Annotated[int, {"min": 2, "max": 20_000}] = 600,
    info_bar: Literal["leave out", "keep"] = "leave out",
    validation: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = 0.2,
    flips: bool = True,
    brightness: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = 0.05,
    noise: Annotated[float, {"min": 0, "max": 0.2, "step": 0.01}] = 0.05,
    epochs: Annotated[int, {"min": 1, "max": 1000}] = 30,
    batch_size: Annotated[int, {"min": 1, "max": 512}] = 32,
    learning_rate: Annotated[
        float, {"min": 0, "max": 1, "step": 0.0001, "label": "Learning rate (0: automatic)"}
    ] = 0.0,
    patience: Annotated[int, {"min": 1, "max": 100}] = FitOptions.patience,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
    state: Path | None = None,
    finish: bool = False,
    licence: str = "not stated",
) -> Steps[TrainedAutoencoder]:
    """Train a convolutional autoencoder on micrographs, for reconstructions and anomaly maps.

    An autoencoder compresses an image into a code of few numbers and reconstructs it from them.
    Trained on usual images only, it reconstructs unusual things differently: `anomaly_map` finds
    them. The defaults train within three minutes on two processor cores.

    Parameters
    ----------
    data : Dataset
        Images or stacks of what is usual, from `load_dataset` (with ``min_classes=0`` for a plain
        folder) or `engine.autoencoder.images.from_images`. Classes are not used.
    latent : int
        Channels of the code. Few: only what is common is reconstructed. With many the network
        copies its input, and finds nothing unusual.
    depth : int
        Number of halvings: a cell of the code stands for 2**depth x 2**depth pixels.
    variational : bool
        Train a variational autoencoder (Kingma & Welling, ICLR 2014), whose code is a normal
        distribution.
    divergence : float
        Weight of the Kullback-Leibler divergence of the code (nats per pixel); variational only.
    similarity : float
        Weight of the structural similarity (SSIM) in the loss, as in Bergmann et al., VISAPP 2019;
        the squared error has the rest.
    tile : int
        Side of the tiles that are cut from the images, in pixels.
    tiles : int
        Approximate number of tiles of all images together: every image gives its share, at least
        one, and a stack spreads that over its slices. Tiles have no missing pixels (NaN, infinite),
        except where all have; then up to 2 % of a tile are filled from the surroundings.
    info_bar : {'leave out', 'keep'}
        Whether tiles are cut from the info bar as well.
    validation : float
        Share that is held out: of the groups (specimens, files) where there are several, else of
        the images, else of the single image. Early stopping and the threshold of anomalies rest on
        it; with 0 there is neither, and the numbers are of the training tiles. A data set that is
        divided keeps its parts: its test images are only reported on, and the share is of its
        training part where it has no validation part.
    flips : bool
        Augment with mirror images and rotations by right angles.
    brightness : float
        Augment with changes of brightness, contrast and gamma up to this fraction.
    noise : float
        Largest standard deviation of the noise that is added to the input, as a fraction of the
        grey range; the network is trained to remove it, so it cannot copy its input.
    epochs : int
        Largest number of epochs.
    batch_size : int
        Tiles per batch.
    learning_rate : float
        Learning rate; 0 chooses it.
    patience : int
        Epochs without a lower validation loss after which training stops.
    seed : int
        Seed of tiles, weights and augmentation.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.
    state : Path
        File that the state of the training is written to after every epoch, and continued from.
    finish : bool
        Run no further epoch: use the best weights in `state`.
    licence : str
        Licence of the model, for its card.

    Returns
    -------
    TrainedAutoencoder
        ``model`` (`save_model` writes it), tables ``summary`` and ``images`` (PSNR and SSIM with
        95 % intervals, by ``part``: of the tiles that are held out, or of the training tiles where
        none are), ``split``, ``history``, ``skipped``, ``examples``.

    Raises
    ------
    ValueError
        If images are too small or none can be read, or choices contradict each other.
    RuntimeError
        If memory is full.
    """
    choices = {name: value for name, value in locals().items() if name != "data"}
    return (yield from _train(data, AutoencoderRecipe(**choices)))


def _train(data: Dataset, recipe: AutoencoderRecipe) -> Steps[TrainedAutoencoder]:
    import pandas as pd

    from ...nets import device as devices
    from ...nets.layers import layer_table

    device = devices.choose(recipe.device)
    card = _network_input(recipe)
    found = yield from in_part(cut_tiles(data, card, recipe), 0, 0.05)
    if found.sizes_nm:
        card.pixel_size_nm = [min(found.sizes_nm), max(found.sizes_nm)]
    net, history, options, stopped = yield from in_part(_fit(found, recipe, device), 0.05, 0.9)
    pairs = yield from in_part(to_its_end(_reconstructions(net, found, device)), 0.9, 0.95)
    tables = [
        image_table(one, found.image_index[found.of(part)], found.images, recipe.seed, part)
        for part, one in pairs.items()
    ]
    images = pd.concat(tables, ignore_index=True)
    steps = to_its_end(_usual(net, found, recipe, pairs.get(VALIDATION), device))
    usual = yield from in_part(steps, 0.95, 1)
    model = _package(data, found, recipe, card, (net, options), usual)
    tested = next(iter(pairs.values()))
    yield Progress(1, 1, "done")
    return TrainedAutoencoder(
        model=model,
        summary=summary_table(images, recipe.seed),
        images=images,
        split=found.images,
        history=pd.DataFrame(history),
        skipped=found.skipped,
        examples=examples(tested),
        architecture=layer_table(model),
        notes=(*stopped, *_notes(found, tuple(pairs), usual[0] if usual else None)),
        facts={
            "tiles": len(found.of(TRAIN)),
            "held_out_tiles": len(found.of(VALIDATION)),
            "test_tiles": len(found.of(TEST)),
        },
    )


def _reconstructions(net: Any, found: TileSet, device: torch.device) -> Steps[dict[str, Pairs]]:
    """Reconstruct the tiles of each part that is reported on."""
    pairs = {}
    for part in [one for one in (TEST, VALIDATION) if len(found.of(one))] or [TRAIN]:
        pairs[part] = yield from _pairs(net, found, found.of(part), device)
    return pairs


def _pairs(net: Any, found: TileSet, chosen: np.ndarray, device: torch.device) -> Steps[Pairs]:
    return (yield from reconstructed(net, found.windows[chosen], found.known(chosen), device))


def _usual(
    net: Any,
    found: TileSet,
    recipe: AutoencoderRecipe,
    held_out: Pairs | None,
    device: torch.device,
) -> Steps[tuple[AnomalyScale, dict[str, torch.Tensor]] | None]:
    """Scale of the anomaly scores; None without tiles that it can rest on."""
    from .usual import fit_usual

    if held_out is None:
        return None
    some = np.random.default_rng(recipe.seed).permutation(found.of(TRAIN))[:_FITTED]
    trained = yield from _pairs(net, found, some, device)
    index = found.image_index[found.of(VALIDATION)]
    return (yield from fit_usual(trained, held_out, index, found.held_out, device))


def _notes(
    found: TileSet, reported: tuple[str, ...], scale: AnomalyScale | None
) -> tuple[str, ...]:
    """Say what the numbers are of, and what is missing."""
    notes = [f"held out: {found.held_out}" if found.held_out else _NOTHING_HELD_OUT]
    if TEST in reported:
        notes.append("the test images were not trained with, and nothing was chosen on them")
    if reported == (TRAIN,):
        notes.append(_OF_TRAINING)
    if found.held_out and scale is None:
        notes.append(_NO_PLACE)
    if scale is not None and scale.supports < _USUAL:
        notes.append(few_tiles(scale))
    if found.continued:
        notes.append(
            f"smaller than a tile of {found.tiles.shape[1]} px and continued by reflection: "
            + _some(found.continued)
        )
    divided = found.images[found.images["part"].isin([TRAIN, VALIDATION, TEST])]
    if found.held_out == PARTS_GIVEN or TEST in reported:
        notes += shared_groups(list(divided["group"]), list(divided["part"]))
    if len(found.skipped):
        skipped = [f"{name} ({why})" for name, why in found.skipped.to_numpy()]
        notes.append(f"not used: {_some(skipped)}")
    return tuple(notes)


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return "; ".join(items[:_NAMED]) + more


def _network_input(recipe: AutoencoderRecipe) -> NetworkInput:
    from ...nets.card import NetworkInput, Normalisation, View

    return NetworkInput(
        input_px=recipe.tile,
        window_px=recipe.tile,
        view=View(kind="window"),
        normalisation=Normalisation(kind="percentile", low=0.5, high=99.5, scope="image"),
        info_bar="keep" if recipe.keep_info_bar else "leave out",
    )


def _fit(
    found: TileSet, recipe: AutoencoderRecipe, device: torch.device
) -> Steps[tuple[Any, list[dict[str, float]], dict[str, Any], tuple[str, ...]]]:
    """Train; the network, its history, the options, and whether the training was stopped."""
    from ...nets.inference import user_message
    from ...nets.models.autoencoder import autoencoder_name
    from ...nets.models.base import frozen
    from ...nets.models.registry import architecture
    from ...nets.seed import seeded
    from ...nets.training.checkpoints import BestEpochs
    from ...nets.training.fit import fit
    from ...nets.training.reconstruction import Reconstruction, Reconstructor, Tiles
    from ...nets.training.state import StateFile

    name = autoencoder_name(recipe.latent, recipe.depth, recipe.variational)
    design = architecture(name)
    options = recipe.fit_options(design.rate)
    with seeded(recipe.seed):
        net = Reconstructor(design.build(0, recipe.tile), design.mean, design.std).to(device)
    mark = hashlib.sha256(f"{name} {found.digest}".encode())
    mark.update(found.windows.tobytes())
    state = StateFile(recipe.state, mark.hexdigest(), recipe.finish)
    held_out = found.of(VALIDATION)
    task = Reconstruction(recipe.similarity, recipe.divergence if recipe.variational else 0.0)
    kept = BestEpochs(task.monitor, 0)
    try:
        history = yield from fit(
            task, net, Tiles(found.tiles[found.of(TRAIN)]),
            Tiles(found.tiles[held_out]) if len(held_out) else None, options, state=state,
            kept=kept,
        )  # fmt: skip
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, device) from error
    stopped = (kept.stopped,) if kept.stopped else ()
    return frozen(net.net), history, asdict(options), stopped


def _package(
    data: Dataset,
    found: TileSet,
    recipe: AutoencoderRecipe,
    network_input: NetworkInput,
    fitted: tuple[Any, dict[str, Any]],
    usual: tuple[AnomalyScale, dict[str, torch.Tensor]] | None,
) -> Model:
    """Put a network and its card into a model."""
    net, options = fitted
    from ...nets.card import RECONSTRUCTION, make_card
    from ...nets.checkpoint import Model, on_cpu
    from ...nets.layers import layers_of
    from ...nets.models.autoencoder import autoencoder_name

    chosen = ("latent", "depth", "variational", "divergence", "similarity", "tile", "seed")
    card = {
        **network_input.as_dict(),
        "name": data.name,
        "task": RECONSTRUCTION,
        "architecture": autoencoder_name(recipe.latent, recipe.depth, recipe.variational),
        "classes": [],
        "use": f"images like those of {data.name}",
        "recipe": {**options, **{name: getattr(recipe, name) for name in chosen}},
        "training_data": {
            "name": data.name,
            "images": int(np.unique(found.image_index[found.of(TRAIN)]).size),
            "tiles": len(found.of(TRAIN)),
            "sha256": found.digest,
        },
        "layers": layers_of(net, recipe.tile),
        "trained": [""],
        "backbone": {"source": "random weights"},
        "licence": recipe.licence,
        "version": version("napari-visual-ccc"),
        **({"anomaly": usual[0].as_dict()} if usual is not None else {}),
    }
    return on_cpu(Model(net, make_card(card), usual[1] if usual is not None else {}))
