"""Every log format that clients' text is tried on, and hostile requests in each."""

from __future__ import annotations

import random

from iamops.accesslog.format import FormatError, LogFormat, named_format
from tests.support.access_logs import FORMATS
from tests.support.hostile_requests import Written, written

HEAD = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent"'
)
INGRESS = (
    f"{HEAD} $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] "
    "$upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"
)
EVERY = FORMATS | {
    "combined": HEAD,
    "ingress": INGRESS,
    "host in front": f"$host:$server_port {HEAD}",
    "host behind the time": '$remote_addr - $remote_user [$time_local] $host "$request" $status $upstream_addr',
    "bare request": "[$time_local] $remote_addr $request $status $body_bytes_sent",
    "bare request and a quoted status": '$remote_addr [$time_local] $request "$status" $body_bytes_sent',
    "lists before blanks": (
        '[$time_local] "$request" $status $upstream_addr $upstream_response_time $upstream_status'
    ),
    "a list before a client's text": '"$request" $status $upstream_addr $http_x_request_id',
    "a client's text before a list": '"$request" $status $http_x_request_id $upstream_addr',
    "two texts around the status": '$remote_addr $remote_user $time_iso8601 $status "$request"',
    "user and path bare": (
        "$remote_addr $remote_user [$time_local] $request_method $request_uri $status $request_time"
    ),
    "two lists and a name": "$status up=$upstream_addr is=$upstream_status as=$http_x took=$request_time",
    "pipes": "$remote_addr|$remote_user|$time_local|$request|$status|$upstream_addr|$host|$request_time",
    "json as it is often written": (
        'escape=json {"t":"$time_iso8601","user":"$remote_user","ua":"$http_user_agent","x":"$http_referer",'
        '"s":$status,"uri":"$request_uri","h":"$http_host","up":"$upstream_addr","us":"$upstream_status"}'
    ),
    "text in json escapes": (
        'escape=json $remote_addr [$time_local] "$request" $status "$http_user_agent" $upstream_addr'
    ),
    "names in another script": '$remote_addr – $remote_user «$time_local» "$request" $status',
}


# Where no line says for sure what its status is, or which backends were asked.
REFUSED = {"pipes", "a list before a client's text", "a client's text before a list"}
ROUNDS = 150


def forms() -> dict[str, LogFormat]:
    found = {}
    for name, text in EVERY.items():
        try:
            found[name] = named_format(text)
        except FormatError:
            assert name in REFUSED
    return found


FORMS = forms()


def requests(name: str, number: int = ROUNDS) -> list[Written]:
    rng = random.Random(f"hostile {name}")
    return [written(FORMS[name], rng) for _ in range(number)]
