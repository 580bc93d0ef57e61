"""Contrast limits."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.contrast import contrast, opacity, sample


def test_limits_leave_the_extreme_values_out():
    values = np.r_[np.linspace(0, 1, 1000), 1e6]
    low, high = contrast(values, "grey")
    assert 0 < low < 0.01
    assert 0.99 < high < 1


def test_limits_of_signed_maps_are_symmetric():
    low, high = contrast(np.linspace(-1, 3, 100), "signed")
    assert low == -high
    assert high == pytest.approx(3, abs=0.05)


def test_constant_and_missing_values_have_usable_limits():
    assert contrast(np.full(5, 2.0), "grey") == (2, 3)
    assert contrast(np.array([np.nan, np.inf]), "heat") is None


def test_what_is_low_is_transparent_and_what_is_high_is_not_quite_opaque():
    shares = np.linspace(0, 1, 11)
    heat, signed = opacity(shares, "heat"), opacity(shares, "signed")
    assert heat[0] == signed[5] == 0
    assert heat[-1] == signed[0] == signed[-1] < 1
    assert (np.diff(heat) >= 0).all()
    np.testing.assert_allclose(signed, signed[::-1])
    np.testing.assert_array_equal(opacity(shares, "grey"), 1)


def test_a_sample_is_small_and_spread_over_the_whole_array():
    values = np.arange(3 * 2000 * 1000).reshape(3, 2000, 1000)
    some = sample(values)
    assert some.size <= 1 << 19
    assert set(some[:, 0, 0] // 2_000_000) == {0, 1, 2}
    small = np.arange(10)
    np.testing.assert_array_equal(sample(small), small)
