"""The version of everything between an image's file and the pixels a model sees."""

PREPROCESSING_VERSION = 3
"""Raise it whenever the same file and the same frame start to give other pixels: a change of decoding, of colour
handling or of framing. Stored vectors of the version before are then stale, and feature caches do not mix both."""
