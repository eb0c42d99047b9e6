"""What the vectors of a collection depend on, so that a change of any of it is noticed and named."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from service.images.frame import Frame

UNRECORDED = 0
"""The preprocessing version of collections that were made before it was recorded."""


OLDER_VERSION = (
    "it was made by an older version of Fovea, which did not record how its images were prepared for the model, so it"
    " is unknown whether new vectors can be compared with its own"
)


class Fingerprint(BaseModel):
    """Everything that vectors and maps depend on. What is empty is not known."""

    model_config = ConfigDict(frozen=True)

    weights_sha256: str
    """Hexadecimal digest of the weights."""
    layer: str
    """The layer after which embeddings are taken."""
    map_layer: str = ""
    """The layer after which maps and unit maxima are taken."""
    network: str = ""
    """The parts of a registry entry that decide what the network computes, as JSON."""
    frame: Frame | None = None
    """How images become the network's input, mean and standard deviation included."""
    preprocessing: int = UNRECORDED
    """`PREPROCESSING_VERSION` at the time."""

    @field_validator("frame", mode="before")
    @classmethod
    def _unreadable_is_unknown(cls, frame: Any) -> Any:
        """A frame of another version of Fovea, with fields that this one does not have, equals none of today."""
        try:
            return Frame.model_validate(frame)
        except ValidationError:
            return None

    def changes(self, now: Fingerprint) -> list[str]:
        """What is different now, one sentence part per change; nothing where the vectors are still comparable."""
        found = []
        if now.weights_sha256 not in {"", self.weights_sha256}:
            found.append(
                f"the model has other weights now ({now.weights_sha256[:12]} instead of {self.weights_sha256[:12]})"
            )
        if self.preprocessing == UNRECORDED:
            return [*found, OLDER_VERSION]
        if now.network not in {"", self.network}:
            found.append("the model's network has another architecture, other arguments or other stages now")
        if now.frame is not None and now.frame != self.frame:
            found.append(f"the model prepares images in another way now ({_frame_changes(self.frame, now.frame)})")
        if now.layer not in {"", self.layer}:
            found.append(f"vectors are taken after layer {now.layer!r} now, and were taken after {self.layer!r}")
        if now.map_layer not in {"", self.map_layer}:
            found.append(f"maps are taken after layer {now.map_layer!r} now, and were taken after {self.map_layer!r}")
        if now.preprocessing != self.preprocessing:
            found.append(
                f"this version of Fovea decodes or frames images in another way (version {now.preprocessing} of"
                f" preprocessing instead of {self.preprocessing})"
            )
        return found


def _frame_changes(before: Frame | None, now: Frame) -> str:
    if before is None:
        return "its frame was written by another version of Fovea"
    old, new = before.model_dump(), now.model_dump()
    names = [name for name in new if new[name] != old[name]]
    return ", ".join(f"{name} {_plain(new[name])} instead of {_plain(old[name])}" for name in names)


def _plain(value: object) -> str:
    if value is None:
        return "unset"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
