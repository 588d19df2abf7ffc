# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: one private engine with the images for the whole run, one site for each test."""
import os
import subprocess

import pytest

from harness.daemon import REPOSITORY, BUILD
from harness.docker import Engine
from harness.policies import PUPPET
from harness.site import Site


@pytest.fixture(scope="session")
def engine():
    """An engine of our own; KALKI_ENGINE names one that runs already and is left alone."""
    name = os.environ.get("KALKI_ENGINE")
    engine = Engine(name or f"test-{os.getpid()}")
    engine.start()
    yield engine
    if not name:
        engine.stop()


@pytest.fixture(scope="session")
def images(engine):
    """All images of the repository, the test ones included."""
    done = subprocess.run([os.path.join(REPOSITORY, "scripts/build-images")], text=True,
                          env=os.environ | {"DOCKER_HOST": "unix://" + engine.socket},
                          capture_output=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    engine.import_program(PUPPET, os.path.join(BUILD, "integration-tests/puppet"),
                          umbox_contract=1, umbox_mode="inline", umbox_ready="socket",
                          umbox_parameters="{}")
    return engine.images()


@pytest.fixture
def site(tmp_path_factory, engine, images, request):
    # A short path: a Unix socket's name has 107 bytes.
    root = tmp_path_factory.mktemp("site")
    site = Site(root, engine)
    yield site
    site.close()


@pytest.fixture
def remotes():
    """Simulated devices and brokers, which end with the test."""
    running = []
    yield running
    for remote in running:
        remote.close()


@pytest.fixture
def machine_site(tmp_path_factory, engine, images):
    """A site whose machine can speak with the devices, through their chains."""
    site = Site(tmp_path_factory.mktemp("site"), engine, own_machine=True)
    yield site
    site.close()
