/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_check_devices.c - what devices of a file are told besides what their types say. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/policy_image.h"
#include "codec/device_parameters.h"

/* The types of a folder that can be read. */
struct types {
	char *folder;
	struct policy_source *items;
	unsigned count;
};

static int is_type(const struct dirent *entry)
{
	const char *dot = strchr(entry->d_name, '.');
	return dot && dot != entry->d_name &&
	       (text_equal(dot, ".yaml") || text_equal(dot, ".json"));
}

static void read_types(struct types *types, const char *file)
{
	const char *slash = strrchr(file, '/');
	struct dirent **entries = NULL;
	types->folder = slash ? mem_printf("%.*s/../types.d", (int)(slash - file), file)
			      : mem_copy_text("../types.d");
	int count = scandir(types->folder, &entries, is_type, alphasort);
	for (int i = 0; i < count; i++) {
		cleanup_free char *path = mem_printf("%s/%s", types->folder, entries[i]->d_name);
		types->items = mem_resize(types->items, types->count + 1, sizeof(*types->items));
		policy_source_read(&types->items[types->count++], path);
		free(entries[i]);
	}
	free(entries);
}

static void forget_types(struct types *types)
{
	for (unsigned i = 0; i < types->count; i++)
		policy_source_done(&types->items[i]);
	free(types->items);
	free(types->folder);
}

static const struct policy *find_type(const struct types *types, const char *name)
{
	for (unsigned i = 0; i < types->count; i++)
		if (types->items[i].policy && text_equal(types->items[i].policy->type, name))
			return types->items[i].policy;
	return NULL;
}

struct look {
	struct image_asker *asker;
	struct policy_source *source;
	const struct document_node *parameters;
	const struct device *device;
};

/* Told the same as another hop before it. */
static bool was_checked(const struct look *look, const struct policy *policy, unsigned state,
			unsigned at, const char *digest)
{
	for (unsigned i = 0; i <= state; i++) {
		const struct posture *posture = &policy->states[i].posture;
		for (unsigned j = 0; j < (i < state ? posture->hop_count : at); j++) {
			struct hop fitted;
			hop_fit(&fitted, &posture->hops[j], look->device->parameters);
			free(fitted.parameters);
			if (text_equal(fitted.digest, digest))
				return true;
		}
	}
	return false;
}

static void check_hop(const struct look *look, const struct hop *hop)
{
	const struct document_node *own = document_find(look->parameters, hop->name);
	struct umbox_image image = {0};
	struct error err = {0};
	/* What is wrong with the image itself is told where the type is checked. */
	if (!own || image_ask(look->asker, hop->image, &image, &err) != IMAGE_READ)
		return;
	if (umbox_image_check_parameters(&image, hop->parameters, &err) < 0)
		document_complain(look->source->document, own, &look->source->errors, NULL, "%s",
				  err.text);
	umbox_image_done(&image);
}

static void check_images(const struct look *look, const struct policy *policy)
{
	for (unsigned i = 0; i < policy->state_count; i++) {
		const struct posture *posture = &policy->states[i].posture;
		for (unsigned j = 0; j < posture->hop_count; j++) {
			struct hop fitted;
			hop_fit(&fitted, &posture->hops[j], look->device->parameters);
			if (!was_checked(look, policy, i, j, fitted.digest))
				check_hop(look, &fitted);
			free(fitted.parameters);
		}
	}
}

static void check_device(struct image_asker *asker, struct policy_source *source,
			 const struct document_node *item, const struct types *types)
{
	struct device device = {0};
	struct error err = {0};
	if (device_read(&device, source->document, item, &source->errors) < 0)
		return;
	const struct policy *policy = find_type(types, device.type);
	const struct look look = {asker, source, document_find(item, "parameters"), &device};
	if (!look.parameters)
		return;
	if (!policy)
		document_complain(source->document, document_find(item, "type"), &source->warnings,
				  NULL, "no file in %s that can be read is of the type '%s'",
				  types->folder, device.type);
	else if (device_parameters_check(&device, policy, &err) < 0)
		document_complain(source->document, look.parameters, &source->errors, NULL, "%s",
				  err.text);
	else
		check_images(&look, policy);
}

void policy_check_devices(struct image_asker *asker, struct policy_source *source)
{
	struct types types = {0};
	read_types(&types, source->file);
	for (const struct document_node *item = document_root(source->document)->first; item;
	     item = item->next)
		check_device(asker, source, item, &types);
	forget_types(&types);
}
