"""`python -m service` is the command `fovea`."""

from service.cli.main import app

app()
