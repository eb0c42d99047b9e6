"""That a network's stages by hand were compared with it, noted on disk: it need not be done at every start."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import torch
import torchvision

from service.models import families

log = logging.getLogger(__name__)


class Verdict:
    """One network's note in the cache folder.

    identity: of its weights and architecture; "" where it is code that may change under the same name, of which
    nothing is noted. The note holds for these versions of PyTorch, torchvision and of the stages alone.
    """

    def __init__(self, cache: Path | None, identity: str) -> None:
        code = Path(families.__file__).read_text()
        facts = [torch.__version__, torchvision.__version__, code, identity]
        name = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
        self._file = cache / f"{name}.same" if cache is not None and identity else None

    @property
    def known(self) -> bool:
        """Whether these stages have been compared with this network before."""
        return self._file is not None and self._file.is_file()

    def keep(self) -> None:
        """Note that they have. Without a disk that takes it, they are compared again at the next start."""
        try:
            if self._file is not None and not self._file.is_file():
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.touch()
        except OSError as error:
            log.warning("what was compared cannot be noted, the next start takes longer: %s", error)
