"""Collections of marked pictures, for the models of mark_model.py."""

from __future__ import annotations

import time

import httpx

from tests.page.pictures import encoded, marked

COLOURS = ("red", "green", "blue")
CENTRES = ((90, 60), (120, 80), (150, 100), (90, 100))
MODELS = {"marks-known": "marks", "marks-bare": "marks", "marks-empty": "marks", "strange": "again"}
"""Each collection, and its model."""


def create_collections(client: httpx.Client) -> None:
    """Collections of twelve pictures with one mark each: `marks-bare` without thumbnails, `marks-empty` empty."""
    for name, model in MODELS.items():
        thumbnails = str(name != "marks-bare").lower()
        response = client.post("/collections", params={"name": name, "model": model, "thumbnails": thumbnails})
        assert response.status_code == 201, response.text
        if name != "marks-empty":
            add_items(client, name)


def add_items(client: httpx.Client, name: str, centres: tuple[tuple[int, int], ...] = CENTRES) -> None:
    """One picture per colour and centre of the mark, named after both, labelled by its colour."""
    marks = [(colour, centre) for colour in COLOURS for centre in centres]
    files = [("image", encoded(marked(**{colour: centre}))) for colour, centre in marks]
    params = [("label", f"{colour}_mark") for colour, _ in marks]
    params += [("title", f"{colour}/{x}-{y}.png") for colour, (x, y) in marks]
    response = client.post(f"/collections/{name}/items", params=params, files=files)
    assert [one["status"] for one in response.json()["results"]] == ["saved"] * len(marks), response.text


def compute_projection(client: httpx.Client, collection: str, name: str) -> None:
    """Compute a projection of a collection. name: of the projection, such as tsne-2d."""
    params = {"method": name.split("-", maxsplit=1)[0], "dimensions": name[-2]}
    response = client.post(f"/collections/{collection}/projection", params=params)
    assert response.status_code == 202, response.text
    job = response.json()
    while job["state"] in {"waiting", "running"}:
        time.sleep(0.05)
        job = client.get(response.headers["location"]).json()
    assert job["state"] == "done", job
