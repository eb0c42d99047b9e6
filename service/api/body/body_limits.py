"""What the images of one request may come to."""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import TooLarge
from service.settings import Settings


@dataclass(frozen=True)
class BodyLimits:
    """nbytes: of one encoded image at most; count: images in one request at most. masks: may come with them."""

    nbytes: int
    count: int
    masks: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Names under which files may come."""
        return ("image", "mask") if self.masks else ("image",)

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        """What the settings allow."""
        return cls(settings.max_image_bytes, settings.max_images)

    def check_bytes(self, nbytes: int) -> None:
        """Raise TooLarge where one image has more bytes than it may."""
        if nbytes > self.nbytes:
            raise TooLarge(f"an image may have at most {_size(self.nbytes)}")

    def check_count(self, count: int) -> None:
        """Raise TooLarge where there are more images than there may be."""
        if count > self.count:
            raise TooLarge(f"a request may carry at most {self.count} image{'s' * (self.count > 1)}")


def _size(nbytes: int) -> str:
    return f"{nbytes / 2**20:.4g} MiB" if nbytes >= 2**20 else f"{nbytes / 2**10:.4g} KiB"
