"""`iamops trust NODE`: shows a node's host key, and puts it on file once a person vouches for it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from iamops.cli.options import Subparsers, add_profile_option
from iamops.model.exit_code import ExitCode

if TYPE_CHECKING:
    from iamops.nodes.ssh.trust import HostKeyOffer


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "trust",
        help="put a node's SSH host key on file",
        description="Fetches the node's host key without logging in, shows its fingerprint and how to "
        "verify it, and adds it to known_hosts once you agree. "
        "Exit code 3 when it was not agreed to, 4 when the node cannot be reached.",
    )
    parser.add_argument("node", metavar="NODE", help="a node of the profile")
    add_profile_option(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask (you have verified the fingerprint)")
    parser.add_argument("--fingerprint", metavar="SHA256:…", help="trust the key only if this is its fingerprint")
    parser.add_argument("--replace", action="store_true", help="replace a key that has changed")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    from iamops.nodes.ssh.host_keys import KeyTrust
    from iamops.nodes.ssh.trust import CannotTrust, accept, fetch_offer
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    node = profile.nodes.get(args.node)
    if node is None:
        _tell(f"iamops: no node named {args.node!r} in {profile.name}; its nodes: {', '.join(profile.nodes)}")
        return ExitCode.USAGE
    try:
        offer = asyncio.run(fetch_offer(profile, node))
        if offer.trust is KeyTrust.TRUSTED:
            print(f"{node.name}: already trusted: {offer.presented}")
            # A key on file still has to be the one that was asked for.
            if args.fingerprint in (None, offer.presented.fingerprint):
                return ExitCode.OK
            _tell(f"iamops: the key on file is not {args.fingerprint}")
            return ExitCode.CHECK_FAILED
        _describe(offer)
        refusal = _refusal(offer, args)
        if refusal:
            _tell(f"iamops: refused: {refusal}")
            return ExitCode.REFUSED
        accept(offer, replace=args.replace)
    except CannotTrust as error:
        _tell(f"iamops: refused: {error}")
        return ExitCode.REFUSED
    print(f"{node.name}: trusted: {offer.presented} ({offer.file})")
    return ExitCode.OK


def _describe(offer: HostKeyOffer) -> None:
    kind = offer.presented.key_type.removeprefix("ssh-").partition("-")[0]
    lines = [f"{offer.node} ({offer.name}) presents", f"  {offer.presented}"]
    if offer.filed:
        lines += ["on file for it", *(f"  {key}" for key in offer.filed)]
        lines.append("Either the machine was reinstalled, or someone stands in the middle.")
    lines += [
        "Verify it on the machine's own console, not over this network:",
        f"  ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub",
    ]
    _tell("\n".join(lines))


def _refusal(offer: HostKeyOffer, args: argparse.Namespace) -> str | None:
    """Why the key is not put on file, or None. A changed key is replaced only when that was asked for."""
    if offer.filed and not args.replace:
        return "the host key has changed; if you know why, run again with --replace"
    if args.fingerprint:
        same = args.fingerprint == offer.presented.fingerprint
        return None if same else f"the fingerprint is not {args.fingerprint}"
    if args.yes:
        return None
    if not sys.stdin.isatty():
        return "nobody to ask; give --fingerprint SHA256:…, or --yes if you have verified it"
    # Only a whole `yes` agrees; the prompt goes to stderr, as stdout carries the result.
    sys.stderr.write("Is this the key? Type yes to trust it [no]: ")
    sys.stderr.flush()
    return None if sys.stdin.readline().strip().lower() == "yes" else "not confirmed"


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
