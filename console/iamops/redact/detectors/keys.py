"""Values given away by their names or by their section: password, secret, token, api key and the like. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from iamops.redact.spans import (
    MARK,
    SecretSpan,
    Value,
    hits,
    indented_end,
    is_mixed,
    is_separated,
    looks_made,
    match_end,
    value_at,
    value_begin,
)

# needle -> the word in the marker. The rest of a name may stand before and behind its needle.
_KINDS = {
    b"pass": "password", b"pwd": "password", b"secret": "secret", b"token": "token", b"apikey": "api_key",
    b"api_key": "api_key", b"api-key": "api_key", b"private": "private_key", b"key-data": "private_key",
    b"key_data": "private_key", b"pass phrase": "password", b"preshared": "private_key",
    b"pre-shared": "private_key", b"jwt-key": "key", b"jwt_key": "key", b"jwt.key": "key", b"jwtkey": "key",
    "密码".encode(): "password", "口令".encode(): "password", "密钥".encode(): "secret", "令牌".encode(): "token",
    "пароль".encode(): "password", b"contrase": "password", b"credential": "credential",
    b"signature": "signature", b"masterauth": "password", b"primaryauth": "password",
    b"samlresponse": "assertion", b"samlrequest": "assertion", b"client_assertion": "assertion",
    b"code_verifier": "secret", b"auth_data": "auth_pass", b"auth data": "auth_pass",
    b"authentication data": "auth_pass", b"bindpw": "password", b"rootpw": "password", b"x-auth": "token",
    b"sessionid": "session", b"sessid": "session", b"connect.sid": "session", b"session_id": "session",
    b"access_key": "access_key", b"access-key": "access_key", b"accesskey": "access_key",
}  # fmt: skip
# Short words that give a value away only where they are the last word of a name: DB_PW, wifi.psk, otp.
_WHOLE = {b"pw": "password", b"psk": "key", b"otp": "otp", b"totp": "otp", b"pin": "pin", b"auth": "auth_pass",
          b"bearer": "token", b"encrypt": "key", b"sid": "session"}  # fmt: skip
_DIGITS = re.compile(rb"\d{4,10}(?!\w)")
# What one of these may also be is a state, a way or a place: its value must look like a secret.
_DOUBTFUL = frozenset((b"pin", b"bearer", b"encrypt", b"sid"))
# `auth = ...` may say how somebody logs in, rather than with what.
_WAYS = re.compile(
    rb"(?:pass|ah|basic|plain|login|digest|negotiate|ntlm|bearer|required|requisite|sufficient|optional|failed|failure"
    rb"|ok|success|succeeded|disabled|enabled|default|x?oauth2?|scram[\w\-]*|cram-md5|md5|sha\d*|ldaps?|pam|tls|cert"
    rb"|publickey|keyboard-interactive|kerberos|gssapi|radius|\d{1,3})\Z",
    re.IGNORECASE,
)
# Names for which a space is enough: the words of keepalived, Redis and nginx.
_SPACED = (
    *(b"auth_pass", b"requirepass", b"masterauth", b"primaryauth", b"bind_pw", b"auth_data"),
    *(b"authentication data", b"bindpw", b"rootpw", b"secret_access_key", b"secure_link_secret"),
)
_TAIL = re.compile(rb"[\w.\-]*+")
_WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_LINE_START = re.compile(rb"""[ \t]*+(?:-[ \t]+|export[ \t]+|set[ \t]+|Environment=)*+\\*+["']?[\w.\-]*+""")
_QUOTED_START = re.compile(rb"""["'][\w.\-]*\Z""")
# Behind a space alone only what no sentence would say: letters and digits in one word.
_LOOSE = re.compile(rb"""[ \t]++(?:(?:is|was|to|\d)[ \t]++)?(?=[^\d\s"',;)]*+\d)(?=[^A-Za-z\s"',;)]*+[A-Za-z])""")
# A sentence that says what is wrong with one.
_COMPLAINT = re.compile(
    rb"(?:rpc|record|error|err|invalid|not|no|too|must|cannot|can't|could|failed|unable|is|are|was|does|missing"
    rb"|empty|unknown|context|connection|dial|EOF|timeout|timed|token|signature|jwt|user|username|crypto/bcrypt"
    rb"|illegal|unexpected|json|http|hash|hashedPassword|the|an?|it|only|permission|access|status|code"
    rb"|open|read|write|lookup|Get|Post|Error)[ :]",
)
_OF_PASSWD = re.compile(rb"(?:password|Authentication|You|The|Sorry|user|pam_\w+|Permission)[ '(:]")
# nsswitch.conf: where users are looked up, the local file among others: `passwd: files [NOTFOUND=return] sss`.
_SOURCE_OF_USERS = (
    rb"(?:files|compat|altfiles|usrfiles|extrausers|cache|db|dns|hesiod|ldap|mymachines|nis|nisplus|sss|systemd"
    rb"|winbind|wins|\[[A-Z=a-z! ]{1,60}\])"
)
_OF_NSSWITCH = re.compile(
    rb"(?:%s[ \t]{1,20}){0,8}(?:files|compat)(?:[ \t]{1,20}%s){0,8}"
    rb"""(?=[ \t]{0,20}\r?(?:\n|\Z)|["'](?:[\s,\]}]|\Z)|\\{1,4}[nr])""" % (_SOURCE_OF_USERS, _SOURCE_OF_USERS)
)
_OF_TESTS = re.compile(rb"(?:Test[A-Z]\w*|Example\w*|tests?/\S+)(?=[ \n/]|\Z)")
_WORD_AND_QUOTE = re.compile(rb'[a-z]{1,40} "')
_GOES_ON_TO_SAY = re.compile(
    rb"(?:to|is|was|for|in|of|not|must|too|has|exceeds|should|and|or|longer)[ ][a-z\d]+\b"
)
_NEXT_FIELD = re.compile(rb"[A-Za-z][\w.\-]{0,40}=")
_LOOSE_WORD = re.compile(rb"""[\w+=!$%^*~#@\-]{8,128}+(?=[\s"',;)]|\Z)""")
# `name: DB_PASSWORD`, and its value as a field of its own.
_VALUE_FIELD = re.compile(
    rb"""["']?[ \t]*+,?[ \t]*+(?:\r?\n[ \t]*+)?["']?value["']?[ \t]*+[:=][ \t]*+"""
    rb"""|["']?(?:[ ][\w.:\-]{1,40}=["'][^"'<>\n]{0,200}["']){1,8}[ ]?>(?:<!\[CDATA\[)?(?=[^\s<])"""
    rb"""|["']?><!\[CDATA\["""
    rb"""|</[\w.:]{1,40}>\s{0,40}<(?:string|value|data)>(?:<!\[CDATA\[)?(?=[^\s<])"""
    rb"""|[`"\]]?[ \t]{1,4}(?:not[ ])?(?:like|regexp)[ \t]{1,4}(?=["'])""",
    re.IGNORECASE,
)
_NO_SECRET_NAME = re.compile(
    rb"private-lines\Z|(?:file|path|dir|ttl|expir\w*|timeout|max_?age|length|min_?len|type|policy|count|lifetime|size|line|name|user"
    rb"|ref|reviews|changed|_at|total|bucket|sum|seconds|created|algorithm|format|status|valid|enabled|required|version|host|url)s?\Z"
    rb"|(?:word|token|secret)[_.\-]?age\Z|(?:existing|imagepull)secrets?\Z|(?:request|token)[_\-]id\Z|-fd\Z|nopasswd\Z|nopass\Z"
    rb"|pass(?:ed|ing|ive|es)\Z|(?:by|com|tres|sur|under|over)pass\Z"
    rb"|\.(?:service|socket|timer|path|target|mount|slice|scope|device)\Z"
    rb"|private(?![\w.\-]*(?:key|pem|exponent|hash|mac|token|secret|pass))[\w.\-]+\Z"
)
_TRIVIAL = re.compile(
    rb"(?:yes|no|true|false|null|nil|none|on|off|auto|valid|invalid|verified|expired|missing|mismatch|unchanged|enabled|disabled|required|optional|include"
    rb"|~|\*+|-+|\.+|\[\]|<[\w \-]*>|\$\{\w+\}|\{\{[^{}]*\}\}"
    rb"|\$(?:http|arg|cookie|sent_http|upstream_http)_\w+)\Z",
    re.IGNORECASE,
)
# YAML: the value of a name that ends its line stands below it, as a list or a text of its own.
_BELOW = re.compile(
    rb"(?:#[^\n]*+)?(?:\r?\n(?:[ \t]*-[ \t]+|[ \t]+)(?=[^\s#-])(?:[^\n:]|:(?![ \t\r\n]))*+(?=\n|\Z))++"
)
# `secret.go:52`, `auth.go:12:3`: a place in a source, not a value.
_SOURCE = re.compile(rb"\.[a-z][a-z0-9+]{0,4}\Z")
_POSITION = re.compile(rb":\d{1,7}(?!\w)(?::\d{1,7}(?!\w))?")
_PATH = re.compile(rb"/(?:etc|var|run|usr|home|root|opt|tmp|srv|proc|dev|mnt|data|lib|sys)/[\w./@+\-]+\Z")
# `unexpected token ';'`, `secret "iam-tls" not found`: words about a token or a secret that is none.
_PARSERS = re.compile(rb"(?:unexpected|expected|expecting|invalid|unknown|next|end|illegal) \Z", re.IGNORECASE)
_ABOUT = re.compile(
    rb"""\\*["'`][^"'`\n]{0,80}["'`]"""
    rb""" (?:not found|already|does not|doesn't|is (?:not|forbidden|invalid|immutable|in use|required)|was"""
    rb"""|has been|created|deleted|updated|expired)""",
    re.IGNORECASE,
)
# `define('DB_PASSWORD', 'x')`: a call with a name and a value.
_FIRST = re.compile(rb"""\(\\*["'][\w.\-]*\Z""")
_SECOND = re.compile(rb"""\\*["'],[ ]{0,4}(?=\\*["'])""")
# SQL: one of several values.
_AMONG = re.compile(
    rb"""[`"\]]?[ \t]{1,4}(?:not[ ])?in[ \t]{0,4}\((?P<values>["'][^()\n]{0,4096}["'])""", re.IGNORECASE
)
# YAML's long way of writing a key: `? password`, and below it `: value`.
_LONG_KEY = re.compile(rb"""["']?[ \t]*+\r?\n[ \t]*+:[ \t]++""")
# A field of a form: its name in a header, an empty line, its value.
_FORM_FIELD = re.compile(
    rb'\\*+"(?:;[^\n]{0,80})?[ \r]{0,8}\n(?:[A-Z][\w\-]{1,30}: [^\n]{0,80}\n){0,3}[ \r]{0,8}\n(?=\S)'
)
# What is called a key and is none.
_NO_KEY = re.compile(
    rb"(?:pub|public|host|cache|primary|foreign|sort|partition|hash|object|s3|lookup|redis|group|dedup|index|map|idempotency"
    rb"|kernel|routing|message|config|metric|label|unique|duplicate|shard|row"
    rb"|for|registry|service|lock)[ _.\-]?\Z",
    re.IGNORECASE,
)
# What is called one of these has a key for its value, short or long, letters or digits.
_SURE_KEY = re.compile(
    rb"(?:encrypt(?:ion)?|signing|sign|hmac|jwt[\w.\-]{0,20}|master|cipher|crypto|aes|account|storage|shared)[_.\-]?\Z",
    re.IGNORECASE,
)
_KEY_MATERIAL = re.compile(rb"(?=[^\d]*\d)(?=.*[A-Za-z])(?:base64:)?[A-Za-z0-9+/=_\-]{16,}+(?=[;,&]|\Z)")
_OPTION = re.compile(rb"(?<!\S)--?[\w.\-]{0,60}\Z")
_ASKED_NAMES = (
    *(b"sig", b"sign", b"hmac", b"code", b"auth", b"key", b"sid", b"session", b"jwt", b"ticket", b"assertion"),
    *(b"pw", b"otp", b"pin", b"totp", b"samlresponse", b"sas", b"invite", b"reset", b"nonce", b"state"),
)
_ASKED = re.compile(rb"(?:[?&]|%26|%3f)(?P<name>" + b"|".join(_ASKED_NAMES) + b")=")
_ASKED_VALUE = re.compile(rb"""(?![a-z_\-]{1,12}+(?:[\s"'&#<>\\]|\Z))[^\s"'&#<>\\]{6,}+""")
_ASKED_PIN = re.compile(rb"""[^\s"'&#<>\\]{3,}+""")
_PINS = (b"pw", b"otp", b"totp", b"pin")
_SIGNS = frozenset((b"=", b":", b'"', b"'", b" ", b"%"))
LOOK_BACK = 96
# A value that is longer is searched once, however many names stand in it.
LONG = 256


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    for needle, kind in _KINDS.items():
        if needle in lowered:
            yield from _named(text, lowered, needle, kind)
    for needle, kind in _WHOLE.items():
        if needle in lowered:
            yield from _whole(text, lowered, needle, kind)
    if b"=" in text:
        yield from _asked(text, lowered)
    if b"key" in lowered:
        yield from _keys(text, lowered)


def _named(text: bytes, lowered: bytes, needle: bytes, kind: str) -> Iterator[SecretSpan]:
    done = 0
    for at in hits(lowered, (needle,)):
        if at < done:
            continue
        done = end = match_end(_TAIL, text, at + len(needle))
        if not is_separated(text, end) or (needle == b"pwd" and end > at + len(needle)):
            continue
        before = text[max(0, at - LOOK_BACK) : at]
        name = before[len(before.rstrip(_WORD)) :].lower() + lowered[at:end][-LOOK_BACK:]
        is_place = text[end : end + 1] == b":" and _SOURCE.search(name) and _POSITION.match(text, end)
        is_closed = before.endswith((b"</", MARK))
        value = None if is_place or is_closed or _NO_SECRET_NAME.search(name) else _value(text, end, before, name)
        if value is not None:
            done = value.after
            kind_of = "auth_pass" if b"auth_pass" in name else kind
            yield SecretSpan(value.start, value.end, kind_of, quoted=value.bare and text[end : end + 1] == b'"')


def _whole(text: bytes, lowered: bytes, needle: bytes, kind: str) -> Iterator[SecretSpan]:
    """A short word that ends a name. `auth` must have something before it: VRRP_AUTH."""
    done = 0
    for at in hits(lowered, (needle,)):
        end, first = at + len(needle), text[at - 1 : at] if at else b""
        if (
            at < done
            or first.isalnum()
            or text.endswith(MARK, 0, at)
            or text[end : end + 1] not in _SIGNS
            or (needle == b"auth" and first not in (b"_", b"-", b"."))
        ):
            continue
        begin = value_begin(text, end, spaced=needle == b"pw" and first == b"_")
        if begin is None or text[begin : begin + 1] in (b"{", b"[", b"("):
            continue
        value = value_at(text, begin)
        done = value.after if value.end - value.start > LONG else done
        inside = text[value.start : min(value.end, value.start + LONG)]
        doubtful = needle in _DOUBTFUL and not (needle == b"pin" and _DIGITS.match(inside))
        if _is_trivial(text, value) or _PATH.match(inside) or (doubtful and not is_mixed(inside)):
            continue
        if needle != b"auth" or not _WAYS.match(inside):
            yield SecretSpan(value.start, value.end, kind, quoted=value.bare and text[end : end + 1] == b'"')


def _value(text: bytes, end: int, before: bytes, name: bytes) -> Value | None:
    """What stands behind a name that ends at `end`; an empty value where it is no secret."""
    newline = before.rfind(b"\n")
    cut_off = newline < 0 and len(before) == LOOK_BACK
    at_line_start = not cut_off and _LINE_START.fullmatch(before, newline + 1) is not None
    # `--token abc`: the value of an option stands behind a space too.
    spaced = name.startswith(b"-") or any(word in name for word in _SPACED)
    begin = value_begin(text, end, spaced=spaced)
    if begin is None:
        call = _SECOND.match(text, end) if _FIRST.search(before) else None
        return _loose(text, end) if call is None else value_at(text, call.end())
    if text[end : end + 2] == b"> ":  # `<password>` in a description is a place for one
        return None
    in_sentence = not at_line_start and text[end : end + 2] == b": " and before[-1:] != b'"'
    if in_sentence and _COMPLAINT.match(text, begin):
        return None
    if text[end : end + 1] == b" " and (_PARSERS.search(before) or _ABOUT.match(text, begin)):
        # A secret and a token have names; a password has none, and a name is not made of everything.
        quoted = value_at(text, begin)
        inside = text[quoted.start : min(quoted.end, quoted.start + LONG)]
        if not (is_mixed(inside) if b"pass" in name else looks_made(inside)):
            return None
    is_word = _is_said_of_it(text, begin, before, name, end, spaced=spaced)
    if is_word or text[begin : begin + 1] == b"{":
        return None
    in_sentence = before.endswith((b": ", b'"')) and text[end : end + 1] == b":"
    if (at_line_start or in_sentence) and text[begin : begin + 1] in (b"\r", b"\n", b"#"):
        below = _BELOW.match(text, begin)
        if below is not None:
            return Value(begin, below.end(), below.end(), bare=False)
    # A bare value behind a quoted name is JSON's: it ends where the next field begins.
    bare_name = text[end : end + 1] not in (b'"', b"'")
    in_quotes = _QUOTED_START.search(before) is not None
    value = value_at(text, begin, to_line_end=at_line_start and bare_name and not in_quotes)
    is_path = (name.endswith(b"pwd") and text[begin : begin + 1] == b"/") or _PATH.match(
        text[value.start : min(value.end, value.start + LONG)]
    )
    return replace(value, end=value.start) if is_path or _is_trivial(text, value) else value


def _is_said_of_it(text: bytes, begin: int, before: bytes, name: bytes, end: int, *, spaced: bool) -> bool:
    """Whether the name is a program's, a test's or a sentence's word rather than that of a value."""
    if name == b"passwd" and (before.endswith(b"(") or _OF_PASSWD.match(text, begin)):
        return True
    if name == b"passwd" and text[end : end + 1] == b":" and _OF_NSSWITCH.match(text, begin):
        return True
    if name == b"pass" and _OF_TESTS.match(text, begin):
        return True
    # `"iam-secret" : secret "iam-secret" not found`: no value in a document is followed by a quote.
    if text[end : end + 4] == b'" : ' and _WORD_AND_QUOTE.match(text, begin):
        return True
    return spaced and text[end : end + 1] == b" " and bool(_GOES_ON_TO_SAY.match(text, begin))


def _loose(text: bytes, end: int) -> Value | None:
    """What follows a name without any sign between them."""
    among = _AMONG.match(text, end)
    if among is not None:
        return Value(among.start("values"), among.end("values"), among.end(), bare=True)
    field = _VALUE_FIELD.match(text, end) or _LONG_KEY.match(text, end) or _FORM_FIELD.match(text, end)
    if field is not None:
        return value_at(text, field.end())
    gap = _LOOSE.match(text, end)
    word = _LOOSE_WORD.match(text, gap.end()) if gap and not _NEXT_FIELD.match(text, gap.end()) else None
    return None if word is None else Value(word.start(), word.end(), word.end(), bare=True)


def _is_trivial(text: bytes, value: Value) -> bool:
    """Yes and no, nothing, a variable."""
    return value.end - value.start < LOOK_BACK and bool(_TRIVIAL.match(text[value.start : value.end]))


def _asked(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    """Parameters of a request whose names are too common to be searched for anywhere else."""
    at = 0
    while (asked := _ASKED.search(lowered, at)) is not None:
        pattern = _ASKED_PIN if asked["name"] in _PINS else _ASKED_VALUE
        value, at = pattern.match(text, asked.end()), asked.end()
        if value is not None:
            at = value.end()
            yield SecretSpan(value.start(), value.end(), "query")


def _keys(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    """`key: ...` and `signing-key = ...` with something behind them that can only be a key."""
    done = 0
    for at in hits(lowered, (b"key",)):
        optional = _OPTION.search(text, max(0, at - LOOK_BACK), at) is not None if at >= done else False
        begin = value_begin(text, at + len(b"key"), spaced=optional) if at >= done else None
        if begin is None or text.endswith(MARK, 0, at) or _NO_KEY.search(text, max(0, at - 16), at):
            continue
        value = value_at(text, begin)
        material = _KEY_MATERIAL.match(text, value.start, value.end)
        sure = _SURE_KEY.search(text, max(0, at - 32), at) and not _is_trivial(text, value)
        if (material is not None or sure) and text[value.start : value.start + 1] not in (b"/", b"{", b"["):
            yield SecretSpan(value.start, value.end, "key")
        if material is not None or value.end - value.start > LONG:
            done = value.after


# Values that the section they stand in gives away: `jwt:` and below it `key:`, `password: {value: ...}`.
SECTION_BYTES = 4096
_OPENS = re.compile(
    rb"""\w{0,24}+(?P<bracket>\])?+[\\"']{0,4}+[ \t]{0,8}+[:=]?+[ \t]{0,8}+"""
    rb"""(?:[&*\w.]{0,60}+(?P<brace>\{)|(?:#[^\n]{0,200})?\r?(?P<line>\n))"""
)
_FIELD = rb"""(?:\A|(?<=[\s{,"'\\]))%s["'\\]{0,4}[ \t]{0,8}[:=][ \t]{0,8}(?=[^\s\[{])"""
_KEY = re.compile(_FIELD % rb"(?:signing|hmac|private)?[_\-]?key", re.IGNORECASE)
_VALUE = re.compile(
    _FIELD
    % rb"(?:value|data|plain(?:text)?|text|raw|string|content|current|old|new|default|primary|secondary|key)",
    re.IGNORECASE,
)
_MANIFEST = re.compile(rb"""kind["']?:[ \t]{1,8}["']?Secret\b""")
_DATA = re.compile(rb"""^(?P<indent>[ \t]{0,40})["']?(?:stringD|d)ata["']?:[ \t]{0,8}\r?\n""", re.MULTILINE)
_ENTRY = re.compile(rb"^[ \t]{1,60}[\w.\-]{1,253}:[ \t]{1,8}(?=[^\s|>])", re.MULTILINE)
# A name of a secret that stands elsewhere: `secretKeyRef: {name: iam, key: password}`.
_REFERENCE = re.compile(rb"\w{0,20}Ref\b")
_SECTIONS = {
    b"jwt": (_KEY, "key"),
    b"password": (_VALUE, "password"),
    b"passwd": (_VALUE, "password"),
    b"secret": (_VALUE, "secret"),
    b"token": (_VALUE, "token"),
    b"credential": (_VALUE, "credential"),
}


def section_spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    for needle, (field, kind) in _SECTIONS.items():
        if needle in lowered:
            yield from _sections(text, lowered, needle, field, kind)
    if b"secret" in lowered and b"kind" in lowered:
        yield from _manifests(text)


def _sections(
    text: bytes, lowered: bytes, needle: bytes, field: re.Pattern[bytes], kind: str
) -> Iterator[SecretSpan]:
    done = 0
    for at in hits(lowered, (needle,)):
        opened = _OPENS.match(text, at + len(needle)) if at >= done else None
        if opened is None or _REFERENCE.match(text, at + len(needle)) or _is_a_mark(text, at, opened):
            continue
        done = _end(text, at, opened)
        at = opened.end()
        while (found := field.search(text, at, done)) is not None:
            value = value_at(text, found.end())
            at = max(found.end(), value.after)
            if value.end > value.start and not text.startswith((b"$", b"/", b"null"), value.start):
                quoted = value.bare and text[found.end() - 1 : found.end()] == b" " and b'"' in found[0]
                yield SecretSpan(value.start, value.end, kind, quoted=quoted)
        done = max(done, at)


def _is_a_mark(text: bytes, at: int, opened: re.Match[bytes]) -> bool:
    """`[redacted password]` at a line's end begins no section called so."""
    return opened["bracket"] is not None and text.endswith(
        MARK, 0, max(0, text.rfind(b" ", max(0, at - 40), at) + 1)
    )


def _end(text: bytes, at: int, opened: re.Match[bytes]) -> int:
    begin = opened.end()
    most = min(len(text), begin + SECTION_BYTES)
    if opened["brace"] is not None:
        closed = text.find(b"}", begin, most)
        return most if closed < 0 else closed
    if opened["bracket"] is not None:
        following = text.find(b"\n[", begin, most)
        return most if following < 0 else following
    line = text.rfind(b"\n", max(0, at - 200), at) + 1
    before = text[line:at]
    in_sentence = not before.endswith((b": ", b'"')) and before.strip(b" \t\"'-?")
    if in_sentence and not re.fullmatch(rb"[\w.\-]{0,60}", before.strip(b" \t\"'-")):
        return begin
    indent = len(before) - len(before.lstrip(b" \t-"))
    return begin + indented_end(text[begin:most], 0, indent, dashes=True)


def _manifests(text: bytes) -> Iterator[SecretSpan]:
    """Everything that a Kubernetes Secret holds."""
    done = 0
    for found in _MANIFEST.finditer(text):
        if found.start() < done:
            continue
        near = max(0, found.start() - SECTION_BYTES)
        done = min(len(text), found.end() + SECTION_BYTES)
        for data in _DATA.finditer(text, near, done):
            end = data.end() + indented_end(text[data.end() : done], 0, len(data["indent"]))
            at = data.end()
            while (entry := _ENTRY.search(text, at, end)) is not None:
                value = value_at(text, entry.end(), to_line_end=True)
                at = max(entry.end(), value.after)
                yield SecretSpan(value.start, value.end, "secret")
