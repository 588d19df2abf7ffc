"""A umbox program between two veth pairs in throw-away namespaces, with a fake of the daemon's socket.

    device (dev0) -- in [umbox] out -- (net0) network
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PATIENCE = 60  # seconds for what must come; the machine may be slow
ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
IMAGES = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = pathlib.Path(os.environ.get("UMBOX_PROGRAMS", "build/umbox-images"))
DEVICE_IP, NETWORK_IP = "10.77.0.1", "10.77.0.2"
DEVICE_IP6, NETWORK_IP6 = "fd77::1", "fd77::2"
ADDRESSES = {"dev": (DEVICE_IP + "/24", DEVICE_IP6 + "/64"),
             "net": (NETWORK_IP + "/24", NETWORK_IP6 + "/64")}


def capabilities(program):
    """Those that the labels of the image ask for, as setpriv has them."""
    dockerfile = IMAGES / program.replace("skeleton-", "skeletons/") / "Dockerfile"
    asked = dockerfile.exists() and re.search(r'umbox.capabilities="([A-Z_,]*)"',
                                              dockerfile.read_text())
    names = asked[1] if asked else "NET_RAW"  # a program of the tests', or a base of images
    return ",".join("+" + name.lower() for name in names.split(","))


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@contextlib.contextmanager
def inside(namespace):
    """Sockets made in here belong to the namespace."""
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as there:
        if LIBC.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


def raw_socket(namespace, link):
    """A packet socket that sees what comes in."""
    with inside(namespace):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
    raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    with inside(namespace):
        raw.bind((link, ETH_P_ALL))
    raw.settimeout(PATIENCE)
    return raw


def once(pairs):
    """An object whose names all come once: the daemon takes no other."""
    assert len({name for name, _ in pairs}) == len(pairs), f"a name comes twice: {pairs}"
    return dict(pairs)


class Daemon:
    """The daemon's end of the control socket: collects the lines."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "control.sock")
        self.lines, self.connection, self.rest = [], None, b""
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def go_away(self):
        for end in (self.listener, self.connection):
            if end:
                end.close()
        self.connection, self.rest = None, b""
        os.unlink(self.path)

    def step(self, seconds):
        """Takes in what comes next; True when the connection ended."""
        watched = self.connection or self.listener
        if not select.select([watched], [], [], seconds)[0]:
            return False
        if not self.connection:
            self.connection = self.listener.accept()[0]
            return False
        got = self.connection.recv(65536)
        *lines, self.rest = (self.rest + got).split(b"\n")
        for line in lines:
            assert len(line) < 8192, "line too long"
            self.lines.append(json.loads(line, object_pairs_hook=once))
        return not got

    def take_waiting(self):
        """What was said before this call."""
        while self.connection and select.select([self.connection], [], [], 0)[0]:
            if self.step(0):
                break

    def wait(self, wanted, seconds=PATIENCE, after=0):
        """The first line, behind the first `after`, for which `wanted` is true; else None."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.lines[after:]:
                if wanted(line):
                    return line
            left = deadline - time.monotonic()
            if left <= 0 or self.step(left):
                return None

    def wait_kind(self, kind, **more):
        return self.wait(lambda line: line["kalki"] == kind, **more)

    def wait_end(self, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.step(deadline - time.monotonic()):
                return True
        return False


class UmboxSite:
    """The three namespaces."""

    def __init__(self, mtu=9000, tag=""):
        """`tag` tells several of one process apart."""
        self.names = {role: f"kit{os.getpid()}{tag}-{role}" for role in ("dev", "box", "net")}
        self.folder = tempfile.mkdtemp(prefix="umbox-test-")
        self.mtu, self.processes, self.raw = mtu, [], []
        for name in self.names.values():
            ip("netns", "add", name)
        for role in ("dev", "net"):
            self.sysctl(role, "net.ipv6.conf.default.accept_dad=0")
        self.sysctl("box", "net.ipv6.conf.default.disable_ipv6=1")
        self.daemon = Daemon(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for raw in self.raw:
            raw.close()
        self.daemon.go_away()
        for name in self.names.values():
            ip("netns", "del", name)
        shutil.rmtree(self.folder)

    def command(self, role, *words):
        return ["ip", "netns", "exec", self.names[role], *words]

    def run(self, role, *words, check=True, timeout=2 * PATIENCE):
        return subprocess.run(self.command(role, *words), check=check, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def start(self, role, *words, **more):
        process = subprocess.Popen(self.command(role, *words), stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, **more)
        self.processes.append(process)
        return process

    def start_as_umbox(self, *words, capabilities="+net_raw"):
        return self.start("box", "setpriv", f"--bounding-set=-all,{capabilities}", "--inh-caps=-all",
                          *words, env=os.environ | {"UMBOX_FOLDER": self.folder})

    def sysctl(self, role, setting):
        self.run(role, "sysctl", "-qw", setting)

    def set_up_end(self, role, link):
        there = ("-n", self.names[role])
        for address in ADDRESSES[role]:
            ip(*there, "addr", "add", address, "dev", link)
        ip(*there, "link", "set", "lo", "up")
        ip(*there, "link", "set", link, "up")

    def await_link(self, role, link):
        """What is sent on a link is lost without a word until the kernel, some time after the link is up,
        has given it a queue."""
        deadline = time.monotonic() + PATIENCE
        while " state UP " not in (shown := subprocess.check_output(
                ["ip", "-n", self.names[role], "-o", "link", "show", link], text=True)):
            assert time.monotonic() < deadline, shown

    def wire(self, direct=False):
        """Makes the legs, as the daemon does some time after the start."""
        if direct:
            ip("link", "add", "direct0", "netns", self.names["net"], "up", "type", "veth",
               "peer", "name", "direct", "netns", self.names["box"])
            ip("-n", self.names["box"], "link", "set", "direct", "up")
        for role, far, leg in (("dev", "dev0", "in"), ("net", "net0", "out")):
            ip("link", "add", far, "mtu", str(self.mtu), "netns", self.names[role], "type", "veth",
               "peer", "name", leg, "mtu", str(self.mtu), "netns", self.names["box"])
            self.set_up_end(role, far)
            ip("-n", self.names["box"], "link", "set", leg, "up")
            self.await_link(role, far)

    def wire_directly(self):
        """No umbox: one link from the device to the network."""
        ip("link", "add", "dev0", "mtu", str(self.mtu), "netns", self.names["dev"], "type", "veth",
           "peer", "name", "net0", "mtu", str(self.mtu), "netns", self.names["net"])
        self.set_up_end("dev", "dev0")
        self.set_up_end("net", "net0")

    def write_settings(self, program, parameters=None, host_addresses=(), shadow=False):
        with open(os.path.join(self.folder, "umbox.json"), "w", encoding="utf-8") as file:
            json.dump({"contract": 1, "umbox": 418, "hop": program, "generation": 3,
                       "device": {"name": "cam1", "mac": "02:00:00:00:0a:01", "ips": [DEVICE_IP]},
                       "host_addresses": host_addresses, "shadow": shadow,
                       "parameters": parameters or {}}, file)

    def umbox(self, program, parameters=None, wire=True, host_addresses=(), arguments=(),
              shadow=False):
        """Starts a program with the one capability that its image has; unless the legs are to come
        later, returns when it is ready."""
        self.write_settings(program, parameters, host_addresses, shadow)
        process = self.start_as_umbox(str((PROGRAMS / program).absolute()), *arguments,
                                      capabilities=capabilities(program))
        if wire:
            self.wire()
            assert self.daemon.wait_kind("ready"), "never ready"
        return process

    def ends(self):
        """Packet sockets on the device's and the network's side."""
        pair = raw_socket(self.names["dev"], "dev0"), raw_socket(self.names["net"], "net0")
        self.raw += pair
        return pair

    def terminate(self, process):
        """SIGTERM; returns (exit status, what it printed)."""
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=PATIENCE)[0]
        return process.returncode, output
