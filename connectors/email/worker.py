"""The process that reads large or complicated mails: ``python -m connectors.email.worker``, frames on stdin and stdout.

A frame is four bytes of length (big-endian) and msgpack: a :class:`connectors.email.job.Job` in, a ``Batch`` out.
Memory is limited for the process and CPU time for each mail; what breaks a limit ends the process, and its parent
starts another.
"""

from __future__ import annotations

import resource
import signal
import struct
import sys
from typing import BinaryIO, Final

import msgspec

from connectors.email.inbound import parse_mail
from connectors.email.job import Job

CPU_S: Final = 5
MEMORY_BYTES: Final = 512 * 1024 * 1024


def main() -> None:
    """Reads mails until its input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us by closing the pipe.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answers each frame with one."""
    decoder = msgspec.msgpack.Decoder(Job)
    while len(head := source.read(4)) == 4:
        job = decoder.decode(source.read(struct.unpack(">I", head)[0]))
        _allow_cpu()
        answer = msgspec.msgpack.encode(parse_mail(job.raw, job.envelope, job.mailbox))
        target.write(struct.pack(">I", len(answer)) + answer)
        target.flush()


def _allow_cpu() -> None:
    """The limit counts from the process's start, so it is moved on before each mail."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + CPU_S, hard))


if __name__ == "__main__":
    main()
