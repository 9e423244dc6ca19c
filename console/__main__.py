"""`python -m console` is `iamops`."""

from console.cli.main import entry

entry()
