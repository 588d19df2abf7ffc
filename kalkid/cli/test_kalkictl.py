#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kalkictl against a server with canned answers: what people and programs get to see, and exit codes.

usage: test_kalkictl.py KALKICTL
"""
import contextlib
import http.server
import json
import os
import pty
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree
from urllib.parse import parse_qs, urlsplit

KALKICTL = sys.argv.pop(1)


def device(name, goal="converged", **more):
    return {"name": name, "number": 1, "file": None, "state": "Normal", "generation": 3,
            "generation_reached": 3, "entered": "2026-01-31T12:00:00.000001Z", "manual": False,
            "manual_until": None, "quarantined": False, "reason": "", "goal": goal, "trouble": None,
            "alerts": 0, "last_alert": None,
            "definition": {"name": name, "type": "camera", "port": "iot0",
                           "mac": "02:00:00:00:00:01", "ips": ["10.0.0.1", "fd00::1"]}, **more}


def hop(name, umbox, role="in_force", position=0):
    leg = {"from_umbox_frames": 7, "from_umbox_bytes": 700, "to_umbox_frames": 9,
           "to_umbox_bytes": 900, "dropped": 1}
    return {"umbox": umbox, "role": role, "position": position, "name": name, "image": "img",
            "image_id": None, "state": "Normal", "generation": 3, "fail": "closed", "running": True,
            "wired": True, "ready": True, "legs": {"in": "u1i", "out": "u1o"},
            "counters": {"in": leg, "out": leg,
                         "inside": {"passed": 7, "dropped": 5, "overrun": 3, "lost": 1}}}


def event(number, kind="alert", **kalki):
    return {"id": number, "time": "2026-01-31T12:00:00.000001Z", "kind": kind, "device": "cam1",
            "generation": 3, "acknowledged_by": None,
            "eve": {"event_type": "kalki", "src_ip": "10.0.0.9", "src_port": 4711,
                    "kalki": {"kind": kind, "id": number, **kalki}}}


DEVICES = [device(f"cam{i:04}") for i in range(1500)]
CHAIN = {"device": "cam1", "number": 1, "state": "Normal", "generation": 3, "mode": "chain",
         "path": "whole", "goal": "converged", "quarantined": True, "trouble": "no such image",
         "hops": [hop("guard", 17), hop("stats", 18, position=1), hop("guard", 19, "standby")]}
STATUS = {"version": "0.1.0", "health": "degraded", "started": "2026-01-31T12:00:00.000001Z",
          "docker_reachable": False, "picture_complete": True,
          "trouble": "host leg kalki0: is no veth of ours",
          "devices": {"total": 2, "in_initial_state": 1, "in_other_state": 1, "quarantined": 0},
          "chains": {"converged": 1, "degraded": 0, "held": 1, "old_chain": 0,
                     "in_trouble": 1, "standby_degraded": 0},
          "umboxes": {"running": 2, "ready": 2},
          "counts": {"transitions": 1, "alerts": 2, "alerts_dropped": 0, "drift_repairs": 0,
                     "frames_spoofed": 5, "events_dropped": 0},
          "store": {"failing": False, "bytes": 1, "oldest_event": 1, "newest_event": 9}}
TYPE = {"name": "camera", "description": "a camera", "file": "/etc/kalki/types.d/camera.yaml",
        "digest": "x", "initial": "Normal",
        "states": [{"name": "Normal", "mode": "chain", "hold": "auto", "standby": "next",
                    "cut": False, "dwell_us": 0, "calm_us": 0, "calm_to": None,
                    "hops": [{"name": "guard", "image": "img", "fail": "open", "parameters": {},
                              "digest": "y"}]},
                   {"name": "Attack", "mode": "block", "hold": "held", "standby": "all",
                    "cut": True, "dwell_us": 5400000000, "calm_us": 60000000,
                    "calm_to": "Normal", "hops": []}],
        "rules": [{"name": "guess", "description": "", "from": ["Normal"], "to": "Attack",
                   "when": "alerts(\"brute-force\") > 3", "cost": 4}],
        "commands": [{"name": "reboot"}, {"name": "turn-on"}]}


TELEMETRY = {"sensors": [{"name": "power", "type": "number", "unit": "mW", "value": 2.5,
                          "time": "2026", "source": "web"},
                         {"name": "lit", "type": "boolean", "unit": None, "value": None,
                          "time": None, "source": None}],
             "sources": [{"name": "web", "available": False, "misses": 7}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json"):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def problem(self, status, code, detail, **more):
        self.answer(status, {"type": "about:blank", "title": code, "status": status,
                             "detail": detail, "code": code, **more}, "application/problem+json")

    def page(self, items):
        start = int(self.query.get("cursor", ["0"])[0])
        limit = int(self.query.get("limit", ["100"])[0])
        end = start + limit
        self.answer(200, {"items": items[start:end],
                          "next": str(end) if end < len(items) else None})

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        last = int(self.headers.get("Last-Event-ID", "40"))
        self.wfile.write(b": nothing\n\n")
        for number in (last + 1, last + 2):
            line = json.dumps(event(number, "node", what="started"))
            self.wfile.write(f"id: {number}\nevent: node\ndata: {line}\n\n".encode())
        self.close_connection = True

    def handle_any(self):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.seen.append((self.command, self.path, body))
        self.route(url.path, body)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def route(self, path, body):
        lists = {"/api/v1/devices": self.server.devices, "/api/v1/chains": [CHAIN],
                 "/api/v1/umboxes": [dict(hop("guard", 17), device="cam1")],
                 "/api/v1/types": [dict(TYPE, states=["Normal", "Attack"], rules=1)],
                 "/api/v1/alerts": [event(9, severity="high", type="brute-force",
                                          detail="\x1b[31mred\x9b")]}
        singles = {"/api/v1/status": STATUS, "/api/v1/devices/cam1": device("cam1"),
                   "/api/v1/devices/cam1/telemetry": TELEMETRY,
                   "/api/v1/devices/cam1/chain": CHAIN, "/api/v1/types/camera": TYPE,
                   "/api/v1/version": {"name": "kalkid", "version": "0.1.0", "api": "v1"},
                   "/api/v1/devices/cam1/why": {
                       "device": "cam1", "state": "Attack", "reason": "rule 'guess': guessing",
                       "in_state_us": 61500000, "manual": False, "quarantined": False,
                       "rules": [{"name": "guess", "applies": False, "to": "Attack", "truth": "false",
                                  "held_back_us": 0, "words": "rule 'guess': not for state Attack",
                                  "parts": []},
                                 {"name": "back", "applies": True, "to": "Normal", "truth": "false",
                                  "held_back_us": 0, "words": "rule 'back': time_in_state > 1h is false",
                                  "parts": [{"text": "time_in_state > 1h", "depth": 0, "value": "false",
                                             "decisive": True}]}]},
                   "/api/v1/devices/cam1/plan": {"device": "cam1", "goal": "held", "settled": False,
                                                 "steps": [{"kind": "launch", "umbox": 20,
                                                            "hop": "guard", "image": "img"}]},
                   "/api/v1/devices/cam0000/plan": {"device": "cam0000", "goal": "converged",
                                                    "settled": True, "steps": []}}
        for name, kind in (("good", "integer"), ("bad", "string")): # as Docker answers
            schema = {"type": "object", "properties": {"n": {"type": kind}}}
            singles[f"/images/{name}:1/json"] = {
                "Id": "sha256:" + "a" * 64,
                "Config": {"Labels": {"umbox.contract": "1", "umbox.mode": "inline",
                                      "umbox.parameters": json.dumps(schema)}}}
        singles["/images/misspelt:1/json"] = {
            "Id": "sha256:" + "b" * 64,
            "Config": {"Labels": {"umbox.contract": "1", "umbox.memroy": "32m"}}}
        if self.command == "GET" and "text/event-stream" in self.headers.get("Accept", ""):
            self.stream()
        elif self.command == "POST" and path == "/api/v1/devices":
            if body.get("name") == "cam1":
                self.problem(409, "conflict", "there is a device 'cam1' already")
            elif "mac" not in body:
                self.problem(422, "invalid", "the device is not right",
                             errors=[{"line": 1, "column": 1, "detail": "mac: is missing"},
                                     {"line": 1, "column": 1, "detail": "type: is missing"}])
            else:
                self.answer(201, {"accepted": True, "dry_run": False, "device": body["name"]})
        elif self.command == "GET" and path in lists:
            self.page(lists[path])
        elif self.command == "GET" and path in singles:
            self.answer(200, singles[path])
        elif self.query.get("kind") == ["sensor"]:
            self.page([event(4, "sensor", source="web", values={"power": 2.5, "lit": None})])
        elif path in ("/api/v1/events", "/api/v1/devices/cam1/timeline"):
            events = [event(i, "transition", **{"from": "Normal", "to": "Attack", "cause": "rule",
                                                "rule": "guess", "reason": "rule 'guess': why",
                                                "times": {"alert_us": 5, "enforced_us": 9}})
                      for i in (3, 2, 1)]
            self.page(events if self.query["order"] == ["newest"] else events[::-1])
        elif path == "/api/v1/umboxes/17":
            self.answer(200, dict(hop("guard", 17), device="cam1", shadow=False))
        elif path == "/api/v1/umboxes/17/logs":
            self.answer(200, "one\ntwo \x1b[2J\n", "text/plain")
        elif path == "/api/v1/devices/secret":
            self.problem(403, "not_allowed", "only root may do that")
        elif path == "/api/v1/devices/slow":
            self.server.release.wait(20)
            self.close_connection = True
        elif self.command in ("POST", "DELETE", "PUT") and "cam1" in path or "/alerts/9/" in path:
            self.answer(202, {"accepted": True, "dry_run": "dry_run" in self.query,
                              "device": "cam1", "generation": 4,
                              "quarantined": self.server.quarantined,
                              "written": self.server.written})
        else:
            self.problem(404, "not_found", "there is no such device", hint="did you mean 'cam1'?")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("kalkictl", 0)


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


class TestKalkictl(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        os.makedirs(f"{self.folder.name}/run/kalki")
        self.socket = f"{self.folder.name}/run/kalki/kalkid.sock"
        self.server = Server(self.socket, Handler)
        self.server.seen, self.server.devices = [], [device("cam0000"), device("cam1", "held")]
        self.server.written, self.server.quarantined = True, False
        self.server.release = threading.Event()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def tearDown(self):
        self.server.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def run_tool(self, *words, stdin=None, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KALKI_")}
        return Result(subprocess.run([KALKICTL, *words], text=True, capture_output=True, timeout=60,
                                     input=stdin, env={**clean, "KALKI_SOCKET": self.socket,
                                                       **environment}))

    def good(self, *words, **more):
        result = self.run_tool(*words, **more)
        self.assertEqual((result.code, result.err), (0, ""), result.out)
        return result.out

    # --- what is ---

    def test_a_list_is_an_aligned_table(self):
        lines = self.good("device", "list").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0].split(), "NAME TYPE STATE BY CHAIN ALERTS LAST ALERT TROUBLE".split())
        self.assertEqual(lines[0].index("CHAIN"), lines[2].index("held"))
        self.assertEqual(self.good("device", "list", "-q"), "cam0000\ncam1\n")

    def test_json_is_the_api_s(self):
        self.assertEqual(json.loads(self.good("device", "list", "-o", "json")),
                         {"items": self.server.devices, "next": None})
        self.assertEqual(json.loads(self.good("device", "show", "cam1", "-o", "json")), device("cam1"))
        self.assertEqual(json.loads(self.good("chain", "show", "cam1", KALKI_OUTPUT="json")), CHAIN)
        lines = self.good("device", "list", "-o", "jsonl").splitlines()
        self.assertEqual([json.loads(line)["name"] for line in lines], ["cam0000", "cam1"])

    def test_lists_are_read_to_their_end(self):
        self.server.devices = DEVICES
        self.assertEqual(len(self.good("device", "list", "-q").splitlines()), 1500)
        self.assertEqual(len(self.server.seen), 2)

    def test_a_device_is_shown(self):
        out = self.good("device", "show", "cam1")
        self.assertIn("addresses      10.0.0.1,fd00::1\n", out)
        self.assertIn("state          Normal\n", out)
        self.assertIn("power          2.5 mW at 2026\nlit            -\nweb            unavailable\n",
                      out)

    def test_status_says_what_is_wrong(self):
        result = self.run_tool("status")
        self.assertEqual(result.code, 11)
        self.assertIn("Docker cannot be reached", result.out)
        self.assertIn("trouble   host leg kalki0", result.out)
        self.assertIn("1 held", result.out)
        self.assertRegex(result.out, r"cam1 +Normal +held")
        self.assertNotIn("cam0000", result.out)
        self.server.devices = [device("cam1", quarantined=True, goal="held")]
        self.assertRegex(self.run_tool("status").out, r"cam1 +quarantined +held")

    def test_chains_are_drawn(self):
        self.assertIn("device - guard 17 - stats 18 - network", self.good("chain", "list"))
        self.assertRegex(self.good("chain", "show", "cam1"),
                         r"stats +in_force +1 +18 +ready +closed +7 +7 +6 +5 +img")
        out = self.good("chain", "show", "cam1")
        self.assertIn("trouble: no such image\n", out)
        self.assertIn("until kalkictl device release cam1\n", out)
        graph = self.good("chain", "graph", "cam1")
        self.assertIn("in_force  device <-> [guard 17] <-> [stats 18] <-> network\n", graph)
        self.assertIn("standby   [guard 19]\n", graph)
        dot = self.good("chain", "graph", "cam1", "--dot")
        self.assertTrue(dot.startswith('digraph "cam1" {'))
        self.assertIn('"device" -> "in_force/guard/17" [dir=both];', dot)
        self.assertIn('"in_force/stats/18" -> "network" [dir=both];', dot)

    def test_a_type_is_shown(self):
        out = self.good("type", "show", "camera")
        self.assertRegex(out, r"Normal +guard \(fails open\) +auto +next +- +-")
        self.assertRegex(out, r"Attack +block +held +all +1h30m +after 1m to Normal")
        self.assertRegex(out, r"guess +Normal +Attack +alerts")
        self.assertTrue(out.endswith("\ncommands: reboot, turn-on\n"))
        self.assertIn("Normal,Attack", self.good("type", "list"))

    def test_a_device_in_shadow_is_shown_loudly(self):
        self.server.devices = [device("cam1", state="Attack", shadow=True, in_force="Normal")]
        self.assertIn("Attack (in shadow: Normal)", self.good("device", "list"))
        self.assertIn("cam1", self.run_tool("status").out)
        self.good("device", "shadow", "cam1", "--reason", "new policy", "--yes")
        self.assertEqual(self.server.seen[-1], ("POST", "/api/v1/devices/cam1/shadow",
                                                {"reason": "new policy"}))
        self.good("device", "enforce", "cam1")
        self.assertEqual(self.server.seen[-1][:2], ("POST", "/api/v1/devices/cam1/enforce"))

    def test_plans_tell_by_exit_code(self):
        self.assertIn("launch umbox 20 for hop guard from img", self.good("plan", "cam1"))
        self.assertEqual(self.run_tool("plan", "cam1", "--detailed-exitcode").code, 10)
        self.assertEqual(self.run_tool("plan", "--detailed-exitcode").code, 10)
        self.assertEqual(self.run_tool("plan", "cam0000", "--detailed-exitcode").code, 0)

    def test_history_reads_from_old_to_new(self):
        out = self.good("device", "timeline", "cam1")
        self.assertEqual(len(out.splitlines()), 3)
        self.assertIn("Normal -> Attack by rule 'guess': why (in force 4 us after the alert)", out)
        for words in (["event"], ["event", "--since", "1h"]):
            ids = [json.loads(line)["id"] for line in self.good(*words, "-o", "jsonl").splitlines()]
            self.assertEqual(ids, [1, 2, 3])
        self.assertEqual(len(self.good("event", "-n", "2").splitlines()), 2)
        self.assertIn("web: power 2.5 lit missing", self.good("device", "telemetry", "cam1"))
        self.good("event", "--kind", "alert,node", "--device", "a b")
        self.assertIn("kind=alert%2Cnode&device=a%20b", self.server.seen[-1][1])

    def test_nothing_from_outside_steers_the_terminal(self):
        out = self.good("alert", "list")
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\x9b", out)
        self.assertIn("?[31mred", out)

    def test_logs_come_as_they_are_into_a_pipe(self):
        self.assertEqual(self.good("umbox", "logs", "17"), "one\ntwo \x1b[2J\n")
        self.assertIn("guard", self.good("umbox", "list"))

    def test_a_umbox(self):
        shown = " ".join(self.good("umbox", "show", "17").split())
        self.assertIn("17 cam1 guard in_force", shown)
        self.assertIn("in 7 700 9 900 1", shown)
        self.assertIn("dropped 5 overrun 3 lost 1", shown)
        self.assertEqual(json.loads(self.good("umbox", "show", "17", "-o", "json"))["umbox"], 17)
        self.assertEqual(self.good("umbox", "show", "17", "-q"), "17\n")
        self.fails(4, "umbox", "show", "99")

    def test_the_trial_of_an_image_says_what_it_needs(self):
        words = self.fails(2, "umbox", "test", "x:1", "--check", "sizess")
        self.assertIn("there is no check 'sizess' (did you mean 'sizes'?)", words)

    def init(self, folder, *words, before=()):
        return subprocess.run([*before, os.path.abspath(KALKICTL), "umbox", "init", *words],
                              cwd=folder, text=True, check=False, capture_output=True, timeout=60)

    def test_a_new_image_has_its_name_everywhere(self):
        for kind, wanted in (("kit", "main.c"), ("kernel", "main.c"), ("wrapper", "watch.c")):
            with tempfile.TemporaryDirectory() as folder:
                done = self.init(folder, "tel-guard", "--kind", kind, "-o", "json")
                told = json.loads(done.stdout)
                self.assertEqual((told["kind"], told["image"]), (kind, "tel-guard:1"))
                there = {f"tel-guard/{name}" for name in os.listdir(f"{folder}/tel-guard")}
                self.assertEqual(there, set(told["files"]))
                self.assertLessEqual({f"tel-guard/{name}" for name in (wanted, "README.md",
                                                                       "Dockerfile", "Makefile")},
                                     there)
                for path in there:
                    with open(os.path.join(folder, path), encoding="utf-8") as file:
                        self.assertNotIn("@name@", file.read())

    def test_a_new_image_replaces_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.init(folder, "guard", "--dry-run").returncode, 0)
            self.assertEqual(os.listdir(folder), [])
            os.mkdir(f"{folder}/guard")
            for more in ((), ("--dry-run",)):
                done = self.init(folder, "guard", *more)
                self.assertEqual((done.returncode, os.listdir(f"{folder}/guard")), (5, []))
                self.assertIn("guard is there already, and stays as it is", done.stderr)

    def test_a_new_image_is_whole_or_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            # No file may be larger than 1 KiB.
            full = ("bash", "-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "bash")
            done = self.init(folder, "guard", before=full)
            self.assertEqual((done.returncode, os.listdir(folder)), (1, []))
            self.assertIn("guard: File too large", done.stderr)

    def test_a_new_image_needs_a_right_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("Guard", "my_guard", "../guard", "-guard", "guard-", "g" * 64, "µmbox"):
                done = self.init(folder, "--", name)
                self.assertEqual((done.returncode, os.listdir(folder)), (2, []))
                self.assertIn("cannot be an image's name", done.stderr)
            done = self.init(folder, "guard", "--kind", "kits")
            self.assertEqual(done.returncode, 2)
            self.assertIn("one of: kit wrapper kernel", done.stderr)

    def test_a_stream_is_followed_over_its_end(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KALKI_")}
        with subprocess.Popen([KALKICTL, "event", "-f", "-o", "jsonl"], text=True,
                              env={**clean, "KALKI_SOCKET": self.socket}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            ids = [json.loads(process.stdout.readline())["id"] for _ in range(6)]
            process.kill()
            self.assertIn("the stream ended; trying again", process.stderr.read())
        self.assertEqual(ids, [41, 42, 43, 44, 45, 46])

    # --- what is ordered ---

    def test_orders_reach_the_daemon(self):
        self.assertEqual(self.good("device", "set-state", "cam1", "Attack", "--for", "30m", "--reason",
                                   "a test"), "cam1: set to Attack\n")
        self.assertEqual(self.server.seen[-1],
                         ("POST", "/api/v1/devices/cam1/state",
                          {"state": "Attack", "for": "30m", "reason": "a test"}))
        self.good("device", "release", "cam1")
        self.assertEqual(self.server.seen[-1], ("POST", "/api/v1/devices/cam1/release", {}))
        self.good("alert", "ack", "9", "--reason", "seen")
        self.assertEqual(self.server.seen[-1],
                         ("POST", "/api/v1/alerts/9/acknowledge", {"reason": "seen"}))

    def test_dry_run_is_handed_on(self):
        out = self.good("--dry-run", "device", "rm", "cam1")
        self.assertEqual(out, "cam1: would be removed (nothing was done)\n")
        self.assertEqual(self.server.seen[-1][:2], ("DELETE", "/api/v1/devices/cam1?dry_run=true"))

    def test_a_quarantine_that_stays_is_told(self):
        self.assertNotIn("quarantine", self.good("device", "set-state", "cam1", "Attack"))
        self.server.quarantined = True
        self.assertIn("cam1 is in quarantine: nothing passes until 'kalkictl device release'",
                      self.good("device", "set-state", "cam1", "Attack"))
        self.assertIn("nothing reaches it", self.good("device", "command", "cam1", "reboot"))
        self.assertEqual(self.good("device", "release", "cam1"), "cam1: released\n")

    def test_what_is_not_on_disk_is_said(self):
        self.server.written = False
        result = self.run_tool("device", "release", "cam1")
        self.assertEqual((result.code, result.out), (0, "cam1: released\n"))
        self.assertIn("not on disk yet", result.err)

    def test_what_cuts_off_needs_a_yes(self):
        for verb in ("rm", "quarantine"):
            result = self.run_tool("device", verb, "cam1", stdin="")
            self.assertEqual(result.code, 2)
            self.assertIn("--yes", result.err)
            self.assertEqual(self.server.seen, [])
        self.good("device", "quarantine", "cam1", "--yes")
        self.good("device", "rm", "cam1", KALKI_YES="1")
        self.assertEqual([seen[0] for seen in self.server.seen], ["POST", "DELETE"])

    def on_terminal(self, answer):
        ours, its = pty.openpty()
        with subprocess.Popen([KALKICTL, "--socket", self.socket, "device", "rm", "cam1"], stdin=its,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            os.write(ours, answer)
            err = process.stderr.read().decode()
        os.close(ours)
        os.close(its)
        return process.returncode, err

    def test_on_a_terminal_it_asks(self):
        code, err = self.on_terminal(b"n\n")
        self.assertEqual((code, self.server.seen), (1, []))
        self.assertIn("Go on? [y/N]", err)
        self.assertEqual(self.on_terminal(b"y\n")[0], 0)
        self.assertEqual(self.server.seen[-1][0], "DELETE")

    def test_a_device_is_added_by_flags(self):
        self.good("device", "add", "lamp", "--type", "hue", "--port", "iot0", "--mac",
                  "02:00:00:00:00:02", "--ips", "10.0.0.2,fd00::2", "--multicast")
        self.assertEqual(self.server.seen[-1][2],
                         {"name": "lamp", "type": "hue", "port": "iot0", "mac": "02:00:00:00:00:02",
                          "ips": ["10.0.0.2", "fd00::2"], "multicast": True})

    def test_devices_are_added_from_a_file(self):
        text = "- name: a\n  mac: 02:00:00:00:00:03\n- name: b\n  mac: 02:00:00:00:00:04\n"
        self.assertEqual(self.good("device", "add", "--file", "-", stdin=text),
                         "a: enrolled\nb: enrolled\n")
        result = self.run_tool("device", "add", "--file", "-", stdin="a: &x 1\n")
        self.assertEqual(result.code, 6)
        self.assertIn("/dev/stdin:1:", result.err)

    def test_replace_changes_the_device_that_is_there(self):
        self.assertEqual(self.good("device", "add", "cam1", "--mac", "02:00:00:00:00:02", "--replace"),
                         "cam1: changed\n")
        self.assertEqual(self.server.seen[-1][:2], ("PUT", "/api/v1/devices/cam1"))
        self.good("device", "add", "other", "--mac", "02:00:00:00:00:02", "--replace")
        self.assertEqual(self.server.seen[-1][:2], ("POST", "/api/v1/devices"))

    # --- what goes wrong ---

    def fails(self, code, *words, **more):
        result = self.run_tool(*words, **more)
        self.assertEqual((result.code, result.out), (code, ""), result.err)
        self.assertTrue(result.err.startswith("kalkictl: "), result.err)
        return result.err

    def test_exit_codes_say_what_went_wrong(self):
        self.assertIn("did you mean 'cam1'?", self.fails(4, "device", "show", "cam2"))
        self.assertIn("already", self.fails(5, "device", "add", "cam1", "--mac", "x"))
        err = self.fails(6, "device", "add", "lamp")
        self.assertIn("mac: is missing", err)
        self.assertIn("type: is missing", err)
        self.fails(7, "device", "show", "secret")
        self.assertIn("within 300ms", self.fails(8, "device", "show", "slow", "--timeout", "300ms"))
        self.assertIn("did you mean", self.fails(2, "device", "shwo", "cam1"))
        self.fails(2, "device", "list", "--timeout", "soon")
        self.fails(2, "event", "--limit", "0")
        self.fails(2, "status", "--socket", "x" * 200)

    def test_a_daemon_that_is_not_there_is_named(self):
        err = self.fails(3, "status", "--socket", "/nonexistent/s")
        self.assertIn("there is no socket /nonexistent/s", err)
        self.assertIn("systemctl status kalkid", err)
        dead = f"{self.folder.name}/dead.sock"
        Server(dead, Handler).server_close()
        self.assertIn("nobody answers at", self.fails(3, "event", "-f", "--socket", dead))

    def test_root_leads_to_the_socket(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KALKI_")}
        done = subprocess.run([KALKICTL, "--root", self.folder.name, "device", "show", "cam1"],
                              env=clean, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    # --- without a daemon ---

    def test_a_policy_is_checked_here(self):
        path = f"{self.folder.name}/wrong.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("type: camera\nstates: 7\n")
        result = self.run_tool("policy", "check", path)
        self.assertEqual((result.code, result.out), (6, ""))
        self.assertRegex(result.err, rf"(?m)^{path}:2:\d+: ")
        answer = json.loads(self.run_tool("policy", "check", path, "-o", "json").out)
        self.assertEqual((answer["file"], answer["valid"]), (path, False))
        self.assertEqual(self.run_tool("policy", "check", "/nonexistent").code, 4)

    def test_doubts_about_a_policy_are_told(self):
        path = f"{self.folder.name}/doubtful.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("type: t\nstates:\n  A: {chain: pass}\n  B:\n    chain: block\n  C: {chain: block}\n"
                       "rules:\n  - {name: r, from: [A], when: 'alert(\"x\")', to: B}\n")
        nowhere = ("--docker", f"{self.folder.name}/no.sock")
        result = self.run_tool("policy", "check", path, *nowhere)
        self.assertEqual(result.code, 0, result.err)
        self.assertIn(f"{path}:4:3: states.B: the policy finds no way back to 'A'", result.err)
        self.assertIn(f"{path}:6:3: states.C: no rule leads here from 'A'", result.err)
        self.assertNotIn("not looked at", result.err)
        self.assertIn("doubtful: type t, 3 states, 1 rules, cost", result.out)
        self.assertEqual(self.run_tool("policy", "check", path, "--strict", *nowhere).code, 6)
        verbose = self.run_tool("policy", "check", path, "-v", *nowhere)
        self.assertRegex(verbose.out, r"(?m)^r +\d+$")
        with open(path, "a", encoding="utf-8") as file:
            file.write("  - {name: s, from: [A], when: 'alert(\"x\") and\n      alert(\"y\")', to: C}\n"
                       "  - {name: u, from: [B], when: 'alert(\"z\") or count(\"x\", within: 1m) < 0', to: A}\n")
        answer = json.loads(self.run_tool("policy", "check", path, "-o", "json", *nowhere).out)
        self.assertEqual([rule["name"] for rule in answer["rules"]], ["r", "s", "u"])
        with open(path, "a", encoding="utf-8") as file:
            file.write("  - {name: v, from: [A], when: 'alert(\"v\")', to: C,\n     actions: [{tag: t}, {command: stop}]}\n"
                       "commands: {stop: {http: {url: 'http://{ip}/off'}}}\n")
        result = self.run_tool("policy", "check", path, *nowhere)
        self.assertIn(f"{path}:13:26: rules[3].actions[1]: the command 'stop' cannot arrive", result.err)
        self.assertEqual([line.split(": ")[0] for line in answer["errors"]], [f"{path}:9:12"])
        self.assertIn("'r' before it is true", answer["errors"][0])
        self.assertIn(f"{path}:11:47: rules[2].when: 'count(\"x\", within: 1m) < 0' is never true",
                      answer["warnings"][0])

    def write(self, name, text):
        path = f"{self.folder.name}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    POLICY = """type: t
sensors: {heat: {type: number}, lit: {type: boolean}}
states:
  A: {chain: pass}
  B: {chain: [{name: guard, image: i}], dwell: 1m}
  C: {chain: block}
rules:
  - {name: up, from: [A], when: 'count("x", within: 5m) > 2', to: B}
  - name: act
    from: [B]
    when: 'alert("y")'
    actions: [{notify: people}, {command: turn-off, type: lamp}, {telemetry_factor: 2, for: 1m}, {tag: seen}]
  - {name: back, from: [B], when: 'alert("z")', to: A}
  - {name: down, from: [B], when: 'alert("w")', to: C}
"""

    def test_a_device_is_explained(self):
        out = self.good("device", "why", "cam1")
        self.assertIn("cam1 is in Attack for 1m1s: rule 'guess': guessing", out)
        self.assertIn("What brought it here:", out)
        self.assertIn("  rule 'back': time_in_state > 1h is false (to Normal)", out)
        self.assertIn("1 more are not for this state", out)
        verbose = self.run_tool("device", "why", "cam1", "-v").out
        self.assertIn("    time_in_state > 1h = false   <-", verbose)
        self.assertIn("rule 'guess': not for state Attack", verbose)
        self.assertEqual(json.loads(self.good("device", "why", "cam1", "-o", "json"))["state"], "Attack")
        self.assertEqual(self.run_tool("device", "why", "nobody").code, 4)

    def test_a_policy_is_explained(self):
        policy = self.write("t.yaml", self.POLICY)
        out = self.good("policy", "explain", policy)
        self.assertIn("A (initial): everything passes\n  rule 'up': tightens to B\n"
                      "    when count(\"x\", within: 5m) > 2\n", out)
        self.assertIn("B: through guard\n  at least for 1m, unless something tighter comes\n"
                      "  rule 'act': stays, and acts\n", out)
        self.assertIn("    command turn-off to type lamp\n", out)
        self.assertEqual(self.run_tool("policy", "explain", "no-such-type").code, 4)

    def test_a_rule_in_shadow_is_told_from_the_others(self):
        policy = self.write("t.yaml", self.POLICY + """\
  - {name: trial, from: [A], when: 'alert("x")', to: C, actions: [{tag: worse}], shadow: true}
""")
        self.assertIn("  rule 'trial' (in shadow: nothing of this comes about): tightens to C, and acts\n",
                      self.good("policy", "explain", policy))
        self.assertIn("[A] pass   (initial)\n   ==> B: up\n   ==> C: trial (shadow)\n",
                      self.good("policy", "graph", policy))
        self.write("t.test.yaml", """tests:
  - name: n
    steps:
      - {alert: x, expect: {state: A, rules: [], shadow: [trial], actions: [], cause: none}}
      - {alert: x, times: 2, expect: {state: B, rules: [up], shadow: [trial]}}
""")
        self.assertIn("1 of 1 tests passed", self.good("policy", "test", policy))
        self.write("t.test.yaml", "tests: [{name: n, steps: [{alert: x, expect: {rules: [trial], shadow: []}}]}]")
        out = self.run_tool("policy", "test", policy).out
        self.assertIn("what fired of 't' is [], not [trial]", out)
        self.assertIn("what fired in shadow of 't' is [trial], not []", out)
        history = self.write("h.jsonl", json.dumps({
            "timestamp": "2026-01-31T12:00:00.000000Z", "event_type": "kalki",
            "kalki": {"kind": "alert", "device": "cam1", "time_us": 1, "type": "x", "count": 1}}) + "\n")
        self.assertIn("0 of 1 devices would have moved; 0 otherwise than they did\n"
                      "rules in shadow would have fired: 1\n", self.good("policy", "replay", policy, history))

    def test_a_policy_is_drawn(self):
        policy = self.write("t.yaml", self.POLICY + """  - {name: 'd2', from: any, when: 'alert("v")', to: C}\n""")
        self.assertIn("[A] pass   (initial)\n   ==> B: up\n   ==> C: d2\n", self.good("policy", "graph", policy))
        dot = self.good("policy", "graph", policy, "--format", "dot")
        self.assertIn('"B" -> "C" [label="down, d2"];', dot)
        self.assertIn('"B" [label="B\\nguard"];', dot)
        svg = xml.etree.ElementTree.fromstring(self.good("policy", "graph", policy, "--format", "svg"))
        self.assertEqual(svg.tag, "{http://www.w3.org/2000/svg}svg")
        words = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
        for word in ("A (initial)", "guard", "acts: act", "down, d2", "back"):
            self.assertIn(word, words)
        self.assertEqual(self.run_tool("policy", "graph", policy, "--format", "png").code, 2)

    def test_a_policy_sees_other_devices_and_the_time(self):
        policy = self.write("n.yaml", """type: n
states: {A: {chain: pass}, B: {chain: block, final: true}}
rules:
  - {name: two, from: [A], when: 'any(group: "g", where: state == "B") and between("23:00", "06:00")', to: B}
  - {name: one, from: [A], when: 'alert("x")', to: B}
""")
        self.write("n.test.yaml", """tests:
  - name: the second follows the first at night
    start: 2026-01-31T22:59
    devices: [{name: a, groups: [g]}, {name: b, groups: [g]}]
    steps:
      - {alert: x, expect: [{state: B}, {device: b, state: A}]}
      - {after: 2m, expect: {device: b, state: B, rules: [two]}}
""")
        result = self.run_tool("policy", "test", policy)
        self.assertEqual(result.code, 0, result.out + result.err)

    def test_a_history_is_replayed(self):
        policy = self.write("t.yaml", self.POLICY)

        def line(seconds, device, kind, **more):
            eve = {"timestamp": f"2026-01-31T12:00:{seconds % 60:02}.000000Z", "event_type": "kalki",
                   "kalki": {"kind": kind, "id": seconds, "time_us": seconds * 1000000,
                             "device": device, **more}}
            return json.dumps(eve if seconds % 2 else {"id": seconds, "kind": kind, "eve": eve}) + "\n"

        history = self.write("history.jsonl", "".join((
            *(line(10 + i, "cam1", "alert", type="x", severity="high", count=1) for i in range(3)),
            line(13, "cam1", "transition", **{"from": "A", "to": "B", "cause": "rule"}),
            *(line(20 + i, "cam2", "alert", type="x", severity="high", count=1) for i in range(3)),
            line(30, "cam3", "alert", type="y", severity="low", count=1),
            line(40, "cam3", "sensor", source="s", values={"heat": 3, "gone": 4}),
            line(50, "cam1", "operator", action="release"), "nonsense\n")))
        result = self.run_tool("policy", "replay", policy, history)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(result.out, "cam2 otherwise:\n  was       A\n  would be  A > B\n"
                                     "2 of 3 devices would have moved; 1 otherwise than they did\n")
        self.assertIn("history.jsonl:11: is no JSON\nkalkictl: 1 lines were not understood\n", result.err)
        answer = json.loads(self.run_tool("policy", "replay", policy, history, "-o", "json").out)
        self.assertEqual([device["same"] for device in answer["devices"]], [True, False, True])
        self.assertEqual(answer["devices"][1]["moves"], [
            {"time": "2026-01-31T12:00:22.000000Z", "from": "A", "to": "B", "cause": "rule", "rule": "up"}])
        self.assertEqual(self.run_tool("policy", "replay", policy, history, "--detailed-exitcode").code, 10)
        only = self.run_tool("policy", "replay", policy, history, "--device", "cam1")
        self.assertIn("1 of 1 devices would have moved; 0 otherwise", only.out)
        self.assertEqual(self.run_tool("policy", "replay", policy, "/nonexistent").code, 4)

    def test_orders_of_operators_are_given_again(self):
        policy = self.write("t.yaml", "type: t\nstates: {A: {chain: pass}, B: {chain: pass}, C: {chain: block}}\n"
                                      "rules: [{name: r, from: [A], when: 'alert(\"x\")', to: B}]\n")
        events = [{"kind": "alert", "type": "x"}]
        events += [{"kind": "transition", "from": a, "to": b, "cause": cause} for a, b, cause in (
            ("A", "B", "rule"), ("B", "C", "manual"), ("C", "B", "expired"), ("B", "A", "release"))]
        history = self.write("history.jsonl", "".join(json.dumps(
            {"timestamp": "2026-01-31T12:00:00Z", "event_type": "kalki",
             "kalki": {"device": "cam1", "time_us": (i + 1) * 1000000, **event}}) + "\n"
            for i, event in enumerate(events)))
        result = self.run_tool("policy", "replay", policy, history, "-v")
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("would be  A > B > C > B > A\n", result.out)
        self.assertIn("1 of 1 devices would have moved; 0 otherwise than they did", result.out)

    def test_a_replay_knows_which_sources_were_silent(self):
        policy = self.write("t.yaml", "type: t\nsensors: {heat: {type: number}}\ntelemetry: [{name: web, push: {}}]\n"
                                      "states: {A: {chain: pass}, B: {chain: block, final: true}}\n"
                                      "rules: [{name: r, from: [A], when: 'not available and alert(\"x\")', to: B}]\n")
        events = [{"kind": "sensor", "source": "web", "values": {"heat": 1}},
                  {"kind": "alert", "type": "device-unavailable", "detail": "web: refused"},
                  {"kind": "sensor", "source": "web", "values": {"heat": 1}},
                  {"kind": "alert", "type": "device-available", "detail": "web"}]

        def replay(*more):
            history = self.write("history.jsonl", "".join(json.dumps(
                {"timestamp": "2026-01-31T12:00:00Z", "event_type": "kalki",
                 "kalki": {"device": "cam1", "time_us": (i + 1) * 1000000, **event}}) + "\n"
                for i, event in enumerate(more)))
            return self.run_tool("policy", "replay", policy, history).out

        cause = {"kind": "alert", "type": "x"}
        self.assertIn("0 of 1 devices would have moved", replay(*events[:1], cause))
        self.assertIn("1 of 1 devices would have moved", replay(*events[:2], cause))
        self.assertIn("0 of 1 devices would have moved", replay(*events, cause))

    def test_eve_and_values_are_replayed_together(self):
        policy = self.write("t.yaml", """type: t
sensors: {heat: {type: number}}
states: {A: {chain: pass}, B: {chain: block, final: true}}
rules: [{name: up, from: [A], when: 'count("suricata-7", within: 10m) >= 2 and heat > 30', to: B}]
""")

        def eve(minute, target, kind="alert"):
            return json.dumps({"timestamp": f"2026-01-31T13:{minute:02}:00.000000+0100", "event_type": kind,
                               "src_ip": "10.0.0.99", "dest_ip": target,
                               "alert": {"signature_id": 7, "severity": 1}}) + "\n"

        alerts = self.write("eve.json", eve(0, "10.0.0.1") + eve(1, "10.0.0.1", "flow") + eve(2, "10.0.0.1")
                            + eve(3, "10.0.0.2") + eve(4, "10.0.0.3"))
        values = self.write("heat.csv", "time,device,heat\n2026-01-31T12:01:00Z,one,31\n"
                                        "2026-01-31T12:01:30Z,other,31\n")
        devices = self.write("devices.yaml", "".join(
            f"- {{name: {name}, type: {kind}, port: iot0, mac: '02:00:00:00:00:0{i}', ips: [10.0.0.{i}]}}\n"
            for i, (name, kind) in enumerate((("one", "t"), ("two", "t"), ("other", "x")), 1)))
        result = self.run_tool("policy", "replay", policy, alerts, values, "--devices", devices, "-v")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(result.out, "one:\n  would be  A > B\n"
                                     "    2026-01-31T12:02:00.000000Z  A > B  by rule up\n"
                                     "two:\n  would be  A\n1 of 2 devices would have moved\n")
        self.assertIn("1 lines are of no device that is known", result.err)
        self.assertEqual(self.run_tool("policy", "replay", policy, alerts, values, "--devices", devices,
                                       "--detailed-exitcode").code, 10)
        # Without a file all is of one device, or of that which is named.
        alone = self.run_tool("policy", "replay", policy, alerts)
        self.assertEqual((alone.out, alone.err), ("0 of 1 devices would have moved\n", ""))
        named = self.run_tool("policy", "replay", policy, alerts, values, "--device", "one")
        self.assertEqual(named.out, "one:\n  would be  A > B\n1 of 1 devices would have moved\n")

    def test_what_cannot_be_replayed_is_told(self):
        policy = self.write("t.yaml", self.POLICY)
        wrong = self.write("wrong.csv", "time,hat\n1,2\n")
        result = self.run_tool("policy", "replay", policy, wrong)
        self.assertEqual(result.code, 6)
        self.assertIn("wrong.csv:1: the column 'hat' is neither time, device, source nor a sensor of the type 't' "
                      "(did you mean 'heat'?)", result.err)
        newest_first = self.write("newest.csv", "time,heat\n1000,2\n900,2\n940,2\n")
        result = self.run_tool("policy", "replay", policy, newest_first)
        self.assertEqual(result.code, 0)
        self.assertIn("1 lines are older than those before them", result.err)
        self.assertEqual(self.run_tool("policy", "replay", policy, newest_first, "--devices", "/nonexistent").code, 4)
        self.assertEqual(self.run_tool("policy", "replay", policy, newest_first, "--devices", policy).code, 6)

    def test_a_policy_is_tested_in_virtual_time(self):
        policy = self.write("t.yaml", self.POLICY)
        self.write("lamp.yaml", "type: lamp\nstates: {Lit: {chain: pass}}\n")
        self.write("t.test.yaml", """
types: [lamp.yaml]
tests:
  - name: good
    devices: [{name: a}, {name: l, type: lamp, groups: [g]}]
    steps:
      - {alert: x, times: 3, every: 1m, expect: {state: B, rules: [up], cause: rule}}
      - {alert: {type: y, severity: high, source: 10.0.0.1, count: 3},
         expect: [{rules: [act], actions: [notify people, command turn-off to type lamp,
                                           telemetry_factor 2 for 1m, tag seen]},
                  {device: l, state: Lit, chain: pass, rules: []}]}
      - {telemetry: {heat: 30, lit: null}, source: s}
      - {silent: s, expect: {cause: none, state: B, chain: [guard]}}
      - {after: 59s, alert: z, expect: {state: B}}
      - {after: 1s, expect: {state: A, rules: [back]}}
      - {set_state: C, for: 1h, expect: {cause: manual}}
      - {after: 1h, expect: {state: A, cause: expired}}
  - name: bad <&>
    steps:
      - {alert: x, times: 2, expect: {state: B, cause: rule, rules: [up], actions: [notify x]}}
      - {expect: {chain: block}}
""")
        result = self.run_tool("policy", "test", policy)
        self.assertEqual(result.code, 1, result.err)
        self.assertIn("1 of 2 tests passed, 75% of the rules fired; not: down", result.out)
        self.assertIn("t.test.yaml:20:46: tests[1].steps[0].expect.state: the state of 't' is A, not B",
                      result.out)
        self.assertIn("""rule 'up': count("x", within: 5m) > 2 is false (count("x", within: 5m) = 2)""",
                      result.out)
        for words in ("the cause of 't' is none, not rule", "what fired of 't' is [], not [up]",
                      "the list of actions of 't' is [], not [notify x]", "the chain of 't' is pass, not block"):
            self.assertIn(words, result.out)
        tap = self.run_tool("policy", "test", policy, "--format", "tap").out.splitlines()
        self.assertEqual(tap[0], "ok 1 - t: good")
        self.assertEqual(tap[1], "not ok 2 - t: bad <&>")
        self.assertEqual(tap[-1], "1..2")
        junit = xml.etree.ElementTree.fromstring(
            self.run_tool("policy", "test", policy, "--format=junit").out)
        self.assertEqual([case.get("name") for case in junit.iter("testcase")], ["good", "bad <&>"])
        self.assertEqual(len(list(junit.iter("failure"))), 1)
        answer = json.loads(self.run_tool("policy", "test", policy, "-o", "json").out)
        self.assertEqual(answer["coverage"]["missing"], ["down"])
        self.assertEqual([test["passed"] for test in answer["tests"]], [True, False])

    def test_coverage_of_a_policy_can_be_demanded(self):
        policy = self.write("t.yaml", self.POLICY)
        tests = self.write("t.test.yaml", "tests: [{name: n, steps: [{alert: x, times: 3, expect: {state: B}}]}]")
        self.assertEqual(self.run_tool("policy", "test", tests, "--coverage", "25").code, 0)
        result = self.run_tool("policy", "test", policy, "--coverage", "26")
        self.assertEqual(result.code, 1)
        self.assertIn("cover 25% of the rules, less than 26%", result.err)
        self.assertEqual(self.run_tool("policy", "test", policy, "--coverage", "x").code, 2)

    def test_bad_policy_tests_are_told_why(self):
        policy = self.write("t.yaml", self.POLICY)
        self.assertEqual(self.run_tool("policy", "test", policy).code, 4)
        for step, words in (("{alert: x, telemetry: {heat: 1}}", "a step has one input"),
                            ("{telemetry: {hot: 1}}", "no sensor 'hot'"),
                            ("{telemetry: {heat: warm}}", "the sensor 'heat' is a number"),
                            ("{expect: {state: D}}", "no state 'D'"),
                            ("{expect: {rules: [upp]}}", "no rule 'upp' (did you mean 'up'?)"),
                            ("{expect: {cause: luck}}", "no cause 'luck'"),
                            ("{expect: {chain: none}}", "is no chain"),
                            ("{expect: {}}", "expects nothing"),
                            ("{device: u}", "no device 'u'"),
                            ("{for: 1h}", "says nothing here"),
                            ("{release: false}", "says nothing"),
                            ("{alert: {type: x, source: here}}", "here"),
                            ("{after: soon}", "is no duration")):
            self.write("t.test.yaml", f"tests: [{{name: n, steps: [{step}]}}]")
            result = self.run_tool("policy", "test", policy)
            self.assertEqual(result.code, 6, step)
            self.assertIn(words, result.err)
            self.assertIn("t.test.yaml:1:", result.err)

    def test_images_are_asked_from_docker(self):
        path = f"{self.folder.name}/images.yaml"
        hop = "{name: %s, image: '%s:1', parameters: {n: 1}}"
        with open(path, "w", encoding="utf-8") as file:
            file.write("type: t\nstates:\n  A:\n    chain:\n" +
                       "".join(f"      - {hop % (name, name)}\n" for name in ("good", "bad", "gone")))
        result = self.run_tool("policy", "check", path, "--docker", self.socket)
        self.assertEqual(result.code, 6)
        self.assertRegex(result.err, r":6:\d+: states.A.chain\[1\].parameters: .*n")
        self.assertRegex(result.err, r":7:\d+: states.A.chain\[2\].image: this Docker has no image 'gone:1'")
        self.assertNotIn(":5:", result.err)
        self.assertNotIn("not looked at", result.err)
        nowhere = self.run_tool("policy", "check", path, "--docker", f"{self.folder.name}/no.sock")
        self.assertEqual(nowhere.code, 0)
        self.assertIn("images were not looked at", nowhere.err)

    def test_a_misspelt_label_of_an_image_is_doubtful(self):
        path = self.write("t.yaml", "type: t\nstates: {A: {chain: [{name: one, image: 'misspelt:1'}]}}\n")
        result = self.run_tool("policy", "check", path, "--docker", self.socket)
        self.assertEqual(result.code, 0)
        self.assertIn("image label umbox.memroy means nothing (is umbox.memory meant?)", result.err)
        self.assertIn("doubtful", result.out)

    def test_parameters_of_devices_are_checked(self):
        for folder in ("types.d", "devices.d"):
            os.makedirs(f"{self.folder.name}/{folder}", exist_ok=True)
        self.write("types.d/t.yaml", "type: t\nstates:\n"
                   "  A: {chain: [{name: one, image: 'good:1'}]}\n"
                   "  B: {chain: [{name: one, image: 'good:1'}, {name: two, image: 'bad:1'}]}\n")
        device = "- {name: d%d, type: %s, port: p0, mac: 02:00:00:00:00:%02d, parameters: {%s}}\n"
        path = self.write("devices.d/d.yaml", "".join(
            device % (i, type_, i, parameters) for i, (type_, parameters) in enumerate((
                ("t", "one: {n: 1}"), ("t", "one: {n: x}"), ("t", "two: {n: 1}"), ("t", "ono: {n: 1}"),
                ("u", "one: {n: 1}")))))
        result = self.run_tool("policy", "check", path, "--docker", self.socket)
        self.assertEqual(result.code, 6)
        self.assertRegex(result.err, r"d.yaml:2:\d+: \[1\].parameters.one: parameters.n: is not of type integer")
        self.assertRegex(result.err, r"d.yaml:3:\d+: \[2\].parameters.two: parameters.n: is not of type string")
        self.assertRegex(result.err, r"d.yaml:4:\d+: \[3\].parameters: "
                                     r"no chain of the type 't' has a hop named 'ono' \(did you mean 'one'\?\)")
        self.assertRegex(result.err, r"warnings:\n.*d.yaml:5:\d+: \[4\].type: no file in .*types.d .* 'u'")
        self.assertNotIn("d.yaml:1:", result.err)
        right = self.write("devices.d/right.yaml", device % (0, "t", 0, "one: {n: 1}"))
        self.assertIn("right.yaml: right", self.run_tool("policy", "check", right, "--docker", self.socket).out)

    def test_help_and_version(self):
        self.assertIn("device set-state DEVICE STATE", self.good("help"))
        self.assertIn("--for TIME", self.good("help", "device", "set-state"))
        self.assertIn("--for TIME", self.good("device", "set-state", "--help"))
        self.assertIn("device timeline", self.good("help", "device"))
        self.assertIn("did you mean 'device show'?", self.fails(2, "help", "device", "shwo"))
        self.assertIn("kalkictl help device show says", self.fails(2, "device", "show"))
        self.assertEqual(self.run_tool().code, 2)
        self.assertIn("kalkid   0.1.0", self.good("version"))
        self.assertIn("does not answer", self.good("version", "--socket", "/nonexistent/s"))

    def complete(self, *words):
        return self.good("__complete", "--", *words).split("\n")[:-1]

    def test_completion_knows_what_may_come(self):
        self.assertEqual(self.complete("de"), ["device"])
        self.assertEqual(self.complete("device", "r"), ["rm", "release"])
        self.assertEqual(self.complete("device", "show", ""), ["cam0000", "cam1"])
        self.assertEqual(self.complete("-o", "json", "device", "show", "cam1"), ["cam1"])
        self.assertEqual(self.complete("device", "set-state", "cam1", "A"), ["Attack"])
        self.assertEqual(self.complete("device", "command", "cam1", "t"), ["turn-on"])
        self.assertEqual(self.complete("-o", "j"), ["json", "jsonl"])
        self.assertEqual(self.complete("event", "--device", "cam0"), ["cam0000"])
        self.assertEqual(self.complete("device", "set-state", "--f"), ["--for"])
        self.assertEqual(self.complete("device", "list", "--f"), [])
        self.assertEqual(self.complete("umbox", "logs", ""), ["17"])
        self.assertEqual(self.complete("alert", "ack", ""), ["9"])

    def test_completion_knows_the_values_of_flags(self):
        self.assertEqual(self.complete("event", "--kind", "a"), ["alert", "action"])
        self.assertEqual(self.complete("event", "--kind", "node,a"), ["node,alert", "node,action"])
        self.assertEqual(self.complete("umbox", "init", "--kind", "k"), ["kit", "kernel"])
        self.assertEqual(self.complete("policy", "graph", "--format", ""), ["text", "dot", "svg"])
        self.assertEqual(self.complete("policy", "test", "--format", "t"), ["text", "tap"])
        self.assertEqual(self.complete("policy", "schema", "--of", "c"), ["config"])
        self.assertEqual(self.complete("device", "add", "--addresses", "learn"), ["learn", "learn-arp"])
        self.assertEqual(self.complete("umbox", "test", "i", "--check", "arp,ipv"), ["arp,ipv4", "arp,ipv6"])
        self.assertIn("of these kinds: kit wrapper kernel", self.good("help", "umbox", "init"))

    def test_what_cannot_be_printed_is_told(self):
        for words in (["status"], ["device", "list", "-o", "json"], ["event", "-f"], ["help"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([KALKICTL, "--socket", self.socket, *words], stdout=full, text=True,
                                      stderr=subprocess.PIPE, timeout=60, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("could not all be written", done.stderr)

    def test_bash_completes(self):
        script = self.good("completion", "bash")
        words = (f'{script}\nCOMP_WORDS=("{KALKICTL}" device sho); COMP_CWORD=2; _kalkictl; '
                 'echo "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "show\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        unittest.main()
