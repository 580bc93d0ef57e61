"""Definitions of the columns that tables of results have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..core.units import METRES

# in a name: the unit of the image, and the name of a class, region or axis
_PARTS = {"<unit>": "|".join((*METRES, "px")), "<name>": ".+", "<n>": r"\d+"}


@dataclass(frozen=True)
class Column:
    """What a column means.

    Parameters
    ----------
    name : str
        With ``<unit>`` for the unit of the image, ``<name>`` for a class or region, and ``<n>`` for
        a number.
    unit : str
        Of its values; empty for texts and numbers without one.
    definition : str
        In words.
    source : str
        Paper, standard or page of the documentation.
    """

    name: str
    unit: str
    definition: str
    source: str = ""

    def matches(self, column: str) -> bool:
        """Whether a column of a table has this definition."""
        pattern = re.escape(self.name)
        for part, text in _PARTS.items():
            pattern = pattern.replace(re.escape(part), f"(?:{text})")
        return re.fullmatch(pattern, column) is not None


_ISO = "ISO 9276-6:2008"
_CONFORMAL = "Vovk et al., 2005; see *Unknown images*"
_PAGE = "see *Concordance*"
_QUALITY = "see *Image quality*"
_F = "fraction"

# fmt: off
_LINES: dict[str, tuple[tuple[str, ...], ...]] = {
    "Regions and particles": (
        ("label", "", "Number of the region, cluster or grey class in the label image"),
        ("name", "", "Name of the region, class or image"),
        ("pixels", "px", "Number of pixels (in 3D of voxels)"),
        ("area_<unit>2", "unit²", "Number of pixels times the area of a pixel"),
        ("area_px", "px", "Number of pixels of the region"),
        ("volume_<unit>3", "unit³", "Number of voxels times the volume of a voxel"),
        ("area_percent", "%", "Area as percentage of the analysed area"),
        ("volume_percent", "%", "Volume as percentage of the analysed volume"),
        ("equivalent_diameter_<unit>", "unit",
         "Diameter of the circle of equal area (in 3D of the ball of equal volume)", _ISO),
        ("feret_max_<unit>", "unit", "Largest caliper distance of the outline", _ISO),
        ("feret_min_<unit>", "unit", "Smallest caliper distance of the outline", _ISO),
        ("feret_angle_deg", "degrees", "Direction of the largest caliper distance, "
         "counter-clockwise from the x axis, 0 to 180"),
        ("axis_major_<unit>", "unit",
         "Major full axis of the ellipse (ellipsoid) with the same second moments"),
        ("axis_middle_<unit>", "unit", "Middle full axis of that ellipsoid"),
        ("axis_minor_<unit>", "unit", "Minor full axis of that ellipse (ellipsoid)"),
        ("aspect_ratio", "", "Smallest / largest caliper distance (in 3D minor / major axis), at "
         "most 1", _ISO),
        ("solidity", "", "Pixels / pixels whose centres lie in the convex hull of their centres, "
         "at most 1", _ISO),
        ("perimeter_<unit>", "unit", "Length of the outlines, those of holes included, by "
         "Crofton's formula in 8 directions", "Legland et al., Image Anal. Stereol. 2007"),
        ("circularity", "", "√(4π area) / perimeter: 1 for a disc", _ISO),
        ("form_factor", "", "4π area / perimeter²: the square of the circularity", _ISO),
        ("orientation_deg", "degrees", "Direction of the major axis, counter-clockwise from the x "
         "axis, 0 to 180; missing where there is none"),
        ("intensity_mean", "grey level", "Mean grey level of the region"),
        ("intensity_std", "grey level", "Standard deviation of the grey levels (divided by n)"),
        ("intensity_min", "grey level", "Lowest grey level"),
        ("intensity_max", "grey level", "Highest grey level"),
        ("mean_intensity", "grey level", "Mean grey level of the cluster or class"),
        *((f"centroid_{axis}_<unit>", "px or unit", f"Mean {axis} coordinate of the pixels")
          for axis in "zyx"),
        ("nearest_neighbour_<unit>", "unit", "Distance to the centroid of the nearest other "
         "region"),
        *((f"bbox_{side}", "px", f"Bounding box: {side} border ({end})") for side, end in (
            ("top", "inclusive"), ("left", "inclusive"), ("front", "inclusive"),
            ("bottom", "exclusive"), ("right", "exclusive"), ("back", "exclusive"))),
        ("touches_border", "", "Whether the image border cuts the region off"),
        ("index_<n>", "", "Index of the slice along a leading axis of the stack"),
        ("slice", "", "Index of the slice in the stack"),
        ("cluster", "", "Label of the selected cluster"),
        ("score", _F, "Predicted intersection over union of a mask, by Segment Anything",
         "Kirillov et al., ICCV 2023"),
        ("stability", _F, "Intersection over union of the masks at a lower and a higher threshold",
         "Kirillov et al., ICCV 2023"),
        ("mask_pixels", "px", "Pixels of the whole mask, those under other masks included"),
        ("prompt", "", "Number of the prompt that the mask answers; 0: automatic"),
    ),
    "Image quality and drift": (
        ("flags", "", "What exceeds its limit; empty if nothing does", _QUALITY),
        ("slices", "", "Number of slices of the image"),
        ("detail_<unit>", "px or unit", "Period of the finest detail above the noise", _QUALITY),
        ("detail_ratio", "", "Coarsest / finest detail in four directions", _QUALITY),
        ("snr", "", "Variance of the signal / variance of the noise", _QUALITY),
        ("black_percent", "%", "Pixels at the lower end of the grey scale", _QUALITY),
        ("white_percent", "%", "Pixels at the upper end of the grey scale", _QUALITY),
        ("row_stripes_percent", "%", "Stripes along rows, relative to the contrast", _QUALITY),
        ("column_stripes_percent", "%", "Stripes along columns, relative to the contrast",
         _QUALITY),
        ("drift_y_<unit>", "px or unit", "Drift down since the reference slice"),
        ("drift_x_<unit>", "px or unit", "Drift to the right since the reference slice"),
        ("match", _F, "Height of the correlation peak: agreement of the slices, at most 1"),
    ),
    "Predictions": (
        ("class", "", "Name of the class"),
        ("probability", _F, "Calibrated probability of the class", "Guo et al., ICML 2017"),
        ("score_of_view", _F, "Score of the class in one view of the whole image at once, as a map "
         "explains it: not the prediction of `classify`"),
        ("score_of_view_<name>", _F, "Score of the class in one view of the slice"),
        ("spread", _F, "Standard deviation of the probability over the views"),
        ("threshold", _F, "Probability from which the class is assigned at the operating point"),
        ("prediction_set", "", "Classes that are possible at the chosen coverage", _CONFORMAL),
        ("share_of_windows", _F, "Share of the windows with this class"),
        ("share_<name>", _F, "Share of the windows with the class"),
        ("p_<name>", _F, "Calibrated probability of the class"),
        ("verdict", "", "Class, *unknown*, or none above its threshold", "see *Unknown images*"),
        ("second", "", "Second most probable class, with its probability"),
        ("distance", "", "Cosine distance to the training image, or mean to the nearest ones",
         "Sun et al., ICML 2022"),
        ("windows", "", "Number of windows that were classified"),
        ("target", "", "Explained class"),
        ("raw_maximum", "", "Maximum of the map before it is scaled to 1"),
        ("share_of_shown", "fraction", "Area as share of the area that has a class"),
        ("problem", "", "Why the image failed; empty if it did not"),
    ),
    "Explanations": (
        ("mean", "", "Mean of the map in the region; in a summary, mean of the values"),
        ("highest", "", "Maximum of the map in the region"),
        ("peak", "", "Maximum of the anomaly score in the region"),
        ("share_of_evidence", _F, "Share of the positive evidence on the region", _PAGE),
        ("share_of_area", _F, "Share of the compared area", _PAGE),
        ("enrichment", "", "Share of evidence / share of area: 1 is chance", _PAGE),
        ("enrichment_<name>", "", "Enrichment of the region in this image, or a bound of the 95 % "
         "interval of its median", _PAGE),
        ("chance_low", "", "Lower bound of 95 % of the enrichments of shifted maps", _PAGE),
        ("chance_high", "", "Upper bound of 95 % of the enrichments of shifted maps", _PAGE),
        ("p", _F, "Two-sided p value of the region by itself", _PAGE),
        ("p_corrected", _F, "p value corrected for the number of regions or properties",
         "Westfall & Young, 1993"),
        ("iou", _F, "Intersection over union of the region and the evidence above the threshold"),
        ("effect", _F, "Score of the class in one view of the image with the region filled from "
         "its surroundings, minus that of the image"),
        ("region", "", "Name of the region"),
        ("change", _F, "Change of the score of one view if the region is replaced"),
        ("warning", "", "Whether the share of the evidence exceeds its limit"),
        ("before", _F, "Score of the class in one view of the whole image"),
        ("after", _F, "The same with the regions occluded"),
        ("test", "", "Name of the sanity check", "see *CAM methods*"),
        ("value", "", "Value of the test or metric, or activation of the channel"),
        ("control", "", "Value of the test for random maps"),
        ("meaning", "", "The verdict in words"),
        ("count", "", "Number of images of the class that rest on the region"),
        ("share", _F, "Share of the images of the class that rest on the region"),
    ),
    "Data sets": (
        ("images", "", "Number of images"),
        ("groups", "", "Number of groups (specimens)"),
        ("group", "", "Group (specimen) of the image"),
        ("part", "", "Part of the split: training, validation, test or cross-validated"),
        ("path", "", "Path of the file"),
        ("smallest_px", "px", "Side of the smallest image, the shorter one"),
        ("largest_px", "px", "Side of the largest image"),
        ("share_percent", "%", "Images of the class as percentage of all"),
        ("format", "", "File format"),
        ("dtype", "", "Type of the pixels"),
        ("channels", "", "Number of channels"),
        ("with_pixel_size", "", "Number of images whose file states a pixel size"),
        ("other", "", "The other image of a pair of near-duplicates"),
        ("other_label", "", "Class of the other image"),
        ("other_group", "", "Group of the other image"),
        ("similarity", "", "Cosine similarity of the features, at most 1"),
        ("leaks", "", "Whether the pair is in different groups, and may be divided by the split"),
        ("reason", "", "Why the file is skipped"),
        ("property", "", "Property of the files that is no content, such as the height"),
        ("chance", _F, "Accuracy of guesses"),
        ("tells_apart", "", "Whether the property alone distinguishes the classes"),
    ),
    "Evaluation": (
        ("metric", "", "Name of the metric"),
        ("accuracy", _F, "Share of correctly classified images"),
        *((f"{name}{end}", _F, f"{bound}{what}")
          for name, what in (
              ("precision", "true positives / predicted positives"),
              ("recall", "true positives / positives: the true positive rate"),
              ("f1", "harmonic mean of precision and recall"),
              ("coverage", "share of the images whose prediction set has the true class"),
              ("tpr", "true positive rate at the threshold"),
              ("fpr", "false positive rate at the threshold"))
          for end, bound in (("", ""), ("_low", "Lower bound of the 95 % interval: "),
                             ("_high", "Upper bound of the 95 % interval: "))),
        ("set_size", "", "Mean number of classes in the prediction set"),
        ("j", _F, "Youden's J: true minus false positive rate", "Youden, Cancer 3 (1950) 32"),
        ("low", "", "Lower bound of the 95 % interval"),
        ("high", "", "Upper bound of the 95 % interval"),
        ("true", "", "True class; the other columns count the predicted ones"),
        ("predicted", "", "Most probable class"),
        ("taken_for", "", "Class that is predicted instead"),
        ("percent_of_class", "%", "Images as percentage of those of the true class"),
        ("degradation", "", "Kind of noise or blur"),
        ("level", "see unit", "Strength of the noise or blur"),
        ("unit", "", "Unit of the level or of the pixel size"),
        ("unknown", _F, "Share of the images that are unknown"),
    ),
    "AI lens and autoencoder": (
        ("rank", "", "Place in the order of the table, from 1"),
        ("place", "", "Place among the patches of the channel, from 1"),
        ("channel", "", "Number of the channel in the layer, from 0"),
        ("variance", "", "Variance of the activation over the cells"),
        ("sparsity", _F, "1 − (mean of |activation|)² / mean of its square: near 1 where few cells "
         "are active", "Rolls & Tovee, J. Neurophysiol. 73 (1995) 713"),
        ("maximum", "", "Largest activation of the channel"),
        ("auc", _F, "Area under the ROC curve of the activation, inside against outside"),
        ("auc_label", "", "Label that the channel separates best, 0 if none"),
        ("correlation", "", "Correlation of the activation with the mask"),
        ("activation", "", "Activation of the channel"),
        ("deviations", "", "Activation above the mean, in standard deviations"),
        ("patch", "", "Number of the patch"),
        ("file", "", "File of the patch"),
        *((f"{axis}_<unit>", "px or unit", f"{axis} coordinate of the centre") for axis in "yx"),
        *((f"{side}_<unit>", "px or unit", f"{side.capitalize()} of the patch")
          for side in ("side", "height", "width")),
        ("crops", "", "Number of crops of the class"),
        ("layer", "", "Name of the layer"),
        ("type", "", "Type of the layer"),
        ("output", "", "Shape of the output of the layer"),
        ("parameters", "", "Number of parameters"),
        ("trained", "", "Whether the parameters were trained"),
        ("tiles", "", "Number of tiles"),
        *((f"{name}{end}", unit, f"{bound}{what}, of reconstructions of the tiles", source)
          for name, unit, what, source in (
              ("psnr", "dB", "peak signal-to-noise ratio", ""),
              ("ssim", "", "structural similarity", "Wang et al., IEEE TIP 13 (2004) 600"))
          for end, bound in (("", "Mean "), ("_low", "Lower bound of the 95 % interval: "),
                             ("_high", "Upper bound of the 95 % interval: "))),
    ),
    "Batches": (
        ("image", "", "Name of the image"),
        ("result", "", "Result of the image in words"),
        ("rows", "", "Rows of the image in the main table"),
        ("notes", "", "Notes of the result"),
        ("pixel_size", "unit", "Pixel size of the image"),
        ("seconds", "s", "Time for the image"),
        ("measure", "", "Column that is summed up"),
        ("n", "", "Number of values"),
        ("sd", "see unit", "Standard deviation (divided by n − 1)"),
        ("min", "see unit", "Smallest value"),
        ("max", "see unit", "Largest value"),
        *((f"d{k}", "see unit", f"{k} % of the values, by number, are below")
          for k in (10, 50, 90)),
    ),
}
# fmt: on

COLUMNS: dict[str, tuple[Column, ...]] = {
    topic: tuple(Column(*line) for line in lines) for topic, lines in _LINES.items()
}


def described(column: str) -> Column | None:
    """Definition of a column of a table, None if it has none."""
    known = [one for columns in COLUMNS.values() for one in columns]
    exact = (one for one in known if one.name == column)
    return next(exact, None) or next((one for one in known if one.matches(column)), None)
