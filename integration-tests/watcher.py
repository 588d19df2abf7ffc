# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that only watches and writes lines, as some third-party engine would: TCP to port 23.

test_wrapper.py puts it into an image with the wrapper; nothing in it knows of KalKi.
"""
import contextlib
import select
import socket
import struct

ETH_P_IP = 0x0800


def listener(leg):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    raw.bind((leg, ETH_P_IP))
    return raw


def look(frame):
    if len(frame) < 54 or frame[14] != 0x45 or frame[23] != 6 or frame[47] & 0x12 != 2:
        return
    source, target = (socket.inet_ntoa(frame[at:at + 4]) for at in (26, 30))
    source_port, target_port = struct.unpack("!HH", frame[34:38])
    if target_port == 23:
        print(f"TELNET {source}:{source_port} -> {target}")


def main():
    legs = [listener("in"), listener("out")]  # what the device sends, and what is sent to it
    print("watching the wire")
    while True:
        for leg in select.select(legs, [], [])[0]:
            with contextlib.suppress(OSError):  # it is down for a while
                look(leg.recv(65535))


if __name__ == "__main__":
    main()
