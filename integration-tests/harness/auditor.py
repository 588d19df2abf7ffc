# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent look at real traffic: a tap on every interface of the data plane's namespace.

Each frame that leaves by a port must have come out of every hop of one whole chain before.  Frames
are known again by their bytes, without the checksums (which offloads leave for later)."""
import collections
import select
import socket
import threading

from . import net

SOL_PACKET, PACKET_STATISTICS = 263, 6
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33  # of asm-generic/socket.h; Python has no name for it
ETH_P_IP = 0x0800


def fingerprint(frame):
    """What stays the same of an IPv4 TCP or UDP frame on its way; None for any other."""
    if len(frame) < 34 or int.from_bytes(frame[12:14], "big") != ETH_P_IP:
        return None
    at = 14 + (frame[14] & 15) * 4
    if frame[23] == 6:
        checksum = at + 16
    elif frame[23] == 17:
        checksum = at + 6
    else:
        return None
    length = 14 + int.from_bytes(frame[16:18], "big")
    return frame[14:24] + frame[26:checksum] + frame[checksum + 2:length]


class Auditor(threading.Thread):
    """Watches the frames of one device on their way up and down, until closed."""

    def __init__(self, namespace, device_mac, device_port, network_port):
        super().__init__(daemon=True)
        self.passed = collections.Counter()  # way -> frames that left
        self.paths = collections.Counter()   # (way, umboxes in the order crossed) -> frames
        self._mac = bytes.fromhex(device_mac.replace(":", ""))
        self._exits = {device_port: "down", network_port: "up"}
        self._crossed = collections.OrderedDict()
        self._stopping = False
        self._socket = net.in_namespace(namespace, self._open)
        self.start()

    @staticmethod
    def _open():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        return sock

    def run(self):
        while not self._stopping:
            if select.select([self._socket], [], [], 0.2)[0]:
                self._look(*self._socket.recvfrom(65536))

    def _look(self, frame, address):
        name, outgoing = address[0], address[2] == socket.PACKET_OUTGOING
        way = "up" if frame[6:12] == self._mac else "down" if frame[0:6] == self._mac else None
        key = way and fingerprint(frame)
        if key is None:
            return
        if name[0] == "u" and name[-1] in "io" and not outgoing:
            umbox = int(name[1:-1], 16)
            path = self._crossed.setdefault((way, key), [])
            if umbox in path:  # the same bytes once more: sent again after a loss
                del path[path.index(umbox):]
            path.append(umbox)
            if len(self._crossed) > 200_000:
                self._crossed.popitem(last=False)
        elif outgoing and self._exits.get(name) == way:
            self.passed[way] += 1
            self.paths[way, tuple(self._crossed.pop((way, key), ()))] += 1

    def close(self):
        """Drops counted by the kernel would blind the look: returns how many there were."""
        self._stopping = True
        self.join()
        packets_drops = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._socket.close()
        return int.from_bytes(packets_drops[4:8], "little")

    def bypassed(self, name_of, chains):
        """Frames that left without having crossed one whole chain in its order last.
        `name_of(umbox)` is a hop's name, `chains` are tuples of those, the device's side first."""
        wrong = collections.Counter()
        for (way, path), count in self.paths.items():
            names = tuple(map(name_of, path))
            whole = (chain if way == "up" else chain[::-1] for chain in chains)
            if not any(names[len(names) - len(chain):] == chain for chain in whole):
                wrong[way, names] += count
        return wrong
