"""Where collections are stored: the interface, `open_store`, and one package for each kind of store."""
