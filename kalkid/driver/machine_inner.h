/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/machine_inner.h - what the files of the machine driver share; nobody else includes it.
 *
 * machine.c opens, closes and carries out what needs no waiting; machine_launch.c, machine_remove.c
 * and machine_observe.c carry out what waits for Docker. */
#pragma once

#include "driver/docker.h"
#include "driver/link.h"
#include "driver/machine.h"
#include "driver/nft.h"
#include "driver/umbox.h"

enum {
	IMAGES_KEPT = 64,
	STOP_GRACE_S = 2,
};

struct launch;
struct observation;

/* An image that was looked at: good until the engine tells that images changed. */
struct image_entry {
	char reference[IMAGE_BYTES];
	struct umbox_image image;
};

struct machine_driver {
	struct driver driver;
	uv_loop_t *loop;
	struct machine_driver_config config;
	struct later_queue later;
	struct link *link;
	struct nft *nft;
	struct docker *docker;
	struct docker_listener docker_listener;
	struct umbox_set *umboxes;
	struct driver_listener umbox_listener;
	struct image_entry images[IMAGES_KEPT];
	unsigned image_count;
	bool without_log; /* the engine has no log driver "local" */
	unsigned starts;  /* launches that are with the engine */
	struct launch *waiting, **waiting_end;
	struct observation *observations; /* the first runs, the others wait */
	uv_poll_t link_notice, nft_notice;
	uv_timer_t drops;
	bool watches_nft, closing;
	unsigned handles;
	void (*closed)(void *data);
	void *closed_data;
};

/* Completes the call in the next turn of the loop. */
void machine_finish(struct machine_driver *machine, struct driver_call *call, int result,
		    const struct error *err);
/* Not while it closes. */
void machine_tell(struct machine_driver *machine, const struct driver_notice *notice);
/* What references mean is asked anew. */
void machine_forget_images(struct machine_driver *machine);

void machine_launch(struct machine_driver *machine, const struct driver_task *task,
		    struct driver_call *call);
/* Cancels the launches that wait for their turn. */
void machine_cancel_waiting(struct machine_driver *machine);

void machine_remove(struct machine_driver *machine, uint32_t umbox, struct driver_call *call);

void machine_observe(struct machine_driver *machine, struct driver_picture *ret,
		     struct driver_call *call);
void machine_cancel_observations(struct machine_driver *machine);
/* A container went while an observation runs: its list is older than that. */
void machine_observed_removal(struct machine_driver *machine, const char *container);
