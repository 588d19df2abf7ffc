#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo itself; scripts/demo has built what it needs.

usage: show.py run SOCKET [--keep|--once]
       show.py clean SOCKET
"""
import json
import os
import subprocess
import sys
import time

from harness import net
from harness.auditor import Auditor
from harness.daemon import BUILD, Events, wait_for
from harness.docker import Engine
from harness.proof import history
from harness.site import Site

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = "/run/kalki-demo"
TAG = "kdemo"
WEB = 80
LOOK_S = 3

CHAINS = {("brute-force", "flow-stats"), ("guard", "flow-stats"), ("block-all",)}


def say(words):
    print(f"\n== {words}", flush=True)


class Socket(Engine):
    """An engine by its socket, whoever runs it."""

    def __init__(self, path):
        self.name, self.socket = None, path


class Show:
    def __init__(self, engine):
        self.site = Site(ROOT, engine, tag=TAG)
        self.processes = []
        self.viewer_file = os.path.join(ROOT, "viewer.json")
        self.good = True

    # --- the cast ---

    def set_up(self):
        site = self.site
        with open(os.path.join(HERE, "camera.yaml"), encoding="utf-8") as file:
            site.write("types.d/camera.yaml", file.read())
        self.camera = site.add_device("camera", "camera")
        self.user = site.add_host("user", 101)
        self.attacker = site.add_host("attacker", 102)
        self.accomplice = site.add_host("accomplice", 103)
        self.begin(self.camera, os.path.join(HERE, "camera.py"), self.camera.ip, WEB)
        site.start()
        with open(os.path.join(ROOT, "pid"), "w", encoding="ascii") as file:
            file.write(str(site.daemon.process.pid))
        self.auditor = Auditor(site.data_plane, self.camera.mac, self.camera.port,
                               site.network_port)
        self.events = Events(site.api)
        self.begin(self.user, os.path.join(HERE, "viewer.py"), self.camera.ip, WEB,
                   self.viewer_file)
        wait_for(lambda: self.viewer()["bytes"] > 100_000, what="the camera's pictures")

    def begin(self, host, *command):
        process = host.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def viewer(self):
        with open(self.viewer_file, encoding="ascii") as file:
            return json.load(file)

    def guess(self, host, words):
        """hydra against the camera's login, with passwords that are all wrong."""
        path = os.path.join(ROOT, "passwords")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{words}{i}\n" for i in range(400))
        return self.begin(host, "hydra", "-q", "-I", "-l", "admin", "-P", path, "-t", "4", "-w",
                          "5", f"http-get://{self.camera.ip}:{WEB}/")

    # --- what is shown ---

    def show_chain(self, when):
        status = self.site.device_status("camera")
        hops = [h for h in self.site.api.get("/devices/camera/chain")["hops"]
                if h["role"] == "in_force"]
        line = " ── ".join(f"[{h['name']} #{h['umbox']}]" for h in
                           sorted(hops, key=lambda h: h["position"]))
        print(f"  {when:<7} {status['state']:<11} camera ── {line or '✕ nothing passes'} ── network")

    def promise(self, kept, words):
        print(f"  {'ok  ' if kept else 'FAIL'} {words}")
        self.good = self.good and kept

    def wait_state(self, state):
        self.events.wait(lambda e: e["kind"] == "transition" and e["eve"]["kalki"]["to"] == state,
                         timeout=30)
        self.site.wait_goal("camera", "converged")

    def act_normal(self):
        say("A user watches the camera; all of its traffic crosses its chain")
        self.show_chain("now")

    def act_suspicious(self):
        say("An attacker guesses the password (hydra against the camera's web login)")
        self.show_chain("before")
        hydra = self.guess(self.attacker, "wrong")
        self.wait_state("Suspicious")
        self.show_chain("after")
        before = self.viewer()
        time.sleep(LOOK_S)
        after = self.viewer()
        self.promise(not self.reaches(self.attacker), "the attacker is cut off")
        self.promise(after["bytes"] > before["bytes"] and after["broken"] == 0,
                     "the user's session goes on: "
                     f"{(after['bytes'] - before['bytes']) // LOOK_S // 1000} kB/s, "
                     f"longest silence so far {after['longest_silence_ms']} ms")
        hydra.kill()

    def act_attack(self):
        say("An accomplice goes on from another address")
        self.show_chain("before")
        hydra = self.guess(self.accomplice, "still wrong")
        self.wait_state("Attack")
        self.show_chain("after")
        time.sleep(0.3)
        before = self.viewer()
        time.sleep(LOOK_S)
        self.promise(self.viewer()["bytes"] == before["bytes"] and not self.reaches(self.accomplice),
                     "nothing reaches the camera, nothing comes from it")
        hydra.kill()

    def act_release(self):
        say("An operator releases the camera")
        self.show_chain("before")
        print("  $ kalkictl device release camera --reason 'password changed'")
        self.kalkictl("device", "release", "camera", "--reason", "password changed")
        self.site.wait_goal("camera", "converged")
        self.show_chain("after")
        before = self.viewer()
        wait_for(lambda: self.viewer()["bytes"] > before["bytes"] + 100_000, timeout=30,
                 what="the pictures")
        after = self.viewer()
        self.promise(after["sessions"] == 1 and after["broken"] == 0,
                     "the user's session of before goes on")

    def kalkictl(self, *words):
        return net.run(os.path.join(BUILD, "kalkid/cli/kalkictl"), "--socket",
                       self.site.api.path, *words)

    def reaches(self, host):
        done = subprocess.run(["ip", "netns", "exec", host.ns, "curl", "-s", "-o", "/dev/null",
                               "--max-time", "1", f"http://{self.camera.ip}:{WEB}/"])
        return done.returncode == 0

    def timeline(self):
        say("What happened, in microseconds after the alert")
        events = history(self.site.api, "camera", "alert,chain,transition")
        chain_times = [(k["generation"], k["what"], k["time_us"]) for k in
                       (e["eve"]["kalki"] for e in events if e["kind"] == "chain")]

        def after(kalki, zero, *what):
            times = [time_us for generation, told, time_us in chain_times if told in what
                     and generation == kalki["generation"] and time_us >= zero]
            return min(times) - zero if times else "-"

        print(f"  {'transition':<26}{'alert':<30}{'decision':>9}{'enforced':>10}{'converged':>11}")
        for event in events:
            kalki = event["eve"]["kalki"]
            if event["kind"] != "transition" or kalki["from"] == kalki["to"]:
                continue
            decided = kalki["times"]["decided_us"]
            alert = kalki["times"].get("alert_us")
            zero = alert or decided
            print(f"  {kalki['from'] + ' → ' + kalki['to']:<26}"
                  f"{event['time'] if alert else 'none: an operator':<30}{decided - zero:>9}"
                  f"{after(kalki, zero, 'routed', 'held'):>10}"
                  f"{after(kalki, zero, 'converged'):>11}")

    def audit(self):
        blind = self.auditor.close()
        names = {event["eve"]["kalki"]["umbox"]: event["eve"]["kalki"]["hop"]
                 for event in history(self.site.api, "camera", "step")
                 if event["eve"]["kalki"].get("step") == "launch"}
        wrong = self.auditor.bypassed(names.get, CHAINS)
        say("Frames between camera and network, seen by a tap that is no part of kalkid")
        print(f"  {self.auditor.passed['up']} from the camera, {self.auditor.passed['down']} to it")
        self.promise(not wrong and not blind,
                     f"passed without a full chain: {sum(wrong.values())}"
                     + (f" {dict(wrong)}" if wrong else "")
                     + (f"; {blind} frames the tap did not see" if blind else ""))

    def run(self):
        self.set_up()
        self.act_normal()
        self.act_suspicious()
        self.act_attack()
        self.act_release()
        self.timeline()
        self.audit()
        return self.good

    def end(self):
        for process in self.processes:
            process.kill()

    def how_to_play(self):
        say("To play with it")
        tool = os.path.join(BUILD, "kalkid/cli/kalkictl")
        print(f"  {tool} --socket {self.site.api.path} device list\n"
              f"  ip netns exec {self.attacker.ns} curl -u admin:guess http://{self.camera.ip}/\n"
              f"  ip netns exec {self.site.data_plane} nft list ruleset")


def clean(engine):
    """Ends whatever an earlier demo left."""
    for ns in net.namespaces():
        if ns.startswith(TAG + "-"):
            for pid in net.run("ip", "netns", "pids", ns, check=False).split():
                subprocess.run(["kill", "-KILL", pid], stderr=subprocess.DEVNULL)
    if not os.path.isdir(ROOT):
        return
    site = Site.__new__(Site)  # the names only: its wires may be half there
    site.tag, site.engine, site.root = TAG, engine, ROOT
    pid_file = os.path.join(ROOT, "pid")
    if os.path.exists(pid_file):
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read())
        try:
            with open(f"/proc/{pid}/cmdline", encoding="ascii") as file:
                ours = ROOT in file.read().split("\0")
            if ours:
                os.kill(pid, 15)
                wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of kalkid")
        except FileNotFoundError:
            pass
    net.run(os.path.join(BUILD, "kalkid/kalkid"), "--root", ROOT, "--teardown", check=False)
    site.remove_all()
    site.remove_root()


def main():
    engine = Socket(sys.argv[2])
    if sys.argv[1] == "clean":
        clean(engine)
        return 0
    keep = "--keep" in sys.argv
    show = Show(engine)
    try:
        good = show.run()
    except Exception:
        print(show.site.daemon.log_tail(), file=sys.stderr)
        raise
    if keep:
        show.how_to_play()
    else:
        show.end()
    return 0 if good else 1


sys.exit(main())
