"""`iamops backend`: who serves a published service: list, add, remove, drain, enable."""

from __future__ import annotations

import argparse

from iamops.cli.options import add_guarded_options, refused_at_once
from iamops.model.exit_code import ExitCode
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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "backend",
        help="list, add, remove, drain and enable backends",
        description=DESCRIPTION,
        epilog=EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    listing = verbs.add_parser("list", help="every service's backends, as the profile has them")
    listing.add_argument("--profile", metavar="NAME|PATH", default=argparse.SUPPRESS, help="the cluster")
    listing.add_argument("--json", action="store_true", help="the document iamops.backends/1")
    for verb, text in VERBS.items():
        each = verbs.add_parser(
            verb,
            help=text,
            description=DESCRIPTION,
            epilog=EXITS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        each.add_argument("service", metavar="SERVICE", help="a service of the profile that has a domain")
        each.add_argument("backend", metavar="NODE|ADDRESS:PORT", help="a node, or for example 10.0.4.22:8080")
        add_guarded_options(each)
        each.add_argument("--json", action="store_true", help="the document iamops.run/1 (or iamops.plan/1)")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    if args.verb == "list":
        return _list(args)
    refused = refused_at_once(args)
    if refused is not None:
        return refused
    from iamops.cli.backend.run import BackendSession
    from iamops.session.profiles import ProfileFile

    return BackendSession(ProfileFile.found(args.profile), args).run()


def _list(args: argparse.Namespace) -> int:
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    rows = [
        {"service": service.name, "backend": name, "endpoint": where, "drained": name in service.drained}
        for service in profile.services.values()
        if service.domain
        for name, where in profile.backends_of(service).items()
    ]
    if args.json:
        print(json_text({"schema": "iamops.backends/1", "backends": rows}))
        return ExitCode.OK
    for row in rows:
        state = "drained" if row["drained"] else "in use"
        print(f"{row['service']:20} {row['backend']:20} {row['endpoint']:22} {state}")
    return ExitCode.OK
