"""Content negotiation: the Accept and Accept-Encoding headers of RFC 9110, with their quality values."""

from __future__ import annotations

from service.errors import NotAcceptable


def choose(accept: str | None, offered: tuple[str, ...]) -> str:
    """The offered media type with the highest quality value; among equals the one offered first.

    accept: the Accept header; None or empty accepts anything. Media ranges that cannot be parsed are ignored.
    Raises NotAcceptable, which lists what is offered.
    """
    ranges = [part for part in map(_range, (accept or "*/*").split(",")) if part]
    qualities = {media_type: _quality(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: qualities[media_type])
    if qualities[best] <= 0:
        raise NotAcceptable(
            f"the response is available as {', '.join(offered)}, but the Accept header allows none of these"
        )
    return best


def accepts_coding(accept_encoding: str | None, coding: str) -> bool:
    """Whether a client accepts a content coding. accept_encoding: the header; None accepts no coding."""
    qualities = dict(filter(None, map(_range, (accept_encoding or "").split(","))))
    return qualities.get(coding, qualities.get("*", 0.0)) > 0


def _range(part: str) -> tuple[str, float] | None:
    """A media range or content coding, and its quality value, 0 to 1."""
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value for name, _, value in (p.partition("=") for p in parameters) if name.strip() == "q"), "1")
    try:
        return media_range, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return None


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The quality value of the most specific range that matches a media type; 0 if none does."""
    qualities = dict(ranges)
    family = media_type.partition("/")[0]
    return next((qualities[name] for name in (media_type, f"{family}/*", "*/*") if name in qualities), 0.0)
