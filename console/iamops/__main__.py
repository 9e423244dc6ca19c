"""`iamops` and `python -m iamops`. Loads nothing by itself: a Ctrl-C while the rest loads is no traceback."""


def entry() -> None:
    try:
        from iamops.cli.main import entry as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    entry()
