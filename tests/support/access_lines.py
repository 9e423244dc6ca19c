"""Lines of an access log, written as nginx writes them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from iamops.accesslog.count import FULL, CountQuery
from iamops.accesslog.format import named_format
from iamops.accesslog.rotation import LogFile
from iamops.nodes.logs.follower import position_at
from iamops.nodes.logs.reader import reading
from tests.support.local_transport import LocalTransport

RECIPE = CountQuery(named_format("main"), FULL)


def line(ago_s: float = 0, path: str = "/", status: int = 200) -> bytes:
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - ago_s))
    return f'10.0.4.1 - - [{at}] "GET {path} HTTP/1.1" {status} 5 "-" "-" "-"\n'.encode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


async def place_in(log: Path, since: float) -> int:
    stat = log.stat()
    async with reading(LocalTransport(), str(log), RECIPE) as reader:  # type: ignore[arg-type]
        return (
            await position_at(reader, LogFile(stat.st_ino, stat.st_size, int(stat.st_mtime), str(log)), since)
        ).offset
