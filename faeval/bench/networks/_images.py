"""Inputs as images: what networks of patches and of feature maps take a number of features for."""

from __future__ import annotations

import math

from faeval.errors import FaevalError


def image_shape(features: int) -> tuple[int, int]:
    """Return the channels and the side s of the images that inputs of so many features are.

    3 s^2 features are colour images (3, s, s), s^2 grey ones (1, s, s), each channel row by row. No
    number is both, since the root of 3 is irrational. A task whose features have no order in space,
    such as ``teacher``, is seen so as well: its 768 features as 3 x 16 x 16.

    Raises
    ------
    FaevalError
        The number is of neither form.

    Examples
    --------
    >>> image_shape(3072), image_shape(768), image_shape(64)
    ((3, 32), (3, 16), (1, 8))
    """
    for channels in (3, 1):
        side = math.isqrt(max(features, 0) // channels)
        if side and channels * side * side == features:
            return channels, side
    raise FaevalError(
        f"features={features!r} ({type(features).__name__}): no square image has so many numbers;"
        " give 3*s*s of them (colour) or s*s (grey), or take a network that flattens its inputs,"
        " such as network='residual_mlp'."
    )


def patch_side(side: int, grid: int) -> int:
    """Return the side of each patch where an image of one side is cut into grid x grid.

    FaevalError where it does not divide.
    """
    if grid < 1 or side % grid:
        fits = ", ".join(str(n) for n in range(1, side + 1) if side % n == 0)
        raise FaevalError(
            f"grid={grid!r} ({type(grid).__name__}): images of {side} x {side} pixels are not cut"
            f" into {grid} x {grid} patches of one size; choose one of {fits}."
        )
    return side // grid
