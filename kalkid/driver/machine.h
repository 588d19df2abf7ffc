/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/machine.h - the driver that works on this machine: joins docker, link, nft and umbox.
 * Each step is a short list of their calls; this file knows which. */
#pragma once

#include <uv.h>

#include "driver/driver.h"

enum { DEVICE_PORTS_MAX = 8, HOST_ADDRESSES_MAX = 8, DATA_PATH_BYTES = 256 };

struct device_port_config {
	char name[LINK_NAME_BYTES];
	bool hairpin;  /* frames may leave by the port their sender is behind: an access point that
			* hands every station's frames up; on a switch it would poison its table */
	bool eapol_up; /* EAPOL frames are let up to the namespace's own sockets (hostapd) */
};

/* The data plane as the configuration describes it. */
struct data_plane_config {
	char namespace[NAME_BYTES]; /* name under /run/netns */
	struct device_port_config ports[DEVICE_PORTS_MAX];
	unsigned port_count;
	char network_port[LINK_NAME_BYTES]; /* "" in router mode */
	char host_leg[LINK_NAME_BYTES];	    /* name of the host's end, "" for none */
	char host_addresses[HOST_ADDRESSES_MAX][IP_TEXT_BYTES + 4]; /* with prefix length, for the host leg */
	unsigned host_address_count;
	unsigned mtu; /* of every leg; 0: the largest of the ports */
};

struct machine_driver_config {
	char instance[NAME_BYTES]; /* label value; nothing without it is ever touched */
	struct data_plane_config data_plane;
	char docker_socket[DATA_PATH_BYTES];
	char umbox_directory[DATA_PATH_BYTES]; /* /run/kalki/umbox */
	unsigned starts_at_once;	       /* 0: number of processors */
	unsigned alerts_per_second;	       /* per umbox, burst of ten times that */
	unsigned heartbeat_timeout_ms;
};

/* Makes namespace, ports, table; asks Docker which version it speaks (a missing Docker is no error:
 * it is told as DRIVER_ENGINE_DOWN and tried again).  The listener may be called from now on, but
 * not before this returned. */
int machine_driver_open(struct driver **ret, uv_loop_t *loop,
			const struct machine_driver_config *config, struct driver_listener *listener,
			struct error *err) must_check;

/* `--teardown`: removes every umbox, rule, link and namespace of this instance and gives the ports
 * back as they were.  Runs without a daemon, blocks, and may be pressed twice. */
int machine_driver_teardown(const struct machine_driver_config *config, struct error *err) must_check;
