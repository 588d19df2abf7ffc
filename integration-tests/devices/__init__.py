# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated devices that speak the real protocols: `python3 -m devices.hue --help`."""
