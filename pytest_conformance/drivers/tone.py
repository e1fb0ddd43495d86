"""From pictures to a display's values: its declared gamma, or what was measured of it, is taken off. Pure.

Pictures are sRGB (IEC 61966-2-1): a value stands for a share of full light. A display turns a value into light by its
own curve; the correction asks it for the value at which it gives that share.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from pytest_conformance.drivers.settings import DriverSettings

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from pytest_conformance.drivers.roles import Image

WHITE = 255


def _measured(table: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
    values, lights = [each[0] for each in table], [each[1] for each in table]
    rising = all(a < b for column in (values, lights) for a, b in itertools.pairwise(column))
    if (
        len(table) < 2
        or (values[0], values[-1]) != (0, WHITE)
        or not rising
        or not 0 <= lights[0] < lights[-1] < math.inf
    ):
        raise ValueError(
            "rows of value and light are due, both rising, from value 0 to 255, no light below 0 or without end"
        )
    return table


class ToneSettings(DriverSettings):
    """How a display turns values into light: `gamma`, or `tone` as it was measured; without either it is sRGB."""

    gamma: float | None = Field(None, ge=1.0, le=4.0)
    """Light is the share of white's value to this power."""
    tone: Annotated[tuple[tuple[int, float], ...], AfterValidator(_measured)] | None = None
    """Rows of value (0 to 255) and the light that was measured for it (cd/m², or any other unit), rising."""

    @model_validator(mode="after")
    def _one_curve(self) -> Self:
        if self.gamma is not None and self.tone is not None:
            raise ValueError("gamma and tone exclude each other: keep what was measured")
        return self


def correction(gamma: float | None, tone: Sequence[tuple[int, float]] | None) -> NDArray[np.uint8] | None:
    """Return 256 values of the display for those of a picture; None where nothing was declared.

    With `tone` light is counted from that of black to that of white: what the display cannot be without is not
    taken off, and between two measured values light is a straight line.
    """
    import numpy as np

    if gamma is None and tone is None:
        return None
    value = np.arange(WHITE + 1) / WHITE
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    if tone is not None:
        values, lights = np.array(tone, float).T
        shares = (lights - lights[0]) / (lights[-1] - lights[0])
        asked = np.interp(light, shares, values)
    else:
        asked = WHITE * light ** (1 / gamma)  # type: ignore[operator]
    lookup: NDArray[np.uint8] = np.rint(asked).astype(np.uint8)
    return lookup


def corrected(image: Image, settings: ToneSettings) -> Image:
    """Return an RGB picture as the display is to be fed with it."""
    lookup = correction(settings.gamma, settings.tone)
    return image if lookup is None else lookup[image]
