"""Reads a node's log piece by piece through one shell there: lines where they are few, counts where they are many.

The shell keeps no state: each request says which file, from where, and what stood before that position. So a piece
is either answered in full, and then counts, or it is asked for again: nothing is read twice.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from iamops.accesslog.awk import NotCounted, awk_program, count_result
from iamops.accesslog.count import CountQuery, Counts, counted
from iamops.accesslog.rotation import LogFile, LogPosition, anchor_of, listed, newest_first, split_lines
from iamops.model.foreign import whole
from iamops.nodes.transport import LineStream, Transport, TransportError
from iamops.redact.clean import clean_bytes

# Its time in a listing is the node's current time. A file that was changed within WARM_S is being written.
CLOCK = "/proc/self"
WARM_S = 30


@dataclass(frozen=True, slots=True)
class ListingState:
    """What a listing shows beside the files: whether lines may be missing from them.

    `quiet_s`: how long ago the newest of the files with any text was written; infinite if none has.

    `absent`: the log is not there, and no file that was rotated away is being written in its stead.
    `unlisted`: its directory may not be listed. `full`: its file system is.
    """

    quiet_s: float = 0.0
    absent: bool = False
    unlisted: bool = False
    full: bool = False


def listing_state_of(answer: list[bytes], found: tuple[LogFile, ...], log: str) -> ListingState:
    """From the shell's answer to `list`: files, and a line that begins with `!` for each problem."""
    now = next((file.changed for file in found if file.name == CLOCK), 0)
    own = newest_first(found, log)
    quiet_s = now - max((float(file.changed) for file in own if file.size), default=float("-inf"))
    warm = any(not file.packed and now - file.changed <= WARM_S for file in own)
    there = any(file.name == log for file in own)
    return ListingState(quiet_s, not there and not warm, b"! list" in answer, b"! full" in answer)


def not_written(log: str, quiet_s: float) -> str:
    """Why a log does not grow although nginx answers."""
    last = f"was last written {quiet_s / 60:.0f} min ago" if quiet_s < float("inf") else "is empty"
    return (
        f"{log} {last}, though nginx answers: it writes elsewhere (a file that was deleted or rotated away: "
        "nginx -s reopen), or not these requests"
    )


# Up to this many new bytes are sent as they are; more are counted on the node.
RAW_MAX = 32 * 1024
# The most that is counted at once: then others have their turn, and we learn how far it is.
PIECE_MAX = 64 * 1024 * 1024
# How far back the last newline is looked for.
BLOCK = 4 * 1024 * 1024
# From this size on, both halves are counted at once where the node has the cores: history, not what comes in.
SPLIT_MIN = 16 * 1024 * 1024
LOOKS_MAX = 10
# No count has more: its tables have fewer rows than their piece has lines. Anything beyond is not kept.
ANSWER_LINES = 600_000
ANSWER_BYTES = 48 * 1024 * 1024
# The most that is taken of what was written since we asked for the size.
RAW_TAKEN = 1024 * 1024
FILES_MAX = 5_000
# A piece takes seconds; a compressed file, which is counted in one go, may take minutes.
ANSWER_S = 300.0
PACKED_S = 1800.0
TURN_LINES = 500
# More lines than this are counted in a thread: others would wait.
THREAD_LINES = 5_000
# How many numbers the first line of an answer has.
NUMBERS = {"raw": 3, "count": 6}

_SCRIPT = r"""
LC_ALL=C; export LC_ALL
log=$1 raw=$2 piece=$3 block=$4 split=$5 program=$6
IFS=' ' read -r t || exit 0
part() {
  dd if=/proc/self/fd/3 bs=65536 iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none 2>/dev/null
}
# mawk is three times as quick as gawk, which may be the `awk` of a node that has both; 1.3.3 had too many faults.
tool=awk
case $(mawk -W version 2>/dev/null </dev/null) in *1.3.3*) ;; mawk*) tool=mawk;; esac
tally() { nice "$tool" -v "anchored=$1" -v "stop=$2" "$program"; }
# Counts the bytes from $1 to $2. A copy through a pipe costs as much as a tenth of the counting, so mawk is put
# where it begins and told where to stop; how far other awks have read cannot be told where a line holds a NUL.
counting() {
  if [ "$direct" -eq 0 ]; then part "$1" $(($2 - $1)) | tally "$3" 0; return; fi
  {
    [ "$1" -eq 0 ] || dd iflag=skip_bytes skip="$1" count=0 status=none 2>/dev/null
    tally "$3" $(($2 - $1))
  } </proc/self/fd/3
}
# Where a line begins about halfway from $1 to $2, if it is worth to count both halves at once.
halfway() {
  middle=0
  [ $(($2 - $1)) -ge "$split" ] || return 0
  [ -n "$cores" ] || cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
  [ "$cores" -gt 1 ] || return 0
  middle=$((($1 + $2) / 2))
  middle=$((middle + $(part "$middle" 65536 | head -n 1 | wc -c)))
  [ "$middle" -lt "$2" ] && [ "$(part $((middle - 1)) 1 | wc -l)" -eq 1 ] || middle=0
}
more() {
  set -- "$1" "$2" "$3" $(stat -L -c '%i %s %Y' /proc/self/fd/3) "$4" "$5"
  [ "$1" = "$4" ] || [ "$1" = 0 ] || { echo "$t other $4 $5"; return 0; }
  [ "$8" -eq 0 ] || [ "$5" -le "$8" ] || set -- "$1" "$2" "$3" "$4" "$8" "$6" "$7" "$8"
  [ "$5" -ge "$2" ] || { echo "$t short $4 $5"; return 0; }
  n=$(($5 - $2)) to=$5
  if [ "$n" -le "$raw" ]; then
    echo "$t raw $4 $5 $6"
    if [ "$n" -eq 0 ] && [ "$7" = read ]; then return 0; fi
    if [ "$8" -ne 0 ]; then part $(($2 - $3)) $(($3 + n)); return 0; fi
    # What has been written since we asked for the size is welcome; one process less is cheaper.
    tail -c "+$(($2 - $3 + 1))" /proc/self/fd/3 2>/dev/null
    return 0
  fi
  [ "$n" -le "$piece" ] || to=$(($2 + piece))
  # Most lines are short; only where there is no end of one is more looked through.
  for b in 65536 "$block"; do
    [ "$b" -le $((to - $2)) ] || b=$((to - $2))
    set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" $(part $((to - b)) "$b" | tail -n 1 | wc -lc)
    [ "$9" -eq 0 ] && [ "${10}" -eq "$b" ] || break
  done
  if [ "$9" -eq 0 ]; then
    if [ "${10}" -eq "$b" ]; then to=$2; else to=$((to - ${10})); fi
  fi
  direct=0
  if [ "$tool" = mawk ] && [ "$way" = direct ]; then direct=1; fi
  halfway "$2" "$to"
  echo "$t count $4 $5 $6 $to $direct $((1 + (middle > 0)))"
  [ "$to" -ne "$2" ] || return 0
  a=200; [ "$to" -ge 200 ] || a=$to
  part $((to - a)) "$a"
  printf '\n%s counts\n' "$t"
  if [ "$middle" -eq 0 ]; then
    counting $(($2 - $3)) "$to" $(($3 > 0))
  else
    counting "$middle" "$to" 0 | { counting $(($2 - $3)) "$middle" $(($3 > 0)); cat; }
  fi
  printf '%s after\n' "$t"
  part $((to - a)) "$a"
}
unpack() {
  case $1 in
  *.gz) gzip -dc;; *.bz2) bzip2 -dc;; *.xz) xz -dc;; *.zst) zstd -dcq;; *) cat;;
  esac <&3 2>/dev/null
}
packed() {
  [ "$(stat -L -c %i /proc/self/fd/3)" = "$1" ] || { echo "$t other"; return 0; }
  echo "$t packed"
  unpack "$4" | tail -c "+$(($2 - $3 + 1))" | tally $(($3 > 0)) 0
}
while IFS=' ' read -r command inode from lead upto way name; do
  case $command in
  list) stat -L -c '%i %s %Y %n' -- /proc/self "$log" "$log"[.-]* 2>/dev/null
    [ -x "${log%/*}" ] || echo "! search"; [ -r "${log%/*}" ] || echo "! list"
    [ "$(stat -f -c %a -- "${log%/*}" 2>/dev/null)" != 0 ] || echo "! full";;
  peek) { part "$from" "$upto"; } 3<"$name";;
  read|check) { { more "$inode" "$from" "$lead" "$command" "$upto"; } 3<"$name"; } 2>/dev/null ||
    if [ -e "$name" ] && [ ! -r "$name" ]; then echo "$t denied"; else echo "$t gone"; fi;;
  packed) { { packed "$inode" "$from" "$lead" "$name"; } 3<"$name"; } 2>/dev/null || echo "$t gone";;
  esac
  printf '\n%s end\n' "$t"
done
"""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LogChunk:
    """What was new in a file, and where reading stopped. `left`: bytes not read yet; `size`: the file's."""

    counts: Counts
    position: LogPosition
    left: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class FileReplaced:
    """The file is not the one we read before: replaced, cut short, or gone. `inode` 0: there is none."""

    inode: int = 0


class Unreadable(Exception):
    """The log cannot be read at all; the message says why."""


class _ReadPastEnd(Exception):
    """The awk did not stop where it should: the file was cut short, or it does not know how far it has read."""


@dataclass(slots=True)
class LogReader:
    """One shell on the node. One request at a time. `listing_state`: as of the last listing.

    `token` marks the shell's answers. `direct`: an awk that opens the file stops where it should.
    """

    lines: LineStream
    token: bytes
    log: str
    query: CountQuery
    direct: bool = True
    listing_state: ListingState = field(default_factory=ListingState)

    async def files(self) -> tuple[LogFile, ...]:
        """The log and its siblings. Listed twice, for between two renames a file can be missed."""
        before = None
        for _ in range(LOOKS_MAX):
            answer = await self._ask("list 0 0 0 0 - -")
            if len(answer) > FILES_MAX:
                raise Unreadable(f"{len(answer)} files are called like {self.log}: no rotation keeps so many")
            if b"! search" in answer:
                raise Unreadable(f"the directory of {self.log} may not be searched by the login user")
            found = listed(answer)
            self.listing_state = listing_state_of(answer, found, self.log)
            found = tuple(file for file in found if file.name != CLOCK)
            names = {(file.inode, file.name) for file in found}
            if names == before:
                break
            before = names
        return found

    async def read(self, position: LogPosition, *, upto: int = 0, sure: bool = True) -> LogChunk | FileReplaced:
        """What was written since, or up to an offset behind a line. Raises NotCounted, Unreadable, TransportError.

        `sure` False: if the file is no longer than it was, the text before the position is not compared.
        """
        command = "check" if sure else "read"
        way = "direct" if self.direct else "pipe"
        request = (
            f"{command} {position.inode} {position.offset} {len(position.anchor)} {upto} {way} {position.name}"
        )
        answer = await self._ask(request)
        kind, *numbers = self._head(answer)
        if kind == "raw":
            return await self._raw(position, numbers, b"\n".join(answer[1:]))
        if kind == "count":
            try:
                return await self._counted(position, numbers, answer[1:])
            except _ReadPastEnd:
                self.direct = False
                return await self.read(position, upto=upto, sure=sure)
        if kind == "denied":
            raise Unreadable(f"cannot read {position.name}")
        return FileReplaced(numbers[0] if numbers else 0)

    async def packed(self, position: LogPosition) -> Counts | FileReplaced | None:
        """Counts what stands behind the position in a compressed file; None if it is another log's file."""
        request = f"packed {position.inode} {position.offset} {len(position.anchor)} 0 - {position.name}"
        answer = await self._ask(request, PACKED_S)
        if self._head(answer)[0] != "packed":
            return FileReplaced()
        found = await _in_thread(len(answer), lambda: count_result((line for line in answer[1:] if line), 1))
        return found.counts if _same(position, found.anchor) else None

    async def peek(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a file as they are; fewer at its end."""
        return b"\n".join(await self._ask(f"peek 0 {offset} 0 {length} - {name}"))[:length]

    async def _raw(self, position: LogPosition, numbers: list[int], data: bytes) -> LogChunk | FileReplaced:
        inode, size, changed = numbers[:3]
        length = len(position.anchor)
        lead, data = data[:length], data[length:][:RAW_TAKEN]
        if size == position.offset and not lead:
            return LogChunk(Counts(), replace(position, inode=inode, changed=changed), size=size)
        if lead != position.anchor:
            return FileReplaced(inode)
        lines, taken = split_lines(data)
        anchor = anchor_of(data[:taken]) if taken else position.anchor
        reached = LogPosition(inode, position.offset + taken, position.name, anchor, changed)
        counts = await _in_thread(len(lines), partial(counted, self.query, lines))
        return LogChunk(counts, reached, size=max(size, position.offset + len(data)))

    async def _counted(
        self, position: LogPosition, numbers: list[int], answer: list[bytes]
    ) -> LogChunk | FileReplaced:
        inode, size, changed, end, direct, awks = numbers[:6]
        if end == position.offset:
            return LogChunk(Counts(), replace(position, inode=inode, changed=changed), size=size)
        try:
            begins, ends = answer.index(self.token + b" counts"), answer.index(self.token + b" after")
        except ValueError:
            raise NotCounted("the count broke off") from None
        found = await _in_thread(len(answer), lambda: count_result(answer[begins + 1 : ends], awks))
        if not _same(position, found.anchor):
            return FileReplaced(inode)
        if direct and found.size != end - position.offset + len(position.anchor):
            raise _ReadPastEnd
        tail, before = (b"\n".join(part) for part in (answer[ends + 1 :], answer[:begins]))
        if tail != before or not tail.endswith(b"\n"):
            # Cut short while it was counted: nobody knows how much of it that was.
            return FileReplaced()
        reached = LogPosition(inode, end, position.name, anchor_of(tail), changed)
        return LogChunk(found.counts, reached, size - end, size)

    def _head(self, answer: list[bytes]) -> tuple[str, *tuple[int, ...]]:
        words = answer[0].decode("ascii", "replace").split() if answer else []
        if len(words) < 2 or words[0].encode() != self.token:
            raise NotCounted(f"not an answer: {(answer or [b''])[0][:60]!r}")
        kind = words[1]
        numbers = [number for word in words[2:] if (number := whole(word)) is not None]
        if len(numbers) != len(words) - 2 or len(numbers) < NUMBERS.get(kind, 0):
            raise NotCounted(f"not an answer: {answer[0][:60]!r}")
        return (kind, *numbers)

    async def _ask(self, request: str, within_s: float | None = None) -> list[bytes]:
        """The answer's lines, without the newline put before its end. Raises Unreadable, TransportError.

        An answer that is longer than any count can be is cut off.
        """
        within_s = ANSWER_S if within_s is None else within_s
        answer: list[bytes] = []
        end, size = self.token + b" end", 0
        try:
            async with asyncio.timeout(within_s):
                await _write(self.lines, f"{request}\n".encode("utf-8", "surrogateescape"))
                async for line in self.lines:
                    if line == end:
                        return answer
                    answer.append(line)
                    size += len(line) + 1
                    if len(answer) > ANSWER_LINES or size > ANSWER_BYTES:
                        amount = f"{len(answer)} lines, {size} bytes"
                        raise Unreadable(f"the log's reader said more than any count: {amount}")
                    if len(answer) % TURN_LINES == 0:
                        # Lines that have arrived are taken without waiting: the other nodes have their turn.
                        await asyncio.sleep(0)
        except TimeoutError:
            raise Unreadable(f"the log's reader did not end its answer within {within_s:g} s") from None
        raise _ended(self.lines)


async def _in_thread(lines: int, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if lines > THREAD_LINES else work()


async def _write(lines: LineStream, data: bytes) -> None:
    """Raises Unreadable where the shell has ended by itself, TransportError where the connection has."""
    try:
        await lines.write(data)
    except TransportError:
        if lines.ending is None:
            raise
        raise _ended(lines) from None


def _ended(lines: LineStream) -> Unreadable:
    error = clean_bytes(lines.ending.stderr.strip()[-160:], 160) if lines.ending else ""
    return Unreadable(f"the log's reader ended: {error}" if error else "the log's reader ended by itself")


@asynccontextmanager
async def reading(transport: Transport, log: str, query: CountQuery) -> AsyncIterator[LogReader]:
    """A reader of one log; its shell ends with the block, or with the connection."""
    token = secrets.token_hex(8).encode()
    program = awk_program(query)
    numbers = (str(RAW_MAX), str(PIECE_MAX), str(BLOCK), str(SPLIT_MIN))
    argv = ("sh", "-c", _SCRIPT, "reader", log, *numbers, program)
    async with transport.stream(argv, feed=True) as lines:
        await _write(lines, token + b"\n")
        yield LogReader(lines, token, log, query)


def _same(position: LogPosition, first: bytes | None) -> bool:
    """Whether the line before the position is the one that stood there when we last read."""
    return not position.anchor or (first is not None and first + b"\n" == position.anchor)
