/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/checks_image.c - checks of what the image says of itself, and of how it starts. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "trial/engine.h"
#include "trial/trial_inner.h"

enum { SILENT_MS = 500 };

void check_labels(struct trial *trial)
{
	const struct trial_options *options = trial->options;
	struct umbox_image *image = &trial->image;
	struct error err = {0};
	cleanup_buffer struct buffer words = {0};
	if (engine_image(options->docker, options->image, image, &err) < 0) {
		trial_fail(trial, "%s", err.text);
		return;
	}
	if (image->doubt[0]) {
		trial_fail(trial, "%s", image->doubt);
		return;
	}
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
		if (image->capable[i])
			buffer_print(&words, " %s", umbox_capability_name(i));
	}
	trial_pass(trial, "%s, forwards %s, %s, %llu MiB, %u processes,%s",
		   image->legacy ? "the older contract" : "contract 1",
		   UMBOX_FORWARDS_NAMES[image->forwards],
		   trial_says_ready(trial) ? "ready when it says so" : "ready once wired",
		   (unsigned long long)image->memory_bytes >> 20, image->pids,
		   words.length ? words.bytes : " no capabilities");
}

/* The caller's to free. */
static char *standard_parameters(const struct trial *trial)
{
	json_t *example = json_array_get(json_object_get(trial->image.parameters, "examples"), 0);
	if (trial->options->parameters)
		return mem_copy_text(trial->options->parameters);
	return json_is_object(example) ? json_dumps(example, JSON_COMPACT) : mem_copy_text("{}");
}

/* The same with every default written out; a new reference. */
static json_t *with_defaults(const struct trial *trial)
{
	json_t *values = json_loads(trial->parameters, 0, NULL), *all = json_object(), *property;
	const char *name;
	json_object_foreach(json_object_get(trial->image.parameters, "properties"), name, property)
	{
		json_t *value = json_object_get(property, "default");
		if (value)
			json_object_set(all, name, value);
	}
	json_object_update(all, values);
	json_decref(values);
	return all;
}

static bool refuses_unknown(const struct umbox_image *image)
{
	return umbox_image_check_parameters(image, "{\"no-such-parameter\":1}", NULL) < 0;
}

void check_parameters(struct trial *trial)
{
	struct error err = {0};
	trial->parameters = standard_parameters(trial);
	if (umbox_image_check_parameters(&trial->image, trial->parameters, &err) < 0) {
		trial_fail(trial, "%s%s", err.text,
			   trial->options->parameters
				   ? ""
				   : " (the schema's first example is what it is tried with)");
		trial->over = true;
		return;
	}
	json_t *all = with_defaults(trial);
	cleanup_free char *text = json_dumps(all, JSON_COMPACT);
	size_t count = json_object_size(json_object_get(trial->image.parameters, "properties"));
	json_decref(all);
	if (umbox_image_check_parameters(&trial->image, text, &err) < 0)
		trial_fail(trial, "a default breaks the schema: %s", err.text);
	else if (!refuses_unknown(&trial->image))
		trial_fail(trial, "the schema takes parameters that it does not name "
				  "(additionalProperties must be false)");
	else
		trial_pass(trial, "%zu, with defaults that fit; unknown ones are refused", count);
}

static bool said_ready(struct trial *trial)
{
	return trial->box.control.ready;
}

static bool shows_life(struct trial *trial)
{
	return trial->box.control.heartbeats > 0;
}

static void tell_silence(struct trial *trial)
{
	const struct control *control = &trial->box.control;
	if (control->malformed)
		trial_fail(trial, "the daemon would refuse what it says: %s", control->why.text);
	else if (control->connections)
		trial_fail(trial, "it said no heartbeat within %.3g s of its start",
			   trial_patience_s(trial));
	else
		trial_fail(trial, "it did not connect to control.sock within %.3g s",
			   trial_patience_s(trial));
}

/* Of one without heartbeats nothing else can be seen. */
static void look_at_silent(struct trial *trial)
{
	if (trial_wait(trial, said_ready, SILENT_MS))
		trial_fail(trial, "it said ready before it had its legs");
	else
		trial_pass(trial, "it runs while it waits for its legs");
}

void check_start(struct trial *trial)
{
	struct error err = {0};
	int result = trial->over ? error_set(&err, -ESRCH, "not with these parameters")
				 : trial_start(trial, &trial->image, trial->parameters, &err);
	if (result < 0) {
		trial->over = true;
		trial_fail(trial, "%s", err.text);
		return;
	}
	if (!trial_has_socket(trial)) {
		look_at_silent(trial);
	} else if (!trial_wait(trial, shows_life, trial_patience_ms(trial))) {
		trial->over = true;
		tell_silence(trial);
	} else if (trial->box.control.ready) {
		trial_fail(trial, "it said ready before it had its legs");
	} else {
		trial_pass(trial, "it waits for its legs, with heartbeats");
	}
}

static void tell_readiness(struct trial *trial, enum trial_readiness readiness)
{
	char words[256];
	trial->over = readiness != TRIAL_READY;
	trial->works = trial->works || !trial->over;
	switch (readiness) {
	case TRIAL_READY:
		trial_pass(trial, trial_says_ready(trial)
					  ? "nothing came out before it said so"
					  : "frames came through once it had its legs");
		break;
	case TRIAL_LEAKS: trial_fail(trial, "frames came out before it said ready"); break;
	case TRIAL_ENDED:
		box_epitaph(&trial->box, words, sizeof(words));
		trial_fail(trial, "%s", words);
		break;
	case TRIAL_NEVER_READY:
		trial_fail(trial, "it did not say ready within %.3g s of getting its legs",
			   trial_patience_s(trial));
		break;
	case TRIAL_DEAF:
		trial_fail(trial, "it is ready, and no frame came through within %.3g s",
			   trial_patience_s(trial));
		break;
	}
}

void check_ready(struct trial *trial)
{
	if (trial->over) {
		trial_skip(trial, "it does not run");
		return;
	}
	tell_readiness(trial, trial_bring_up(trial, trial_patience_ms(trial)));
}

/* The program and its schema mean the same. */
void check_defaults(struct trial *trial)
{
	struct error err = {0};
	json_t *all = with_defaults(trial);
	cleanup_free char *text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (trial_start(trial, &trial->image, text, &err) < 0) {
		trial->over = true;
		trial_fail(trial, "with every default written out: %s", err.text);
		return;
	}
	tell_readiness(trial, trial_bring_up(trial, trial_patience_ms(trial)));
	if (trial->row.result == TRIAL_PASSED)
		trial_pass(trial, "ready with every default written out");
}

/* Whether it works without. */
static bool needless(struct trial *trial, enum umbox_capability capability)
{
	struct umbox_image image = trial->image;
	image.capable[capability] = false;
	return trial_start(trial, &image, trial->parameters, NULL) == 0 &&
	       trial_bring_up(trial, trial_patience_ms(trial)) == TRIAL_READY;
}

void check_capabilities(struct trial *trial)
{
	cleanup_buffer struct buffer needed = {0}, spare = {0};
	if (!trial->works) {
		trial_skip(trial, "it does not get ready with them");
		return;
	}
	for (unsigned i = 0; i < CAPABILITY_COUNT && !trial_stopped(); i++) {
		if (!trial->image.capable[i])
			continue;
		struct buffer *words = needless(trial, i) ? &spare : &needed;
		buffer_print(words, "%s%s", words->length ? ", " : "", umbox_capability_name(i));
	}
	if (spare.length)
		trial_fail(trial, "it works without %s", spare.bytes);
	else if (needed.length)
		trial_pass(trial, "it needs %s", needed.bytes);
	else
		trial_pass(trial, "it has none");
}
