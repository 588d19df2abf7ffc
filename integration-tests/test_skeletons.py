# SPDX-License-Identifier: GPL-2.0-or-later
"""kalkictl umbox init: each kind of skeleton builds with one command, and keeps the contract."""
import concurrent.futures
import os
import subprocess

import pytest

from harness.daemon import BUILD, REPOSITORY

KINDS = ["kit", "kernel", "wrapper"]


@pytest.fixture(scope="module")
def environment(engine, images, tmp_path_factory):
    """As an author's: the kit is installed, Docker and kalkictl are at hand."""
    build, target = os.path.join(REPOSITORY, "build-images"), tmp_path_factory.mktemp("installed")
    for command in (["ninja", "-C", build, "umbox-images/libumbox.a"],
                    ["meson", "install", "-C", build, "--no-rebuild", "--tags", "devel",
                     "--destdir", str(target)]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    pkg_config = next(target.glob("**/umbox.pc")).parent
    yield os.environ | {
        "PATH": os.path.join(BUILD, "kalkid/cli") + ":" + os.environ["PATH"],
        # What it says of its folders does not know of the one that it was put into.
        "PKG_CONFIG": f"pkg-config --define-variable=prefix={target}/usr/local",
        "PKG_CONFIG_PATH": str(pkg_config),
        "DOCKER_HOST": "unix://" + engine.socket, "DOCKER_BUILDKIT": "0",
        "KALKI_DOCKER": engine.socket, "KALKI_TIMEOUT": "60s"}


@pytest.fixture(scope="module")
def trials(environment, tmp_path_factory):
    """What became of `make test`, by kind; all at once, as most of each is waiting."""
    folder = tmp_path_factory.mktemp("author")

    def run(*command, at):
        return subprocess.run(command, cwd=at, env=environment, text=True, timeout=900, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def begin(kind):
        done = run("kalkictl", "umbox", "init", "new-" + kind, "--kind", kind, at=folder)
        assert done.returncode == 0, done.stdout
        for _ in range(2):
            done = run("make", "-e", "test", at=folder / ("new-" + kind))
            # An engine under load was seen to start a container that then did not get to run.
            if "did not connect" not in done.stdout:
                break
        return done

    with concurrent.futures.ThreadPoolExecutor(len(KINDS)) as pool:
        return dict(zip(KINDS, pool.map(begin, KINDS)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_image_builds_and_keeps_the_contract(trials, kind):
    done = trials[kind]
    assert done.returncode == 0, done.stdout
    # None of them keeps a ring of frames, and a wrapped program cannot be in shadow.
    skipped = 2 if kind == "wrapper" else 1
    assert f"new-{kind}:1: " in done.stdout and f" 0 failed, {skipped} skipped" in done.stdout


def test_the_installed_kit_stands_alone(environment, tmp_path):
    """Each header compiles by itself, and no name of the library can meet one of an author's."""
    def run(*command):
        return subprocess.run(["bash", "-c", *command], env=environment, text=True, check=True,
                              capture_output=True, timeout=60).stdout.split()

    include, library = run("$PKG_CONFIG --variable=includedir umbox && "
                           "$PKG_CONFIG --variable=libdir umbox")
    headers = os.listdir(include + "/umbox")
    assert "umbox.h" in headers and "umbox_kernel.h" in headers
    for header in headers:
        source = tmp_path / "alone.c"
        source.write_text(f"#include <{header}>\n")
        run(f"cc -std=c17 -Wall -Wextra -Werror -fsyntax-only $($PKG_CONFIG --cflags umbox) {source}")
    names = run(f"nm --defined-only --extern-only --format=just-symbols {library}/libumbox.a")[1:]
    assert "umbox_run" in names
    assert [name for name in names if not name.startswith("umbox_")] == []


def test_without_the_kit_make_says_so(environment, tmp_path):
    command = "kalkictl umbox init guard && cd guard && PKG_CONFIG_PATH= PKG_CONFIG=false make -e"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "The kit is not installed: in the source of KalKi" in done.stderr
