"""Lines as services, daemons, people and files write them, each with a made-up secret planted in it.

`planted(seed)` makes 440 of them. A secret begins with FAKE, so that nobody takes one for real. `{}` is where it
stands; `{b}` is base64 of `iam:SECRET`, `{m}` of `\\0iam\\0SECRET`, `{h}` and `{H}` are hexadecimal.
"""

# ruff: noqa: E501 - a line of a log is as long as it is
from __future__ import annotations

import base64
import json
import random
import string
from dataclasses import dataclass

from tests.support import planted_elsewhere

COUNT = 440
ALNUM = string.ascii_letters + string.digits

SHAPES = (
    # the services' own log: request and answer bodies, statements, addresses
    '2026-11-24 10:00:00.123\tDEBUG\tapiserver\tmysql/secret.go:52\tINSERT INTO `secret` (`instanceID`,`name`,`secretID`,`secretKey`,`expires`) VALUES (\'secret-abc\',\'mine\',\'AKx1\',\'{}\',0)',
    "INSERT INTO secret (id, username, secretID, secretKey)\nVALUES (1, 'colin', 'AKx1', '{}')",
    "INSERT INTO `user` (`name`,`nickname`,`password`,`email`) VALUES\n('colin','Colin','{}','c@example.com'),\n('dora','Dora','{}','d@example.com')",
    'insert into t (a, b, key) values (1, "y", "{}")',
    "REPLACE INTO token_store(user, token) VALUES('colin', '{}');",
    "INSERT IGNORE INTO iam.api_keys (id, api_key, note) VALUES (3, '{}', 'it''s mine')",
    "UPDATE secret SET key='{}' WHERE name='mine'",
    "UPDATE `user` SET `password`='{}',`updatedAt`='2026-11-24' WHERE `id` = 3",
    "INSERT INTO secret VALUES (3, 'mine', '{}')",
    'sql: INSERT INTO secret (name, secretKey) VALUES (?, ?) args: ["mine", "{}"]',
    '{{"level":"debug","sql":"INSERT INTO \\"secret\\" (\\"name\\",\\"secretKey\\") VALUES (\'mine\',\'{}\')"}}',
    'POST /v1/users\n{{\n  "metadata": {{"name": "colin"}},\n  "password": "{}",\n  "email": "c@example.com"\n}}',
    '{{"oldPassword":"{}","newPassword":"{}"}}',
    '{{\n  "secretKey":\n    "{}"\n}}',
    '{{"password": {{"value": "{}"}}}}',
    '{{"token":"{}","expire":"2026-11-25T10:00:00Z"}}',
    "dial: mysql://iam:{}@127.0.0.1:3306/iam?parseTime=true failed",
    "redis://:{}@127.0.0.1:6379/0 is not reachable",
    "mongodb://iam:{}@10.0.4.20:27017/iam_analytics?authSource=admin",
    "root:{}@tcp(127.0.0.1:3306)/iam?charset=utf8",
    "opening iam:{}@127.0.0.1:3306 with 10 connections",
    "dsn iam:{}@/iam",
    "options: {{Host:127.0.0.1:3306 Username:iam Password:{} Database:iam}}",
    "&options.JwtOptions JWT:{{Realm:JWT Key:{} Timeout:24h}}",
    "map[password:{} username:iam]",
    'panic: flag --redis.password="{}" is not valid',
    "Authorization: Bearer {}.{}.{}",
    "Authorization: Basic {b}",
    '"Authorization":["Bearer {}"]',
    "[GIN] 200 | 10.0.4.9 | 1.2ms | GET \"/v1/secrets?token={}&limit=10\"",
    "Cookie: session={}; theme=dark",
    "Set-Cookie: sid={}; Path=/; HttpOnly",
    "X-Auth-Token: {}",
    'Content-Disposition: form-data; name="password"\r\n\r\n{}\r\n',
    "username=admin&password={}&remember=1",
    "reset link: https://iam.example.com/reset-password/{}",
    "GET /users/activate/{} HTTP/1.1",
    # configuration
    "jwt:\n  realm: JWT\n  key: {}\n  timeout: 24h",
    "mysql:\n  host: 127.0.0.1\n  username: iam\n  password: {} # of the database",
    "password: |\n  {}\nusername: iam",
    "? password\n: {}",
    "[jwt]\nrealm = JWT\nkey = {}",
    "secrets:\n  - {}\nuser: iam",
    "auth_pass {}",
    "    auth_pass \"{}\"",
    "IAMOPS_VRRP_AUTH={}",
    "Environment=VRRP_AUTH={}",
    'Environment="REDISCLI_AUTH={}"',
    "IAM_PW={} /usr/bin/iam",
    "   Authentication data = {}",
    "requirepass {}",
    "masterauth {}",
    "user iam on >{} ~* +@all",
    "sentinel auth-pass mymaster {}",
    'map $http_x_api_key $ok {{ default 0; "{}" 1; }}',
    'if ($cookie_auth != "{}") {{ return 403; }}',
    'secure_link_md5 "$secure_link_expires$uri {}";',
    "secure_link_secret {};",
    'proxy_set_header Authorization "Basic {b}";',
    'proxy_set_header X-Api-Key "{}";',
    "set $api_token {};",
    "kind: Secret\nmetadata:\n  name: iam\nstringData:\n  root: {}",
    "client-key-data: {b}",
    "spring.datasource.password={}",
    "psk={}",
    "  wpa-psk: {}",
    "<password>{}</password>",
    '<add name="x" password="{}"/>',
    'password = """\n{}"""',
    "Server=db;Uid=iam;Pwd={};Database=iam",
    "jdbc:mysql://db/iam?user=iam&password={}",
    "com2sec readonly default {}",
    "rocommunity {}",
    "bindpw {}",
    "10.0.4.20:5432:iam:iam:{}",
    "machine db login iam password {}",
    "密码：{}",
    "口令: {}",
    # commands that somebody typed, or that a profile gives
    '{{"fencing": {{"power-off": ["ipmitool", "-I", "lanplus", "-H", "10.0.4.9", "-U", "admin", "-P", "{}", "power", "off"]}}}}',
    '["ipmitool",\n  "-U",\n  "admin",\n  "-P",\n  "{}",\n  "power"\n]',
    "COMMAND=/usr/bin/ipmitool -H 10.0.4.9 -U admin -P {} power off",
    "fence_ipmilan -a 10.0.4.9 -l admin -p {} -o off",
    "fence_ilo4 --ip=10.0.4.9 --username=admin --password={}",
    "mysql -uroot -p{} iam",
    "mysqldump -u root -p '{}' iam",
    "MYSQL_PWD={} mysql -u root",
    "mysqladmin -u root password '{}'",
    "redis-cli -a {} ping",
    "sshpass -p {} ssh iam-a",
    "curl -u iam:{} http://10.0.4.20/",
    "curl -H 'Authorization: Bearer {}' http://10.0.4.20/",
    "curl --oauth2-bearer {} http://10.0.4.20/",
    "curl -d '{{\"password\":\"{}\"}}' http://10.0.4.20/login",
    "etcdctl --user root:{} get /",
    "ldapsearch -D cn=admin -w {} -b dc=example",
    "ldappasswd -s {} cn=colin",
    "PGPASSWORD={} psql -h db iam",
    "htpasswd -bc /etc/nginx/htpasswd iam {}",
    "htpasswd -nb iam {}",
    "openssl rsa -passin pass:{} -in iam.key",
    "echo 'root:{}' | chpasswd",
    "echo {} | passwd --stdin iam",
    "printf '{}' | docker login --password-stdin -u iam",
    "docker login registry.example.com -u iam -p {}",
    "helm registry login -u iam -p {} registry.example.com",
    "skopeo copy --src-creds iam:{} docker://a docker://b",
    "usermod -p '{}' iam",
    "zip -P {} out.zip in",
    "7z x -p{} in.7z",
    "ssh-keygen -t ed25519 -N {} -f key",
    "smbclient -U iam%{} //db/share",
    "lftp -u iam,{} ftp.example.com",
    "snmpwalk -v2c -c {} 10.0.4.9",
    "snmpget -v3 -u iam -A {} -X {} 10.0.4.9",
    "rabbitmqctl add_user iam {}",
    "rabbitmqctl change_password iam {}",
    "vault login {}",
    "wpa_passphrase iamnet {}",
    "nsupdate -y hmac-sha256:iam-key:{}",
    "aws configure set aws_secret_access_key {}",
    "keytool -storepass {} -list",
    "iamctl --api-token={} get users",
    "docker run -e DB_PASSWORD={} iam",
    "net use z: \\\\db\\share {}",
    # datastores' own words
    '1700000000.1 [0 127.0.0.1:1] "AUTH" "{}"',
    '1700000000.1 [0 127.0.0.1:1] "auth" "iam" "{}"',
    '"HELLO" "3" "AUTH" "iam" "{}"',
    '"ACL" "SETUSER" "iam" "on" ">{}"',
    '"CONFIG" "SET" "requirepass" "{}"',
    "AUTH {}",
    "AUTH user {}",
    "AUTH service {}",
    "db.auth('iam','{}')",
    "db.changeUserPassword('iam', '{}')",
    "db.createUser({{user:'iam',pwd:'{}',roles:[]}})",
    "CREATE USER 'iam'@'%' IDENTIFIED BY '{}';",
    "ALTER USER iam IDENTIFIED WITH mysql_native_password BY '{}'",
    "SET PASSWORD FOR 'iam'@'%' = PASSWORD('{}')",
    "CHANGE MASTER TO MASTER_USER='r', MASTER_PASSWORD='{}'",
    "ALTER ROLE iam WITH PASSWORD '{}'",
    "SELECT AES_DECRYPT(col, '{}') FROM t",
    # keys and tokens by their shape
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE{}AAAA\n-----END RSA PRIVATE KEY-----",
    '"key": "-----BEGIN PRIVATE KEY-----\\nMIIE{}\\n-----END PRIVATE KEY-----\\n"',
    "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}AAAA\nPrivate-MAC: {h}",
    "aws_secret_access_key = {}",
    "AKIAFAKEFAKEFAKEFAKE:{}{}{}",
    "ghp_{}{} was used",
    "glpat-{}{} was used",
    "xoxb-1234-{} was used",
    "LTAI{} was used",
    "iam:$apr1$abcdefgh${}AAAAAAAA",
    "root:$6$salt${}AAAAAAAA:19000:0:99999:7:::",
    "eyJhbGciOiJIUzI1NiJ9.{}.{}",
    # where alerts go
    "posts to https://hooks.slack.com/services/T0/B0/{}",
    "posts to https://discord.com/api/webhooks/123/{}",
    "posts to https://api.telegram.org/bot123:{}/sendMessage",
    "posts to https://open.feishu.cn/open-apis/bot/v2/hook/{}",
    "posts to https://open.larksuite.com/open-apis/bot/v2/hook/{}",
    "posts to https://oapi.dingtalk.com/robot/send?access_token={}",
    "posts to https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={}",
    "posts to https://hc-ping.com/{}",
    "posts to https://outlook.office.com/webhook/{}",
    "posts to https://example.webhook.office.com/webhookb2/{}",
    "posts to https://uptime.betterstack.com/api/v1/heartbeat/{}",
    "posts to https://maker.ifttt.com/trigger/down/with/key/{}",
    "posts to https://hooks.zapier.com/hooks/catch/1/{}",
    "posts to https://chat.example.com/hooks/{}",
    "slack://{}/B/C",
    "tgram://123:{}/chat",
    "mailtos://iam:{}@smtp.example.com",
    # mail, prompts, and what clients ask for
    "AUTH PLAIN {m}",
    "AUTH LOGIN\n{b}",
    "login failed: password {} is wrong",
    "your verification code is {}",
    "otp={}",
    '"GET /login?u=iam&pw={} HTTP/1.1" 200',
    '"GET /cb?code={}&state=1 HTTP/1.1" 302',
    '"GET /x?otp={} HTTP/1.1" 200',
    '"GET /x?sig={} HTTP/1.1" 200',
    "10.0.4.9 - iam:{} [24/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 401 0",
    "GET /cb?next=https%3A%2F%2Fiam%3A{}%40host%2F HTTP/1.1",
    'otpauth://totp/iam?secret={}&issuer=iam',
    "sudo: iam : ENV=IAM_PW={} ; COMMAND=/bin/x",
    "SetCredential=iam:{}",
    "auth 1\n1 sha1 {}",
    "PresharedKey = {}",
    'SetBasicAuth("iam", "{}")',
    "kubectl create secret generic iam --from-literal=root={}",
    "encryption_key: {}",
    "JWT_SIGNING_KEY={}",
    "Private-Token: {}",
    "username admin password 0 {}",
    "sqlcmd -U sa -P {}",
    "pcs host auth iam-a -u hacluster -p {}",
    "Password for iam: {}",
    "sqlplus iam/{}@db",
    "mysqlsh iam:{}@db",
    "SENTRY_DSN=https://{}abcdefgh@o1.ingest.example.com/2",
    "helm upgrade iam . --set mysql.password={}",
    "//registry.example.com/:_authToken={}",
    "requests.get(url, auth=('iam', '{}'))",
    *planted_elsewhere.SHAPES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """One text, of a line or of several, and what must not be seen of it again."""

    text: str
    secrets: tuple[str, ...]

    def leaks_in(self, text: str) -> bool:
        return any(secret in text for secret in self.secrets)


def planted(seed: int = 1) -> list[Planted]:
    dice = random.Random(seed)
    return [_planted(SHAPES[n % len(SHAPES)], dice) for n in range(COUNT)]


def _planted(shape: str, dice: random.Random) -> Planted:
    secrets: list[str] = []
    text = shape
    while (at := text.find("{}")) >= 0:
        secrets.append(_fake(dice))
        text = text[:at] + secrets[-1] + text[at + 2 :]
    for mark, around in (("{b}", "iam:{}"), ("{m}", "\0iam\0{}")):
        if mark in text:
            encoded = base64.b64encode(around.format(_fake(dice)).encode()).decode()
            secrets.append(encoded.rstrip("="))
            text = text.replace(mark, encoded)
    if "{h}" in text:
        secrets.append("".join(dice.choice("0123456789abcdef") for _ in range(40)))
        text = text.replace("{h}", secrets[-1])
    return Planted(text.replace("{{", "{").replace("}}", "}"), tuple(secrets))


def _fake(dice: random.Random) -> str:
    """Letters and digits: that is the hardest to tell from a word."""
    rest = "".join(dice.choice(ALNUM) for _ in range(dice.randint(8, 14)))
    return f"FAKE{rest}{dice.randint(10, 99)}x"


def as_journal(text: str, unit: str = "iam-apiserver", at: int = 1_795_600_000) -> list[bytes]:
    """The lines as `journalctl --output=json` prints them: each line of a text is an entry of its own."""
    return [
        json.dumps(
            {
                "MESSAGE": line,
                "_SYSTEMD_UNIT": f"{unit}.service",
                "__REALTIME_TIMESTAMP": str(at * 1_000_000 + n),
                "PRIORITY": "6",
            }
        ).encode()
        for n, line in enumerate(text.replace("\r\n", "\n").split("\n"))
    ]
