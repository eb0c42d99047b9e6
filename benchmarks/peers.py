"""What people build otherwise, as servers: `python -m benchmarks.peers torchcam|gradcam|litserve PORT [unlocked]`.

All take the same form with the same JPEG and answer with the same classes; torchcam and gradcam add the same kind of
heatmap. Their libraries keep state on the model, so a lock lets one request through at a time, unless told otherwise to
see what comes of it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import sys
import threading
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

from benchmarks.subject import framed, network, scores


def picture(grid: np.ndarray) -> str:
    """A map of any size as a grey PNG of 224² in base64."""
    grey = Image.fromarray(np.uint8(255 * np.clip(grid / max(float(grid.max()), 1e-12), 0, 1))).resize((224, 224))
    buffer = io.BytesIO()
    grey.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


Lock = contextlib.AbstractContextManager[Any]


def torchcam(lock: Lock) -> FastAPI:
    """FastAPI around torchcam's GradCAM."""
    from torchcam.methods import GradCAM

    model, app = network(), FastAPI()
    extractor = GradCAM(model, "layer4")

    @app.post("/explain")
    def explain(image: UploadFile) -> dict[str, Any]:
        x = framed(image.file.read())[None].requires_grad_()
        with lock:
            logits = model(x)
            grid = extractor(int(logits[0].argmax()), logits)[0][0]
        return {"scores": scores(logits[0]), "heatmap": picture(grid.detach().numpy())}

    return app


def gradcam(lock: Lock) -> FastAPI:
    """FastAPI around pytorch-grad-cam's GradCAM."""
    from pytorch_grad_cam import GradCAM

    model, app = network(trainable=True), FastAPI()
    method = GradCAM(model=model, target_layers=[model.get_submodule("layer4")])

    @app.post("/explain")
    def explain(image: UploadFile) -> dict[str, Any]:
        x = framed(image.file.read())[None]
        with lock:
            grid = method(input_tensor=x, targets=None)[0]
            logits = method.outputs
        return {"scores": scores(logits[0].detach()), "heatmap": picture(grid)}

    return app


def litserve(port: int) -> None:
    """LitServe with batches of 8, predictions alone."""
    from benchmarks.batched import serve

    serve(port)


def main() -> None:
    """Serve the peer named first on the port named second."""
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "litserve":
        litserve(port)
    else:
        lock: Lock = contextlib.nullcontext() if "unlocked" in sys.argv else threading.Lock()
        app = {"torchcam": torchcam, "gradcam": gradcam}[name](lock)
        app.get("/health")(lambda: "ok")
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
