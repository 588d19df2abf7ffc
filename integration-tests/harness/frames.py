# SPDX-License-Identifier: GPL-2.0-or-later
"""Single frames: made by hand, sent from one namespace, looked for in another."""
import contextlib
import errno
import os
import select
import socket
import time

from . import net
from .daemon import wait_for

ETH_P_ALL = 3


def _packet_socket(protocol):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    sock.bind(("eth0", protocol))
    return sock


def send(host, frame):
    """Puts a frame on the wire of a host as it is."""
    with net.in_namespace(host.ns, _packet_socket, 0) as sock:
        try:
            sock.send(bytes(frame))
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # the other end of the wire refused its size
                raise


def marker():
    """A few bytes that no other frame has."""
    return b"kalki" + os.urandom(8).hex().encode()


class Ear:
    """Hears everything on the wire of a host from now on, but what the host sends itself."""

    def __init__(self, host):
        self._socket = net.in_namespace(host.ns, _packet_socket, ETH_P_ALL)
        self._socket.setblocking(False)
        self.frames = []

    def listen(self, seconds=0.4):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                frame, address = self._socket.recvfrom(65536)
                if address[2] != socket.PACKET_OUTGOING:
                    self.frames.append(frame)
        return self.frames

    def count(self, mark, seconds=0.4):
        """How many frames with the mark came."""
        return sum(mark in frame for frame in self.listen(seconds))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


def heard(sender, frame, mark, *listeners, least=0, seconds=0.4):
    """Sends a frame; how often each of the listeners heard its mark.  Where it must come, `least` times
    in all, that is waited for; then there are `seconds` for what must not come."""
    with contextlib.ExitStack() as stack:
        ears = [stack.enter_context(Ear(listener)) for listener in listeners]
        send(sender, frame)
        wait_for(lambda: sum(ear.count(mark, 0.01) for ear in ears) >= least, what="the frame")
        time.sleep(seconds)
        counts = [ear.count(mark, 0.01) for ear in ears]
    return counts[0] if len(counts) == 1 else counts
