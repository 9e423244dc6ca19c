"""`python -m console` is `iamops`."""

from console.cli.start import entry

entry()
