"""Fovea: an image classifier's answer, and the reason for it."""
