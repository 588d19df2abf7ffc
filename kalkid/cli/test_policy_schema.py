#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The schemas for editors against the readers: neither knows a key, a kind or a limit that the other does not.

usage: test_policy_schema.py KALKICTL KALKID POLICY_EXAMPLES
"""
import copy
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

KALKICTL, KALKID, POLICY_EXAMPLES = sys.argv[1:4]
del sys.argv[1:4]

HTTP = {"url": "https://{ip}/api", "method": "POST", "headers": {"Accept": "a/b"}, "body": "{}", "credential": "login",
        "login": "digest", "ca": "ca", "pin": "sha256//" + 43 * "A" + "=", "verify": False}
MQTT = {"broker": "mqtts://host:8883", "topic": "a/b", "qos": 1, "credential": "login", "ca": "ca"}
SSH = {"user": "root", "host": "{ip}", "port": 22, "command": ["cat", "x"], "credential": "login"}
PROGRAM = {"command": ["/bin/true", "x"]}
NUMBER = {"scale": 0.5, "offset": 1}
# Every key at least once.
TYPE = {
    "type": "box", "description": "a box", "include": ["shared.json"], "initial": "Normal",
    "sensors": {"power": {"type": "number", "unit": "mW", "keep": 5}, "lit": {"type": "boolean"},
                "name": {"type": "text"}},
    "states": {
        "Normal": {"chain": [{"name": "guard", "image": "kalki/guard:1", "parameters": {"a": 1}, "fail": "open"}],
                   "hold": "old", "standby": "all", "telemetry_factor": 0.5},
        "Shut": {"chain": "block", "stop_now": True, "dwell": "1w2d3h4m5s6ms7us", "final": False,
                 "calm": {"after": "1h30m", "to": "Normal"}}},
    "commands": {"a": {"http": HTTP, "timeout": "2s", "retries": 2},
                 "b": {"mqtt": {**MQTT, "payload": "ON", "retain": True}}, "c": {"ssh": SSH},
                 "d": {"program": PROGRAM}},
    "rules": [{"name": "on", "description": "too much", "from": ["Normal"], "when": "power > 5", "to": "Shut",
               "actions": [{"command": "a"}, {"command": "z", "device": "other"},
                           {"command": "z", "group": "g", "type": "t"}, {"notify": "mail"}, {"tag": "x"},
                           {"untag": "y"}, {"telemetry_factor": 2, "for": "1h"}]},
              {"name": "off", "from": "any", "when": "lit", "actions": [{"tag": "z"}]}],
    "telemetry": [
        {"name": "web", "http": {"url": "http://{ip}"}, "every": "1m", "timeout": "5s", "misses": 3,
         "map": {"power": {"json": "$.a", "pattern": "([0-9]+)", **NUMBER}, "lit": {"equals": "on"},
                 "name": {"xpath": "//a"}}},
        {"name": "shell", "ssh": SSH, "map": {"power": {"line": 1, "split": ",", "column": 2}}},
        {"name": "local", "program": PROGRAM, "map": {"power": {}}},
        {"name": "bus", "mqtt": {**MQTT, "topic": "a/+", "availability": "b", "online": "y", "offline": "n"},
         "map": {"power": {}}},
        {"name": "mail", "smtp": {"listen": "127.0.0.1:2525", "to": "{device}@kalki", "set": {"lit": True}}},
        {"name": "pushed", "push": {}}]}
SHARED = {"description": "shared", "sensors": {"heat": {"type": "number"}},
          "rules": [{"name": "hot", "from": "any", "when": "heat > 5", "to": "Shut"}]}
DEVICES = [{"name": "a", "type": "box", "description": "an a", "port": "iot0", "mac": "02:00:00:00:00:01",
            "ips": ["10.0.0.1", "fd00::1"], "addresses": "fixed", "groups": ["g"], "tags": ["t"], "multicast": True,
            "parameters": {"guard": {"attempts": 3}}}]
HOOK = {"url": "https://h/x", "secret": "key", "credential": "token", "ca": "own", "content_type": "text/plain",
        "body": "{device}"}
MAIL = {"server": "h:587", "tls": "starttls", "from": "a@b", "to": ["c@d"], "user": "u", "credential": "p", "ca": "own",
        "subject": "{device}", "body": "x"}
CONFIG = {
    "instance": "kalki",
    "data_plane": {"namespace": "kalki", "device_ports": [{"name": "iot0", "hairpin": True, "eapol_up": False}],
                   "network_port": "lan0", "host_leg": {"name": "kalki0", "addresses": ["10.20.0.1/24", "fd00::1/64"]},
                   "mtu": 1500},
    "docker": {"socket": "/run/docker.sock", "starts_at_once": 2},
    "umbox": {"alerts_per_second": 100, "heartbeat_timeout": "10s", "ready_timeout": "15s"},
    "chain": {"drain_quiet": "50ms", "drain_max": "2s"}, "observe_every": "30s",
    "history": {"max_age": "90d", "max_bytes": "512MiB", "max_answers": 5000}, "secrets": "/etc/kalki/secrets",
    "telemetry": {"from": "10.20.0.1", "at_once": 64},
    "notifiers": {
        "hook": {"webhook": HOOK, "events": ["transition", "alert>=high"], "limit": {"count": 20, "per": "1m"},
                 "keep": {"count": 1000, "age": "1d"}, "retry": {"first": "5s", "max": "10m"}, "timeout": "30s"},
        "mail": {"email": MAIL},
        "bus": {"mqtt": {"broker": "mqtts://h:8883", "topic": "kalki", "discovery": "homeassistant",
                         "credential": "login", "ca": "own"}}}}
VALUES = [None, True, 0, -1, 2.5, 10**9, "", "x", [], ["x", 7], {}, {"x": 7}]
# What the readers say of the shape of a value, not of what it means.
STRUCTURAL = ["unknown key", "is missing", "is nothing, not", "is true or false, not", "is a number, not",
              "is text, not", "is a list, not", "is a map, not", "is out of range", "no choice", "no method",
              "is no number", "are a map", "one of them out", "without a way", "is no action", "is no chain",
              "is no way to come by", "does not say how", "an empty chain", "holds in no state", "which of the columns",
              "at least one state", "nobody is named", "notifiers are a map", "in one notifier", "no kind of event"]


def changes(value):
    """Copies of a document, each wrong (or only different) in one place, with words for it."""
    yield from ((copy.deepcopy(v), f"= {v!r}") for v in VALUES)
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, below in list(places):
        for changed, words in changes(below):
            copied = copy.copy(value)
            copied[key] = changed
            yield copied, f"[{key!r}]{words}"
        copied = copy.copy(value)
        del copied[key]
        yield copied, f"[{key!r}] left out"
    if isinstance(value, dict):
        yield {**value, "unknown": 7}, " with an unknown key"


def schema_of(what):
    schema = json.loads(subprocess.check_output([KALKICTL, "policy", "schema", "--of", what]))
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def without_words(schema):
    """Names of keys without a description."""
    if isinstance(schema, list):
        return [key for below in schema for key in without_words(below)]
    if not isinstance(schema, dict):
        return []
    keys = schema.get("properties") if schema.get("type") == "object" else None
    missing = [key for key, of in (keys or {}).items() if "description" not in of]
    return missing + [key for below in schema.values() for key in without_words(below)]


def example(file):
    with open(file, encoding="utf-8") as stream:
        return yaml.safe_load(stream)


class Schema(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, document):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        return path

    def read_types(self, paths):
        """What the reader complains of, for each file; nothing: it takes it."""
        answers = []
        for i in range(0, len(paths), 50):
            command = [KALKICTL, "policy", "check", "--docker", "/nonexistent", "-o", "json", *paths[i:i + 50]]
            out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
            lines = [json.loads(line) for line in out.splitlines()]
            answers += [[] if line["valid"] else line["errors"] for line in lines]
        self.assertEqual(len(answers), len(paths))
        return answers

    def compare(self, schema, documents, answers):
        """Returns how many the schema refused, and how many it took."""
        validator = jsonschema.Draft202012Validator(schema)
        counts = [0, 0]
        for (document, words), errors in zip(documents, answers):
            takes = validator.is_valid(document)
            counts[takes] += 1
            if not takes:
                self.assertTrue(errors, f"the schema refuses what the reader takes: {words}")
            elif any(phrase in error for error in errors for phrase in STRUCTURAL):
                self.fail(f"the schema takes what the reader refuses: {words}: {errors}")
        return counts

    def test_examples(self):
        types = devices = 0
        for file in glob.glob(os.path.join(POLICY_EXAMPLES, "*.yaml")):
            document = example(file)
            if os.path.basename(file) == "kalkid.yaml":
                jsonschema.Draft202012Validator(schema_of("config")).validate(document)
            elif isinstance(document, list):
                jsonschema.Draft202012Validator(schema_of("devices")).validate(document)
                devices += 1
            elif "type" in document:
                jsonschema.Draft202012Validator(schema_of("type")).validate(document)
                self.assertEqual(self.read_types([file]), [[]])
                types += 1
        self.assertGreater(types, 0)
        self.assertGreater(devices, 0)

    def test_every_key_has_words(self):
        for what in ("type", "devices", "config"):
            self.assertEqual(without_words(schema_of(what)), [])

    def test_types(self):
        schema = schema_of("type")
        self.write("shared.json", SHARED)
        jsonschema.Draft202012Validator(schema).validate(TYPE)
        self.assertEqual(self.read_types([self.write("right.json", TYPE)]), [[]])
        documents = list(changes(TYPE))
        paths = [self.write(f"{i}.json", document) for i, (document, _) in enumerate(documents)]
        refused, taken = self.compare(schema, documents, self.read_types(paths))
        self.assertGreater(refused, 1000)
        self.assertGreater(taken, 100)

    def test_included(self):
        schema = schema_of("type")
        documents = [(SHARED, "right")]
        documents += [(changed, words) for changed, words in changes(SHARED)
                      if isinstance(changed, dict) and ("rules" in changed or "sensors" in changed)]
        paths = []
        for i, (document, _) in enumerate(documents):
            self.write(f"{i}/shared.json", document)
            paths.append(self.write(f"{i}/type.json", TYPE))
        answers = self.read_types(paths)
        self.assertEqual(answers[0], [])
        refused, taken = self.compare(schema, documents, answers)
        self.assertGreater(refused, 50)
        self.assertGreater(taken, 5)

    def test_devices(self):
        schema = schema_of("devices")
        documents = [(DEVICES, "right")] + list(changes(DEVICES))
        answers = [self.read_devices(document) for document, _ in documents]
        self.assertEqual(answers[0], [])
        refused, taken = self.compare(schema, documents, answers)
        self.assertGreater(refused, 50)
        self.assertGreater(taken, 5)

    def read_devices(self, document):
        ports = {"device_ports": [{"name": "iot0"}], "network_port": "lan0"}
        self.write("etc/kalki/kalkid.yaml", {"data_plane": ports})
        self.write("etc/kalki/types.d/box.json", {"type": "box", "states": {"Normal": {
            "chain": [{"name": "guard", "image": "kalki/guard:1"}]}}})
        self.write("etc/kalki/devices.d/devices.json", document)
        done = subprocess.run([KALKID, "--root", self.folder, "--check"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertIn(done.returncode, (0, 6), done.stderr)
        return done.stderr.splitlines() if done.returncode else []

    def test_config(self):
        schema = schema_of("config")
        documents = [(CONFIG, "right")] + list(changes(CONFIG))
        answers = self.read_configs([document for document, _ in documents])
        self.assertEqual(answers[0], [])
        refused, taken = self.compare(schema, documents, answers)
        self.assertGreater(refused, 500)
        self.assertGreater(taken, 50)

    def read_configs(self, documents):
        """As files of conf.d, a few at a time: only so many complaints are shown at once."""
        answers = []
        self.write("etc/kalki/kalkid.yaml", CONFIG)
        for i in range(0, len(documents), 20):
            paths = [self.write(f"etc/kalki/conf.d/{k}.yaml", document)
                     for k, document in enumerate(documents[i:i + 20])]
            done = subprocess.run([KALKID, "--root", self.folder, "--check"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, check=False)
            self.assertIn(done.returncode, (0, 6), done.stderr)
            self.assertNotIn("more is wrong than is shown", done.stderr)
            for path in paths:
                answers.append([line for line in done.stderr.splitlines() if line.startswith(f"{path}:")])
                os.unlink(path)
        return answers

    def test_other_files_have_none(self):
        done = subprocess.run([KALKICTL, "policy", "schema", "--of", "nothing"], stderr=subprocess.PIPE,
                              text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("type devices", done.stderr)


if __name__ == "__main__":
    unittest.main()
