"""Which form of an answer a client takes: the Accept headers of RFC 9110, with their q-values."""

from __future__ import annotations

from service.errors import NotAcceptable


def choose(accept: str | None, offered: tuple[str, ...]) -> str:
    """The offered media type that the client likes best; among equals the one offered first.

    accept: the Accept header; None or empty takes anything. A range that cannot be read is passed over.
    Raises NotAcceptable, which lists what is offered.
    """
    ranges = [part for part in map(_range, (accept or "*/*").split(",")) if part]
    liking = {media_type: _liking(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: liking[media_type])
    if liking[best] <= 0:
        raise NotAcceptable(f"the answer exists as {', '.join(offered)}, and the Accept header takes none of these")
    return best


def takes(accept_encoding: str | None, coding: str) -> bool:
    """Whether a client takes a content coding. accept_encoding: the header; without one nothing is coded."""
    qualities = dict(filter(None, map(_range, (accept_encoding or "").split(","))))
    return qualities.get(coding, qualities.get("*", 0.0)) > 0


def _range(part: str) -> tuple[str, float] | None:
    """A media range, or a content coding, and its q-value, 0 to 1."""
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value for name, _, value in (p.partition("=") for p in parameters) if name.strip() == "q"), "1")
    try:
        return media_range, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return None


def _liking(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The q-value of the most specific range that covers a media type; 0 where none does."""
    qualities = dict(ranges)
    family = media_type.partition("/")[0]
    return next((qualities[name] for name in (media_type, f"{family}/*", "*/*") if name in qualities), 0.0)
