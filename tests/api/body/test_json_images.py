"""JSON bodies, read while they arrive: the same images as from a complete parser, and little memory."""

from __future__ import annotations

import base64
import json
import random
import tracemalloc

import pytest

from service.api.body.body_limits import BodyLimits
from service.api.body.json_images import JsonImages
from service.errors import MalformedRequest, TooLarge

LIMITS = BodyLimits(max_image_bytes=2**20, max_images=4, masks=True)


def read(body: bytes, steps: random.Random | None = None, limits: BodyLimits = LIMITS) -> dict[str, list[bytes]]:
    """Parse in pieces of random lengths, or in one."""
    document, at = JsonImages(limits), 0
    while at < len(body):
        step = steps.choice((1, 2, 3, 5, 17, 300)) if steps else len(body)
        document.feed(body[at : at + step])
        at += step
    return document.finish()


def escaped(text: str, chance: random.Random) -> str:
    """The text as a JSON string in which some characters are written as escapes."""

    def one(character: str) -> str:
        how = chance.random()
        if character == "/" and how < 0.5:
            return "\\/"
        return f"\\u{ord(character):04{chance.choice('xX')}}" if how < 0.1 else character

    return '"' + "".join(map(one, text)) + '"'


def spaced(chance: random.Random) -> str:
    return "".join(chance.choices(" \t\r\n", k=chance.choice((0, 0, 1, 5))))


@pytest.mark.parametrize("seed", range(60))
def test_documents_are_read_as_a_complete_parser_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    members, images = [], {}
    for field in chance.sample(("image", "mask"), chance.choice((1, 2))) if seed % 3 else ("image",):
        images[field] = [chance.randbytes(chance.choice((1, 2, 3, 200, 5000))) for _ in range(chance.randint(1, 4))]
        texts = [escaped(base64.b64encode(image).decode(), chance) for image in images[field]]
        listed = f"[{','.join(spaced(chance) + text + spaced(chance) for text in texts)}]"
        value = texts[0] if len(texts) == 1 and chance.random() < 0.5 else listed
        members.append(f"{escaped(field, chance)}{spaced(chance)}:{spaced(chance)}{value}{spaced(chance)}")
    body = spaced(chance) + "{" + spaced(chance) + ",".join(members) + "}" + spaced(chance)
    parsed = {field: [found] if isinstance(found, str) else found for field, found in json.loads(body).items()}
    assert {field: [base64.b64decode(text) for text in texts] for field, texts in parsed.items()} == images
    if "image" in images:
        assert read(body.encode()) == read(body.encode(), chance) == images
    else:
        with pytest.raises(MalformedRequest, match="no field image"):
            read(body.encode())


@pytest.mark.parametrize("seed", range(200))
def test_a_damaged_document_is_never_read_where_a_complete_parser_refuses_it(seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(json.dumps({"image": ["eHl6", "eQ=="], "mask": ["eg=="]}).encode())
    for _ in range(chance.choice((1, 2))):
        body[chance.randrange(len(body))] = chance.choice(b'"\\[]{}:, \n\0u0A\xff')
    try:
        found = read(bytes(body), chance)
    except MalformedRequest:
        return
    parsed = {name: [texts] if isinstance(texts, str) else texts for name, texts in json.loads(body).items()}
    assert found == {
        name: [base64.b64decode(text.translate({45: "+", 95: "/"}), validate=False) for text in texts]
        for name, texts in parsed.items()
    }


BOMBS = {
    "empty lists": b'{"image":[[],' * 2,
    "a deep list": b'{"image":' + b"[" * 1000,
    "empty texts": b'{"image":["",' + b'"",' * 1000,
    "numbers": b'{"image":[1,1,',
    "objects": b'{"image":[{},',
    "members": b'{"a":1,"b":2,',
    "a long name": b'{"' + b"a" * 1000,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_value_of_another_kind_is_refused_at_its_start(kind: str) -> None:
    with pytest.raises((MalformedRequest, TooLarge)):
        read(BOMBS[kind] + b" " * 100, random.Random(0))


def test_an_image_that_is_too_large_is_refused_before_its_end() -> None:
    document = JsonImages(BodyLimits(max_image_bytes=3000, max_images=1))
    document.feed(b'{"image": "' + b"A" * 4000)
    with pytest.raises(TooLarge, match="an image may have at most"):
        document.feed(b"A" * 10)


def test_memory_is_that_of_the_images() -> None:
    size, pieces = 8 * 2**20, 64
    document = JsonImages(BodyLimits(max_image_bytes=size, max_images=1))
    text = base64.b64encode(bytes(3 * 2**14)) * 2
    escapes = text.replace(b"A", b"\\u0041")[: 2**16 // 6 * 6]
    tracemalloc.start()
    try:
        document.feed(b'{"image": "')
        for piece in range(pieces):
            document.feed(escapes if piece % 2 else text)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    images = pieces // 2 * (len(text) + len(escapes) // 6) * 3 // 4
    assert held < images + 2**18
    assert peak < images + 2**21
