"""Does each keyword of keepalived.conf exist, belong where it stands, and have what it needs behind it?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.parse.directives import Directive
from iamops.parse.keepalived.conf import INCLUDES, UNKNOWN
from iamops.parse.keepalived.keywords import ROOT, Keyword, homes, keywords
from iamops.parse.keepalived.vrrp import is_address

# How alike two keywords are before one is taken for the other.
ALIKE = 0.72
# As check_true_false() of keepalived's parser.c takes them.
_YES_OR_NO = ("true", "on", "yes", "false", "off", "no")
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,20}")
_FRACTION = re.compile(r"\s*\+?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})")
_USE = re.compile(r"\$(?:\w+|\{\w+\})")
# Every entry of these begins with, or has somewhere, an address.
_ADDRESSES = ("virtual_ipaddress", "virtual_ipaddress_excluded", "unicast_peer")


def keyword_hits(tree: ConfigTree) -> Iterator[Hit]:
    for directive, evidence in _block(tree.keepalived.directives, ROOT, partial=tree.keepalived.partial):
        yield Hit("K001", evidence, tree.name, directive.file, directive.line)


def _block(directives: tuple[Directive, ...], name: str, *, partial: bool) -> Iterator[tuple[Directive, str]]:
    known = keywords()[name]
    astray: tuple[str, ...] = ()
    for each in directives:
        # Reported where it is read; or not known here what it becomes.
        if each.name.startswith("$") or UNKNOWN in each.name or each.name in (*INCLUDES, "?"):
            continue
        keyword = known.get(each.name)
        if keyword is None:
            # A block that ends too early leaves many behind it: the first one tells.
            belongs = homes(each.name)
            if not belongs or belongs != astray:
                yield each, _unknown(each.name, name)
            astray = belongs
            continue
        astray = ()
        yield from ((each, evidence) for evidence in _wrong(each, keyword, partial=partial))
        if keyword.block:
            yield from _block(each.block or (), keyword.block, partial=partial)
        elif keyword.block == "":
            yield from ((entry, evidence) for entry in each.block or () for evidence in _entry(each.name, entry))


def _unknown(name: str, block: str) -> str:
    if belongs := homes(name):
        shown = " or ".join(home if home == ROOT else f"`{home}`" for home in belongs[:3])
        place = block if block == ROOT else f"`{block}`"
        return f"`{name}` stands in {place}, and belongs in {shown}".replace(f"in {ROOT}", f"at {ROOT}")
    everywhere = dict.fromkeys(keyword for known in keywords().values() for keyword in known)
    for candidates in (keywords()[block], everywhere):
        if alike := difflib.get_close_matches(name, candidates, 1, ALIKE):
            return f"`{name}` is no keyword of keepalived: `{alike[0]}` is meant?"
    return f"`{name}` is no keyword of keepalived"


def _entry(block: str, entry: Directive) -> Iterator[str]:
    words = (entry.name, *entry.args)
    if entry.block is not None:
        yield f"`{entry.name}` with a block stands in `{block}`: that one is not closed before it"
    elif block in _ADDRESSES and not any("$" in word or is_address(word) for word in words):
        yield f"`{entry.name}` in `{block}` is no address"


def _wrong(directive: Directive, keyword: Keyword, *, partial: bool) -> Iterator[str]:
    """What is wrong with the words behind a keyword, and with its block."""
    name, args = directive.name, directive.args
    if keyword.block is None and directive.block is not None:
        yield f"`{name}` has no block"
    # A value that only other files, or the way keepalived is started, can tell.
    if UNKNOWN in args or (partial and any(_USE.search(word) for word in args)):
        return
    if keyword.named and not args:
        yield f"`{name}` needs a name"
    elif keyword.named == 1 and len(args) > 1:
        yield f"`{name}` takes one name, and has {len(args)} words: keepalived skips the whole block"
    elif keyword.block == "" and not keyword.named and args:
        yield f"`{name}` takes nothing before its brace"
    elif keyword.kind == "bool":
        if args and UNKNOWN not in args[0] and args[0] not in _YES_OR_NO:
            yield f"`{name} {args[0]}`: it takes yes or no"
    elif keyword.kind != "none":
        if not args:
            yield f"nothing stands behind `{name}`"
        elif UNKNOWN not in args[0] and (why := _not_of_kind(args[0], keyword)):
            yield f"`{name} {args[0]}`: {why}"


def _not_of_kind(word: str, keyword: Keyword) -> str:
    """Empty if it is one. keepalived goes on with its default where it is none."""
    if keyword.kind == "choice" and word not in keyword.choices:
        return f"it is one of {', '.join(keyword.choices)}"
    if keyword.kind == "address" and not is_address(word):
        return "that is no address"
    if keyword.kind not in ("number", "fraction"):
        return ""
    if not (_WHOLE if keyword.kind == "number" else _FRACTION).fullmatch(word):
        return "that is no number" if keyword.kind == "fraction" else "that is no whole number"
    if not keyword.low <= float(word) <= keyword.high:
        return f"it must be from {keyword.low:.12g} to {keyword.high:.12g}"
    return ""
