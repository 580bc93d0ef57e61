"""The size of a pixel or voxel with its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from .plain import shown
from .units import NANOMETRES, unit_of

Spacing = Sequence[float] | float | None

Sizes = tuple[float, float, float]

# relative difference up to which sizes are equal, those of a square pixel too: files have three
# digits
ROUNDING = 0.01

# sizes whose squares and cubes, and those of their ratios, are numbers too
SMALLEST, LARGEST = 1e-30, 1e30


# choice of operations that leave out small objects, and how a form shows it
MIN_DIAMETER = {"min": 0.0, "max": 1e6, "label": "Min diameter", "unit": "layer"}
MinDiameter = Annotated[float, MIN_DIAMETER]

# relative difference of computed diameters that is no difference: far less than one of 1e8 pixels
_DIGITS = 1e-9


@dataclass(frozen=True)
class PixelSize:
    """Size of a pixel (y, x) or of a voxel (z, y, x).

    Public functions take ``spacing=, unit=`` and make a `PixelSize` of it with `of`.

    Parameters
    ----------
    sizes : (y, x) or (z, y, x)
        In `unit`.
    unit : str
        ``"nm"``, ``"µm"``, ``"1/nm"`` (a diffraction pattern), ...
    """

    sizes: tuple[float, ...]
    unit: str

    @classmethod
    def of(cls, spacing: Spacing, unit: str = "px", axes: int = 2) -> PixelSize | None:
        """Validate a spacing and its unit; None without a spacing.

        Parameters
        ----------
        spacing : float, (y, x), (z, y, x) or None
            One number means a square pixel or a cubic voxel.
        unit : str
            Of `spacing`.
        axes : {2, 3}
            Pixel (any z is left out) or voxel.

        Raises
        ------
        ValueError
            If a size is not above zero, or is outside 1e-30 to 1e30, the unit is missing, or a
            voxel has no step between slices.
        """
        if spacing is None:
            return None
        unit = unit_of(unit)
        if unit == "px":
            raise ValueError(
                f"spacing is {shown(spacing)}, but of which unit? Add unit='nm', for example"
            )
        given = np.atleast_1d(numbers_of(spacing))
        height, width = np.broadcast_to(given[-2:], 2).tolist()
        check_sizes((height, width), f"spacing is {shown(spacing)} {unit} a pixel")
        if axes == 2:
            return cls((height, width), unit)
        if given.size == 2:
            raise ValueError(
                f"spacing is {shown(spacing)} {unit}: in 3D the step between slices counts too; "
                "give it as (z, y, x)"
            )
        depth = float(given[max(given.size - 3, 0)])
        check_sizes((depth,), f"spacing is {shown(spacing)} {unit} a voxel")
        return cls((depth, height, width), unit)

    @property
    def height(self) -> float:
        """Size along y."""
        return self.sizes[-2]

    @property
    def width(self) -> float:
        """Size along x."""
        return self.sizes[-1]

    @property
    def is_square(self) -> bool:
        """Whether height and width are equal, up to the rounding of files: 1 %."""
        return abs(self.height - self.width) <= ROUNDING * max(self.height, self.width)

    @property
    def side(self) -> float:
        """Side of a square pixel."""
        return self.height if self.height == self.width else self.mean

    @property
    def mean(self) -> float:
        """Geometric mean of height and width."""
        return float(np.sqrt(self.height * self.width))

    @property
    def nanometres(self) -> float | None:
        """Geometric mean of height and width in nm; None where the unit is not a length."""
        return self.mean * NANOMETRES[self.unit] if self.unit in NANOMETRES else None

    @property
    def in_nanometres(self) -> PixelSize | None:
        """The same size in nm; None where the unit is not a length."""
        if self.unit not in NANOMETRES:
            return None
        return PixelSize(tuple(one * NANOMETRES[self.unit] for one in self.sizes), "nm")

    @property
    def extent(self) -> float:
        """Area of a pixel, or volume of a voxel."""
        product = 1.0
        for size in self.sizes:
            product *= size
        return product

    @property
    def extent_column(self) -> str:
        """Name of a table's column of areas (``"area_nm2"``) or volumes (``"volume_nm3"``)."""
        what = "area" if len(self.sizes) == 2 else "volume"
        return f"{what}_{self.unit}{len(self.sizes)}"

    def length_column(self, name: str) -> str:
        """Name of a table's column of lengths, such as ``"perimeter_nm"``."""
        return f"{name}_{self.unit}"

    def scaled(self, factor: float) -> PixelSize:
        """Pixel size of an image that is coarser by a factor within slices."""
        sizes = (*self.sizes[:-2], self.height * factor, self.width * factor)
        return PixelSize(sizes, self.unit)


def numbers_of(spacing: Any) -> np.ndarray:
    """Convert what was given as a spacing to numbers.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return np.asarray(spacing, float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"spacing is {shown(spacing)}; give the size of a pixel, such as 2.5 or (10, 2.5, 2.5)"
        ) from None


def check_sizes(sizes: Sequence[float], what: str) -> None:
    """Validate sizes of a pixel or voxel.

    Raises
    ------
    ValueError
        If one is not above zero, or no size of a pixel: outside 1e-30 to 1e30. The message begins
        with `what`.
    """
    if not all(0 < one < np.inf for one in sizes):
        raise ValueError(f"{what}; it must be above zero")
    if not all(SMALLEST <= one <= LARGEST for one in sizes):
        raise ValueError(f"{what}; it must be between {SMALLEST:g} and {LARGEST:g}")


def pixel_shape(pixel_size: PixelSize | None) -> tuple[float, float] | None:
    """Sides (y, x) of a pixel that is not square, as shares of √(y · x); None for a square one.

    Lengths given in pixels then reach equally far along both axes of the specimen.
    """
    if pixel_size is None or pixel_size.is_square:
        return None
    return pixel_size.height / pixel_size.mean, pixel_size.width / pixel_size.mean


def voxel_shape(pixel_size: PixelSize | None) -> Sizes:
    """Sides of a voxel in pixels of a slice: (4, 1, 1) for thick slices, a cube without a scale.

    A pixel has the side √(y · x). Lengths given in pixels (a blur, a tolerance) then reach as far
    across slices as within one.
    """
    if pixel_size is None:
        return 1.0, 1.0, 1.0
    z, y, x = (float(side / pixel_size.mean) for side in pixel_size.sizes)
    return z, y, x


def pixel_side(spacing: Sequence[float] | None, axes: int = 2) -> float:
    """Side of a square of the area of a pixel, in 3D of a cube of the volume of a voxel.

    1 without a spacing: lengths are in pixels then.
    """
    if spacing is None:
        return 1.0
    return float(np.prod([float(one) for one in spacing[-axes:]])) ** (1 / axes)


def diameter_of(pixels: float, axes: int = 2) -> float:
    """Diameter in pixels of the circle of an area in pixels, in 3D of the ball of a volume."""
    return float(np.sqrt(4 * pixels / np.pi) if axes == 2 else np.cbrt(6 * pixels / np.pi))


def least_pixels(min_diameter: float, pixel_size: PixelSize | None, axes: int = 2) -> int:
    """Pixels of the smallest object that a `MinDiameter` keeps.

    Parameters
    ----------
    min_diameter : float
        Of the circle of the same area, in 3D of the ball of the same volume, in the unit of the
        pixel size; in pixels without one. 0 keeps all.
    pixel_size : PixelSize, optional
        Of a pixel, in 3D of a voxel.
    axes : {2, 3}
        In which objects are measured.

    Raises
    ------
    ValueError
        If the diameter is negative or not finite.
    """
    if not 0 <= min_diameter < np.inf:
        raise ValueError(f"min_diameter is {min_diameter}; it must be 0 or more")
    full = np.pi / 4 * min_diameter**2 if axes == 2 else np.pi / 6 * min_diameter**3
    pixels = full / (1.0 if pixel_size is None else pixel_size.extent)
    return int(np.ceil(pixels * (1 - _DIGITS)))


def kept_pixels(min_diameter: float, pixel_size: PixelSize | None, automatic: int) -> int:
    """Pixels of the smallest region that a `MinDiameter` keeps, a number of them where it is 0."""
    return least_pixels(min_diameter, pixel_size) if min_diameter else automatic


def nanometres(spacing: Spacing, unit: str) -> float | None:
    """Size of a pixel in nm; None without a spacing or where the unit is not a length."""
    size = PixelSize.of(spacing, unit) if unit in NANOMETRES else None
    return None if size is None else size.nanometres


def scaled(
    spacing: Sequence[float] | None, factor: float | Sequence[float] | np.ndarray
) -> tuple[float, ...] | None:
    """Spacing of an image that is coarser by a factor within slices, or by one along each axis."""
    if spacing is None:
        return None
    if np.ndim(factor) == 0:
        return PixelSize(tuple(spacing), "").scaled(float(factor)).sizes  # type: ignore[arg-type]
    factors = np.asarray(factor, float)
    return tuple(float(one) for one in np.multiply(spacing, factors[-len(spacing) :]))
