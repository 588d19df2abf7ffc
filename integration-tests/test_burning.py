# SPDX-License-Identifier: GPL-2.0-or-later
"""A µmbox that burns all the processor time it can get takes none of what is the others'."""
import os

from harness.daemon import BUILD, wait_for
from harness.policies import block, chain, device_type, hop, stamp

PARTS = {"small": 1, "big": 4}  # umbox.cpus of the image in the chain of each device
SAMPLE_NS = 2_000_000_000


def spent_ns(site, name):
    container, = site.engine.containers(**{"org.kalki.instance": site.tag,
                                           "org.kalki.device-name": name})
    stats = site.engine.request("GET", f"/containers/{container['Id']}/stats?stream=0&one-shot=1")
    return stats["cpu_stats"]["cpu_usage"]["total_usage"]


def test_processors_that_are_short_are_shared_as_the_labels_say(site):
    burning = 2 * os.cpu_count()
    for name, cpus in PARTS.items():
        image = f"kalki/burner-{name}:1"
        site.engine.import_program(image, os.path.join(BUILD, "integration-tests/puppet"),
                                   umbox_contract=1, umbox_cpus=cpus, umbox_pids=2 * burning,
                                   umbox_parameters="{}")
        site.types.append(device_type(name, {
            "Normal": chain(hop("burn", image=image, burn=burning), standby="none")}))
        site.add_device(name, name)
    site.types.append(device_type("camera", {
        "Normal": chain(stamp("a"), standby="none"), "Attack": block()}))
    cam, host = site.add_device("cam1", "camera"), site.add_host("host")
    site.start(wait=False)
    site.wait_settled(timeout=120)

    before = [spent_ns(site, name) for name in PARTS]

    def burnt():
        spent = [spent_ns(site, name) - was for name, was in zip(PARTS, before)]
        return sum(spent) > SAMPLE_NS and spent
    small, big = wait_for(burnt, timeout=60, what="processor time that is burnt")
    assert big > 2 * small, (small, big)
    # Meanwhile frames of others pass, and what is decided of them is done.
    wait_for(lambda: cam.ping(host), timeout=60, what="a ping")
    site.set_state("cam1", "Attack")
    site.wait_goal("cam1", "held", timeout=60)
    assert not cam.ping(host)
