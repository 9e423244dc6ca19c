"""Failures as one sentence for a person and one exit code for a script."""

from __future__ import annotations

import sys

from iamops.ledger.audit import LedgerError
from iamops.ledger.watch_directory import WatchBusy
from iamops.model.exit_code import ExitCode
from iamops.model.text import one_line
from iamops.nodes.config import ConfigUnreadable
from iamops.nodes.transport import TransportError
from iamops.parse.drill.loader import DrillError
from iamops.parse.profile.edit import EditRefused
from iamops.parse.profile.loader import ProfileError
from iamops.plan.action import NoSuchTarget
from iamops.render.templating import RenderError
from iamops.session.config.configurator import CannotDrain, NoSuchPush
from iamops.session.config.directory import DirectoryUnreadable
from iamops.session.drills.files import DrillNotFound, DrillUnreadable
from iamops.session.faults import fault_text, traceback_of
from iamops.session.metrics import MetricsRefused
from iamops.session.profiles import ProfileNotFound, ProfileNotYours, ProfileUnreadable, SecretMissing
from iamops.session.user_files import NoSuchLedger
from iamops.session.watch.urls import AlertUrlsRefused

# Their message is the sentence.
WRONG_INPUT = (
    *(ProfileNotFound, ProfileNotYours, ProfileUnreadable, SecretMissing, EditRefused, NoSuchTarget, NoSuchPush),
    *(DrillNotFound, DrillUnreadable, RenderError, DirectoryUnreadable, AlertUrlsRefused, MetricsRefused),
    NoSuchLedger,
)


def explain(error: Exception) -> tuple[str, ExitCode]:
    """What to print and how to exit. IAMOPS_DEBUG=1 adds the traceback of an error of our own."""
    match error:
        case TransportError():
            return f"{one_line(str(error))}\nnext: {one_line(error.next_step)}", ExitCode.UNREACHABLE
        case ConfigUnreadable():
            return one_line(str(error)), ExitCode.UNREACHABLE
        case ProfileError():
            return f"the profile is not valid\n{error}", ExitCode.USAGE
        case DrillError():
            return f"the drill is not valid\n{error}", ExitCode.USAGE
        case CannotDrain():
            return f"refused: cannot-drain: {error}", ExitCode.REFUSED
        case LedgerError() | WatchBusy():
            return str(error), ExitCode.REFUSED
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}", ExitCode.USAGE
    if isinstance(error, WRONG_INPUT):
        return str(error), ExitCode.USAGE
    print(traceback_of(error), end="", file=sys.stderr)
    return fault_text(error), ExitCode.UNKNOWN
