"""Calls the service through a generated client. `calls.py SERVICE IMAGE` prints the answers that the test compares."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from fovea_client import Client
from fovea_client.api.answers import analyze, embed, explain, predict
from fovea_client.models import (
    AnalyzeJsonBody,
    EmbedJsonBody,
    ExplainJsonBody,
    ExplainMethod,
    PredictFilesBody,
    PredictJsonBody,
)
from fovea_client.types import File

service, path = sys.argv[1:]
client = Client(base_url=service)
data = Path(path).read_bytes()
text = base64.b64encode(data).decode()

with Path(path).open("rb") as file:
    by_form = predict.sync(client=client, body=PredictFilesBody(image=[File(payload=file, file_name="image.png")]))
by_bytes = predict.sync(client=client, body=File(payload=data))  # type: ignore[arg-type]
by_json = predict.sync(client=client, body=PredictJsonBody(image=text))
explained = explain.sync(method=ExplainMethod.GRADCAM, client=client, body=ExplainJsonBody(image=text))
embedded = embed.sync(client=client, body=EmbedJsonBody(image=text))
analyzed = analyze.sync(client=client, body=AnalyzeJsonBody(image=text), methods=["gradcam", "layercam"], embed=True)
refused = predict.sync(client=client, body=PredictJsonBody(image=text), model="nobody")

answers = {
    "predict": by_json.predictions[0].label,
    "form": by_form.predictions[0].label,
    "bytes": by_bytes.predictions[0].label,
    "explain": explained.explanation.maps[0].grid,
    "embed": embedded.embedding,
    "analyze": [one.method for one in analyzed.explanations],
    "refused": refused.type_,
    "methods": [method.value for method in ExplainMethod],
}
sys.stdout.write(json.dumps(answers))
