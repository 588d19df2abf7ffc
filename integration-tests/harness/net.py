# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces and what is done inside them."""
import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True, input=None, timeout=60):
    """Runs a command; its output as text, its words in the exception when it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          input=input, timeout=timeout)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}: "
                           f"{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def ip(*words, ns=None):
    return run("ip", *(("-n", ns) if ns else ()), *words)


def ip_batch(lines, ns=None):
    """Many `ip` commands in one process."""
    run("ip", *(("-n", ns) if ns else ()), "-batch", "-", input="\n".join(lines) + "\n")


def in_namespace(ns, function, *arguments):
    """Calls `function` with the calling thread inside `ns`; sockets it opens stay there."""
    outcome = {}

    def body():
        try:
            with open(f"/run/netns/{ns}", "rb") as handle:
                if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {ns}")
            outcome["value"] = function(*arguments)
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def start_in(ns, *command, **options):
    """A process inside a namespace."""
    return subprocess.Popen(["ip", "netns", "exec", ns, *map(str, command)], text=True, **options)


def run_in(ns, *command, **options):
    return run("ip", "netns", "exec", ns, *command, **options)


def links(ns=None):
    """Names of the interfaces of a namespace."""
    text = run("ip", *(("-n", ns) if ns else ()), "-o", "link", "show")
    return [line.split(": ")[1].split("@")[0] for line in text.splitlines()]


def namespaces():
    return sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []


def add_namespace(name):
    run("ip", "netns", "add", name)
    ip_batch(["link set lo up"], ns=name)
    # Neighbour discovery of the stack itself would be noise in every count.
    for key in ("all", "default"):
        run_in(name, "sysctl", "-qw", f"net.ipv6.conf.{key}.accept_ra=0",
               f"net.ipv6.conf.{key}.router_solicitations=0")


def ping(ns, address, count=1, timeout_s=1):
    """True when at least one reply came."""
    done = subprocess.run(["ip", "netns", "exec", ns, "ping", "-n", "-q", "-c", str(count), "-i",
                           "0.2", "-W", str(timeout_s), str(address)], capture_output=True)
    return done.returncode == 0
