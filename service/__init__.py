"""Fovea: an image classifier's answer, and the reason for it."""

__version__ = "0.1.0"
"""The version of the package and of the HTTP API; pyproject.toml reads it here. Semantic Versioning."""
