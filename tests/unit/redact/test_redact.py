"""Redaction: no planted secret survives, and what is no secret comes out byte for byte."""

from __future__ import annotations

import base64
import random
import re
import string
import time

import pytest

from iamops.redact.known import KnownSecrets
from iamops.redact.redact import learned, redact
from tests.bench.yardstick import slowness

URL_SAFE = string.ascii_letters + string.digits + "-_"
TYPED = string.ascii_letters + string.digits + "!$%^*+-_./~#"
HEX = "0123456789abcdef"
BASE64 = string.ascii_letters + string.digits + "+/"


# (what stands around a secret, the characters it is made of)
CONTEXTS = [
    ("        auth_pass {}", TYPED),
    ('        auth_pass "{}"', TYPED + " "),
    ("   Password = {}", TYPED),
    ("! auth_pass {} # was changed", TYPED),
    ('"password": "{}",', TYPED + " ,;&@'"),
    ('{{"a":1,"password":"{}","b":2}}', TYPED + " ,;&@'"),
    (r'{{"msg":"{{\"password\":\"{}\",\"b\":2}}"}}', TYPED + " ,;@'"),
    (r'{{"m":"{{\\\"client_secret\\\":\\\"{}\\\"}}"}}', TYPED + " ,;@'"),
    ("  password: {}", TYPED + ",;&@"),
    ("  db-passwd: '{}'", TYPED + ' ,;&@"'),
    ("client_secret = {}", TYPED + ",;&@"),
    ("export IAM_TOKEN={}", TYPED),
    ("    {{Username:iam Password:{} Database:iam}}", TYPED),
    ("requirepass {}", TYPED),
    ("masterauth {}", TYPED),
    ("Server=db;Uid=iam;Pwd={};Database=iam", URL_SAFE),
    ("dsn: mysql://iam:{}@127.0.0.1:3306/iam", URL_SAFE + "!$@"),
    ("redis://:{}@127.0.0.1:6379/0", URL_SAFE),
    ("connect mongodb://iam:{}@10.0.4.20:27017/?x=1 failed", URL_SAFE),
    ("iam:{}@tcp(127.0.0.1:3306)/iam?charset=utf8", URL_SAFE + "!$"),
    ("GET /cb?next=https%3A%2F%2Fiam%3A{}%40host%2F HTTP/1.1", URL_SAFE),
    ("ran mysql -uroot -p{} iam", URL_SAFE),
    ("ran mysqldump -u root -p'{}' iam", TYPED),
    ("ran redis-cli -a {} ping", URL_SAFE),
    ("ran curl -u iam:{} http://10.0.4.20/", URL_SAFE),
    ("ran iamctl login --password {} --user iam", URL_SAFE),
    ("ran iamctl --api-token={} get users", URL_SAFE),
    ("ran curl -H 'Authorization: Bearer {}' http://10.0.4.20/", URL_SAFE + "."),
    ('ran curl -H "X-Api-Key: {}" http://10.0.4.20/', TYPED),
    ("Authorization: Basic {}", BASE64),
    ("authorization: Token {}", URL_SAFE),
    ('{{"Authorization":["Bearer {}"]}}', URL_SAFE),
    ("headers map[Authorization:[Bearer {}] Accept:[*/*]]", URL_SAFE),
    ("Cookie: sid={}; theme=dark", URL_SAFE),
    ('"Set-Cookie": "sid={}; Path=/; HttpOnly"', URL_SAFE),
    ('proxy_set_header X-Auth-Token "{}";', URL_SAFE),
    ("set $api_key {}x;".replace(" {}x", ' "{}"'), URL_SAFE),
    ('10.0.4.9 - - [x] "GET /v1/users?access_token={}&x=1 HTTP/1.1" 200 1 "-" "curl"', URL_SAFE),
    ('10.0.4.9 - - [x] "GET /v1?x=1&signature={} HTTP/1.1" 200 1 "-" "curl"', URL_SAFE + "%"),
    ('10.0.4.9 - - [x] "GET /cb?code={}&state=1 HTTP/1.1" 302 1 "-" "curl"', URL_SAFE),
    ("CREATE USER 'iam'@'%' IDENTIFIED BY '{}';", TYPED + " "),
    ("SET PASSWORD FOR 'iam'@'%' = PASSWORD('{}')", TYPED),
    ("iam:$apr1$abcdefgh${}", BASE64[:-2]),
    ("root:$6$rounds=5000$salt${}:19000:0:99999:7:::", BASE64[:-2]),
    ("user default on >{} ~* +@all", URL_SAFE),
    ("<password>{}</password>", URL_SAFE),
    ("password: |\n  {}\n  {}\nuser: iam", TYPED),
    ("tokens:\n  - {}\nuser: iam", URL_SAFE),
    ('"tokens": [\n  "{}",\n  "{}"\n],', URL_SAFE),
    ("-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\n-----END RSA PRIVATE KEY-----", BASE64),
    ("24 a[1]: -----BEGIN PRIVATE KEY-----\n24 a[1]: {}\n24 a[1]: -----END PRIVATE KEY-----", BASE64),
    ('"key": "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n"', BASE64),
    ("token eyJhbGciOiJIUzI1NiJ9.{}.{} expired", URL_SAFE),
    ("uses AKIA{} here", string.ascii_uppercase + string.digits),
    ("uses ghp_{} here", string.ascii_letters + string.digits),
    ("uses xoxb-{} here", URL_SAFE),
    ("posts to https://hooks.slack.com/services/T000/B000/{}", string.ascii_letters),
    ("sshpass -p {} ssh iam-a", URL_SAFE),
    ("docker run -e DB_PASSWORD={} iam", TYPED),
    ("sentinel auth-pass mymaster {}", URL_SAFE),
    ("mysqladmin password {}", URL_SAFE),
    ("bindpw {}", TYPED),
    ("{{password: {}, user: iam}}", URL_SAFE),
    ("password = \"\"\"{}\nsecond {}\"\"\"", URL_SAFE),
    ("    'password' => '{}',", TYPED),
    ("X-Amz-Signature={}&X-Amz-Date=1", HEX),
    ("  -----BEGIN RSA PRIVATE KEY-----\n  DEK-Info: AES,1\n\n  {}\n  -----END RSA PRIVATE KEY-----", BASE64),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----", BASE64),
    ("posts to slack://{}/{}/x", string.ascii_letters),
    ("git clone https://{}@github.com/iam.git", string.ascii_letters),
    ("  signing-key: {}", string.ascii_letters + string.digits),
    ("AccountKey={};EndpointSuffix=x", BASE64),
    ("- name: DB_PASSWORD\n  value: {}", TYPED),
    ('<add key="Password" value="{}"/>', URL_SAFE),
    (r"password\u003d{}", URL_SAFE),
    ("%22token%22%3A%22{}%22", URL_SAFE),
    ("HTTP_COOKIE=\"sid={}\"", URL_SAFE),
    ("password:   # of the database\n  {}\nuser: iam", TYPED),
]  # fmt: skip
CLEAN = [
    '10.0.4.9 - - [24/Nov/2026:10:00:00 +0000] "GET /v1/users?limit=10&offset=5 HTTP/1.1" 200 12 "-" "curl/8" "-"',
    '10.0.4.9 - iam [24/Nov/2026:10:00:01 +0000] "POST /oauth/token HTTP/1.1" 401 0 "https://iam/login" "Mozilla"',
    "2026-11-24T10:00:00.1+0000 iam-a Keepalived_vrrp[41]: (VI_1) Entering MASTER STATE",
    "2026/11/24 10:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream",
    "Access denied for user 'iamops-probe'@'10.0.4.21' (using password: YES)",
    "Accepted publickey for iamops from 10.0.4.10 port 4 ssh2: ED25519 SHA256:pjlxM0zwXBRlnFFmwYGCkT4MUKmeqvBL",
    "2: eth0@if5: <BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state UP group default qlen 1000",
    "    inet 10.0.4.99/32 scope global eth0",
    "PrivateTmp=yes",
    "    proxy_pass http://iam-apiserver;",
    "    proxy_set_header Authorization $http_authorization;",
    "    auth_basic_user_file /etc/nginx/.htpasswd;",
    "    ssl_certificate_key /etc/nginx/iam.key;",
    "iamops ALL=(root) NOPASSWD: /usr/bin/systemctl restart nginx.service",
    "COMMAND=/usr/local/sbin/iamops-config read ; PWD=/home/iamops ; USER=root",
    "Drop-In: /etc/systemd/system/nginx.service.d/iamops-config.conf",
    "task-abcdefghijklmnopqrstuvwxyz done, 5 passed, bypass off",
    "passwd:         files [NOTFOUND=return] systemd",
    "iam-a redis[7]: AUTH timed out",
    "",
]


def a_secret(dice: random.Random, alphabet: str) -> str:
    """Begins and ends with a letter or digit, so that no quote or comma ends it early."""
    plain = [each for each in alphabet if each.isalnum()]
    middle = "".join(dice.choice(alphabet) for _ in range(dice.randint(22, 40)))
    return f"Z{dice.choice(plain).upper()}7{middle}{dice.choice(plain)}Q"


@pytest.mark.parametrize("seed", range(12))
def test_no_secret_survives_in_any_context_and_its_line_is_named(seed: int):
    dice = random.Random(seed)
    for context, alphabet in dice.sample(CONTEXTS, len(CONTEXTS)):
        before, after = (dice.choices(CLEAN, k=dice.randint(0, 4)) for _ in range(2))
        hidden = [a_secret(dice, alphabet) for _ in range(context.count("{}"))]
        text = "\n".join([*before, context.format(*hidden), *after, ""]).encode()
        result = redact(text)
        for secret in hidden:
            assert secret.encode() not in result.text, (context, result.text)
            assert secret[3:-2].encode() not in result.text, (context, result.text)
            where = text[: text.index(secret.encode())].count(b"\n") + 1
            assert where in {each.line for each in result.redactions}, context
        old, new = text.split(b"\n"), result.text.split(b"\n")
        assert len(old) == len(new)
        assert new[: len(before)] == old[: len(before)]
        assert new[len(new) - 1 - len(after) :] == old[len(old) - 1 - len(after) :]


@pytest.mark.parametrize("seed", range(5))
def test_a_text_without_secrets_comes_out_unchanged(seed: int):
    dice = random.Random(seed)
    noise = bytes(dice.randrange(256) for _ in range(200)).translate(None, b"\n$:=@&?*")
    lines = [line.encode() for line in dice.choices(CLEAN, k=200)]
    text = b"\r\n".join([*lines, noise, b"\0\xff\xfe end"])
    assert redact(text).text == text
    assert redact(text).redactions == ()


def test_what_is_no_text_is_survived_and_kept():
    text = b"\0\xff\xfepassword=\xe9t\xe9-secret\0\xff x\n\x80\x81"
    assert redact(text).text == b"\0\xff\xfepassword=[redacted password] x\n\x80\x81"


def test_the_columns_around_a_secret_stay_readable():
    line = b'10.0.4.9 "GET /v1?token=abc&page=2 HTTP/1.1" 200 rt=0.003\n'
    assert redact(line).text == b'10.0.4.9 "GET /v1?token=[redacted token]&page=2 HTTP/1.1" 200 rt=0.003\n'


def test_a_json_document_stays_one():
    text = b'{"token": 12345678, "password": "a\\"b", "list": ["x"], "n": {"secret": null}}'
    assert redact(text).text == (
        b'{"token": "[redacted token]", "password": "[redacted password]", "list": ["x"], "n": {"secret": null}}'
    )


def test_redacting_twice_changes_nothing_more():
    text = b"password=abc x\nAuthorization: Bearer abcdefghijkl\nauth_pass 1234\nmysql://u:p@h/db\n"
    once = redact(text).text
    assert redact(once).text == once


def test_a_quoted_secret_ends_where_its_own_quotes_end():
    text = rb"""{"m":"{\"password\":\"a\\\"b c\",\"n\":1}"} 'it' password='it''s' z"""
    assert redact(text).text == (
        rb"""{"m":"{\"password\":\"[redacted password]\",\"n\":1}"} 'it' password='[redacted password]' z"""
    )


def test_an_unclosed_quote_hides_the_rest_of_its_line_only():
    assert redact(b'password="abc def\nnext line').text == b'password="[redacted password]\nnext line'


def test_a_key_whose_beginning_was_cut_off_is_found_by_its_end():
    text = b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nabcd\n-----END PRIVATE KEY-----\nrest\n"
    assert redact(text).text == (
        b"[redacted private_key]\n[redacted private_key]\n-----END PRIVATE KEY-----\nrest\n"
    )


def test_a_key_whose_end_was_cut_off_does_not_hide_the_log_behind_it():
    text = b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n10.0.4.9 GET / 200\n"
    assert redact(text).text == b"-----BEGIN PRIVATE KEY-----\n[redacted private_key]\n10.0.4.9 GET / 200\n"


def test_base64_that_hides_a_password_is_taken_out():
    blob = base64.b64encode(b"user=iam password=hunter2hunter2")
    assert redact(b"echo " + blob + b" | base64 -d").text == b"echo [redacted base64] | base64 -d"


def test_base64_that_hides_nothing_stays():
    text = b"echo " + base64.b64encode(b"just a sentence about nothing at all") + b" | base64 -d"
    assert redact(text).text == text


def test_passwords_of_a_configuration_are_learned_but_plain_words_are_not():
    text = b"auth_pass s3cretpw9\npassword: changeme\nPASSWD: /usr/bin/true1\nmysql://iam:abc12345@h/\n"
    assert learned(text) == {b"s3cretpw9", b"abc12345"}


def test_a_header_inside_a_document_does_not_hide_the_rest_of_it():
    text = b'{"msg":"Authorization: Bearer abcdefgh1","status":500}'
    assert redact(text).text == b'{"msg":"Authorization: [redacted authorization]","status":500}'


def test_a_digest_is_hidden_with_all_its_quotes():
    text = b'Authorization: Digest username="iam", response="6629fae4", nc=1\nnext\n'
    assert redact(text).text == b"Authorization: [redacted authorization]\nnext\n"


def took_s(text: bytes) -> float:
    """The better of two: a machine that is busy elsewhere slows a run down, and never speeds one up."""
    return min(_took_s(text) for _ in range(2))


def _took_s(text: bytes) -> float:
    began = time.process_time()
    redact(text, KnownSecrets.of(["s3cr3tPw!xyz"]))
    return time.process_time() - began


# Finds every name with a value. What is redacted is looked through by many rules; each is dearer than this.
PLAIN = re.compile(rb"(?i)\b[a-z0-9_]+[=: ]+[^\s]+")


def plain_s(text: bytes) -> float:
    """A control of the same moment: ten plain searches through the same text."""
    times = []
    for _ in range(2):
        began = time.process_time()
        for _ in range(10):
            PLAIN.sub(b"x", text)
        times.append(time.process_time() - began)
    return min(times)


def test_a_line_of_two_megabytes_of_requests_takes_four_times_as_long_as_half_a_megabyte():
    entry = (
        b'10.0.4.9 - - [x] "GET /v1/users?x=1&token=abcdef HTTP/1.1" 200 12 "-" "curl" iam 10.0.4.20:8080 0.001 '
    )
    short = entry * (500_000 // len(entry))
    redact(short)
    took = took_s(short * 4)
    assert took < 9 * took_s(short)
    assert took < 3.5 * plain_s(short * 4)


HOSTILE = [
    b"token", b"token=", b'token="', b"token='\\\"", b"{token={", b"pwd=/", b"key=", b'"key": "', b"passexpir",
    b"://", b"http://u:p@h ", b"@tcp(", b"%3a%2f%2f", b"Authorization: ", b'authorization:"', b"cookie=",
    b"bearer ", b"eyJ", b"cGFzc3dvcmQ9Zm9vYmFyMTIz", b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----",
    b"-----BEGIN PRIVATE KEY-----\nabc\n", b"-----END PRIVATE KEY-----\n", b"password: |\n", b"password:\n - a\n",
    b"tokens: [\n", b"mysql -p", b"curl -u ", b"user >", b"identified by ", b"proxy_set_header ",
    b"\\", b'"', b"=", b" ",
]  # fmt: skip


# One for each rule: what makes it begin, and never lets it end.
MORE_HOSTILE = [
    b"sqlplus a/b", b"mysqlsh a:b ", b"password for x: ", b"from-literal=a=", b"signing_key=", b"jwt_key_key=",
    b'AUTH "', b'"AUTH" "x" ', b'passwd: files ', b'passwd: files [A', b'AUTH PLAIN timed ',
    b'$1$', b'eyJ', b'insert into t (key) values (',
    b"insert into t (a,key) values ('x','y'),", b'insert into t (', b'(', b'insert into key(',
    b'map $key $x {', b'map $key $x { "a" 1; ', b'if ($token = ', b'secure_link_md5 "a b ', b'jwt{',
    b'jwt:\n key: x\n', b'password{value:', b'password:\n value: x\n', b'kind: Secret\ndata:\n a: b\n',
    b"update t set key='x' ", b'echo x | chpasswd ', b"echo 'x:", b'/reset/', b'/reset-reset', b'a:b@c:33 ',
    b'a:@', b'/hooks/', b'ipmitool -P ', b'fence_ -p x ', b'"ipmitool", "-P", ', b'htpasswd -b x ',
    b'mysql -p', b"db.auth('x',", b'verification code is ', b'?pw=', b'&key=', b'?otp=a', b'AKIA',
    b'AKIAABCDEFGHIJKLMNOP:', b'1 - a:b [', b'1.1.1.1 - a:', b'h:22:d:u:p\n', b'private-lines: 3\n',
    b'Private-Lines: 300\n', b'snmp community ', b'com2sec a b ', b'createuser x MD5 y', b'x_auth=',
    b'pin=1234', b'secret.go:52 ', b'? password\n: x\n', b'name="password"\r\n\r\nx\r\n',
    b'\xe5\xaf\x86\xe7\xa0\x81\xef\xbc\x9a', b'unexpected token ', b'secret "a" not found ',
    b'identified by ', b'login -p ', b'docker login ', b'user a >b ', b'334 AUTH LOGIN\n',
    b'AUTH LOGIN\nabcdefgh\n', b"aes_encrypt('", b"password('", b'values (',
    b"replace into secret values ('a'),", b"'", b"insert into secret values ('",
    b'insert into secret values (\\"', b'insert into t(a,key) values (?,?) args [', b'SetCredential=a:b ',
    b'-----BEGIN ', b'cookie: a=b; ', b'- a: password: ', b'@/', b'a:b@/c ', b'{\\n \\"password\\":\\n ',
    b'"ipmitool",\n"-P",\n', b'INSERT INTO a (key) VALUES\n', b'?pw=', b'AUTH LOGIN\n', b'\\n', b'\\r\\n\\t',
    b'"SET" "token" ', b'\\"HSET\\" \\"a\\" ', b'"SET" "a', b'password for a is ', b'password a b c d ', b'auth',
    b'auth_basic_user a:', b'user "', b'send "a1', b'send -- ', b'expect pin send "', b'chpasswd <<E\na:b\n',
    b'chpasswd <<< a', b'<<< passwd ', b'<(echo ', b'a1 LOGIN u ', b'location /aB1', b'location /',
    b'<password a="b" ',
    b'<password a="', b'<key>password</key><', b'--key a1 ', b"token in ('a',", b"token in (", b"pw like 'a",
    b'pin: a1', b'encrypt=', b'"bearer":"', b'unseal key 1: ', b'recovery codes: aB1aB1aB1, ', b'cookie --cookie ',
    b"identified replace '", b'sha2(concat(', b'12345678:AA', b'md5', b'x_pw ', b'tokens:\n- a: b\n', b'a:: ',
    b"define('token', 'a'", b"('token',", b'session to ', b'session a to a to ', b' login -p a', b'curl -E a:',
    b'x_sid=a1',
    b'[redacted password] ', b'password a changed from ',
    b'bearer a=', b'[redacted password]', b'- ', b'hooks.slack.com/services/', b'\xe5\xaf\x86',
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_time_grows_with_the_text_and_not_faster(piece: bytes):
    """Four times the text: four times as long, and far from the sixteen of a quadratic search."""
    short, long = (piece * (size // len(piece)) for size in (30_000, 120_000))
    redact(short)
    assert took_s(long) < 9 * max(took_s(short), 0.01) + 0.05


@pytest.mark.parametrize("piece", MORE_HOSTILE, ids=repr)
def test_no_rule_looks_at_the_same_text_again_and_again(piece: bytes):
    short, long = (piece * (size // len(piece)) for size in (10_000, 40_000))
    redact(short)
    assert took_s(long) < 9 * max(took_s(short), 0.01) + 0.05


def test_a_line_of_everything_takes_four_times_as_long_when_it_is_four_times_as_long():
    """No rule goes back over what another has read: quadratic would be sixteen times."""
    dice = random.Random(7)
    pieces = [piece.replace(b"\n", b" ") for piece in (*HOSTILE, *MORE_HOSTILE)]
    line = b"".join(dice.choices(pieces, k=125_000))[:1_000_000]
    short = line[:250_000]
    redact(short)
    took = took_s(line)
    assert took < 9 * took_s(short)
    assert took < 20 * plain_s(line)


def test_lines_that_are_shown_are_looked_at_by_the_thousand_in_a_second():
    entry = b'10.0.4.9 - - [24/Nov/2026:10:00:00 +0000] "GET /v1/users?limit=10 HTTP/1.1" 200 12 "-" "curl/8"'
    began = time.process_time()
    for _ in range(500):
        redact(entry)
    assert 500 / (time.process_time() - began) > 2000 / slowness()
