import pytest

from napari_visual_ccc.core.units import (
    LENGTHS,
    METRES,
    NANOMETRES,
    are,
    converted,
    counted,
    in_short,
    is_plausible,
    length,
    ratio,
    sides_in_short,
    suitable,
    unit_of,
    usable,
)


def test_factors_are_the_nearest_floats_to_powers_of_ten():
    assert LENGTHS == {
        "pm": 1e-12, "Å": 1e-10, "nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0,
    }  # fmt: skip
    assert NANOMETRES == {
        "pm": 1e-3, "Å": 0.1, "nm": 1.0, "µm": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9,
    }  # fmt: skip
    assert METRES.items() <= LENGTHS.items()


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("um", "µm"), ("\u03bcm", "µm"), ("\\u00B5m", "µm"), ("micron", "µm"), ("A", "Å"),
        ("NM", "nm"), ("thou", "mil"),
        ("nm^-1", "1/nm"), ("1 / um", "1/µm"), ("", "px"), (None, "px"), ("parsec", "parsec"),
    ],
)  # fmt: skip
def test_spellings_of_a_unit_have_one_name(text, unit):
    assert unit_of(text) == unit


def test_unknown_units_count_as_pixels():
    assert usable("parsec") == "px"
    assert usable("cm") == "cm"


def test_units_of_no_micrograph_become_nanometres():
    assert converted(2.0, "cm") == (2e7, "nm")
    assert converted(2.0, "µm") == (2.0, "µm")
    assert converted(2.0, "mil") == (50800.0, "nm")
    assert converted(2.0, "dm") == (2e8, "nm")


def test_sizes_are_lengths_that_a_pixel_can_have():
    assert length(2.0, "um") == (2.0, "µm")
    assert length(1.0, "inch") == (2.54e7, "nm")
    for size, unit, words in ((1.0, "s", "not a unit"), (1e9, "m", "not plausible")):
        with pytest.raises(ValueError, match=words):
            length(size, unit)
    assert is_plausible(1.0, "1/nm")
    assert not is_plausible(1e-9, "pm")


@pytest.mark.parametrize(
    ("unit", "wanted", "expected"),
    [("nm", "µm", 1e-3), ("\u03bcm", "nm", 1e3), ("um", "µm", 1), ("Å", "nm", 0.1),
     ("mm", "pm", 1e9), ("1/nm", "1/Å", 0.1), ("1/µm", "1/nm", 1e-3), ("rad", "mrad", 1e3),
     ("s", "s", 1), ("nm", "1/nm", None), ("nm", "s", None), ("px", "nm", None), ("s", "ms", None)],
)  # fmt: skip
def test_ratios_of_units(unit, wanted, expected):
    assert ratio(unit, wanted) == expected


def test_a_field_of_view_has_the_unit_that_keeps_it_short():
    assert in_short(1_726_668.8, 1_588_400.4, "nm") == "1.727 × 1.588 mm"
    assert in_short(80, 60, "nm") == "80 × 60 nm"
    assert in_short(5000, 10, "1/nm") == "5000 × 10 1/nm"


def test_numbers_have_a_noun_in_their_form():
    assert [counted(count, "particle") for count in (0, 1, 2, 1200)] == [
        "0 particles", "1 particle", "2 particles", "1,200 particles"
    ]  # fmt: skip
    assert (are(1), are(0)) == ("is", "are")


@pytest.mark.parametrize(
    ("value", "unit", "power", "expected"),
    [(13.25, "nm", 1, "nm"), (1000, "nm", 1, "µm"), (0.4, "µm", 1, "nm"), (26145, "nm", 1, "µm"),
     (2.6e6, "nm", 1, "mm"), (90_000, "nm", 2, "nm"), (155_300, "nm", 2, "µm"),
     (1e7, "nm", 3, "µm"), (0.5, "Å", 1, "Å"), (500, "Å", 1, "nm"), (0, "µm", 1, "µm"),
     (5000, "1/nm", 1, "1/nm"),
     (12, "px", 1, "px")],
)  # fmt: skip
def test_the_unit_of_people_is_chosen_by_size(value, unit, power, expected):
    assert suitable(value, unit, power) == expected


def test_sides_of_a_pixel_are_in_a_unit_with_short_numbers():
    assert sides_in_short((2614.5, 2614.5), "nm") == "2.6145 µm"
    assert sides_in_short((1.5, 1.2), "nm") == "1.5 × 1.2 nm"
    assert sides_in_short((0.02, 0.02), "1/nm") == "0.02 1/nm"
    assert sides_in_short((), "px") == ""
