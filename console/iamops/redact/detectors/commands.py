"""Passwords that somebody typed as an option or an argument of mysql, ipmitool, curl and others. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from iamops.redact.spans import SecretSpan, line_end, value_at

# Between an option and its value: spaces, `=`, or the quotes and the comma of a list of words, over lines too.
_GAP = rb"""(?:[ \t]{1,8}|=|\\{0,3}["'],[ \t\r\n]{0,60}(?=\\{0,3}["']))"""
_BEFORE = rb"""(?<=[\s"'])"""
# A list of words may stand on lines of its own, one word on each.
LIST_BYTES = 4096
_LOGIN = rb"""(?:\\{0,3}["'])?[^\s:"',\\]{0,128}['"]?"""


@dataclass(frozen=True, slots=True)
class Habit:
    """On the rest of a command behind one of `needles`, a value follows whatever one of `leads` matches."""

    needles: tuple[bytes, ...]
    leads: tuple[re.Pattern[bytes], ...]
    kind: str = "password"


def _option(*names: bytes, attached: bool = False) -> tuple[re.Pattern[bytes], ...]:
    """`-p SECRET`, `-p=SECRET`, `"-p", "SECRET"`; `attached`: `-pSECRET` too."""
    some = b"|".join(re.escape(name) for name in names)
    found = [re.compile(_BEFORE + b"(?:" + some + b")" + _GAP + rb"(?=[^\s\-])")]
    if attached:
        found.append(re.compile(_BEFORE + b"(?:" + some + rb")(?=[^\s\-=,\"'\\]|[\"'][^\s,\]\"'])"))
    return tuple(found)


def _login(*names: bytes, sign: bytes = b":") -> tuple[re.Pattern[bytes], ...]:
    """`-u user:SECRET`, `-uuser:SECRET`."""
    some = b"|".join(re.escape(name) for name in names)
    secret = rb"(?!\$\{?[A-Z_0-9]+\}?(?:[\s\"']|\Z))(?=[\"']?[^\s\"'\\])"
    return (re.compile(_BEFORE + b"(?:" + some + b")(?:" + _GAP + b"|)" + _LOGIN + sign + secret),)


def _words(pattern: bytes, flags: int = 0) -> tuple[re.Pattern[bytes], ...]:
    return (re.compile(pattern, flags),)


_HABITS = (
    Habit((b"mysql", b"mariadb", b"mongo", b"sshpass", b"mycli"), _option(b"-p", attached=True)),
    Habit(
        (b"fence_", b"stonith", b"ipmipower", b"ipmiconsole", b"racadm", b"redfishtool", b"pcs ", b"ncftp"),
        _option(b"-p"),
    ),
    Habit((b"ipmitool", b"fence_", b"unzip", b"zip ", b"sqlcmd", b"isql"), _option(b"-P")),
    Habit((b"7z ", b"7za ", b"rar "), _option(b"-p", attached=True)),
    Habit((b"redis-cli", b"keydb-cli", b"valkey-cli"), _option(b"-a", attached=True)),
    Habit(
        (b"curl", b"wget", b"http ", b"https ", b"etcdctl", b"httpie"),
        (*_login(b"-u", b"--user", b"--proxy-user", b"-U"), *_login(b"-a", b"--auth")),
    ),
    Habit((b"curl",), _login(b"-E", b"--cert", b"--proxy-cert")),
    Habit((b"curl",), _option(b"--oauth2-bearer", b"--pass", b"--proxy-pass"), "token"),
    Habit((b"curl",), _option(b"-b", b"--cookie"), "cookie"),
    Habit((b"cookie ",), _option(b"-setcookie", b"--cookie", b"--erlang-cookie"), "cookie"),
    Habit((b"lftp", b"smbclient", b"rpcclient", b"net "), (*_login(b"-u", sign=b","), *_login(b"-U", sign=b"%"))),
    Habit((b" login ", b"docker", b"podman", b"buildah", b"helm ", b"oras ", b"nerdctl"), _words(
        rb"\blogin\b[^\n]{0,200}?" + _BEFORE + b"-p" + _GAP + rb"(?=[^\s\-\d]|\d[^:\s]{5})")),
    Habit((b"skopeo", b"podman", b"crane"), _login(b"--creds", b"--src-creds", b"--dest-creds")),
    Habit((b"ldapsearch", b"ldapmodify", b"ldapadd", b"ldapdelete", b"ldapwhoami", b"ldappasswd", b"ldapcompare",
           b"ldapmodrdn", b"ldapexop"), _option(b"-w", attached=True)),
    Habit((b"ldappasswd", b"slappasswd", b"smbpasswd"), _option(b"-s", b"-a")),
    Habit((b"htpasswd", b"htdigest"), _words(
        rb"(?<=\s)-(?=[a-zA-Z0-9]{0,12}b)(?:(?=[a-zA-Z0-9]{0,12}n)[a-zA-Z0-9]{1,16}|"
        rb"[a-zA-Z0-9]{1,16}[ \t]{1,8}[^\s\-]\S{0,255})[ \t]{1,8}\S{1,255}[ \t]{1,8}(?=\S)")),
    Habit((b"openssl", b"pass:"), _words(rb"\bpass:(?=[^\s\"'])")),
    Habit((b"openssl",), _option(b"-k", b"-K")),
    Habit((b"ssh-keygen",), _option(b"-N", b"-P")),
    Habit((b"useradd", b"usermod"), _option(b"-p", attached=True)),
    Habit((b"nsupdate", b"dig "), _words(_BEFORE + rb"-y[ ]{1,4}(?:[\w\-]{1,40}:){1,2}(?=\S)"), "key"),
    Habit((b"snmpget", b"snmpwalk", b"snmpset", b"snmptrap", b"snmpbulk", b"snmptable", b"snmpinform"),
          _option(b"-c", b"-A", b"-X"), "community"),
    Habit((b"com2sec",), _words(
        rb"\bcom2sec6?(?: -Cn \S{1,64})?[ \t]{1,8}\S{1,64}[ \t]{1,8}\S{1,64}[ \t]{1,8}(?=\S)"),
          "community"),
    Habit((b"rocommunity", b"rwcommunity", b"trapcommunity"), _words(
        rb"\b(?:ro|rw|trap)community6?[ \t]{1,8}(?=\S)", re.I), "community"),
    Habit((b"snmp", b"community:", b"community="), _words(
        rb"\bcommunity(?:[ \t]{0,8}[=:][ \t]{0,8}|[ \t]{1,8})(?=\S)",
                                                        re.I), "community"),
    Habit((b"createuser ",), _words(
        rb"\bcreateUser[ \t]{1,4}\S{1,64}[ \t]{1,4}(?:MD5|SHA\S{0,8})[ \t]{1,4}(?=\S)"
        rb"|\b(?:DES|AES\S{0,8})[ \t]{1,4}(?=\S)")),
    Habit((b"rabbitmqctl",), _words(
        rb"\b(?:add_user|change_password|authenticate_user)[ \t]{1,8}\S{1,128}[ \t]{1,8}(?=\S)")),
    Habit((b"vault login", b"bao login"), _words(rb"\blogin[ \t]{1,8}(?=[^\s\-]\S{7})"), "token"),
    Habit((b"wpa_passphrase",), _words(rb"\bwpa_passphrase[ \t]{1,8}\S{1,64}[ \t]{1,8}(?=\S)")),
    Habit((b"net user", b"net use"), _words(
        rb"\bnet use(?:r|[ \t]{1,8}(?:\w|\*):)?[ \t]{1,8}\S{1,128}[ \t]{1,8}(?=[^\s/])")),
    Habit((b"identified",), _words(
        rb"\bidentified[ \t]{1,8}(?:(?:with|via)[ \t]{1,8}\S{1,64}[ \t]{1,8})?(?:by|as|using)[ \t]{1,8}"
        rb"(?:password[ \t]{0,8}\(?[ \t]{0,8})?(?=\S)", re.I)),
    Habit((b"identified",), _words(rb"\breplace[ \t]{1,8}(?=[\"'])", re.I)),
    Habit((b"password(", b"crypt(", b"sha2(", b"sha1(", b"sha(", b"md5(", b"hashbytes("), _words(
        rb"(?<!user)(?:password|(?:aes_|pgp_sym_)?(?:en|de)?crypt|sha[12]?|md5|hashbytes)"
        rb"\([ ]{0,8}(?:concat(?:_ws)?\([ ]{0,8})?(?=\\{0,3}[\"'])", re.I)),
    Habit((b"_encrypt(", b"_decrypt("), _words(
        rb"_(?:en|de)crypt\([ ]{0,8}(?:'[^'\n]{0,400}'|[\w.`]{1,80}),[ ]{0,8}(?=\\{0,3}[\"'])", re.I)),
    # Two arguments, a user and a password: db.auth(), changeUserPassword(), SetBasicAuth(), auth=().
    Habit((b"auth(", b"changeuserpassword(", b"authenticate(", b"basicauth(", b"login(", b"auth=("), _words(
        rb"(?:\bauth|changeUserPassword|authenticate|BasicAuth|\blogin|\bauth=)\([ ]{0,4}"
        rb"(?P<q>\\{0,3}[\"'])[^\"'\n\\]{0,128}(?P=q),"
        rb"[ ]{0,4}(?=\\{0,3}[\"'])", re.I)),
    Habit((b"login ", b"machine "), _words(rb"\blogin[ ]{1,8}\S{1,128}[ ]{1,8}password[ ]{1,8}(?=\S)")),
    Habit((b"user ", b"setuser"), _words(rb"(?<=[\s\"'])>(?=[^\s\"'>=])")),
    Habit((b"user ", b"setuser"), _words(rb"(?<=[\s\"'])#(?=[0-9a-f]{64}\b)"), "password_hash"),
    Habit((b"auth-pass",), _words(rb"\bauth-pass[ ]{1,8}\S{1,128}[ ]{1,8}(?=\S)")),
    Habit((b"from-literal",), _words(rb"from-literal[= ][\w.\-]{1,80}=(?=\S)"), "secret"),
    Habit((b"password for ", b"passwd for "), _words(rb"passw(?:or)?d for [^\s:]{1,64}:[ ]{1,4}(?=\S)", re.I)),
    Habit((b"sqlplus", b"impdp", b"expdp"), _words(rb"(?<=\s)[\w.\-]{1,64}/(?=[^\s@/]{3,128}@)")),
    Habit((b"mysqlsh",), _words(rb"(?<=\s)[\w.\-]{1,64}:(?=[^\s@/]{3,128}@)")),
    Habit((b"setcredential=",), _words(rb"\bSetCredential=[\w.\-]{1,80}:(?=\S)"), "credential"),
    Habit((b"verification", b"one-time", b"security", b"recovery", b"backup", b"login", b"sms", b"2fa", b"mfa"),
          _words(
        rb"\b(?:verification|one-time|security|recovery|backup|login|sms|2fa|mfa)"
        rb"[ \-]code[ ]{0,2}(?:[:=][ ]{0,2}|is[ ])(?=[\w\-]{4})", re.I), "otp"),
)  # fmt: skip
# Most lines hold no option at all.
_OPTION = re.compile(rb"""[\s"']-{1,2}[A-Za-z]""")
_WITH_OPTIONS = tuple(habit for habit in _HABITS if any(_BEFORE in lead.pattern for lead in habit.leads))
_WITHOUT = tuple(habit for habit in _HABITS if habit not in _WITH_OPTIONS)


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    for habit in (*_WITHOUT, *(_WITH_OPTIONS if _OPTION.search(text) else ())):
        here = [needle for needle in habit.needles if needle in lowered]
        if here:
            done = 0
            for start, end in sorted(command for needle in here for command in _commands(text, lowered, needle)):
                # Of several commands on a line the first one's rest is the others' too.
                if end > done:
                    yield from _values(habit, text, start, end)
                    done = end


def _commands(text: bytes, lowered: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    """The rest of each line from the first needle in it on; of a list of words up to its end."""
    at = lowered.find(needle)
    while at >= 0:
        end = line_end(text, at)
        if text[at + len(needle) : at + len(needle) + 24].find(b'",') >= 0:
            closed = text.find(b"]", at, at + LIST_BYTES)
            end = max(end, closed if closed >= 0 else min(len(text), at + LIST_BYTES))
        yield at, end
        at = lowered.find(needle, max(end, at + 1))


def _values(habit: Habit, text: bytes, start: int, end: int) -> Iterator[SecretSpan]:
    for lead in habit.leads:
        at = start
        # Not cut at `at`: what stands just before it shows whether a word begins there.
        while (found := lead.search(text, at, end)) is not None:
            value = value_at(text, found.end())
            if value.end > value.start:
                yield SecretSpan(value.start, min(value.end, end), habit.kind)
            at = max(value.after, found.end(), at + 1)
