"""Messages arrive as they were sent, or not at all."""

from __future__ import annotations

import io

import pytest
from pydantic import ValidationError

from service.images import wire
from service.images.frame import Frame

JOB = wire.Job(frame=Frame(), preview=7, seconds=2)


def test_messages_come_back_one_by_one() -> None:
    stream = io.BytesIO(b"".join([*wire.pack(JOB, b"abc", b"", b"d"), *wire.pack(wire.Ready())]))
    header, body = wire.read(stream) or (b"", b"")
    assert (wire.Job.model_validate_json(header), body) == (JOB, b"abcd")
    assert wire.read(stream) == (b'{"kind":"ready"}', b"")
    assert wire.read(stream) is None


def test_half_a_message_is_none() -> None:
    whole = b"".join(wire.pack(JOB, b"abcd"))
    assert all(wire.read(io.BytesIO(whole[:length])) is None for length in range(len(whole)))


@pytest.mark.parametrize("text", [
    b"{}", b"[]", b'{"kind": "done"}', b'{"kind": "refused", "error": "KeyboardInterrupt", "detail": ""}',
    b'{"kind": "refused", "error": "TooLarge", "detail": "", "more": 1}', b'{"kind": "ready"}',
])  # fmt: skip
def test_replies_are_validated(text: bytes) -> None:
    with pytest.raises(ValidationError):
        wire.REPLY.validate_json(text)
