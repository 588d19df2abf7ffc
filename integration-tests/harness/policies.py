# SPDX-License-Identifier: GPL-2.0-or-later
"""Device types in a line: hops, states, types as the files in types.d have them."""

STAMP = "kalki/stamp:1"
PUPPET = "kalki/puppet:1"


def hop(name, image=STAMP, fail=None, **parameters):
    made = {"name": name, "image": image}
    if parameters:
        made["parameters"] = parameters
    if fail:
        made["fail"] = fail
    return made


def stamp(name):
    """A hop that writes itself into the frames of `traffic`; its parameter makes it one of a kind."""
    return hop(name, note=name)


def puppet(name, **parameters):
    """A hop that talks as it is told, and forwards nothing."""
    return hop(name, image=PUPPET, **parameters)


def chain(*hops, **posture):
    return {"chain": list(hops), **posture}


def block(**posture):
    return {"chain": "block", **posture}


def device_type(name, states, rules=()):
    return {"type": name, "states": states, "rules": list(rules)}


def rule(name, from_, when, to):
    return {"name": name, "from": from_, "when": when, "to": to}
