"""Limits on the images of one request."""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import TooLarge
from service.settings import Settings


@dataclass(frozen=True)
class BodyLimits:
    """max_image_bytes: of one encoded image. max_images: in one request. masks: whether masks may come with them."""

    max_image_bytes: int
    max_images: int
    masks: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the form or JSON fields that a body may have."""
        return ("image", "mask") if self.masks else ("image",)

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        """The limits in the settings."""
        return cls(settings.max_image_bytes, settings.max_images)

    def check_bytes(self, nbytes: int) -> None:
        """Raise TooLarge if one image has too many bytes."""
        if nbytes > self.max_image_bytes:
            raise TooLarge(f"an image may have at most {_size(self.max_image_bytes)}")

    def check_count(self, count: int) -> None:
        """Raise TooLarge if there are too many images."""
        if count > self.max_images:
            raise TooLarge(f"a request may have at most {self.max_images} image{'s' * (self.max_images > 1)}")


def _size(nbytes: int) -> str:
    return f"{nbytes / 2**20:.4g} MiB" if nbytes >= 2**20 else f"{nbytes / 2**10:.4g} KiB"
