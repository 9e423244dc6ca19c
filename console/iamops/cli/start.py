"""The console script. Loads nothing by itself, so a Ctrl-C while the rest is loaded is no traceback."""


def entry() -> None:
    """Runs the command line; see `iamops.cli.main`."""
    try:
        from iamops.cli.main import entry as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
