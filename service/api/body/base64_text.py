"""Base64 into bytes, strictly."""

from __future__ import annotations

import binascii
import re

from service.errors import MalformedRequest

STEP = 2**20
"""Characters decoded at one go, a multiple of four: between two steps other threads have their turn."""

DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
BLANKS = b" \t\r\n"


def decode_base64(text: str) -> bytes:
    """The bytes a base64 text stands for; a `data:` prefix and line breaks are tolerated.

    Raises MalformedRequest where a character is not of the standard alphabet, or the padding is wrong.
    """
    prefix = DATA_URL.match(text)
    if prefix:
        text = text[prefix.end() :]
    try:
        encoded = text.encode("ascii")
    except UnicodeEncodeError:
        raise MalformedRequest("the image is not base64: it has characters beyond ASCII") from None
    if any(blank in encoded for blank in BLANKS):
        encoded = encoded.translate(None, BLANKS)
    if 0 <= encoded.find(b"=") < len(encoded) - 2:
        raise MalformedRequest("the image is not base64: padding (=) before its end")
    pieces = []
    for start in range(0, len(encoded), STEP):
        try:
            pieces.append(binascii.a2b_base64(encoded[start : start + STEP], strict_mode=True))
        except binascii.Error as error:
            raise MalformedRequest(f"the image is not base64: {str(error)[:1].lower()}{str(error)[1:]}") from None
    return b"".join(pieces)
