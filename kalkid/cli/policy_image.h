/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_image.h - what Docker knows of the images that files name, while it answers. */
#pragma once

#include "cli/policy_source.h"
#include "codec/umbox_image.h"

struct image_asker {
	struct cli *cli;
	const char *socket;
	bool unreachable;
};

enum image_known {
	IMAGE_UNKNOWN, /* Docker does not answer */
	IMAGE_MISSING,
	IMAGE_WRONG, /* `err` says why */
	IMAGE_READ,  /* `ret` is done by umbox_image_done */
};

enum image_known image_ask(struct image_asker *asker, const char *reference,
			   struct umbox_image *ret, struct error *err);

/* The devices of a file, their own parameters against the hops of their types, which are looked for
 * in ../types.d beside the file. */
void policy_check_devices(struct image_asker *asker, struct policy_source *source);
