"""Carries out `iamops traffic`: connects, counts on every node at once, and prints."""

from __future__ import annotations

import asyncio
import sys
import time

from console.cli.coloured import print_lines
from console.cli.traffic_document import traffic_document
from console.cli.traffic_text import csv_text, traffic_lines
from console.judge.json_text import json_text
from console.model.exit_code import ExitCode
from console.model.profile import Profile
from console.nodes.transport import TransportError
from console.parse.log_counts import Recipe, Want
from console.parse.log_format import Field, LogFormat, named_format
from console.parse.log_where import Where, WhereError, where
from console.session.connections import attempts
from console.session.traffic_count import count_traffic, nginx_answers

# What each table needs beside the status and the time: counting less is quicker.
WANTS = {
    None: Want.TIME | Want.SHAPE | Want.TIMES,
    "status": Want.TIME,
    "minute": Want.TIME,
    "path": Want.TIME | Want.PATHS,
    "client": Want.TIME | Want.CLIENTS,
    "host": Want.TIME | Want.SHAPE,
    "method": Want.TIME | Want.SHAPE,
    "backend": Want.TIME | Want.SHAPE | Want.TIMES,
}
NEEDS = {
    "minute": Field.TIME,
    "path": Field.PATH,
    "client": Field.CLIENT,
    "host": Field.HOST,
    "method": Field.METHOD,
    "backend": Field.UPSTREAM,
}


def show_traffic(
    profile: Profile, *, since: float | None, by: str | None, where_text: str, top: int, form: str
) -> int:
    """Counts, prints, and returns the exit code."""
    log_form = named_format(profile.logs.format)
    try:
        expression = where(where_text)
        _check(log_form, expression, by, since)
        _check_nodes(profile, expression)
    except WhereError as error:
        print(f"iamops: {error}", file=sys.stderr)
        return ExitCode.USAGE
    recipe = Recipe(log_form, _want(by, since), expression)
    return asyncio.run(_show(profile, recipe, since, by, top, form))


async def _show(profile: Profile, recipe: Recipe, since: float | None, by: str | None, top: int, form: str) -> int:
    async with attempts(profile) as made:
        failures = [each for each in made.values() if isinstance(each, TransportError)]
        if len(failures) == len(made):
            raise failures[0]
        until = time.time()
        counted = await count_traffic(profile.logs.access, recipe, since, made, nginx_answers(profile))
    document = traffic_document(profile, recipe, counted, since=since, until=until, by=by, top=top)
    if form == "json":
        print(json_text(document))
    elif form == "csv":
        print(csv_text(document))
    else:
        print_lines(traffic_lines(document, top))
    unread = {name: node.reason for name, node in counted.items() if node.reason}
    for name, reason in unread.items():
        print(f"iamops: {name} is not counted: {reason}", file=sys.stderr)
    return ExitCode.UNREACHABLE if unread else ExitCode.OK


def _want(by: str | None, since: float | None) -> Want:
    """Where no time is asked for, names are counted over the whole file: then far fewer are cut off the tables."""
    return WANTS[by] if since is not None or by == "minute" else WANTS[by] & ~Want.TIME


def _check(form: LogFormat, expression: Where, by: str | None, since: float | None) -> None:
    """What the format cannot tell cannot be asked for."""
    for field in sorted(expression.fields):
        if not form.tells(field):
            raise WhereError(f"--where: {form.missing(field)}")
    needed = NEEDS.get(by or "")
    if needed is not None and not form.tells(needed):
        raise WhereError(f"--by {by}: {form.missing(needed)}")
    if since is not None and form.clock is None:
        raise WhereError(f"--since: {form.missing(Field.TIME)}; `--since all` counts the log's file of now")


def _check_nodes(profile: Profile, expression: Where) -> None:
    if not any(expression.allows_node(name) for name in profile.nodes):
        raise WhereError(f"--where {expression.text!r}: no such node; nodes: {', '.join(profile.nodes)}")
