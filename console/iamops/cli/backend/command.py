"""`iamops backend`: who serves a published service: list, add, remove, drain, enable."""

from __future__ import annotations

import argparse

from iamops.cli.options import Subparsers, add_guarded_options, add_profile_option, add_verb, refuse_at_once
from iamops.model.exit_code import ExitCode
from iamops.report.profile import backends_document
from iamops.report.text import json_text

DESCRIPTION = """\
Edits the profile (comments and order stay), shows what would change on the nodes, and pushes it. Where the push
was taken back, the profile is put back too; where a node has, or may have, the new files, it stays as edited. A
backend is a node of the profile, or an address with a port.
"""
EXITS = """\
exit codes: 0 done and observed, 1 failed and taken back, 2 usage or profile error, 3 refused, 4 node
unreachable, 5 outcome unknown, 130 interrupted.
"""
VERBS = {
    "add": "give a service another backend",
    "remove": "take a backend out of a service",
    "drain": "send a backend no more requests, and wait until the access logs show none",
    "enable": "send a drained backend requests again",
}


def add_parser(subparsers: Subparsers) -> None:
    text = "list, add, remove, drain and enable backends"
    parser = add_verb(subparsers, "backend", text, description=DESCRIPTION, epilog=EXITS)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    listing = verbs.add_parser("list", help="every service's backends, as the profile has them")
    add_profile_option(listing)
    listing.add_argument("--json", action="store_true", help="the document iamops.backends/1")
    listing.set_defaults(handler=_list)
    for name, text in VERBS.items():
        verb = add_verb(verbs, name, text, description=DESCRIPTION, epilog=EXITS)
        verb.add_argument("service", metavar="SERVICE", help="a service of the profile that has a domain")
        verb.add_argument("backend", metavar="NODE|ADDRESS:PORT", help="a node, or for example 10.0.4.22:8080")
        add_guarded_options(verb)
        verb.set_defaults(handler=_edit)


def _edit(args: argparse.Namespace) -> int:
    refuse_at_once(args)
    from iamops.cli.backend.run import BackendSession
    from iamops.session.profiles import ProfileFile

    return BackendSession(ProfileFile.found(args.profile), args).run()


def _list(args: argparse.Namespace) -> int:
    from iamops.session.profiles import load_profile

    document = backends_document(load_profile(args.profile))
    if args.json:
        print(json_text(document))
        return ExitCode.OK
    for row in document["backends"]:
        state = "drained" if row["drained"] else "in use"
        print(f"{row['service']:20} {row['backend']:20} {row['endpoint']:22} {state}")
    return ExitCode.OK
