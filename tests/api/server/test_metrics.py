"""Every route that takes images counts them by model and outcome."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from tests.api.routes.test_collections import DARK, made
from tests.api.test_real import running
from tests.runtime.test_answers import picture

PATHS = ["/predict", "/embed", "/explain/gradcam", "/analyze", "/models/guarded/activations"]
COLLECTION_PATHS = ["/collections/set/items", "/collections/set/neighbors"]


async def counts(client: httpx.AsyncClient) -> dict[str, float]:
    """fovea_answers_total of model `guarded`, by status."""
    text = (await client.get("/metrics")).text
    found = re.findall(r'^fovea_answers_total\{model="guarded",status="(\w+)"\} (\S+)', text, re.MULTILINE)
    return {status: float(count) for status, count in found}


async def test_answered_and_refused_images_are_counted_and_unreadable_ones_are_not(tmp_path: Path) -> None:
    """By every route alike, one after the other in one service."""
    async with running(tmp_path) as client:
        await made(client, model="guarded")
        images = [picture(seed=1), picture(seed=2), DARK, b"no image"]
        for number, path in enumerate(PATHS + COLLECTION_PATHS, start=1):
            query = {"model": "guarded"} if path.count("/") == 1 or path.startswith("/explain") else {}
            response = await client.post(path, params=query, files=[("image", image) for image in images])
            assert response.status_code == 200, response.text
            assert await counts(client) == {"ok": 2 * number, "refused": number}, path
