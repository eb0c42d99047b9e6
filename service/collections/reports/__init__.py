"""What many images say of a model: reports as values and as pages."""
