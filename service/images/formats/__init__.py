"""One file per image format: how it is recognised, and how its pixels are read."""
