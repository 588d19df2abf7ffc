# SPDX-License-Identifier: GPL-2.0-or-later
"""What the integration tests stand on: namespaces, the daemon as a process, its API, traffic."""
