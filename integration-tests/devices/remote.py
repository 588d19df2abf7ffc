# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated devices as processes, and their control sockets, for tests.

usage: python3 -m devices.remote SOCKET '{"values": {"isOn": false}, "fault": "silent"}'
"""
import json
import os
import select
import socket
import subprocess
import sys

from harness.daemon import wait_for

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tell(path, order):
    """One order of simulator.py by the control socket `path`."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(60)
        control.connect(path)
        control.sendall(json.dumps(order).encode() + b"\n")
        answer = json.loads(control.makefile().readline())
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer


class Remote:
    """A simulated device that runs, in namespace `ns` or in ours."""

    def __init__(self, kind, control, *options, ns=None, timeout=60):
        self.control = str(control)
        enter = ["ip", "netns", "exec", ns] if ns else []
        self.process = subprocess.Popen(
            [*enter, "/usr/bin/python3", "-m", f"devices.{kind}", "--control", self.control,
             *map(str, options)], cwd=HERE, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=sys.stderr)
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready or self.process.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError(f"{kind}: does not start")

    def tell(self, **order):
        """An order of simulator.py; returns how the device is afterwards."""
        return tell(self.control, order)

    def set(self, **values):
        return self.tell(values=values)

    def fail(self, fault):
        return self.tell(fault=fault)

    def do(self, what):
        return self.tell(do=what)

    @property
    def values(self):
        return self.tell()["values"]

    @property
    def seen(self):
        return self.tell()["seen"]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Broker:
    """A real mosquitto that takes anybody, in namespace `ns` or in ours."""

    def __init__(self, folder, address, port=1883, ns=None):
        self.address, self.port = address, port
        settings = os.path.join(folder, f"mosquitto-{port}.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(f"listener {port} {address}\nallow_anonymous true\nuser root\n"
                       "persistence false\nlog_dest stderr\nlog_type all\n")
        enter = ["ip", "netns", "exec", ns] if ns else []
        self.log_path = settings + ".log"
        with open(self.log_path, "w", encoding="ascii") as log:
            self.process = subprocess.Popen([*enter, "/usr/sbin/mosquitto", "-c", settings],
                                            stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_for(self._runs, timeout=60, what="mosquitto")
        except BaseException:
            self.close()
            raise

    def _runs(self):
        assert self.process.poll() is None, self.log()
        return " running" in self.log()

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def close(self):
        self.process.terminate()
        self.process.wait(10)


if __name__ == "__main__":
    print(json.dumps(tell(sys.argv[1], json.loads(sys.argv[2])), indent=1))
