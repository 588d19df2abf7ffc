# SPDX-License-Identifier: GPL-2.0-or-later
"""What all simulated devices share: values, faults, what they were asked, a control socket.

The control socket is a Unix socket.  One line of JSON goes in, one comes out:

    {"values": {"current_power": 17100}}   what the device measures from now on
    {"fault": "silent"}                    how it answers: none, silent, error, garbage, cut
    {"delay_s": 0.5}                       how long it thinks before each answer
    {"do": "motion"}                       something happens to it
    {}                                     nothing; the answer tells how the device is
    <- {"values": {...}, "fault": "none", "delay_s": 0, "seen": [...]}
"""
import argparse
import copy
import json
import os
import signal
import socket
import socketserver
import sys
import threading

FAULTS = ("none", "silent", "error", "garbage", "cut")
GARBAGE = b"\x00\xff{<garbage>]\r\n" * 3


class Device:
    """A device with values; those that it has are named in `standard`."""

    standard = {}
    port = None         # where it listens, unless told otherwise
    happenings = ()     # what `do` knows

    def __init__(self):
        self.values = copy.deepcopy(self.standard)
        self.fault, self.delay_s = "none", 0
        self.seen = []
        self._changed = threading.Condition(threading.RLock())

    # --- what tests do with it ---

    def change(self, order):
        """One order of the control socket; returns how the device is afterwards."""
        with self._changed:
            for name, value in order.get("values", {}).items():
                if name not in self.values:
                    raise ValueError(f"no value '{name}' (there are: {', '.join(self.values)})")
                self.values[name] = value
            if order.get("fault", "none") not in FAULTS:
                raise ValueError(f"no fault '{order['fault']}' (there are: {', '.join(FAULTS)})")
            self.fault = order.get("fault", self.fault)
            self.delay_s = order.get("delay_s", self.delay_s)
            self._changed.notify_all()
        if "do" in order:
            if order["do"] not in self.happenings:
                raise ValueError(f"'{order['do']}' does not happen to it")
            self.happen(order["do"])
        self.changed()
        with self._changed:
            return {"values": self.values, "fault": self.fault, "delay_s": self.delay_s,
                    "seen": self.seen}

    def happen(self, what):
        """Something of `happenings`."""

    def changed(self):
        """Values or faults are others now."""

    # --- what the protocols need ---

    def note(self, what):
        """Something that the device was asked."""
        with self._changed:
            self.seen.append(what)

    def think(self):
        """To be called before an answer: delays it, and returns the fault it is to have.
        A silent device says nothing until it is told to speak again, and then hangs up."""
        with self._changed:
            if self.delay_s:
                self._changed.wait_for(lambda: not self.delay_s, self.delay_s)
            if self.fault != "silent":
                return self.fault
            self._changed.wait_for(lambda: self.fault != "silent")
            return "cut"

    # --- its life ---

    def add_options(self, parser):
        """Options of its own."""

    def start(self, options):
        """Begins to listen, in threads of its own."""
        raise NotImplementedError

    def stop(self):
        """Whatever does not end with the process."""


class Server(socketserver.ThreadingTCPServer):
    """Handlers find the device in `self.server.device`."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address, handler, device):
        self.device = device
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # the client went away
            super().handle_error(request, client_address)


class ControlHandler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            try:
                answer = self.server.device.change(json.loads(line))
            except (ValueError, OSError) as error:
                answer = {"error": str(error)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class ControlServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path, device):
        self.device = device
        if os.path.exists(path):
            os.unlink(path)
        super().__init__(path, ControlHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def address(text):
    """`HOST:PORT` of the command line."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def value(text):
    """`NAME=VALUE` of the command line; the value is JSON, or else text."""
    name, _, worth = text.partition("=")
    try:
        return name, json.loads(worth)
    except ValueError:
        return name, worth


def main(device, description):
    """Runs one device as a program, until it is told to end."""
    parser = argparse.ArgumentParser(
        description=description.split("\n", maxsplit=1)[0],
        epilog="values: " + ", ".join(f"{key}={json.dumps(worth)}"
                                      for key, worth in device.standard.items()))
    if device.port:
        parser.add_argument("--listen", metavar="HOST:PORT", type=address,
                            default=("0.0.0.0", device.port), help=f"standard: port {device.port}")
    parser.add_argument("--control", metavar="PATH", help="control socket (see simulator.py)")
    parser.add_argument("--set", metavar="NAME=VALUE", type=value, action="append", default=[])
    device.add_options(parser)
    options = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # the threads inherit it
    try:
        device.change({"values": dict(options.set)})
        device.start(options)
        if options.control:
            ControlServer(options.control, device)
        print("ready", flush=True)
        signal.sigwait(ends)
    except (OSError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    finally:
        device.stop()
