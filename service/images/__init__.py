"""From a stranger's bytes to the pixels a model sees, and from its maps back to a picture."""
