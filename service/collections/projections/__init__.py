"""Maps of a collection: fitted, shown, and joined by new images."""
