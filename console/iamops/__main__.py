"""`python -m iamops` is `iamops`."""

from iamops.cli.start import entry

entry()
