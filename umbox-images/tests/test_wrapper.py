"""wrapper between two real links: programs that write to their output or into a log.  Needs root."""
import json
import os

from umbox_case import Case, main
from umbox_site import DEVICE_IP

# Forwards nothing itself: says what it was told and waits.
WATCHER = "echo warming up; echo watching in and out; read line <{go}; echo \"$line\"; exec sleep 1000"


class Wrapper(Case):
    def wrap(self, script, **settings):
        path = os.path.join(self.site.folder, "wrapper.json")
        self.go = os.path.join(self.site.folder, "go")
        os.mkfifo(self.go)
        with open(path, "w", encoding="ascii") as file:
            json.dump(settings, file)
        os.environ["UMBOX_WRAPPER"] = path
        self.process = self.site.umbox("wrapper", wire=False,
                                       arguments=("/bin/sh", "-c", script.format(go=self.go)))

    def say(self, line):
        with open(self.go, "w", encoding="ascii") as file:
            file.write(line + "\n")

    def alert(self):
        return self.daemon.wait_kind("alert")

    def test_a_program_that_watches(self):
        self.wrap(WATCHER, forward="wrapper",
                  patterns=[{"match": "^watching", "ready": True},
                            {"match": "^warming", "record": True},
                            {"match": "scan from (?<source>[0-9.]+)", "alert": "scan",
                             "severity": "high"}])
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("ready"))
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        record = self.daemon.wait_kind("record")
        self.assertEqual(record["record"], {"line": "warming up"})
        self.say("XMAS scan from 10.9.8.7 seen")
        alert = self.alert()
        self.assertEqual((alert["type"], alert["severity"], alert["source"], alert["detail"]),
                         ("scan", "high", "10.9.8.7", "XMAS scan from 10.9.8.7 seen"))
        self.counters(lines=3)

    def test_it_is_not_ready_before_its_program_says_so(self):
        self.wrap("read line <{go}; echo \"$line\"; exec sleep 1000",
                  patterns=[{"match": "^forwarding", "ready": True}])
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("heartbeat"))
        self.assertIsNone(self.daemon.wait_kind("ready", seconds=0))
        self.say("forwarding")
        self.assertIsNotNone(self.daemon.wait_kind("ready"))

    def test_a_program_that_writes_a_log(self):
        log = os.path.join(self.site.folder, "engine.log")
        self.wrap(f"read line <{{go}}; echo \"$line\" >>{log}; exec sleep 1000", logs=[log],
                  patterns=[{"match": "(?<target>[0-9.]+):(?<target_port>[0-9]+)$",
                             "alert": "blocked"}])
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("ready"))
        self.say(f"refused {DEVICE_IP}:23")
        alert = self.alert()
        self.assertEqual((alert["type"], alert["target"], alert["target_port"]),
                         ("blocked", DEVICE_IP, 23))

    def test_it_ends_with_its_program_and_its_program_with_it(self):
        self.wrap("read line <{go}; exit 3", patterns=[])
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("ready"))
        self.say("now")
        output = self.process.communicate(timeout=60)[0]
        self.assertNotEqual(self.process.returncode, 0)
        self.assertIn("/bin/sh ended with status 3", output)

    def test_wrong_settings_are_told(self):
        self.wrap("true", patterns=[{"match": "(", "alert": "x"}])
        output = self.process.communicate(timeout=60)[0]
        self.assertIn("patterns[0]: 'match': missing closing parenthesis at character 2", output)


if __name__ == "__main__":
    main()
