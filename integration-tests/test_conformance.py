# SPDX-License-Identifier: GPL-2.0-or-later
"""kalkictl umbox test: it passes every image of ours, and fails each that breaks the contract in one point."""
import concurrent.futures
import json
import os
import subprocess

import pytest

from harness.daemon import BUILD, REPOSITORY
from harness.docker import python_files

PROGRAM = os.path.join(BUILD, "integration-tests/faulty")
SCHEMA = json.dumps({"type": "object", "additionalProperties": False,
                     "properties": {"fault": {"type": "string", "default": "none"}}})
GOOD = {"umbox_contract": "1", "umbox_capabilities": "NET_RAW", "umbox_memory": "16m",
        "umbox_parameters": SCHEMA}
# name of the image: its labels beside those
FAULTY = {
    "faulty": {},
    "faulty-some": {"umbox_forwards": "some"},
    "faulty-capable": {"umbox_capabilities": "NET_RAW,NET_ADMIN"},
    "faulty-weak": {"umbox_capabilities": ""},
    "faulty-label": {"umbox_memory": "lots"},
    "faulty-misspelt": {"umbox_memroy": "32m"},
    "faulty-schema": {"umbox_parameters": SCHEMA.replace('"none"', "1")},
    "faulty-older": {"umbox_mode": "legacy"},
    "faulty-open": {"umbox_parameters": '{"type":"object"}'},
    "faulty-shadow": {"umbox_shadow": "yes"},
}
# what an image does wrong: the check that fails (others that make it show come before), words of it
FAULTS = {
    "deaf": ("ready", "no frame came through"),
    "leaks": ("ready", "before it said ready"),
    "wrong-sum": ("ipv4", "its checksum was changed"),
    "wrong-mac": ("arp", "its source MAC was changed"),
    "strips-vlan": ("vlan", "VLAN tag was changed"),
    "cuts": ("sizes", "never came out"),
    "doubles": ("sizes", "more than once"),
    "reorders": ("sizes", "out of order"),
    "holds": ("delay", "50 ms are allowed"),
    "no-gso": ("offload", "never came out"),
    "forges": ("sizes,identity", "in another's name"),
    "mute": ("start", "no heartbeat"),
    "hasty": ("start", "before it had its legs"),
    "babbles": ("sizes,lines", "a name"),
    "floods": ("sizes,lines", "1000 at once"),
    "blocks": ("socket-full", "while nobody read"),
    "gives-up": ("socket-gone", "did not connect again"),
    "crashes": ("flood", "ended with code"),
    "lingers": ("sigterm", "within 2 s"),
    "clings": ("leg-gone", "lives on"),
}
# the same of images by their labels: image, check, words, fault
LABELS = [
    ("faulty-some", "ipv6,accounts", "its counters know of 0", "undercounts"),
    ("faulty-capable", "capabilities", "works without NET_ADMIN", "none"),
    ("faulty-weak", "ready", "ended with code 2", "none"),
    ("faulty-label", "labels", "umbox.memory", "none"),
    ("faulty-misspelt", "labels", "is umbox.memory meant?", "none"),
    ("faulty-schema", "parameters", "a default breaks the schema", "none"),
    ("faulty-open", "parameters", "additionalProperties", "none"),
    ("faulty-older", "ready", "did not say ready", "none"),
    ("faulty-shadow", "shadow", "never came out", "undercounts"),
]


# What of ours is no image by itself is tried in another.
TRIED_IN = {"wrapper": "watcher"}
# A program that watches, while the wrapper forwards.
WATCHER = {"forward": "wrapper", "patterns": [{"match": "^watching", "ready": True},
                                              {"match": "^TELNET", "alert": "telnet"}]}


def ours():
    images = os.path.join(REPOSITORY, "umbox-images")
    return sorted(name for name in os.listdir(images)
                  if os.path.exists(os.path.join(images, name, "Dockerfile")))


def import_watcher(engine, folder):
    """By the wrapper, with the wrapper's own labels."""
    settings = folder / "wrapper.json"
    settings.write_text(json.dumps(WATCHER))
    entry, files = python_files("watcher")
    files["/umbox"] = os.path.join(REPOSITORY, "build-images/umbox-images/wrapper")
    files["/umbox-wrapper.json"] = str(settings)
    labels = engine.request("GET", "/images/kalki/wrapper:1/json")["Config"]["Labels"]
    engine.import_files("kalki/watcher:1", ["/umbox", *entry], files,
                        **{name: value for name, value in labels.items() if name.startswith("umbox.")})


@pytest.fixture(scope="module")
def trials(engine, images, tmp_path_factory):
    """Runs trials, some at a time: most of each is waiting."""
    import_watcher(engine, tmp_path_factory.mktemp("watcher"))
    engine.import_files("kalki/older:1", *python_files("older"), umbox_contract=1, umbox_mode="legacy")
    for name, labels in FAULTY.items():
        engine.import_program(f"kalki/{name}:1", PROGRAM, **(GOOD | labels))

    def run(image, *words):
        rows = run_once(image, *words)
        told = "\n".join(row["detail"] for row in rows.values())
        if ("did not connect" in rows.get("start", {"detail": ""})["detail"] or
                "OCI runtime" in told or "docker: cannot start" in told):
            # An engine under load was seen to start a container that then did not get to run, and
            # to start one twice.
            rows = run_once(image, *words)
        return rows

    def run_once(image, *words):
        done = subprocess.run([os.path.join(BUILD, "kalkid/cli/kalkictl"), "umbox", "test",
                               f"kalki/{image}:1", "--docker", engine.socket, "-o", "json", *words],
                              capture_output=True, text=True, timeout=900, check=False)
        assert done.stdout, done.stderr
        outcome = json.loads(done.stdout)
        assert done.returncode == (0 if outcome["passed"] else 1), done.stderr
        return {row["check"]: row for row in outcome["checks"]}

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        begun = {name: pool.submit(run, TRIED_IN.get(name, name), "--timeout", "60s")
                 for name in ours() + ["faulty", "older"]}
        for fault, (checks, _) in FAULTS.items():
            begun[fault] = pool.submit(run, "faulty", "--timeout", "15s", "--check", checks,
                                       "--parameters", json.dumps({"fault": fault}))
        for name, checks, _, fault in LABELS:
            parameters = [] if fault == "none" else ["--parameters", json.dumps({"fault": fault})]
            begun[name] = pool.submit(run, name, "--timeout", "15s", "--check", checks, *parameters)
        yield {name: future.result for name, future in begun.items()}
    assert engine.containers(**{"org.kalki.instance": "trial"}) == []


@pytest.mark.parametrize("image", ours() + ["faulty", "older"])
def test_an_image_that_keeps_the_contract_passes(trials, image):
    rows = trials[image]()
    assert [row for row in rows.values() if row["result"] == "failed"] == []
    assert len(rows) == 29
    assert rows["sigterm"]["result"] == rows["capabilities"]["result"] == "passed"
    assert rows["ring"]["result"] == ("passed" if image == "capture" else "skipped")
    skipped = [row for row in rows.values() if row["result"] == "skipped"]
    assert len(skipped) < 9 and all(row["detail"] for row in skipped)


def test_what_has_no_meaning_in_the_older_contract_is_told(trials):
    rows = trials["older"]()
    told = [name for name, row in rows.items() if row["detail"].startswith("does not apply")]
    assert told == ["vlan", "accounts", "ring", "heartbeats", "socket-full", "socket-gone", "shadow"]
    assert rows["lines"]["detail"] == "0 alerts and 1 records, all well formed"


def assert_only(rows, check, words):
    """The last one named failed, and nothing before it."""
    check = check.split(",")[-1]
    assert rows[check]["result"] == "failed", rows
    assert words in rows[check]["detail"]
    before = list(rows)[:list(rows).index(check)]
    assert [name for name in before if rows[name]["result"] == "failed"] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_an_image_that_breaks_the_contract_fails(trials, fault):
    assert_only(trials[fault](), *FAULTS[fault])


@pytest.mark.parametrize("image, check, words, _", LABELS)
def test_an_image_with_wrong_labels_fails(trials, image, check, words, _):
    assert_only(trials[image](), check, words)
