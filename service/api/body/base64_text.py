"""Strict decoding of base64."""

from __future__ import annotations

import binascii
import re

from service.errors import MalformedRequest

STEP = 2**20
"""Characters decoded at once, a multiple of four. Between two steps other threads can run."""

DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
WHITESPACE = b" \t\r\n"


def decode_base64(text: str) -> bytes:
    """The decoded bytes. A `data:` prefix and whitespace are accepted.

    Raises MalformedRequest for a character outside the standard alphabet and for wrong padding.
    """
    prefix = DATA_URL.match(text)
    if prefix:
        text = text[prefix.end() :]
    try:
        encoded = text.encode("ascii")
    except UnicodeEncodeError:
        raise MalformedRequest("the image is not base64: it has characters outside ASCII") from None
    if any(space in encoded for space in WHITESPACE):
        encoded = encoded.translate(None, WHITESPACE)
    if 0 <= encoded.find(b"=") < len(encoded) - 2:
        raise MalformedRequest("the image is not base64: padding (=) before its end")
    pieces = []
    for start in range(0, len(encoded), STEP):
        try:
            pieces.append(binascii.a2b_base64(encoded[start : start + STEP], strict_mode=True))
        except binascii.Error as error:
            raise MalformedRequest(f"the image is not base64: {str(error)[:1].lower()}{str(error)[1:]}") from None
    return b"".join(pieces)
