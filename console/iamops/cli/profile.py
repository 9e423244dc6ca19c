"""`iamops profile`: write, check and show cluster profiles."""

from __future__ import annotations

import argparse
import re
import sys

from iamops.cli.options import Subparsers
from iamops.cli.output import CliError
from iamops.model.exit_code import ExitCode
from iamops.report.text import Json, json_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # as in the model, which would cost an import


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "profile",
        help="write, check and show cluster profiles",
        description="A profile says what a cluster is meant to be. Yours are in ~/.config/iamops/profiles/.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    init = verbs.add_parser("init", help="write a commented profile to start from")
    init.add_argument("name", metavar="NAME", nargs="?", help="default: the name of what it starts from")
    init.add_argument(
        "--from", dest="template", choices=("iam-ha", "lab"), default="iam-ha", help="default: %(default)s"
    )
    init.add_argument("--force", action="store_true", help="overwrite a profile of that name")
    init.set_defaults(handler=_init)
    check = verbs.add_parser("check", help="find every mistake, with its line")
    check.add_argument("profiles", metavar="NAME|PATH", nargs="*")
    check.add_argument("--json", action="store_true")
    check.set_defaults(handler=_check)
    show = verbs.add_parser("show", help="the profile with all defaults filled in")
    show.add_argument("name", metavar="NAME|PATH", nargs="?")
    show.add_argument("--json", action="store_true")
    show.set_defaults(handler=_show)
    sudoers = verbs.add_parser("sudoers", help="the sudoers file the login user needs")
    sudoers.add_argument("name", metavar="NAME|PATH", nargs="?")
    sudoers.set_defaults(handler=_sudoers)


def _init(args: argparse.Namespace) -> int:
    from iamops.session.profiles import user_profile_dir
    from iamops.session.user_files import private_directory, shipped_dir, write_private

    name = args.name or args.template
    if not NAME.fullmatch(name):
        raise CliError(f"{name!r} is no profile name: use letters, digits, dots, dashes and underscores")
    path = user_profile_dir() / f"{name}.yaml"
    if path.exists() and not args.force:
        raise CliError(f"{path} exists already; --force overwrites it")
    text = (shipped_dir("profiles") / f"{args.template}.yaml").read_text(encoding="utf-8")
    # Commands for fencing stand in it, and their passwords.
    private_directory(path.parent)
    write_private(path, text.replace(f"\nname: {args.template}\n", f"\nname: {name}\n", 1))
    print(path)
    print(f"edit it, then: iamops profile check {name}", file=sys.stderr)
    return ExitCode.OK


def _check(args: argparse.Namespace) -> int:
    """Prints every problem. A file that cannot be read is one too: the others are still checked."""
    from iamops.parse.profile.loader import ProfileError
    from iamops.parse.yaml_tree import Problem
    from iamops.report.profile import profile_check_document
    from iamops.session.profiles import ProfileUnreadable, find_profile, load_profile

    checked: list[tuple[str, tuple[Problem, ...]]] = []
    for name in args.profiles or [args.profile]:
        path = str(find_profile(name))
        problems: tuple[Problem, ...] = ()
        try:
            load_profile(name)
        except ProfileError as error:
            problems = error.problems
        except ProfileUnreadable as error:
            problems = (Problem(path, 1, "", str(error).removeprefix(f"{path}: ")),)
        checked.append((path, problems))
    if args.json:
        print(json_text(profile_check_document(checked)))
    else:
        for path, problems in checked:
            print("\n".join(map(str, problems)) or f"{path}: ok")
    return ExitCode.USAGE if any(problems for _, problems in checked) else ExitCode.OK


def _show(args: argparse.Namespace) -> int:
    """Secrets are not in a profile, so they cannot be shown: only where they come from."""
    from iamops.model.profile import NAMED_SECTIONS
    from iamops.session.profiles import load_profile

    document = load_profile(args.name or args.profile).model_dump(mode="json")
    if args.json:
        print(json_text(document))
        return ExitCode.OK
    import yaml

    # In YAML the name of an entry is its key, so what is shown can be used as a profile again.
    for section in NAMED_SECTIONS:
        document[section] = {
            key: {name: value for name, value in entry.items() if name != "name"}
            for key, entry in document[section].items()
        }
    print(yaml.safe_dump(_without_nulls(document), sort_keys=False, allow_unicode=True), end="")
    return ExitCode.OK


def _sudoers(args: argparse.Namespace) -> int:
    from iamops.render.nodefiles import render_sudoers
    from iamops.session.profiles import load_profile

    print(render_sudoers(load_profile(args.name or args.profile)), end="")
    return ExitCode.OK


def _without_nulls(document: Json) -> Json:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value is not None
    }
