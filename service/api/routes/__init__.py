"""One file a noun; each holds a `router`."""
