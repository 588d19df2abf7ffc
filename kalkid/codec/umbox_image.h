/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/umbox_image.h - what an image says of itself by its labels (umbox-images/CONTRACT.md). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/data_plane.h"
#include "core/device.h"
#include "core/posture.h"

enum {
	UMBOX_PIDS_MAX = 4096,
	UMBOX_LABEL_BYTES_MAX = 16 * 1024,
	UMBOX_CPUS_MAX = 16,
	IMAGE_DOUBT_BYTES = 128,
};
#define UMBOX_MEMORY_MIN_BYTES ((uint64_t)8 << 20)
#define UMBOX_MEMORY_MAX_BYTES ((uint64_t)8 << 30)

enum umbox_capability {
	CAPABILITY_NET_RAW,
	CAPABILITY_NET_ADMIN,
	CAPABILITY_NET_BIND_SERVICE,
	CAPABILITY_COUNT,
};

const char *umbox_capability_name(enum umbox_capability capability);

/* What it lets through of ordinary traffic, with the parameters that it has by itself. */
enum umbox_forwards {
	UMBOX_FORWARDS_ALL,
	UMBOX_FORWARDS_SOME,
	UMBOX_FORWARDS_NONE,
	UMBOX_FORWARDS_COUNT,
};
extern const char *const UMBOX_FORWARDS_NAMES[UMBOX_FORWARDS_COUNT];

struct umbox_image {
	char id[IMAGE_ID_BYTES];
	bool capable[CAPABILITY_COUNT];
	uint64_t memory_bytes;
	unsigned pids;
	unsigned cpu_shares; /* umbox.cpus, in the kernel's measure */
	bool legacy;         /* umbox.mode=legacy: the older contract */
	bool plain_frames;   /* umbox.offload=off */
	bool ready_wired;    /* umbox.ready=wired: ready once it runs and has its legs */
	bool shadow;         /* umbox.shadow=yes: it can let pass what it would drop */
	bool resets;         /* umbox.midstream=reset: sessions that began before it came end */
	enum umbox_forwards forwards;
	json_t *parameters;            /* schema, checked; NULL: it takes none */
	char doubt[IMAGE_DOUBT_BYTES]; /* a label that is probably misspelt, in words; or "" */
};

/* Reads Docker's answer about an image.  -EINVAL says which label is wrong; done by
 * umbox_image_done. */
int umbox_image_read(struct umbox_image *ret, const char *bytes, size_t count,
		     struct error *err) must_check;
void umbox_image_done(struct umbox_image *image);
/* `parameters` is JSON text.  -EINVAL names what the image does not take. */
int umbox_image_check_parameters(const struct umbox_image *image, const char *parameters,
				 struct error *err) must_check;

/* Whether it can be in shadow, where the hop asks for it. */
int umbox_image_check_shadow(const struct umbox_image *image, const struct hop *hop,
			     struct error *err) must_check;

/* umbox.json: what the umbox is told; the caller's to free. */
char *umbox_description(uint32_t umbox, uint32_t generation, const struct hop *hop,
			const struct device_identity *device,
			const struct host_identity *host) must_check;
