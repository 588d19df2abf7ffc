/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_image.c - which image new umboxes are made of, and the exchange of those of another.
 *
 * A reference (name:tag) may mean another image from one day to the next.  Then the umboxes of the
 * former are outdated: a few devices at a time exchange theirs, hop by hop (core/plan.c).  Until
 * all have, whatever else is launched is made of the former image; and when the new one fails too
 * often, all go back to it.  A refused image is tried again after a reload or a restart. */
#include "engine/node_device.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	RENEWALS_AT_ONCE = 2, /* devices: launches for what is not there yet come in between */
	FAILURES_MAX = 3,     /* of an image that is not proven */
};

struct node_image {
	struct node *node;
	char reference[IMAGE_BYTES];
	char now[IMAGE_ID_BYTES];     /* what the reference means; "": not known */
	char proven[IMAGE_ID_BYTES];  /* what all umboxes are made of that nothing renews */
	char refused[IMAGE_ID_BYTES]; /* failed too often */
	unsigned failures;
	bool asking, again;
	struct driver_call call;
	char answer[IMAGE_ID_BYTES];
	UT_hash_handle hh;
};

static void ask(struct node_image *image);

static void remark(const struct node_image *image, const char *kind, uint32_t device,
		   const char *words)
{
	struct node_listener *listener = image->node->listener;
	listener->on_remark(listener, device, kind, 1, words);
}

/* What its umboxes are to be made of in the end; "" while that is not known. */
static const char *wanted(const struct node_image *image)
{
	bool refused = image->now[0] && text_equal(image->now, image->refused);
	return refused ? image->proven : image->now;
}

static bool on_trial(const struct node_image *image)
{
	return image->proven[0] && wanted(image)[0] && !text_equal(wanted(image), image->proven);
}

/* All are marked before the first is planned: else the exchange would seem to be done. */
static void roll(struct node *node)
{
	struct node_device *device, *next;
	node->rolling = true;
	HASH_ITER(hh, node->devices, device, next)
		node_images_mark(device);
	HASH_ITER(hh, node->devices, device, next)
		node_device_plan(device);
}

static struct node_image *image_of(const struct node_device *device, const char *digest);

/* In force somewhere is one of another image than the reference means: its id, or NULL. */
static const char *former_in_force(const struct node_image *image)
{
	struct node_device *device, *next;
	HASH_ITER(hh, image->node->devices, device, next) {
		for (unsigned i = 0; i < device->have.umbox_count; i++) {
			const struct umbox_view *view = &device->have.umboxes[i];
			const char *is = device->umboxes[i].image_id;
			if (is[0] && !text_equal(is, image->now) &&
			    path_has(&device->have.path, view->id) &&
			    image_of(device, view->digest) == image)
				return is;
		}
	}
	return NULL;
}

static void take_answer(struct node_image *image)
{
	if (text_equal(image->now, image->answer))
		return;
	TEXT_COPY(image->now, image->answer);
	if (text_equal(image->proven, image->now)) { /* a restart came in between */
		const char *former = former_in_force(image);
		if (former)
			TEXT_COPY(image->proven, former);
	}
	image->failures = 0;
	if (on_trial(image)) {
		cleanup_free char *words =
			mem_printf("%s is another image now: umboxes of the former are exchanged "
				   "hop by hop",
				   image->reference);
		remark(image, "image-new", 0, words);
	}
	roll(image->node);
}

static void on_answer(struct driver_call *call, int result, const struct error *err)
{
	struct node_image *image = container_of(call, struct node_image, call);
	struct node *node = image->node;
	image->asking = false;
	/* Without an answer, or an image, what runs is as good as before. */
	if (result == 0 && !node->stopping)
		take_answer(image);
	else if (result == -EINVAL && image->now[0])
		remark(image, "image-refused", 0, err->text);
	if (take(image->again))
		ask(image);
	node_call_ended(node);
}

static void ask(struct node_image *image)
{
	struct node *node = image->node;
	image->again = image->asking;
	if (image->asking || node->stopping)
		return;
	image->asking = true;
	image->call.done = on_answer;
	node->calls++;
	node->driver->ops->image(node->driver, image->reference, image->answer, &image->call);
}

static struct node_image *need(struct node *node, const char *reference)
{
	struct node_image *image;
	HASH_FIND_STR(node->images, reference, image);
	if (image)
		return image;
	image = mem_alloc(sizeof(*image));
	image->node = node;
	TEXT_COPY(image->reference, reference);
	HASH_ADD_STR(node->images, reference, image);
	ask(image);
	return image;
}

/* NULL when nobody wants an umbox of that digest any more. */
static struct node_image *image_of(const struct node_device *device, const char *digest)
{
	const struct hop *hop = node_device_hop(device, digest);
	return hop ? need(device->node, hop->image) : NULL;
}

void node_images_forget(struct node *node)
{
	struct node_image *image, *next;
	HASH_ITER(hh, node->images, image, next) {
		HASH_DEL(node->images, image);
		free(image);
	}
}

void node_images_ask(struct node *node, bool refused_too)
{
	struct node_image *image, *next;
	HASH_ITER(hh, node->images, image, next) {
		if (refused_too && image->refused[0]) {
			image->refused[0] = image->now[0] = '\0';
			image->failures = 0;
		}
		ask(image);
	}
}

const char *node_image_for(struct node_device *device, const struct step *step)
{
	const struct node_image *image = need(device->node, step->hop->image);
	return step->renews ? wanted(image) : image->proven;
}

bool node_image_is_new(const struct node_device *device, unsigned place)
{
	const struct node_image *image = image_of(device, device->have.umboxes[place].digest);
	return image && on_trial(image) &&
	       text_equal(device->umboxes[place].image_id, wanted(image));
}

void node_image_ready(struct node_device *device, unsigned place)
{
	struct node_image *image = image_of(device, device->have.umboxes[place].digest);
	if (image && !image->proven[0])
		TEXT_COPY(image->proven, device->umboxes[place].image_id);
}

void node_image_failed(struct node_device *device, unsigned place, bool missing, const char *why)
{
	struct node_image *image = image_of(device, device->have.umboxes[place].digest);
	const char *id = device->umboxes[place].image_id;
	if (!image || !id[0])
		return;
	if (missing && text_equal(id, image->proven))
		image->proven[0] = '\0'; /* somebody removed it: there is no way back */
	if (!on_trial(image) || !text_equal(id, image->now) || ++image->failures < FAILURES_MAX)
		return;
	TEXT_COPY(image->refused, image->now);
	cleanup_free char *words =
		mem_printf("%s: %u umboxes of the new image failed, so the former stays: %s",
			   image->reference, image->failures, why);
	remark(image, "image-refused", device->number, words);
	device->node->rolling = true;
}

/* --- the exchange --- */

void node_images_mark(struct node_device *device)
{
	for (unsigned i = 0; i < device->have.umbox_count && device->node->rolling; i++) {
		struct umbox_view *view = &device->have.umboxes[i];
		const struct node_image *image = image_of(device, view->digest);
		const char *is = device->umboxes[i].image_id;
		view->outdated = image && wanted(image)[0] && is[0] &&
				 !text_equal(wanted(image), is);
	}
}

static bool is_outdated(const struct node_device *device)
{
	bool outdated = false;
	for (unsigned i = 0; i < device->have.umbox_count; i++)
		outdated |= device->have.umboxes[i].outdated;
	return outdated;
}

static bool can_renew(const struct node_device *device)
{
	return device->want.enrolled && device->have.complete && device->goal == PLAN_CONVERGED &&
	       device->told && is_outdated(device);
}

/* Every umbox is made of what is wanted. */
static void finish(struct node *node)
{
	struct node_image *image, *next;
	node->rolling = false;
	HASH_ITER(hh, node->images, image, next) {
		if (on_trial(image))
			remark(image, "image-changed", 0, image->reference);
		if (wanted(image)[0])
			TEXT_COPY(image->proven, wanted(image));
		image->failures = 0;
	}
}

void node_images_follow(struct node *node)
{
	struct node_device *device, *next;
	unsigned renewing = 0;
	bool outdated = false;
	HASH_ITER(hh, node->devices, device, next) {
		device->have.renew = device->have.renew && can_renew(device);
		renewing += device->have.renew;
		outdated |= is_outdated(device);
	}
	if (!outdated) {
		finish(node);
		return;
	}
	HASH_ITER(hh, node->devices, device, next) {
		if (renewing == RENEWALS_AT_ONCE)
			return;
		if (device->have.renew || !can_renew(device))
			continue;
		device->have.renew = true;
		renewing++;
		deadline_set(node->deadlines, &device->deadline, clock_now_us(node->clock));
	}
}
