"""Messages arrive as they were sent, or not at all."""

from __future__ import annotations

import io

import pytest
from pydantic import ValidationError

from service.images import protocol
from service.images.frame import Frame

JOB = protocol.Job(frame=Frame(), preview=7, seconds=2)


def test_messages_come_back_one_by_one() -> None:
    stream = io.BytesIO(b"".join([*protocol.pack(JOB, b"abc", b"", b"d"), *protocol.pack(protocol.Ready())]))
    header, body = protocol.read(stream) or (b"", b"")
    assert (protocol.Job.model_validate_json(header), body) == (JOB, b"abcd")
    assert protocol.read(stream) == (b'{"kind":"ready"}', b"")
    assert protocol.read(stream) is None


def test_half_a_message_is_none() -> None:
    whole = b"".join(protocol.pack(JOB, b"abcd"))
    assert all(protocol.read(io.BytesIO(whole[:length])) is None for length in range(len(whole)))


@pytest.mark.parametrize("text", [
    b"{}", b"[]", b'{"kind": "done"}', b'{"kind": "refused", "error": "KeyboardInterrupt", "detail": ""}',
    b'{"kind": "refused", "error": "TooLarge", "detail": "", "more": 1}', b'{"kind": "ready"}',
])  # fmt: skip
def test_replies_are_validated(text: bytes) -> None:
    with pytest.raises(ValidationError):
        protocol.REPLY.validate_json(text)
