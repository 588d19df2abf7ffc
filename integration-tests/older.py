# SPDX-License-Identifier: GPL-2.0-or-later
"""A µmbox in the manner of the older contract (umbox-images/CONTRACT.md): raw sockets on eth1, eth2 and
eth3, the device's address as its argument, alerts by HTTP to an address that it was built for.

It lets nobody telnet to the device: such a connection is refused by the direct leg, and told.
test_older_contract.py puts it into an image; nothing in it knows of kalkid.
"""
import errno
import json
import select
import signal
import socket
import struct
import sys
import time
import urllib.request

CONTROL = "http://10.27.151.103:6060/alert/"
OUTGOING = 4  # a frame that this µmbox sent itself


def tell(alert, details):
    body = json.dumps({"umbox": socket.gethostname().removeprefix("umbox-"), "alert": alert,
                       "details": details}).encode()
    request = urllib.request.Request(CONTROL, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        answer.read()


def leg(name):
    """The interfaces come some time after the start."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    while True:
        try:
            made.bind((name, 0))
            return made
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.ENETDOWN):
                raise
            time.sleep(0.02)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def refusal(frame):
    """The TCP reset that answers a frame with a SYN."""
    segment = frame[34:]
    ports = segment[2:4] + segment[0:2]
    acknowledged = struct.unpack("!I", segment[4:8])[0] + 1 & 0xffffffff
    tcp = ports + struct.pack("!IIBBHHH", 0, acknowledged, 5 << 4, 0x14, 0, 0, 0)
    ends = frame[30:34] + frame[26:30]
    check = checksum(ends + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return frame[6:12] + frame[0:6] + b"\x08\x00" + ip + tcp[:16] + struct.pack("!H", check) + tcp[18:]


def is_telnet(frame, device):
    return (len(frame) >= 54 and frame[12:15] == b"\x08\x00\x45" and frame[23] == 6
            and frame[30:34] == device and frame[36:38] == struct.pack("!H", 23)
            and frame[47] & 0x12 == 0x02)


def elsewhere():
    """What comes of calling somebody who is not the endpoint."""
    try:
        socket.create_connection(("10.20.0.100", 22), timeout=5).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "connected"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    device = socket.inet_aton(sys.argv[1])
    inner, outer, direct = leg("eth1"), leg("eth2"), leg("eth3")
    names = {inner: "eth1", outer: "eth2"}
    tell("umbox-ready", "")
    tell("log-info", {"arguments": sys.argv[1:], "elsewhere": elsewhere()})
    while True:
        for source in select.select([inner, outer], [], [])[0]:
            try:
                frame, address = source.recvfrom(65535)
            except OSError:  # the leg is down; or gone, and then so is this program
                socket.if_nametoindex(names[source])
                continue
            if address[2] == OUTGOING:
                continue
            if source is outer and is_telnet(frame, device):
                direct.send(refusal(frame))
                tell("telnet", f"from {socket.inet_ntoa(frame[26:30])}")
            else:
                (outer if source is inner else inner).send(frame)


if __name__ == "__main__":
    main()
