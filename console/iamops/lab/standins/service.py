"""Stands in for an IAM service: `/healthz` as the real one, and one real request that needs its datastore."""

from __future__ import annotations

import json
import logging
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from iamops.lab.standins import mongo_wire, needs
from iamops.lab.standins.log import VERSION, open_log
from iamops.lab.standins.mariadb import DatabaseError, Login, query

# What the real services say beside answering: debug lines with statements, and the middleware that dumps all.
#
# Every name, password and key here is invented.

LEVELS = {"DEBUG": 35, "INFO": 34, "ERROR": 31, "FATAL": 31}
PASSWORD, KEY = "Invented-Passw0rd", "inventedsecretkey0123456789abcdef"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpbnZlbnRlZCI6dHJ1ZX0.aW52ZW50ZWQ"  # noqa: S105 - of nobody
# Headers that a browser and a proxy send: most of the flood.
_HEADERS = (
    *("Accept: application/json, text/plain, */*", "Accept-Encoding: gzip, deflate"),
    *("Accept-Language: en-GB,en;q=0.5", "Cache-Control: no-cache", "Connection: keep-alive"),
    *("Content-Type: application/json", "Dnt: 1", "Origin: https://iam.example.invalid"),
    *("Pragma: no-cache", "Referer: https://iam.example.invalid/console", "Sec-Fetch-Dest: empty"),
    *("Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-site", "X-Forwarded-Proto: http"),
    *("X-Real-Ip: 192.0.2.7", "X-Request-Id: 00000000-0000-4000-8000-000000000000"),
)


def say(level: str, name: str, place: str, text: str) -> None:
    """A line as the real services write it, to the file and to stdout: its level is in colour in both."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    line = f"{stamp}.000\t\x1b[{LEVELS[level]}m{level}\x1b[0m\t{name}\t{place}\t{text}"
    for handler in logging.root.handlers:
        handler.acquire()
        try:
            if isinstance(handler, logging.StreamHandler):
                handler.stream.write(line + "\n")
                handler.flush()
        finally:
            handler.release()
    print(line, flush=True)


def debug(name: str, client: str, method: str, path: str, status: int, took_ms: float) -> None:
    """Four records for one request, one of them over several lines, the last the request line itself."""
    say("DEBUG", name, "cache/cache.go:71", 'cache miss, asking the store\t{"kind":"secret"}')
    statement = "SELECT * FROM `secret`\n  WHERE name = 'colin'\n  ORDER BY id LIMIT 1"
    say("DEBUG", name, "mysql/secret.go:52", f'{statement}\t{{"rows":1}}')
    insert = (
        "INSERT INTO `secret` (`username`, `secretID`, `secretKey`, `expires`) "  # noqa: S608 - a line of a log
        f"VALUES ('colin', 'inventedid', '{KEY}', 0)"
    )
    say("DEBUG", name, "mysql/secret.go:81", insert)
    say("INFO", name, "middleware/logger.go:135", f'{status} - [{client}] "{took_ms:.3f}ms {method} {path}"')


def dump(client: str, method: str, path: str, status: int, body: bytes) -> None:
    """Everything of one request and its answer, on stdout: what the dump middleware of the template does."""
    lines = [*_request(client, method, path), "", *_answer(status, body)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _request(client: str, method: str, path: str) -> Iterator[str]:
    yield f"Request: [{client}] (stand-in of the iamops lab; every value is invented)"
    yield f"{method} {path} HTTP/1.1"
    yield f"Authorization: Bearer {TOKEN}"
    yield from _HEADERS
    yield from _json(("username", "colin"), ("password", PASSWORD), ("newPassword", f"{PASSWORD}-2"))


def _answer(status: int, body: bytes) -> Iterator[str]:
    yield f"Response: {status}"
    yield f"Set-Cookie: token={TOKEN}"
    yield from _HEADERS
    yield from _json(("secretID", "inventedid"), ("secretKey", KEY), ("token", TOKEN), ("hash", "$2a$10$invented"))
    yield body.decode("utf-8", "replace")


def _json(*pairs: tuple[str, str]) -> Sequence[str]:
    return ["{", *(f'    "{key}": "{value}",' for key, value in pairs), '    "invented": true', "}"]


IDLE_TIMEOUT_S = 30.0
MONGODB_EVERY_S = 5.0
MONGODB_TIMEOUT_S = 2.0
# It speaks TLS and then says that it is no gRPC.
GRPC = 8081
Answer = tuple[int, Any]


class MongoDbWatch:
    """Knows since when the pump could not have written to MongoDB."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._last_success = time.monotonic()
        self._reason = "not asked yet"

    def look_for_ever(self) -> None:
        while True:
            try:
                mongo_wire.ping(*self._where, MONGODB_TIMEOUT_S)
                self._last_success, self._reason = time.monotonic(), ""
            except (OSError, mongo_wire.BadMessage) as error:
                self._reason = str(error)
            time.sleep(MONGODB_EVERY_S)

    def lag(self) -> Answer:
        lag_s = round(time.monotonic() - self._last_success, 1) if self._reason else 0.0
        return 200, {"lag_s": lag_s, "mongodb": self._reason or "ok"}


def routes(config: dict[str, Any]) -> dict[str, Callable[[], Answer]]:
    health = config["health"].partition("?")[0]
    table: dict[str, Callable[[], Answer]] = {health: lambda: (200, {"status": "ok"})}
    if database := config.get("mariadb"):
        login = Login(**database)
        table["/v1/users"] = lambda: _users(login)
        # A decision for a secret that is in the cache.
        table["/v1/authz"] = lambda: (200, {"allowed": query(login, "SELECT COUNT(*) FROM policy") != [["0"]]})
    if mongodb := config.get("mongodb"):
        watch = MongoDbWatch(**mongodb)
        threading.Thread(target=watch.look_for_ever, daemon=True).start()
        table["/v1/lag"] = watch.lag
    if upstream := config.get("secrets_from"):
        table["/v1/authz/unknown"] = lambda: _unknown_secret(upstream)
    wanted = {health, *config.get("paths", ())}
    return {path: answer for path, answer in table.items() if path in wanted}


def _users(login: Login) -> Answer:
    names = [row[0] for row in query(login, "SELECT name FROM user ORDER BY name LIMIT 100")]
    return 200, {"totalCount": len(names), "items": [{"metadata": {"name": name}} for name in names]}


def _unknown_secret(upstream: dict[str, Any]) -> Answer:
    """A decision for a secret that is not in the cache: the apiserver has to be asked for it, over TLS."""
    try:
        needs.greet(upstream)
    except OSError as error:
        reason = f"get secrets from {upstream['host']}:{upstream['port']}: {error}"
        logging.error("%s", reason)
        return 500, {"code": 100101, "message": reason}
    return 200, {"allowed": True}


class Handler(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    table: ClassVar[dict[str, Callable[[], Answer]]] = {}
    stands_in_for = ""
    says: ClassVar[frozenset[str]] = frozenset()

    def do_GET(self) -> None:
        started = time.monotonic()
        status, body = self._answer()
        payload = json.dumps(body, separators=(",", ":")).encode()
        self.send_response_only(status)
        self.send_header("Server", f"{self.stands_in_for.partition(' ')[0]}/{VERSION}")
        self.send_header("X-Stand-In", f"{self.stands_in_for}, iamops lab")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)
        took_ms = (time.monotonic() - started) * 1000
        client, name = self.client_address[0], self.stands_in_for.partition(" ")[0]
        if "dump" in self.says:
            dump(client, self.command, self.path, status, payload)
        if "debug" in self.says:
            debug(name, client, self.command, self.path, status, took_ms)
        else:
            logging.info('%s "%s" %d %.1fms', client, self.requestline, status, took_ms)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(min(length, 1 << 20))
        self.do_GET()

    def _answer(self) -> Answer:
        path = self.path.partition("?")[0]
        # Resources are named by people: /v1/users/colin is one of /v1/users.
        answer = self.table.get(path) or self.table.get(path.rpartition("/")[0])
        if answer is None:
            return 404, {"code": 100005, "message": "page not found"}
        try:
            return answer()
        except DatabaseError as error:
            logging.error("%s", error)
            return 500, {"code": 100101, "message": f"database error: {error}"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        logging.info("%s %s", self.client_address[0], format % args)


class ServiceServer(ThreadingHTTPServer):
    """Listens; a thread per connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[Handler], context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(address, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: who is slow with a handshake holds up nobody."""
        if self._context is not None:
            request.settimeout(needs.TIMEOUT_S)
            with self._context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
            return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away in mid-answer is no event worth a traceback.
        logging.info("%s %s", client_address[0], sys.exc_info()[1])


def main(config_path: str, *options: str) -> None:
    """Serves for ever, or tells what this is."""
    config = json.loads(Path(config_path).read_text(encoding="utf-8"))
    if "--version" in options:
        print(f"{config['name']} {VERSION}: stand-in of the iamops lab, not the real {config['name']}")
        return
    if not isinstance(config["port"], int):
        # A bad value ends it as it ends the real one: how it is used, on stderr, and nothing that says more.
        print(f'Error: invalid argument {config["port"]!r} for "--insecure.bind-port" flag', file=sys.stderr)
        print(f"Usage:\n  {config['name']} [flags]   (stand-in of the iamops lab)", file=sys.stderr)
        sys.exit(1)
    open_log(config["log"], config["name"])
    needs.require(config.get("at_start", ()), config["name"], config.get("patience_s", 0.0))
    needs.await_all(config.get("awaits", ()), config["name"])
    Handler.table = routes(config)
    Handler.stands_in_for = f"{config['name']} on {config['node']}"
    Handler.says = frozenset(word for word in ("debug", "dump") if config.get(word))
    needs.listen(config["bind"], config.get("listens_too", ()))
    secure = config.get("scheme") == "https"
    context = needs.server_context(config["tls"]) if secure or config.get("tls_ports") else None
    for port in config.get("tls_ports", ()):
        if port == GRPC:
            needs.listen(config["bind"], [port], context)
        else:
            side = ServiceServer((config["bind"], port), Handler, context=context)
            threading.Thread(target=side.serve_forever, daemon=True).start()
    with ServiceServer((config["bind"], config["port"]), Handler, context=context if secure else None) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
