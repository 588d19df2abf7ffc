/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/files.c - all files below ROOT/etc/kalki into values that fit together. */
#include "codec/files_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/device_parameters.h"

enum { FILES_MAX = 8192, CLAIM_BYTES = 80 };

/* Where a device stands, for what is said of it later. */
struct device_place {
	const struct document *document;
	const struct document_node *node;
};

struct loading {
	char *folder; /* ROOT/etc/kalki */
	bool place_only;
	struct complaints *complaints, *remarks; /* remarks may be NULL */
	struct files files;
	struct device_place *places; /* one for each device */
	unsigned device_room;
	struct policy_outlines outlines;
	const struct document *types[FILES_MAX];
	unsigned type_count;
	struct document *documents[FILES_MAX]; /* kept while their places are needed */
	unsigned document_count;
};

static const struct document *open_document(struct loading *loading, const char *path)
{
	struct document *document = NULL;
	struct error err = {0};
	unsigned before = loading->complaints->count;
	if (loading->document_count == FILES_MAX) {
		complaints_add(loading->complaints, "%s: more than %d files", path, FILES_MAX);
		return NULL;
	}
	if (document_read_file(&document, path, loading->complaints, &err) < 0) {
		if (loading->complaints->count == before)
			complaints_add(loading->complaints, "%s (cannot be read)", err.text);
		return NULL;
	}
	loading->documents[loading->document_count++] = document;
	return document;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);
	return length > end_length && strcmp(name + length - end_length, end) == 0;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void take_file(struct loading *loading, const char *folder, const char *name, bool json,
		      void (*read)(struct loading *loading, const struct document *document))
{
	cleanup_free char *path = mem_printf("%s/%s/%s", loading->folder, folder, name);
	/* Left over by editors and packages: *.bak, *~, *.dpkg-dist. */
	if (ends_with(name, ".yml") || (!json && ends_with(name, ".json"))) {
		complaints_add(loading->complaints, "%s: would not be read (name it %s)", path,
			       json ? ".yaml or .json" : ".yaml");
		return;
	}
	if (!ends_with(name, ".yaml") && !ends_with(name, ".json"))
		return;
	if (ends_with(name, ".test.yaml")) /* what `kalkictl policy test` runs */
		return;
	const struct document *document = open_document(loading, path);
	if (document)
		read(loading, document);
}

/* Each file of a folder, in the order of their names; there need be no such folder. */
static void take_folder(struct loading *loading, const char *folder, bool json,
			void (*read)(struct loading *loading, const struct document *document))
{
	cleanup_free char *path = mem_printf("%s/%s", loading->folder, folder);
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, compare_names);
	if (count < 0) {
		if (errno != ENOENT)
			complaints_add(loading->complaints, "%s: %s (cannot be read)", path,
				       strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		take_file(loading, folder, entries[i]->d_name, json, read);
		free(entries[i]);
	}
	free(entries);
}

static void take_config(struct loading *loading, const struct document *document)
{
	struct reading reading = {.document = document, .complaints = loading->complaints};
	if (loading->place_only)
		config_read_place(&reading, document_root(document), &loading->files.config);
	else
		config_read(&reading, document_root(document), &loading->files.config);
}

/* The default stands below the root, what the operator gives is taken as it is. */
static void default_secrets(struct loading *loading)
{
	struct config *config = &loading->files.config;
	cleanup_free char *path = mem_printf("%s/secrets", loading->folder);
	if (!config->secrets[0] && !TEXT_COPY(config->secrets, path))
		complaints_add(loading->complaints, "%s (a path of at most %d bytes)", path,
			       CONFIG_TEXT_BYTES - 1);
}

static void load_config(struct loading *loading)
{
	unsigned before = loading->complaints->count;
	cleanup_free char *path = mem_printf("%s/kalkid.yaml", loading->folder);
	config_set_standard(&loading->files.config);
	const struct document *document = open_document(loading, path);
	if (document)
		take_config(loading, document);
	take_folder(loading, "conf.d", false, take_config);
	default_secrets(loading);
	if (loading->complaints->count == before)
		config_check(&loading->files.config, path, loading->complaints);
}

/* First all names, then what refers to them. */
static void note_type(struct loading *loading, const struct document *document)
{
	if (document_is_included(document))
		return;
	loading->types[loading->type_count++] = document;
	policy_types_add(&loading->outlines, document);
}

static void take_type(struct loading *loading, const struct document *document)
{
	struct files *files = &loading->files;
	struct policy *policy = policy_read_among(document, &loading->outlines.types,
						  loading->complaints);
	if (!policy)
		return;
	if (loading->remarks)
		policy_remark(document, policy, loading->remarks, loading->remarks);
	const struct policy *first = definitions_find_policy(&files->defined, policy->type);
	if (!first && files->policy_count < POLICIES_MAX) {
		files->policies[files->policy_count++] = policy;
		return;
	}
	const struct document_node *type = document_find(document_root(document), "type");
	if (first)
		document_complain(document, type, loading->complaints, "each type in one file",
				  "there is a type '%s' in %s", policy->type, first->file);
	else
		document_complain(document, type, loading->complaints, NULL,
				  "more than %d device types", POLICIES_MAX);
	policy_free(policy);
}

static void take_device(void *data, const struct device *device, const struct document *document,
			const struct document_node *node)
{
	struct loading *loading = data;
	struct files *files = &loading->files;
	if (files->device_count == DEVICES_MAX) {
		document_complain(document, node, loading->complaints, NULL,
				  "more than %d devices in all files", DEVICES_MAX);
		return;
	}
	if (files->device_count == loading->device_room) {
		loading->device_room = max_of(16u, 2 * loading->device_room);
		files->devices = mem_resize(files->devices, loading->device_room,
					    sizeof(*files->devices));
		loading->places = mem_resize(loading->places, loading->device_room,
					     sizeof(*loading->places));
	}
	loading->places[files->device_count] = (struct device_place){document, node};
	files->devices[files->device_count++] = *device;
}

static void take_devices(struct loading *loading, const struct document *document)
{
	devices_read(document, loading->complaints, take_device, loading);
}

static void check_types(struct loading *loading)
{
	const struct files *files = &loading->files;
	const char *types[POLICIES_MAX];
	for (unsigned i = 0; i < files->policy_count; i++)
		types[i] = files->policies[i]->type;
	for (unsigned i = 0; i < files->device_count; i++) {
		const struct device_place *place = &loading->places[i];
		struct reading reading = {place->document, loading->complaints, NULL};
		const struct policy *policy = definitions_find_policy(&files->defined,
								      files->devices[i].type);
		struct error err = {0};
		if (!policy)
			complain_unknown(&reading, document_find(place->node, "type"),
					 "device type", files->devices[i].type, types,
					 files->policy_count);
		else if (device_parameters_check(&files->devices[i], policy, &err) < 0)
			document_complain(place->document, document_find(place->node, "parameters"),
					  loading->complaints, NULL, "%s", err.text);
	}
}

static void check_ports(struct loading *loading)
{
	const struct files *files = &loading->files;
	const struct data_plane *plane = &files->config.data_plane;
	const char *ports[DEVICE_PORTS_MAX];
	for (unsigned i = 0; i < plane->port_count; i++)
		ports[i] = plane->ports[i].name;
	for (unsigned i = 0; i < files->device_count; i++) {
		const struct device_place *place = &loading->places[i];
		struct reading reading = {place->document, loading->complaints, NULL};
		unsigned known = 0;
		while (known < plane->port_count &&
		       !text_equal(ports[known], files->devices[i].port))
			known++;
		if (known == plane->port_count)
			complain_unknown(&reading, document_find(place->node, "port"),
					 "device port", files->devices[i].port, ports,
					 plane->port_count);
	}
}

/* The host's end of the host leg has them already. */
static void check_host_addresses(struct loading *loading)
{
	const struct files *files = &loading->files;
	const struct data_plane *plane = &files->config.data_plane;
	for (unsigned i = 0; i < plane->host_address_count; i++) {
		char text[IP_TEXT_BYTES];
		struct ip ip;
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(plane->host_addresses[i], "/"),
			 plane->host_addresses[i]);
		if (ip_parse(&ip, text, NULL) < 0)
			continue;
		for (unsigned j = 0; j < files->device_count; j++)
			if (device_has_ip(&files->devices[j].identity, &ip))
				document_complain(loading->places[j].document,
						  document_find(loading->places[j].node, "ips"),
						  loading->complaints, "another address",
						  "the address %s is the host leg's", text);
	}
}

/* What a device has to itself. */
struct claim {
	char text[CLAIM_BYTES];
	const char *key; /* where it stands */
	unsigned device;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;
	int order = strcmp(left->text, right->text);
	return order ? order : (left->device > right->device) - (left->device < right->device);
}

static void claim(struct claim *claims, unsigned *count, const char *key, unsigned device,
		  const char *what, const char *text)
{
	struct claim *claim = &claims[(*count)++];
	*claim = (struct claim){.key = key, .device = device};
	snprintf(claim->text, sizeof(claim->text), "%s %s", what, text);
}

static void claim_all(const struct device *device, unsigned index, struct claim *claims,
		      unsigned *count)
{
	char text[IP_TEXT_BYTES];
	claim(claims, count, "name", index, "name", device->name);
	mac_print(text, &device->mac);
	claim(claims, count, "mac", index, "MAC address", text);
	for (unsigned i = 0; i < device->ip_count; i++) {
		ip_print(text, &device->ips[i]);
		claim(claims, count, "ips", index, "address", text);
	}
}

static void check_claims(struct loading *loading)
{
	const struct files *files = &loading->files;
	size_t room = (size_t)files->device_count * (2 + DEVICE_IPS_MAX);
	cleanup_free struct claim *claims = mem_alloc_array(room, sizeof(*claims));
	unsigned count = 0;
	for (unsigned i = 0; i < files->device_count; i++)
		claim_all(&files->devices[i], i, claims, &count);
	qsort(claims, count, sizeof(*claims), compare_claims);
	for (unsigned i = 1; i < count; i++) {
		if (!text_equal(claims[i].text, claims[i - 1].text))
			continue;
		const struct device_place *place = &loading->places[claims[i].device];
		const struct device_place *other = &loading->places[claims[i - 1].device];
		document_complain(place->document, document_find(place->node, claims[i].key),
				  loading->complaints, "each device its own",
				  "the %s is that of device '%s' too, %s:%u", claims[i].text,
				  files->devices[claims[i - 1].device].name,
				  document_file(other->document), other->node->line);
	}
}

/* What refers to files that could not be read is not complained of as well. */
static void load_all(struct loading *loading)
{
	unsigned before = loading->complaints->count;
	load_config(loading);
	bool config_good = loading->complaints->count == before;
	before = loading->complaints->count;
	take_folder(loading, "types.d", true, note_type);
	for (unsigned i = 0; i < loading->type_count; i++)
		take_type(loading, loading->types[i]);
	bool types_good = loading->complaints->count == before;
	take_folder(loading, "devices.d", true, take_devices);
	if (types_good)
		check_types(loading);
	if (config_good) {
		check_ports(loading);
		check_host_addresses(loading);
	}
	if (types_good && config_good && loading->remarks)
		files_check_actions(&loading->files, loading->documents, loading->document_count,
				    loading->remarks);
	check_claims(loading);
}

static struct loading *loading_new(const char *root, struct complaints *complaints)
{
	size_t length = strlen(root);
	while (length && root[length - 1] == '/')
		length--;
	struct loading *loading = mem_alloc(sizeof(*loading));
	loading->folder = mem_printf("%.*s/etc/kalki", (int)length, root);
	loading->complaints = complaints;
	return loading;
}

static void loading_free(struct loading *loading)
{
	for (unsigned i = 0; i < loading->document_count; i++)
		document_free(loading->documents[i]);
	policy_types_done(&loading->outlines);
	free(loading->places);
	free(loading->folder);
	free(loading);
}

static int complained(const struct loading *loading, unsigned before, struct error *err)
{
	unsigned found = loading->complaints->count - before;
	return found ? error_set(err, -EINVAL, "%s: %u %s wrong in the files", loading->folder,
				 found, found == 1 ? "thing is" : "things are")
		     : 0;
}

int files_check(struct files *ret, const char *root, struct complaints *complaints,
		struct complaints *remarks, struct error *err)
{
	struct loading *loading = loading_new(root, complaints);
	unsigned before = complaints->count;
	loading->remarks = remarks;
	loading->files.policies = mem_alloc_array(POLICIES_MAX, sizeof(*loading->files.policies));
	load_all(loading);
	int result = complained(loading, before, err);
	if (result == 0)
		*ret = loading->files;
	else
		files_done(&loading->files);
	loading_free(loading);
	return result;
}

int files_read_place(struct config *ret, const char *root, struct complaints *complaints,
		     struct error *err)
{
	struct loading *loading = loading_new(root, complaints);
	unsigned before = complaints->count;
	loading->place_only = true;
	load_config(loading);
	int result = complained(loading, before, err);
	if (result == 0)
		*ret = loading->files.config;
	loading_free(loading);
	return result;
}

int files_read(struct files *ret, const char *root, struct complaints *complaints,
	       struct error *err)
{
	return files_check(ret, root, complaints, NULL, err);
}

void files_done(struct files *files)
{
	definitions_done(&files->defined);
	free(files->config.notifiers);
	*files = (struct files){0};
}
