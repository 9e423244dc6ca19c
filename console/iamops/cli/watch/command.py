"""`iamops watch`: headless alerts on VIP moves and findings; its silence, its state, and a trial."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from iamops.cli.options import Subparsers, add_profile_option, add_verb, span_s

DESCRIPTION = """\
Watches the cluster without a screen and tells when the VIP moves and when a rule finds something. Changes
nothing on any node. Messages go through Apprise (mail, chat, pagers), to a command (--exec) and to stdout as
JSON lines (--json). Each one is on disk before it is sent, and is tried until it is accepted, for 24 hours.

URLs hold secrets: they are taken from the environment variable IAMOPS_ALERT_URLS, or from a file that only
its owner can read, one on a line; `heartbeat=https://...` there is asked as a sign of life.
"""
EPILOG = """\
exit codes: 0 ended by SIGTERM, or --once with everything delivered; 1 something was not delivered (--once, test),
or stdout was the only one to tell and is read no more; 2 usage, profile or URLs not as
they should be; 3 another watch runs on the same directory; 130 Ctrl-C.
"""
_FLAP = re.compile(r"(?P<count>\d{1,3})/(?P<span>\d{1,6}[smhd])")
_HOST = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(?::\d{1,5})?")
_ADDRESS = re.compile(r"(?P<host>[^/]+):(?P<port>\d{1,5})")
PORT_MAX = 65535
LONGEST_SILENCE_S = 7 * 86400


def add_parser(subparsers: Subparsers) -> None:
    watch = add_verb(
        subparsers, "watch", "headless: alert on VIP moves and findings", description=DESCRIPTION, epilog=EPILOG
    )
    _add_where(watch, state_dir=None)
    _add_targets(watch, default=None)
    watch.add_argument(
        "--severity",
        choices=("critical", "warning", "info"),
        default="warning",
        help="findings from this one on (default %(default)s)",
    )
    watch.add_argument(
        "--flap",
        type=_flap,
        default=(3, 60.0),
        metavar="N/SPAN",
        help="at most so many single messages about one thing, the rest as sums (default 3/60s)",
    )
    watch.add_argument("--remind", type=_span, metavar="SPAN", help="say again what is still so (default: never)")
    watch.add_argument("--heartbeat", type=_file, metavar="FILE", help="touch this as a sign of life")
    watch.add_argument(
        "--heartbeat-every", type=_span, default=60.0, metavar="SPAN", help="how often (default 60s)"
    )
    watch.add_argument(
        "--metrics",
        type=_address,
        metavar="HOST:PORT",
        help="serve OpenMetrics there, also with nobody else to tell; loopback only",
    )
    watch.add_argument(
        "--metrics-host",
        type=_host,
        action="append",
        default=[],
        metavar="NAME[:PORT]",
        help="answer for this name too, as a proxy or a tunnel before --metrics asks for it; may be repeated",
    )
    watch.add_argument(
        "--once", action="store_true", help="look once, tell what is new, wait for its delivery, end"
    )
    watch.add_argument("--json", action="store_true", help="every message as a JSON line on stdout")
    watch.set_defaults(handler=run)

    verbs = watch.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    silence = verbs.add_parser("silence", help="hold messages back for a while, for all watches of this cluster")
    _add_where(silence, state_dir=argparse.SUPPRESS)
    silence.add_argument("duration", nargs="?", type=_silence_span, metavar="DURATION", help="90s, 30m, 2h, 1d")
    silence.add_argument("--reason", metavar="TEXT", help="why; everybody who asks is told")
    silence.add_argument("--end", action="store_true", help="end the silence that holds")
    status = verbs.add_parser("status", help="is one running, is there a silence, what is open and undelivered")
    _add_where(status, state_dir=argparse.SUPPRESS)
    status.add_argument("--json", action="store_true", help="the document iamops.watch/1")
    test = verbs.add_parser("test", help="send a message to every destination and say which accepted it")
    _add_where(test, state_dir=argparse.SUPPRESS)
    _add_targets(test, default=argparse.SUPPRESS)
    test.add_argument("--json", action="store_true", help="the document iamops.watch-test/1")


def _add_where(parser: argparse.ArgumentParser, *, state_dir: object) -> None:
    """SUPPRESS keeps what was given before the verb."""
    add_profile_option(parser)
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=state_dir,
        metavar="DIR",
        help="outbox, lock and silence (default: iamops/watch/PROFILE in your XDG state directory)",
    )


def _add_targets(parser: argparse.ArgumentParser, *, default: object) -> None:
    parser.add_argument(
        "--to-file", type=Path, default=default, metavar="FILE", help="Apprise URLs, one on a line; mode 0600"
    )
    parser.add_argument(
        "--exec",
        default=default,
        metavar="COMMAND",
        help="run this with each message as JSON on stdin and IAMOPS_ALERT_* set; 0 means accepted",
    )


def run(args: argparse.Namespace) -> int:
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)  # a broken profile is reported before SSH is loaded
    if args.verb is None:
        from iamops.cli.watch.run import watch

        return watch(profile, args)
    from iamops.cli.watch import status

    return {"silence": status.silence, "status": status.status, "test": status.try_all}[args.verb](profile, args)


def _span(text: str) -> float:
    seconds = span_s(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"expected 30s, 15m, 2h or 1d, found {text!r}")
    return seconds


def _silence_span(text: str) -> float:
    seconds = _span(text)
    if seconds > LONGEST_SILENCE_S:
        raise argparse.ArgumentTypeError(f"a silence lasts 7d at most, found {text}")
    return seconds


def _flap(text: str) -> tuple[int, float]:
    match = _FLAP.fullmatch(text)
    if match is None or int(match["count"]) == 0:
        raise argparse.ArgumentTypeError(f"expected a number and a span such as 3/60s, found {text!r}")
    return int(match["count"]), _span(match["span"])


def _file(text: str) -> Path:
    """A URL of a heartbeat is a secret, and everybody on this machine can read a command line."""
    if "://" in text:
        why = "a URL does not belong on a command line: put heartbeat=URL into the file of --to-file"
        raise argparse.ArgumentTypeError(why)
    return Path(text)


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"expected a name, or NAME:PORT, found {text!r}")
    return text


def _address(text: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected 127.0.0.1:PORT, found {text!r}")
    port = int(match["port"])
    if port > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{port} is no port: expected 0 to {PORT_MAX}")
    return match["host"], port
