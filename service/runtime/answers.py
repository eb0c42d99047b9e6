"""What routes, collections and commands need of the service: the use cases predict, explain, embed and analyze."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.models.registry import Registry
from service.models.reloading import Reload
from service.runtime.admission import Admission
from service.runtime.inspection import Inspection
from service.runtime.question import Question
from service.runtime.results import Answer
from service.settings import Settings


class Answers(Protocol):
    """Questions about images in, answers out. `start` and `close` run on the event loop that asks.

    `service.runtime.inference_service.InferenceService` is the implementation.
    """

    @property
    def settings(self) -> Settings:
        """The settings that the service was started with."""

    @property
    def registry(self) -> Registry:
        """The models that answer."""

    @property
    def admission(self) -> Admission:
        """Accepts or refuses images of requests, by how long they would wait."""

    @property
    def ready(self) -> tuple[bool, str]:
        """Whether questions to the default model can be answered, and the reason in words."""

    async def start(self, load: bool = True) -> None:
        """Begin to serve. load: whether to load all models in the background."""

    async def close(self) -> None:
        """Stop everything that `start` started."""

    def pinned(self, question: Question) -> Question:
        """The same question, to the classifier that its model has now: all images of a request have the same weights.

        Raises UnknownName, ModelUnavailable.
        """

    async def reload(self) -> Reload:
        """Read the registry again and load what has changed, while answers go on; see `Registry.reload`."""

    async def predict(self, data: bytes, question: Question) -> Answer:
        """Class scores alone."""

    async def explain(self, data: bytes, question: Question) -> Answer:
        """Class scores and one method's maps. Raises BadParameter unless exactly one method is asked for."""

    async def embed(self, data: bytes, question: Question) -> Answer:
        """The image as a vector, and class scores."""

    async def activations(self, data: bytes, question: Question) -> Answer:
        """The feature maps of a layer, and class scores."""

    async def analyze(self, data: bytes, question: Question) -> Answer:
        """Everything the question asks for, from one decoding and one forward.

        data: the encoded image. Raises every RequestError and UnavailableError of the tree.
        """

    async def inspect(self, data: bytes, model: str | None, preview: int = 0) -> Inspection:
        """An image at its model's default cut. preview: longer side in pixels of the picture with it, 0 for none.

        Raises RefusedImage where the model's guard refuses it, and all that `analyze` raises.
        """

    async def covered(self, mask: bytes, inspection: Inspection) -> NDArray[np.float32]:
        """The share, 0 to 1, of every pixel of the model's input that a mask's file covers: [s, s].

        mask: the encoded file. Raises what decoding an image raises.
        """
