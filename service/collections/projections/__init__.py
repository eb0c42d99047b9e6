"""Projections of a collection: computed, shown, drawn, and extended by new images."""
