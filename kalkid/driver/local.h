/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local.h - the driver that works on this machine: joins docker, link, nft and umbox.
 * Each step is a short list of their calls; this file knows which. */
#pragma once

#include <uv.h>

#include "core/data_plane.h"
#include "driver/driver.h"

enum { DRIVER_PATH_BYTES = 256 };

struct local_driver_config {
	char instance[NAME_BYTES]; /* label value; nothing without it is ever touched */
	struct data_plane data_plane;
	char docker_socket[DRIVER_PATH_BYTES];
	char umbox_directory[DRIVER_PATH_BYTES]; /* /run/kalki/umbox */
	unsigned starts_at_once;                 /* 0: number of processors */
	unsigned alerts_per_second;              /* per umbox, burst of ten times that */
	unsigned heartbeat_timeout_ms;
};

/* Makes namespace, ports, table; asks Docker which version it speaks (a missing Docker is no error:
 * it is told as DRIVER_ENGINE_DOWN and tried again).  The listener may be called from now on, but
 * not before this returned. */
int local_driver_open(struct driver **ret, uv_loop_t *loop,
		      const struct local_driver_config *config, struct driver_listener *listener,
		      struct error *err) must_check;

/* `--early`: takes the ports into the data plane, whose rules let nothing pass, and ends; for the
 * time before the network comes up.  Needs no Docker; what is in force already stays so. */
int local_driver_early(const struct local_driver_config *config, struct error *err) must_check;

/* `--teardown`: removes every umbox, rule, link and namespace of this instance and gives the ports
 * back as they were.  Runs without a daemon, blocks, and may be pressed twice. */
int local_driver_teardown(const struct local_driver_config *config, struct error *err) must_check;
