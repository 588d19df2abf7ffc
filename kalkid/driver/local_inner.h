/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_inner.h - what the files of the local driver share; nobody else includes it.
 *
 * local.c opens, closes and carries out what needs no waiting; local_launch.c, local_remove.c
 * and local_observe.c carry out what waits for Docker; local_watch.c tells what happens. */
#pragma once

#include "driver/docker.h"
#include "driver/link.h"
#include "driver/local.h"
#include "driver/nft.h"
#include "driver/umbox.h"

enum {
	IMAGES_KEPT = 64,
	STOP_GRACE_S = 2,
};

struct launch;
struct local_spoof;
struct observation;

/* An image that was looked at: good until the engine tells that images changed. */
struct image_entry {
	char reference[IMAGE_BYTES];
	struct umbox_image image;
};

struct local_driver {
	struct driver driver;
	uv_loop_t *loop;
	struct local_driver_config config;
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
	struct observation *observations;         /* the first runs, the others wait */
	uv_poll_t link_notice, nft_notice, heard; /* `data` is set where they are watched */
	uv_timer_t drops;
	struct local_spoof *spoofs;              /* devices that forged frames concern */
	bool forgeries_unread, strangers_unread; /* counted, and not asked for yet */
	bool closing, umboxes_closed;
	unsigned works; /* on threads beside the loop */
	unsigned handles;
	void (*closed)(void *data);
	void *closed_data;
};

/* Completes the call in the next turn of the loop. */
void local_finish(struct local_driver *local, struct driver_call *call, int result,
		  const struct error *err);
/* Not while it closes. */
void local_tell(struct local_driver *local, const struct driver_notice *notice);
/* What references mean is asked anew. */
void local_forget_images(struct local_driver *local);
/* Closes a handle that `handles` counts; its `data` is the driver. */
void local_on_handle_closed(uv_handle_t *handle);

/* local_watch.c: `docker_listener`, before Docker is opened; then the handles of the kernel. */
void local_listen_docker(struct local_driver *local);
void local_watch(struct local_driver *local);
void local_unwatch(struct local_driver *local);

void local_launch(struct local_driver *local, const struct driver_task *task,
		  struct driver_call *call);
/* Cancels the launches that wait for their turn. */
void local_cancel_waiting(struct local_driver *local);

void local_remove(struct local_driver *local, uint32_t umbox, struct driver_call *call);

void local_observe(struct local_driver *local, struct driver_picture *ret,
		   struct driver_call *call);
void local_cancel_observations(struct local_driver *local);
/* A container went while an observation runs: its list is older than that. */
void local_observed_removal(struct local_driver *local, const char *container);

/* local_capture.c */
void local_capture(struct local_driver *local, uint32_t umbox, const char *comment,
		   struct buffer *ret, struct driver_call *call);
void local_work_ended(struct local_driver *local);

/* local_spoof.c: takes in what the rules noted of forged frames, a stranger that spoke at a port,
 * and tells what is to be told by now. */
int local_spoof_read(struct local_driver *local) must_check;
void local_spoof_stranger(struct local_driver *local, const char *port, const struct mac *mac);
void local_spoof_tell(struct local_driver *local);
void local_spoof_forget(struct local_driver *local);
