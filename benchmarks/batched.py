"""The prediction server that LitServe's documentation describes.

At the top of a module, for its workers are spawned; and without postponed annotations, for it reads them.
"""

from typing import Any

import litserve
import torch
from fastapi import Request
from torch import Tensor, nn

from benchmarks.subject import framed, network, scores


class Api(litserve.LitAPI):
    """One form with one picture in, one list of probabilities out."""

    model: nn.Module

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Called once in each worker."""
        self.model = network()

    def decode_request(self, request: Request) -> Tensor:
        """The picture, framed."""
        return framed(request["image"].file.read())

    def batch(self, inputs: list[Tensor]) -> Tensor:
        """[3, H, W] each -> [N, 3, H, W]."""
        return torch.stack(inputs)

    @torch.inference_mode()
    def predict(self, x: Tensor) -> Tensor:
        """x [N, 3, H, W] -> logits [N, K]."""
        logits: Tensor = self.model(x)
        return logits

    def unbatch(self, output: Tensor) -> list[Tensor]:
        """[N, K] -> [K] each."""
        return list(output)

    def encode_response(self, output: Tensor) -> dict[str, Any]:
        """Logits [K] -> JSON."""
        return {"scores": scores(output)}


def serve(port: int) -> None:
    """Serve on loopback until killed."""
    api = Api(max_batch_size=8, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning", num_api_servers=1)
