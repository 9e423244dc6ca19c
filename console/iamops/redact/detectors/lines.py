"""Lines that come one by one and belong together: keys, statements, blocks. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from iamops.model.foreign import whole
from iamops.redact.redact import redact

# As many lines are remembered of a statement or a block, and as many bytes. What goes on longer is searched
# line by line, as every line is.
MOST_LINES = 60
MOST_BYTES = 16 * 1024
MOST_SPEAKERS = 200
# So many lines may stand between a name and its value, or one secret and the next.
MOST_WITHOUT = 4
_BEGINS_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?!.*-----END )")
_IN_KEY = re.compile(
    rb"(?:[^\s]{1,200}[ \t])?[ \t]*(?:[A-Za-z0-9+/]{1,128}={0,2}|[\w\-]{1,40}: .{0,100}|)[ \t\r]*\Z"
)
_ENDS_KEY = b"-----END "
MARKED = b"[redacted private_key]"
# What stands on the next lines: the values of a statement, or those of a name at a line's end.
_STATEMENT = re.compile(rb"\b(?:insert|replace|update)\s+(?:into\s+|ignore\s+)?[\w`\"\[.\\]", re.IGNORECASE)
_NAME_AT_END = re.compile(
    rb"(?:pass|pwd|secret|token|api_?-?key|credential|private|jwt|psk|signature|\bkey)[\w.\-]{0,40}[\"'\\\]]{0,4}"
    rb"[ \t]{0,8}(?:[:=][ \t]{0,8}(?:[|>][-+0-9]{0,2}|\\{0,3}[\[{(]|\"\"\"|&\w{1,40})?)?[ \t]*\r?\Z",
    re.IGNORECASE,
)
# A list of words, one on each line: the command that takes a password comes first.
_COMMAND = re.compile(
    rb"(?:ipmi\w*|fence_\w+|mysql\w*|mariadb\w*|redis-cli|curl|sshpass|ldap\w+"
    rb"|mongo\w*|etcdctl|snmp\w+)\\{0,3}\",[ \t]*\r?\Z"
)
_FORM = re.compile(rb"form-data; name=\\{0,3}\"[\w.\-]{0,40}(?:pass|pwd|secret|token|key|otp|pin)", re.IGNORECASE)
_MAIL = re.compile(rb"\bAUTH LOGIN[ \t]*\r?\Z", re.IGNORECASE)
# A here-document for a command that reads passwords, and what `expect` waits for before it sends one.
_AHEAD = re.compile(
    rb"passwd[^\n]{0,80}<<-?(?!<)[ \t]{0,4}[\"']?\w|\bexpect\b[^\n]{0,80}(?:assword|assphrase|PIN|OTP|code)",
    re.IGNORECASE,
)
_PUTTY = b"Private-Lines: "
TAIL = 160


@dataclass(slots=True)
class LineRedactor:
    """One speaker's lines, oldest first. `of` is to be given every one of them once."""

    _before: list[bytes] = field(default_factory=list)
    _in_key: int = 0
    _statement: bool = False
    _since: int = 0  # lines since one that had a secret, or a name without its value

    def of(self, line: bytes) -> bytes:
        """The line without its secrets."""
        if self._in_key:
            return self._key_line(line)
        if self._before:
            clean = redact(b"\n".join((*self._before, line))).text.rpartition(b"\n")[2]
        else:
            clean = redact(line).text
        self._remember(line, changed=clean != line)
        return clean

    def _key_line(self, line: bytes) -> bytes:
        self._in_key -= 1
        if _ENDS_KEY in line or not _IN_KEY.match(line):
            self._in_key = 0
            return redact(line).text
        head, _, body = line.rstrip().rpartition(b" ")
        return head + (b" " if head else b"") + (MARKED if body else b"")

    def _remember(self, line: bytes, *, changed: bool) -> None:
        self._since = 0 if changed else self._since + 1
        if b"PRIVATE KEY" in line and _BEGINS_KEY.search(line):
            self._in_key, self._before = 400, []
        elif _PUTTY in line:
            number = line.partition(_PUTTY)[2].split()[:1]
            self._in_key = min((whole(number[0]) if number else None) or 0, 400)
        elif _STATEMENT.search(line) or _COMMAND.search(line, max(0, len(line) - TAIL)):
            self._before, self._statement = [line[-MOST_BYTES:]], b";" not in line[-TAIL:]
        elif (
            _NAME_AT_END.search(line, max(0, len(line) - TAIL))
            or _FORM.search(line)
            or _MAIL.search(line)
            or _AHEAD.search(line)
        ):
            self._before, self._statement = [*(self._before if self._goes_on() else ()), line], False
            self._since = 0
        elif self._before and self._goes_on() and (self._statement or self._since < MOST_WITHOUT):
            self._before.append(line)
            self._statement = self._statement and not line.rstrip().endswith(b";")
        else:
            self._before, self._statement = [], False

    def _goes_on(self) -> bool:
        return len(self._before) < MOST_LINES and sum(map(len, self._before)) < MOST_BYTES


@dataclass(slots=True)
class Speakers:
    """Lines of several speakers who take turns, as in a journal. Each is listened to by itself."""

    _each: dict[str, LineRedactor] = field(default_factory=dict)

    def of(self, speaker: str, line: bytes) -> bytes:
        if speaker not in self._each:
            if len(self._each) >= MOST_SPEAKERS:
                self._each.clear()
            self._each[speaker] = LineRedactor()
        return b"\n".join(self._each[speaker].of(part) for part in line.split(b"\n"))
