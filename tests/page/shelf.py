"""Collections of marked pictures, for the model of finder.py."""

from __future__ import annotations

import time

import httpx

from tests.page.pictures import encoded, marked

COLOURS = ("red", "green", "blue")
PLACES = ((90, 60), (120, 80), (150, 100), (90, 100))
SHELVES = {"marks-known": "marks", "marks-bare": "marks", "marks-empty": "marks", "strange": "again"}
"""Each collection, and its model."""


def fill(client: httpx.Client) -> None:
    """Twelve pictures, each with one mark: `marks-bare` without thumbnails, `marks-empty` left empty."""
    for name, model in SHELVES.items():
        thumbnails = str(name != "marks-bare").lower()
        made = client.post("/collections", params={"name": name, "model": model, "thumbnails": thumbnails})
        assert made.status_code == 201, made.text
        if name != "marks-empty":
            put(client, name)


def put(client: httpx.Client, name: str, places: tuple[tuple[int, int], ...] = PLACES) -> None:
    """One picture a colour and place, called after both, labelled by its colour."""
    chosen = [(colour, place) for colour in COLOURS for place in places]
    files = [("image", encoded(marked(**{colour: place}))) for colour, place in chosen]
    asked = [("label", f"{colour}_mark") for colour, _ in chosen]
    asked += [("title", f"{colour}/{x}-{y}.png") for colour, (x, y) in chosen]
    added = client.post(f"/collections/{name}/items", params=asked, files=files)
    assert [one["status"] for one in added.json()["results"]] == ["saved"] * len(chosen), added.text


def drawn(client: httpx.Client, name: str, kind: str) -> None:
    """A map of a collection. kind: as maps are called, such as tsne-2d."""
    asked = {"method": kind.split("-", maxsplit=1)[0], "dimensions": kind[-2]}
    made = client.post(f"/collections/{name}/projection", params=asked)
    assert made.status_code == 202, made.text
    job = made.json()
    while job["state"] in {"waiting", "running"}:
        time.sleep(0.1)
        job = client.get(made.headers["location"]).json()
    assert job["state"] == "done", job
