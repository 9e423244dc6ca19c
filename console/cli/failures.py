"""Failures as one sentence for a person and one exit code for a script."""

from __future__ import annotations

import sys

from console.cli.ledger_file import NoSuchLedger
from console.ledger.audit import LedgerError
from console.ledger.watch_directory import WatchBusy
from console.model.exit_code import ExitCode
from console.nodes.config_files import ConfigUnreadable
from console.nodes.transport import TransportError
from console.parse.drill_yaml import DrillError
from console.parse.profile_edit import EditRefused
from console.parse.profile_yaml import ProfileError
from console.parse.safe_text import one_line
from console.plan.targets import NoSuchTarget
from console.render.templating import RenderError
from console.session.alert_urls import AlertUrlsRefused
from console.session.config_directory import DirectoryUnreadable
from console.session.configurator import CannotDrain, NoSuchPush
from console.session.drills import DrillNotFound, DrillUnreadable
from console.session.metrics_server import MetricsRefused
from console.session.own_fault import own_fault, traceback_of
from console.session.profile_file import ProfileNotYours
from console.session.profiles import ProfileNotFound, ProfileUnreadable
from console.session.secrets import SecretMissing

SENTENCES = (
    ProfileNotFound,
    ProfileNotYours,
    ProfileUnreadable,
    DrillNotFound,
    DrillUnreadable,
    RenderError,
    SecretMissing,
    EditRefused,
    NoSuchLedger,
    NoSuchPush,
    NoSuchTarget,
    DirectoryUnreadable,
    AlertUrlsRefused,
    MetricsRefused,
)


def explain(error: Exception) -> tuple[str, ExitCode]:
    """What to print and how to exit. IAMOPS_DEBUG=1 adds the traceback of an error of our own."""
    if isinstance(error, TransportError):
        return f"{one_line(str(error))}\nnext: {one_line(error.next_step)}", ExitCode.UNREACHABLE
    if isinstance(error, ProfileError):
        return f"the profile is not valid\n{error}", ExitCode.USAGE
    if isinstance(error, DrillError):
        return f"the drill is not valid\n{error}", ExitCode.USAGE
    if isinstance(error, ConfigUnreadable):
        return one_line(str(error)), ExitCode.UNREACHABLE
    if isinstance(error, SENTENCES):
        return str(error), ExitCode.USAGE
    if isinstance(error, CannotDrain):
        return f"refused: cannot-drain: {error}", ExitCode.REFUSED
    if isinstance(error, (LedgerError, WatchBusy)):
        return str(error), ExitCode.REFUSED
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", ExitCode.USAGE
    print(traceback_of(error), end="", file=sys.stderr)
    return own_fault(error), ExitCode.UNKNOWN
