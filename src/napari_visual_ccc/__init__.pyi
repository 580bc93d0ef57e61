"""Public functions with their types; written by scripts/generate.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from .core.dataset import Dataset
from .core.layers import Layer
from .core.micrograph import InfoBar, Micrograph
from .core.progress import Reporting
from .core.result import Audit, Evaluation, Prediction, Result, TrainedModel
from .engine.autoencoder.trained import TrainedAutoencoder
from .engine.lens.activations import Activations
from .engine.lens.patterns import Patterns
from .nets.checkpoint import Model
from .engine.lens.nearest import nearest_patches as nearest_patches
from .io.datasets import load as load_dataset
from .io.read import read as read
from .io.read import read_all as read_all
from .nets.sam.hub import look_up_model as look_up_model
from .report.classifier import write_report as write_report
from .report.lens.patterns import write_patterns as write_patterns
from .report.notebooks.plot import plot as plot
from .workflow.batch.run import batch as batch
from .workflow.files.script import to_script as to_script
from .workflow.files.write import write as write
from .workflow.models import describe_model as describe_model
from .workflow.models import fetch_model as fetch_model
from .workflow.models import import_visual_ccc as import_visual_ccc
from .workflow.models import save_model as save_model
from .workflow.recipe import replay as replay
from .workflow.scripts.models import load_model as load_model

class _Array(Protocol):
    """Numpy or dask."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...

Image: TypeAlias = Micrograph | Result | Layer | _Array
AnyModel: TypeAlias = Model | TrainedModel | TrainedAutoencoder | str | Path

__version__: str

def image_quality(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    blurred: float = 9.0,
    noisy: float = 1.0,
    saturated: float = 2.0,
    striped: float = 4.0,
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Assess whether an image is fit for analysis: sharp, low noise, not saturated or striped."""

def image_quality_folder(
    folder: str | Path,
    *,
    blurred: float = 9.0,
    noisy: float = 1.0,
    saturated: float = 2.0,
    striped: float = 4.0,
    state: str | Path | None = None,
    report: Reporting = None,
) -> Result:
    """Assess which images of a folder are fit for analysis, before training or a batch."""

def image_analysis(
    image: Image,
    *,
    scope: Literal['stack', 'slice'] = 'stack',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Show the grey image, its binary mask and its texture side by side."""

def subtract_background(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    method: Literal['polynomial', 'plane', 'rolling ball', 'rolling-ball'] = 'polynomial',
    degree: int = 2,
    radius: float = 0.0,
    objects: Literal['bright', 'dark'] = 'bright',
    remove: Literal['subtract', 'divide'] = 'subtract',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Remove an uneven background and keep its mean grey level."""

def destripe(
    image: Image,
    *,
    direction: Literal['rows', 'columns'] = 'rows',
    max_width: int = 4,
    min_length: float = 0.5,
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Remove stripes along rows (scan noise, charging) or columns (curtaining)."""

def align_stack(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    reference: Literal['previous', 'first'] = 'previous',
    subpixel: bool = True,
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Correct the drift of a stack, and list it slice by slice."""

def detect_info_bar(
    image: Image,
    info_bar: InfoBar | None = None,
    *,
    find: Literal['auto', 'manual'] = 'auto',
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
    report: Reporting = None,
) -> Result:
    """Detect the info bar that the microscope drew on an image."""

def crop_info_bar(
    image: Image,
    info_bar: InfoBar | None = None,
    *,
    find: Literal['auto', 'manual'] = 'auto',
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
    report: Reporting = None,
) -> Result:
    """Crop the info bar off an image; the rest keeps its position and its grey values."""

def denoise(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    method: Literal['non-local means', 'total variation', 'wavelet', 'median', 'gaussian', 'non-local-means', 'total-variation'] = 'non-local means',
    strength: float = 1.0,
    noise: Literal['auto', 'gaussian', 'poisson'] = 'auto',
    dimensions: Literal['2D', '3D'] = '2D',
    cautious: bool = True,
    denoised: str = '',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Denoise an image; the noise level is estimated from the image."""

def threshold(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    method: Literal['otsu', 'yen', 'isodata', 'li', 'triangle', 'minimum', 'manual'] = 'otsu',
    classes: int = 2,
    value: float = 0.0,
    objects: Literal['auto', 'border', 'bright', 'dark'] = 'auto',
    sigma: float = 1.0,
    min_diameter: float = 0.0,
    dimensions: Literal['2D', '3D'] = '2D',
    scope: Literal['stack', 'slice'] = 'stack',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Threshold an image into objects and background, or into up to five grey classes."""

def particles(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    objects: Literal['auto', 'bright', 'dark'] = 'auto',
    min_diameter: float = 0.0,
    border: Literal['keep', 'remove'] = 'keep',
    tolerance: float = 0.15,
    blur: float = 0.0,
    background: Literal['auto', 'as it is', 'as-it-is'] = 'auto',
    annotations: Literal['ignore', 'keep'] = 'ignore',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Find particles: threshold, clean, split touching ones, label."""

def watershed_split(
    labels: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    tolerance: float = 1.0,
    min_diameter: float = 0.0,
    only: int = 0,
    dimensions: Literal['2D', '3D'] = '2D',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Split touching objects at their necks, and label every object."""

def label_objects(
    labels: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    min_diameter: float = 0.0,
    only: int = 0,
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Label connected objects of a mask; pixels connect along sides, not across corners."""

def sam_masks(
    image: Image,
    prompts: Image | None = None,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    preset: Literal['window', 'batch', 'custom'] = 'window',
    points_per_side: int | None = None,
    points_per_batch: int | None = None,
    pred_iou_thresh: float | None = None,
    stability_score_thresh: float | None = None,
    stability_score_offset: float | None = None,
    mask_threshold: float | None = None,
    crop_n_layers: int | None = None,
    box_nms_thresh: float | None = None,
    crop_n_points_downscale_factor: int | None = None,
    min_mask_region_area: int | None = None,
    use_m2m: bool | None = None,
    tile_size: int | None = None,
    prompts_from: Literal['grid', 'threshold', 'watershed', 'centroids'] = 'grid',
    largest_only: bool = False,
    merge: Literal['none', 'overlap', 'likeness'] = 'none',
    outlines: bool = False,
    precision: Literal['fp32', 'bf16', 'fp16'] = 'fp32',
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Segment everything, or prompted objects, with Segment Anything (SAM, SAM 2, SAM-HQ)."""

def glcm_features(
    image: Image,
    *,
    feature: Literal['contrast', 'dissimilarity', 'homogeneity', 'asm', 'energy', 'correlation', 'entropy', 'all'] = 'contrast',
    window: int = 5,
    distances: str = '1',
    angle: Literal['all', '0', '45', '90', '135', 0, 45, 90, 135] = 'all',
    levels: int = 32,
    symmetric: bool = True,
    scope: Literal['stack', 'slice'] = 'stack',
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Map texture features of the grey-level co-occurrence matrix (GLCM) around every pixel."""

def edge_density(
    image: Image,
    *,
    scope: Literal['stack', 'slice'] = 'stack',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Map the density of edges, identical to the texture view of Visual-CCC."""

def kmeans(
    image: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    clusters: int = 3,
    features: Literal['intensity', 'multiscale', 'texture', 'network'] = 'intensity',
    sigma: float = 1.0,
    sample: int = 100000,
    seed: int = 0,
    scope: Literal['stack', 'slice'] = 'stack',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Cluster the pixels of an image by k-means, labelled from dark to bright."""

def select_cluster(
    labels: Image,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    cluster: int = 1,
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Select one cluster as a mask, with its share of the image area."""

def audit_dataset(
    data: Dataset,
    *,
    similarity: float = 0.9,
    pictures: int = 6,
    seed: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    report: Reporting = None,
) -> Audit:
    """Check labelled images: counts, imbalance, formats, near-duplicates and leaks."""

def train(
    data: Dataset,
    *,
    model: Literal['lite0-linear', 'lite0-finetune', 'visualcnn', 'alexnet-1ch', 'simple-cnn', 'xception', 'other'] = 'lite0-linear',
    other: str = '',
    weights: Literal['installed', 'download', 'random'] = 'installed',
    window: float = 0.0,
    window_unit: Literal['px', 'nm'] = 'px',
    input_px: int = 0,
    use_pixel_size: bool = False,
    info_bar: Literal['leave out', 'keep', 'leave-out'] = 'leave out',
    split: Literal['auto', 'holdout', 'k-fold', 'leave-one-group-out'] = 'auto',
    validation: float = 0.15,
    test: float = 0.15,
    class_weights: bool = True,
    flips: bool = True,
    brightness: float = 0.15,
    noise: float = 0.03,
    scale: float = 0.0,
    crop: float = 1.0,
    rotation: float = 0.0,
    shift: float = 0.0,
    shear: float = 0.0,
    epochs: int = 30,
    batch_size: int = 32,
    learning_rate: float = 0.0,
    schedule: Literal['cosine', 'plateau'] = 'cosine',
    patience: int = 8,
    accumulate_grad_batches: int = 1,
    checkpoints: int = 3,
    seed: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    state: str | Path | None = None,
    finish: bool = False,
    log: str | Path | None = None,
    licence: str = 'not stated',
    report: Reporting = None,
) -> TrainedModel:
    """Train a classifier on labelled images, test it and calibrate it."""

def evaluate(
    data: Dataset,
    *,
    model: AnyModel | None = None,
    checkpoint: Literal['best', 'current'] = 'best',
    tta: bool = True,
    robustness: bool = False,
    noise: str = '0.05, 0.1, 0.2, 0.4',
    counts: str = '100, 30, 10, 3',
    blur: str = '1, 2, 4',
    blur_unit: Literal['px', 'nm'] = 'px',
    seed: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    report: Reporting = None,
) -> Evaluation:
    """Evaluate a model on labelled images that it was not trained with."""

def classify(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    stride: int = 32,
    coverage: float = 0.9,
    decision: Literal['highest probability', 'operating point', 'highest-probability', 'operating-point'] = 'highest probability',
    thresholds: str = '',
    tta: bool = True,
    mark_unknown: bool = True,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Prediction:
    """Classify an image, with calibrated probabilities."""

def explain(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    target: str = '',
    against: str = '',
    method: Literal['gradcam', 'gradcam++', 'hirescam', 'xgradcam', 'layercam', 'eigencam', 'eigengradcam', 'scorecam', 'ablationcam', 'fullgrad', 'random'] = 'gradcam',
    layer: str = '',
    signed: bool = False,
    smooth: Literal['auto', 'on', 'off'] = 'auto',
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Compute a class activation map: where the evidence for a class lies."""

def compare(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    across: Literal['classes', 'methods'] = 'classes',
    target: str = '',
    method: Literal['gradcam', 'gradcam++', 'hirescam', 'xgradcam', 'layercam', 'eigencam', 'eigengradcam', 'scorecam', 'ablationcam', 'fullgrad', 'random'] = 'gradcam',
    signed: bool = False,
    smooth: Literal['auto', 'on', 'off'] = 'auto',
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Compute class activation maps of all classes, or of several methods."""

def evidence_regions(
    heatmap: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    threshold: float = 0.5,
    min_diameter: float = 0.0,
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Label the regions of a heatmap above a threshold."""

def cam_sanity_checks(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    target: str = '',
    method: Literal['gradcam', 'gradcam++', 'hirescam', 'xgradcam', 'layercam', 'eigencam', 'eigengradcam', 'scorecam', 'ablationcam', 'fullgrad', 'random'] = 'gradcam',
    seed: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Run sanity checks on a class activation map."""

def detect_shortcuts(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    info_bar: InfoBar | None = None,
    *,
    model: AnyModel | None = None,
    target: str = '',
    bar: Literal['trained', 'include', 'none'] = 'trained',
    threshold: float = 0.2,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    report: Reporting = None,
) -> Result:
    """Warn if a model relies on the info bar, the border or saturated spots."""

def morphology_map(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    window: float = 0.0,
    stride: float = 0.0,
    length: Literal['px', 'unit'] = 'px',
    shared: bool = True,
    empty: float = 0.08,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Map the classes over a whole micrograph, with the area fraction of each."""

def occlude(
    image: Image,
    regions: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    fill: Literal['surroundings', 'mean', 'blur'] = 'surroundings',
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Occlude regions of an image and compare the scores of the classes before and after."""

def concordance(
    heatmap: Image,
    labels: Image,
    image: Image | None = None,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    by: Literal['label', 'object'] = 'label',
    background: bool = True,
    names: str = '',
    threshold: float = 0.5,
    occluded: int = 8,
    target: str = '',
    model: AnyModel | None = None,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Test on which phases, clusters or particles the evidence for a class lies."""

def classify_folder(
    folder: str | Path,
    *,
    model: AnyModel | None = None,
    coverage: float = 0.9,
    decision: Literal['highest probability', 'operating point', 'highest-probability', 'operating-point'] = 'highest probability',
    thresholds: str = '',
    tta: bool = True,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    state: str | Path | None = None,
    report: Reporting = None,
) -> Result:
    """Classify every image of a folder: class, prediction set and out-of-distribution flag."""

def concordance_folder(
    folder: str | Path,
    *,
    model: AnyModel | None = None,
    target: str = '',
    segmentation: Literal['k-means', 'threshold'] = 'k-means',
    clusters: int = 3,
    sigma: float = 1.0,
    labels: str | Path | None = None,
    names: str = '',
    occluded: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    report: Reporting = None,
) -> Result:
    """Test on which phase the classes of all images of a folder rest."""

def activations(
    image: Image,
    labels: Image | None = None,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    layer: str = '',
    show: Literal['activations', 'attention'] = 'activations',
    rank_by: Literal['variance', 'sparsity', 'class AUC', 'mask correlation', 'class-AUC', 'mask-correlation'] = 'variance',
    channels: int = 64,
    colour: Literal['none', 'PCA', 'NMF'] = 'none',
    contact_sheet: bool = False,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Activations:
    """Look through the layers of a network: its activations as a stack of maps of the image."""

def look_at(
    image: Image,
    example: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    layer: str = '',
    count: int = 9,
    folder: str | Path | None = None,
    hits: int = 36,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Look at a pixel: its feature vector, its highest channels, and the patches most like it."""

def find_similar(
    image: Image,
    example: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    layer: str = '',
    threshold: float = 0.6,
    min_diameter: float = 0.0,
    background: Literal['subtract', 'keep'] = 'subtract',
    folder: str | Path | None = None,
    hits: int = 36,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Find more like this: where an image, or a folder, looks to a network as an example does."""

def common_patterns(
    folder: str | Path | Dataset,
    *,
    model: AnyModel | None = None,
    layer: str = '',
    channels: int = 12,
    rank_by: Literal['variance', 'sparsity'] = 'variance',
    iterations: int = 48,
    seed: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    report: Reporting = None,
) -> Patterns:
    """Collect the common patterns of a folder: what each channel and each class looks for."""

def train_autoencoder(
    data: Dataset,
    *,
    latent: int = 8,
    depth: int = 3,
    variational: bool = False,
    divergence: float = 0.001,
    similarity: float = 0.0,
    tile: int = 96,
    tiles: int = 600,
    info_bar: Literal['leave out', 'keep', 'leave-out'] = 'leave out',
    validation: float = 0.2,
    flips: bool = True,
    brightness: float = 0.05,
    noise: float = 0.05,
    epochs: int = 30,
    batch_size: int = 32,
    learning_rate: float = 0.0,
    patience: int = 8,
    seed: int = 0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    state: str | Path | None = None,
    finish: bool = False,
    licence: str = 'not stated',
    report: Reporting = None,
) -> TrainedAutoencoder:
    """Train a convolutional autoencoder on micrographs, for reconstructions and anomaly maps."""

def anomaly_map(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    score: Literal['features', 'local', 'residual'] = 'features',
    usual: float = 0.9,
    min_diameter: float = 0.0,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Map and label what a trained autoencoder has not learnt: foreign particles, defects."""

def reconstruct(
    image: Image,
    spacing: Any = None,
    unit: str = 'px',
    *,
    model: AnyModel | None = None,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Reconstruct a micrograph with a trained autoencoder."""

def region_table(
    labels: Image,
    intensity: Image | None = None,
    spacing: Sequence[float] | float | None = None,
    unit: str = 'px',
    *,
    min_diameter: float = 0.0,
    exclude_border: bool = False,
    dimensions: Literal['2D', '3D'] = '2D',
    info_bar: InfoBar | None = None,
    report: Reporting = None,
) -> Result:
    """Measure size, shape, orientation and intensity of every region."""
