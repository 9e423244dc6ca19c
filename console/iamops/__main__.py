"""`python -m console` is `iamops`."""

from iamops.cli.start import entry

entry()
