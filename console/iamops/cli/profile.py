"""`iamops profile`: write, check and show cluster profiles."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

from iamops.model.exit_code import ExitCode
from iamops.report.text import json_text

if TYPE_CHECKING:
    from iamops.parse.profile.loader import ProfileError


TEMPLATES = ("iam-ha", "lab")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # as in the model, which would cost an import


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "profile",
        help="write, check and show cluster profiles",
        description="A profile says what a cluster is meant to be. Yours are in ~/.config/iamops/profiles/.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    init = verbs.add_parser("init", help="write a commented profile to start from")
    init.add_argument("name", metavar="NAME", nargs="?", help="default: the name of what it starts from")
    init.add_argument("--from", dest="template", choices=TEMPLATES, default="iam-ha", help="default: %(default)s")
    init.add_argument("--force", action="store_true", help="overwrite a profile of that name")
    check = verbs.add_parser("check", help="find every mistake, with its line")
    check.add_argument("profiles", metavar="NAME|PATH", nargs="*")
    check.add_argument("--json", action="store_true")
    show = verbs.add_parser("show", help="the profile with all defaults filled in")
    show.add_argument("name", metavar="NAME|PATH", nargs="?")
    show.add_argument("--json", action="store_true")
    sudoers = verbs.add_parser("sudoers", help="the sudoers file the login user needs")
    sudoers.add_argument("name", metavar="NAME|PATH", nargs="?")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    return {"init": _init, "check": _check, "show": _show, "sudoers": _sudoers}[args.verb](args)


def _init(args: argparse.Namespace) -> int:
    """Writes the file and prints its path."""
    from iamops.session.private_files import private_directory, write_private
    from iamops.session.profiles import user_profile_dir
    from iamops.session.user import bundled_dir

    name = args.name or args.template
    if not NAME.fullmatch(name):
        return _usage(f"{name!r} is no profile name: use letters, digits, dots, dashes and underscores")
    path = user_profile_dir() / f"{name}.yaml"
    if path.exists() and not args.force:
        return _usage(f"{path} exists already; --force overwrites it")
    text = (bundled_dir("profiles") / f"{args.template}.yaml").read_text(encoding="utf-8")
    # Commands for fencing stand in it, and their passwords.
    private_directory(path.parent)
    write_private(path, text.replace(f"\nname: {args.template}\n", f"\nname: {name}\n", 1))
    print(path)
    print(f"edit it, then: iamops profile check {name}", file=sys.stderr)
    return ExitCode.OK


def _check(args: argparse.Namespace) -> int:
    """Prints every problem of every profile; nothing more than `ok` for a valid one."""
    results = [_checked(name) for name in args.profiles or [args.profile]]
    if args.json:
        print(json_text({"schema": "iamops.profile-check/1", "profiles": results}))
    else:
        _print_results(results)
    return ExitCode.OK if all(result["valid"] for result in results) else ExitCode.USAGE


def _checked(name: str | None) -> dict[str, Any]:
    """One profile's problems. A file that cannot be read is one too: the others are still checked."""
    from iamops.parse.profile.loader import ProfileError
    from iamops.session.profiles import ProfileUnreadable, find_profile, load_profile

    path = str(find_profile(name))
    try:
        load_profile(name)
    except ProfileError as error:
        return {"file": path, "valid": False, "problems": _problems(error)}
    except ProfileUnreadable as error:
        message = str(error).removeprefix(f"{path}: ")
        return {"file": path, "valid": False, "problems": [{"line": 1, "key": "", "message": message}]}
    return {"file": path, "valid": True, "problems": []}


def _show(args: argparse.Namespace) -> int:
    """Secrets are not in a profile, so they cannot be shown: only where they come from."""
    from iamops.session.profiles import load_profile

    document = load_profile(args.name or args.profile).model_dump(mode="json")
    if args.json:
        print(json_text(document))
        return ExitCode.OK
    import yaml

    print(yaml.safe_dump(_without_names(document), sort_keys=False, allow_unicode=True), end="")
    return ExitCode.OK


def _sudoers(args: argparse.Namespace) -> int:
    from iamops.render.nodefiles import render_sudoers
    from iamops.session.profiles import load_profile

    print(render_sudoers(load_profile(args.name or args.profile)), end="")
    return ExitCode.OK


def _problems(error: ProfileError) -> list[dict[str, Any]]:
    return [{"line": p.line, "key": p.key, "message": p.message} for p in error.problems]


def _print_results(results: list[dict[str, Any]]) -> None:
    for result in results:
        if result["valid"]:
            print(f"{result['file']}: ok")
        for problem in result["problems"]:
            key = f"{problem['key']}: " if problem["key"] else ""
            print(f"{result['file']}:{problem['line']}: {key}{problem['message']}")


def _without_names(document: dict[str, Any]) -> dict[str, Any]:
    """In YAML the name of an entry is its key, so what is shown can be used as a profile again."""
    from iamops.model.profile import NAMED_SECTIONS

    for section in NAMED_SECTIONS:
        document[section] = {
            key: {name: value for name, value in entry.items() if name != "name"}
            for key, entry in document[section].items()
        }
    return _without_nothing(document)


def _without_nothing(document: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nothing(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value is not None
    }


def _usage(message: str) -> int:
    print(f"iamops: {message}", file=sys.stderr)
    return ExitCode.USAGE
