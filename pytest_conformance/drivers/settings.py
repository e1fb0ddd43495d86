"""What the settings of the instrument drivers have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DriverSettings(BaseModel):
    """Settings from a bench file: unknown keys are refused, quantities are written with units."""

    model_config = ConfigDict(extra="forbid", frozen=True)
