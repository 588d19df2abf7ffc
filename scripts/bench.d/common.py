# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks of the running daemon share: a site of their own, figures as JSON lines."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

from harness.daemon import BUILD, REPOSITORY
from harness.docker import Engine
from harness.policies import PUPPET
from harness.site import Site


def progress(words):
    print(f"   {words}", file=sys.stderr, flush=True)


def emit(name, unit, what, **figures):
    """A line of the result: see scripts/bench."""
    line = {"name": name, "unit": unit}
    for key, value in figures.items():
        line[key] = round(value, 3) if isinstance(value, float) else value
    line["what"] = what
    print(json.dumps(line), flush=True)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextlib.contextmanager
def a_site():
    """A site with an engine and the images; $KALKI_ENGINE names an engine that runs already."""
    name = os.environ.get("KALKI_ENGINE")
    engine = Engine(name or f"bench-{os.getpid()}")
    engine.start()
    try:
        done = subprocess.run([os.path.join(REPOSITORY, "scripts/build-images")], text=True,
                              env=os.environ | {"DOCKER_HOST": "unix://" + engine.socket},
                              capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        engine.import_program(PUPPET, os.path.join(BUILD, "integration-tests/puppet"),
                              umbox_contract=1, umbox_mode="inline", umbox_ready="socket",
                              umbox_parameters="{}")
        with tempfile.TemporaryDirectory(prefix="kalki-bench-") as root:
            site = Site(root, engine)
            try:
                yield site
            finally:
                site.close()
    finally:
        if not name:
            engine.stop()
