"""The edge: HTTP in, HTTP out. Routes translate and delegate; nothing below this room knows the web."""
