"""What nginx can write for a variable, and which variables a client fills with any text. Pure.

A client's text may look like a whole line of the log: user names of HTTP Basic (no `auth_basic` needed), hosts,
paths and headers may hold blanks and brackets. Only quotes and control characters are escaped. So what stands
behind such a value is found from the other side, by a tail of the line that no such text can make longer.

Patterns are extended regular expressions that Python and every awk understand in the same way.
Source: ngx_http_core_module, ngx_http_upstream_module, ngx_http_log_module; for the last ones ingress-nginx.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

DIGITS, UPPER, LOWER = string.digits, string.ascii_uppercase, string.ascii_lowercase
EVERY = frozenset(map(chr, range(256)))
_D2, _D4 = "[0-9][0-9]", "[0-9][0-9][0-9][0-9]"
# Between the attempts of one request, and where it was redirected internally.
SEPARATORS = (", ", " : ")
_AND = f"({'|'.join(SEPARATORS)})"


@dataclass(frozen=True, slots=True)
class VariableShape:
    """`chars` may occur in a value, `wild` of them in any number. `width` is fixed where it is not 0.

    `many`: a list with blanks in it; `more` are the characters that would go on with its last entry. `client`: the
    client chooses the text, within `chars`. `exact`: a pattern that shows where the value ends whatever follows.
    """

    pattern: str
    chars: frozenset[str]
    wild: frozenset[str]
    width: int = 0
    many: bool = False
    client: bool = False
    more: frozenset[str] = frozenset()
    exact: str = ""


def _word(chars: str, inside: str) -> VariableShape:
    return VariableShape(f"[{inside}]*", frozenset(chars), frozenset(chars))


def _list(word: VariableShape) -> VariableShape:
    chars = word.chars | set(", :")
    more = word.chars - {"]"}
    return VariableShape(f"{word.pattern}({_AND}{word.pattern})*", chars, chars, many=True, more=more)


NUMBER = _word(f"{DIGITS}.-", "0-9.-")
NAME = _word(f"{DIGITS}{UPPER}{LOWER}_.*-", "0-9A-Za-z_.*-")
PROTOCOL = _word(f"{DIGITS}{UPPER}{LOWER}/.-", "0-9A-Za-z/.-")
ADDRESS = _word(f"{DIGITS}{UPPER}{LOWER}.:-", "0-9A-Za-z.:-")
TIME = replace(NUMBER, exact=r"[0-9]+\.[0-9][0-9][0-9]")
# An address, a socket, or an upstream's name. Brackets come in pairs, around IPv6. None begins with a colon: a
# blank before one is a separator's, so that no expression with several lists has many ways to match.
_PEER = frozenset(f"{DIGITS}{UPPER}{LOWER}.:_/%@[]-")
_BEHIND = "[0-9A-Za-z.:_/%@-]*"
PEER = VariableShape(rf"([0-9A-Za-z._/%@-]{_BEHIND})?(\[[0-9A-Za-z.:%]*\]{_BEHIND})*", _PEER, _PEER)
STATUS = VariableShape("[0-9][0-9][0-9]", frozenset(DIGITS), frozenset(DIGITS), 3)
LOCAL = VariableShape(
    f"{_D2}/[A-Z][a-z][a-z]/{_D4}:{_D2}:{_D2}:{_D2} [+-]{_D4}",
    frozenset(f"{DIGITS}{UPPER}{LOWER}/: +-"),
    frozenset(f"{DIGITS}{UPPER}{LOWER}+-"),
    26,
)
ISO = VariableShape(
    f"{_D4}-{_D2}-{_D2}T{_D2}:{_D2}:{_D2}[+-]{_D2}:{_D2}",
    frozenset(f"{DIGITS}T:+-"),
    frozenset(f"{DIGITS}+-"),
    25,
)
# nginx takes no slash in a host, and writes it in lower case, with `\\xC3` for what is no ASCII; blanks only newer
# versions refuse.
_HOST = EVERY - set(f"/{UPPER[6:]}")
HOST = VariableShape("[^/G-Z]*", _HOST, _HOST, client=True)
ANYTHING = VariableShape("", EVERY, EVERY, client=True)

_NUMBERS = (
    "body_bytes_sent bytes_sent request_length connection connection_requests connection_time "
    "pid remote_port realip_remote_port server_port gzip_ratio"
)
_NAMES = (
    "server_name hostname scheme request_id request_method request_completion pipe nginx_version https "
    "ssl_protocol ssl_cipher ssl_session_reused http2 http3 proxy_upstream_name proxy_alternative_upstream_name"
)
_ADDRESSES = "remote_addr realip_remote_addr server_addr proxy_protocol_addr binary_remote_addr"
_NUMBER_LISTS = (
    "upstream_status upstream_response_time upstream_connect_time upstream_header_time upstream_queue_time "
    "upstream_response_length upstream_bytes_sent upstream_bytes_received"
)
_SHAPES: dict[str, VariableShape] = {
    "status": STATUS,
    "request_time": TIME,
    "msec": TIME,
    "time_local": LOCAL,
    "time_iso8601": ISO,
    "host": HOST,
    "server_protocol": PROTOCOL,
    "upstream_addr": _list(PEER),
    "upstream_cache_status": _list(NAME),
    **dict.fromkeys(_NUMBERS.split(), NUMBER),
    **dict.fromkeys(_NAMES.split(), NAME),
    **dict.fromkeys(_ADDRESSES.split(), ADDRESS),
    **dict.fromkeys(_NUMBER_LISTS.split(), _list(NUMBER)),
}


def shape_of(variable: str) -> VariableShape:
    """ANYTHING unless it is known that no client writes it."""
    return _SHAPES.get(variable, ANYTHING)


def anchored(parts: Sequence[str | VariableShape]) -> bool:
    """Whether text in front of a tail, which begins with a literal, can never be taken for a part of that tail.

    It cannot where all of the tail is of a fixed width. Nor where some character always occurs in it equally
    often, the first time at the same place: text that made the tail longer would bring one more, or move that.
    Nor where blanks alone stand between the values, and the first is no list.
    """
    if not parts or not parts[0] or not isinstance(parts[0], str) or ANYTHING in parts:
        return False
    if all(isinstance(part, str) or part.width for part in parts):
        return True
    values = [part for part in parts if isinstance(part, VariableShape)]
    blanks = all(part == " " for part in parts if isinstance(part, str)) and not values[0].many
    if blanks and all(value.many or " " not in value.chars for value in values):
        # No blank between two values can be taken for one inside of a list: a tail that begins earlier would have
        # the blank in front of the first value inside of that value.
        return True
    wild = {char for value in values for char in value.wild}
    fixed = ""
    for part in parts:
        if isinstance(part, VariableShape) and not part.width:
            break
        # The characters of a value of fixed width that are not wild stand at fixed places in it.
        fixed += part if isinstance(part, str) else "".join(sorted(part.chars - part.wild))
    return not wild.issuperset(fixed)


def pattern(parts: Sequence[str | VariableShape]) -> str:
    """A tail of a line as an expression, without the anchor at its end."""
    return "".join(literal_pattern(part) if isinstance(part, str) else part.pattern for part in parts)


def literal_pattern(text: str) -> str:
    return "".join(f"\\{char}" if char in r"\[(){.*+?|^$" else char for char in text)
