"""Reports on a model over many images, as values and as HTML pages."""
