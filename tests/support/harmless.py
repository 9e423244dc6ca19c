"""Lines as daemons and services write them, without any secret: 540, of which redaction must change none."""

# ruff: noqa: E501 - a line of a log is as long as it is
from __future__ import annotations

import random

from tests.support import harmless_elsewhere

COUNT = 540
SHAPES = (
    # nginx
    '{ip} - - [24/Nov/2026:10:{n2}:00 +0000] "GET /v1/users?limit={n}&offset={n} HTTP/1.1" 200 {n} "-" "curl/8.1" "-"',
    '{ip} - {user} [24/Nov/2026:10:{n2}:01 +0000] "POST /oauth/token HTTP/1.1" 401 0 "https://iam.example.com/login" "Mozilla/5.0"',
    '{ip} - - [24/Nov/2026:10:{n2}:01 +0000] "GET /v1/secrets/{user} HTTP/2.0" 404 {n} "-" "iamctl/1.0" 10.0.4.20:8080 0.00{n1}',
    '{ip} - - [24/Nov/2026:10:{n2}:01 +0000] "PUT /v1/users/{user}/change-password HTTP/1.1" 200 {n} "-" "-"',
    '{ip} - - [24/Nov/2026:10:{n2}:01 +0000] "GET /healthz HTTP/1.1" 200 15 "-" "iamops-probe/0.7.0" request_id={uuid}',
    "2026/11/24 10:{n2}:00 [error] {n}#{n}: *{n} connect() failed (111: Connection refused) while connecting to upstream, client: {ip}, server: iam.example.com, request: \"GET / HTTP/1.1\", upstream: \"http://10.0.4.20:8080/\", host: \"iam.example.com\"",
    "2026/11/24 10:{n2}:00 [warn] {n}#{n}: conflicting server name \"iam.example.com\" on 0.0.0.0:80, ignored",
    "2026/11/24 10:{n2}:00 [emerg] {n}#{n}: unexpected \"}}\" in /etc/nginx/conf.d/iam.conf:{n2}",
    "2026/11/24 10:{n2}:00 [emerg] {n}#{n}: invalid number of arguments in \"auth_basic_user_file\" directive in /etc/nginx/nginx.conf:{n2}",
    "2026/11/24 10:{n2}:00 [error] {n}#{n}: *{n} no live upstreams while connecting to upstream, client: {ip}",
    "2026/11/24 10:{n2}:00 [error] {n}#{n}: *{n} user \"{user}\" was not found in \"/etc/nginx/.htpasswd\", client: {ip}",
    "2026/11/24 10:{n2}:00 [notice] {n}#{n}: signal process started",
    "nginx: configuration file /etc/nginx/nginx.conf test is successful",
    "    proxy_pass http://iam-apiserver;",
    "    proxy_set_header Authorization $http_authorization;",
    "    ssl_certificate_key /etc/nginx/iam.key;",
    "    ssl_password_file /etc/nginx/pw;",
    "    ssl_session_tickets off;",
    "    server_tokens off;",
    "    server 10.0.4.{n2}:8080 max_fails=3 fail_timeout=10s;",
    "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}",
    "limit_req_zone $binary_remote_addr zone=login:10m rate={n2}r/s;",
    "proxy_cache_key $scheme$host$request_uri;",
    # keepalived
    "2026-11-24T10:{n2}:00.1+0000 iam-a Keepalived_vrrp[{n}]: (VI_1) Entering MASTER STATE",
    "Keepalived_vrrp[{n}]: (VI_1) received an invalid passwd!",
    "Keepalived_vrrp[{n}]: VRRP_Script(chk_nginx) failed (exited with status {n1})",
    "Keepalived_vrrp[{n}]: (VI_1) Changing effective priority from {n2} to {n2}",
    "Keepalived_vrrp[{n}]: Script user 'keepalived_script' does not exist",
    "Keepalived[{n}]: Starting Keepalived v2.2.7 (01/16,2022), git commit v2.2.7-13-g{hex8}",
    "Keepalived_vrrp[{n}]: SECURITY VIOLATION - scripts are being executed but script_security not enabled.",
    "    auth_type PASS",
    "    virtual_router_id {n2}",
    # systemd, sshd, sudo
    "systemd[1]: iam-apiserver.service: Main process exited, code=exited, status={n1}/FAILURE",
    "systemd[1]: Started IAM API server.",
    "systemd[1]: systemd-ask-password-console.service: Deactivated successfully.",
    "systemd[1]: systemd-ask-password-wall.path: Deactivated successfully.",
    "systemd[1]: Started Dispatch Password Requests to Console Directory Watch.",
    "systemd[1]: Reached target Local Encrypted Volumes.",
    "systemd[1]: iam-pump.service: Scheduled restart job, restart counter is at {n}.",
    "sshd[{n}]: Accepted publickey for iamops from {ip} port {n} ssh2: ED25519 SHA256:{b64}",
    "sshd[{n}]: Failed password for invalid user {user} from {ip} port {n} ssh2",
    "sshd[{n}]: Accepted password for {user} from {ip} port {n} ssh2",
    "sshd[{n}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user={user}",
    "sudo[{n}]: pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid=1000)",
    "sudo: iamops : PWD=/home/iamops ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx.service",
    "iamops ALL=(root) NOPASSWD: /usr/bin/systemctl restart nginx.service",
    "PrivateTmp=yes",
    "PrivateDevices=true",
    "kernel: audit: type=1400 audit({n}.{n}:{n}): apparmor=\"STATUS\" operation=\"profile_load\"",
    "kernel: TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.",
    # Go services
    "2026-11-24 10:{n2}:00.123\tINFO\tapiserver\tmysql/secret.go:{n2}\tcreate secret function called.",
    "2026-11-24 10:{n2}:00.123\tERROR\tauthzserver\tload/token.go:{n2}\tcannot list secrets: rpc error: code = Unavailable",
    "goroutine {n} [running]: main.main() /src/cmd/auth.go:{n2}:{n1}",
    "\t/src/internal/apiserver/password.go:{n} +0x{hex8}",
    "{{\"level\":\"info\",\"ts\":{n}.{n},\"caller\":\"auth/jwt.go:{n2}\",\"msg\":\"login ok\",\"username\":\"{user}\",\"requestID\":\"{uuid}\"}}",
    "{{\"level\":\"error\",\"msg\":\"secret \\\"{user}\\\" not found\",\"X-Request-ID\":\"{uuid}\"}}",
    "X-Request-Id: {uuid}",
    "[GIN] 2026/11/24 - 10:{n2}:00 | 200 | {n1}.2ms | {ip} | GET \"/v1/users/{user}\"",
    "invalid character 'x' looking for beginning of value",
    "yaml: line {n2}: did not find expected ',' or ']'",
    "unexpected token ';' at line {n2}",
    "iam_apiserver_token_requests_total{{code=\"200\"}} {n}",
    "iam_secret_latency_seconds_bucket{{le=\"0.5\"}} {n}",
    "go_memstats_alloc_bytes {n}",
    "password_hash_duration_seconds_sum {n1}.5",
    "process_start_time_seconds {n}",
    "listening on 127.0.0.1:8080, tls 127.0.0.1:8443, grpc 127.0.0.1:8081",
    "policy {user}/allow-{n} attached to user {user}",
    # MariaDB, Redis, MongoDB
    "{n} [Warning] Access denied for user '{user}'@'10.0.4.21' (using password: YES)",
    "{n} [Warning] Aborted connection {n} to db: 'iam' user: '{user}' host: '10.0.4.21' (Got an error reading communication packets)",
    "{n} [Note] InnoDB: Buffer pool(s) load completed at 261124 10:{n2}:00",
    "{n} [Note] /usr/sbin/mariadbd: ready for connections. Version: '10.11.6-MariaDB'  socket: '/run/mysqld/mysqld.sock'  port: 3306",
    "SELECT * FROM `user` WHERE name = '{user}' LIMIT {n}",
    "INSERT INTO policy_audit (id, name, username, extendShadow) VALUES ({n}, 'p{n}', '{user}', '{{}}')",
    "UPDATE `user` SET `loginedAt`='2026-11-24 10:{n2}:00' WHERE `name` = '{user}'",
    "Query_time: 0.0{n2}  Lock_time: 0.00{n1}  Rows_sent: {n1}  Rows_examined: {n}",
    "{n}:M 24 Nov 2026 10:{n2}:00.123 * Background saving terminated with success",
    "{n}:M 24 Nov 2026 10:{n2}:00.123 # WARNING overcommit_memory is set to 0!",
    "{n}:S 24 Nov 2026 10:{n2}:00.123 # Error condition on socket for SYNC: Connection refused",
    "1700000000.{n} [0 127.0.0.1:{n}] \"GET\" \"iam-user:{user}\"",
    "1700000000.{n} [0 127.0.0.1:{n}] \"LPUSH\" \"analytics-iam-system\" \"{n}\"",
    "user default on nopass ~* &* +@all",
    "{{\"t\":{{\"$date\":\"2026-11-24T10:{n2}:00.123+00:00\"}},\"s\":\"I\",\"c\":\"ACCESS\",\"id\":{n},\"ctx\":\"conn{n}\",\"msg\":\"Authentication succeeded\",\"attr\":{{\"mechanism\":\"SCRAM-SHA-256\",\"principalName\":\"{user}\",\"authenticationDatabase\":\"admin\"}}}}",
    # hashes, digests, addresses, files
    "{hex64}  /etc/nginx/nginx.conf",
    "sha256:{hex64} pulled",
    "etag: \"{hex32}\"",
    "md5sum {hex32} iam.tar",
    "commit {hex40} (HEAD -> main)",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64} iamops@ops",
    "256 SHA256:{b64} iamops@ops (ED25519)",
    "Subject Key Identifier: {hex40}",
    "2: eth0@if5: <BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state UP group default qlen {n}",
    "    inet 10.0.4.99/32 scope global eth0",
    "link/ether 00:16:3e:{h2}:{h2}:{h2} brd ff:ff:ff:ff:ff:ff",
    "fd00:0:db8:{n1}::{n2} dev eth0 lladdr 00:16:3e:{h2}:{h2}:{h2} REACHABLE",
    "-rw------- 1 root root {n} Nov 24 10:{n2} /etc/iam/iam-apiserver.key",
    "/dev/sda1        {n}  {n}  {n}  {n2}% /var/lib/mysql",
    "{n2} passed, 0 failed, {n1} skipped in {n1}.12s",
    "bypass off, compass on, passive health checks every {n1}s",
    "password policy: minimum length 12",
    "password_min_length: {n2}",
    "token_ttl=24h token_type=bearer max_age={n}",
    "the secret of {user} was rotated by {user}",
    "map update {n} ok; keyspace misses {n}",
    "cache key iam:user:{user} expired",
    "primary key: id, foreign key: user_id",
    "public key: {b64}",
    "auth: method=password user={user} from {ip} denied",
    "echo ok | tee /tmp/x",
    "curl -fsS http://127.0.0.1:8080/healthz",
    "ipmitool -H 10.0.4.9 -U {user} chassis power status",
    "ssh -p {n2}22 {user}@10.0.4.20",
    "iam.authz.v1.Cache/ListSecrets took {n}ms",
    "redis: AUTH failed: WRONGPASS",
    "redis: AUTH user alice",
    "AUTH service unavailable",
    "signature: valid",
    "cookie: none",
    "requestID={uuid} caller=secret.go:{n2}",
    "docker run -p 8080:80 nginx",
    "Session {n} logged out. Waiting for processes to exit.",
    "Deployed image sha256:{hex64}",
    "invalid token: token is expired by {n}s",
    "ping statistics: {n} packets transmitted, {n} received, time {n}ms",
    *(each.replace("{", "{{").replace("}", "}}") for each in harmless_elsewhere.LINES),
)  # fmt: skip


def harmless(seed: int = 1) -> list[str]:
    dice = random.Random(seed)
    return [_line(SHAPES[n % len(SHAPES)], dice) for n in range(COUNT)]


def _line(shape: str, dice: random.Random) -> str:
    def digits(count: int, alphabet: str) -> str:
        return "".join(dice.choice(alphabet) for _ in range(count))

    hexadecimal = "0123456789abcdef"
    text = shape
    makers = {
        "{ip}": lambda: f"10.0.4.{dice.randint(1, 254)}",
        "{n}": lambda: str(dice.randint(100, 99999)),
        "{n1}": lambda: str(dice.randint(1, 9)),
        "{n2}": lambda: str(dice.randint(10, 59)),
        "{user}": lambda: dice.choice(("colin", "dora", "iam", "admin", "svc-pump", "ops01")),
        "{uuid}": lambda: "-".join(digits(size, hexadecimal) for size in (8, 4, 4, 4, 12)),
        "{hex8}": lambda: digits(8, hexadecimal),
        "{hex32}": lambda: digits(32, hexadecimal),
        "{hex40}": lambda: digits(40, hexadecimal),
        "{hex64}": lambda: digits(64, hexadecimal),
        "{h2}": lambda: digits(2, hexadecimal),
        "{b64}": lambda: digits(43, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    }
    for mark, make in makers.items():
        while mark in text:
            text = text.replace(mark, make(), 1)
    return text.replace("{{", "{").replace("}}", "}")
