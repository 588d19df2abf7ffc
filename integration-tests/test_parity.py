# SPDX-License-Identifier: GPL-2.0-or-later
"""PARITY.md names a test for each thing that KalKi has to be able to do: all of them are there."""
import os
import re

import pytest

from harness.daemon import REPOSITORY

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES = (HERE, os.path.join(REPOSITORY, "kalkid"), os.path.join(REPOSITORY, "umbox-images"),
          os.path.join(REPOSITORY, "policy-examples"))


def rows():
    """(what, cell with the tests) of every row of the tables."""
    with open(os.path.join(HERE, "PARITY.md"), encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("|") and len(cells) == 2 and not re.match(r"-+$|what$", cells[0]):
                yield cells


def find(path):
    return next((place for folder in PLACES
                 if os.path.exists(place := os.path.join(folder, path))), None)


@pytest.mark.parametrize("what, tests", list(rows()), ids=lambda text: text[:40])
def test_a_row_names_tests_that_exist(what, tests):
    named = re.findall(r"`([\w./-]+)`: ((?:`[\w-]+`(?:, )?)+)", tests)
    assert named, f"{what}: no test is named"
    for path, names in named:
        place = find(path)
        assert place, f"{path}: no such file"
        with open(place, encoding="utf-8") as file:
            text = file.read()
        for name in re.findall(r"`([\w-]+)`", names):
            defined = re.search(rf"(def {name}\(|static void {name}\(|name: {name}\b)", text)
            assert defined, f"{path}: no test {name}"
