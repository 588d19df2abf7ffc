/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/device_file.c - devices out of files of devices.d and out of requests. */
#include "codec/files_internal.h"

#include <string.h>

#include "base/text.h"

static void read_mac(struct reading *reading, const struct document_node *node, void *target)
{
	struct device *device = target;
	struct error err = {0};
	const char *text = read_text(reading, node);
	if (text && mac_parse(&device->mac, text, &err) < 0)
		document_complain(reading->document, node, reading->complaints, NULL, "%s",
				  err.text);
}

static void read_ips(struct reading *reading, const struct document_node *list, void *target)
{
	struct device *device = target;
	if (!read_is_list(reading, list, DEVICE_IPS_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct error err = {0};
		const char *text = read_text(reading, item);
		if (text && ip_parse(&device->ips[device->ip_count++], text, &err) < 0)
			document_complain(reading->document, item, reading->complaints, NULL, "%s",
					  err.text);
	}
}

static void read_labels(struct reading *reading, const struct document_node *list,
			char labels[][NAME_BYTES], unsigned *count)
{
	if (!read_is_list(reading, list, DEVICE_LABELS_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next) {
		if (!read_name(reading, item, labels[*count]))
			continue;
		for (unsigned i = 0; i < *count; i++)
			if (text_equal(labels[i], labels[*count]))
				document_complain(reading->document, item, reading->complaints,
						  "each once", "'%s' is there before", labels[i]);
		++*count;
	}
}

static void read_groups(struct reading *reading, const struct document_node *list, void *target)
{
	struct device *device = target;
	read_labels(reading, list, device->groups, &device->group_count);
}

static void read_tags(struct reading *reading, const struct document_node *list, void *target)
{
	struct device *device = target;
	read_labels(reading, list, device->tags, &device->tag_count);
}

static const char *const addresses_words[] = {"fixed", "learn", "learn-arp", "any"};

static void read_addresses(struct reading *reading, const struct document_node *node, void *target)
{
	struct device *device = target;
	const char *text = read_text(reading, node);
	for (enum device_addresses word = DEVICE_ADDRESSES_FIXED;
	     text && word < DEVICE_ADDRESSES_COUNT; word++)
		if (text_equal(DEVICE_ADDRESSES_NAMES[word], text)) {
			device->addresses = word;
			return;
		}
	if (text) {
		char hint[TEXT_HINT_BYTES];
		text_hint(hint, text, addresses_words, ARRAY_SIZE(addresses_words));
		document_complain(reading->document, node, reading->complaints,
				  "fixed, learn, learn-arp or any",
				  "'%.64s' is no way to come by addresses%s", text, hint);
	}
}

static const struct field device_fields[] = {
	{"name", FIELD_NAME, .required = true, FIELD_AT(struct device, name)},
	{"type", FIELD_NAME, .required = true, FIELD_AT(struct device, type)},
	{"description", FIELD_TEXT, FIELD_AT(struct device, description)},
	{"port", FIELD_LINK, .required = true, FIELD_AT(struct device, port)},
	{"mac", FIELD_OTHER, .required = true, .read = read_mac},
	{"ips", FIELD_OTHER, .read = read_ips},
	{"addresses", FIELD_OTHER, .read = read_addresses},
	{"groups", FIELD_OTHER, .read = read_groups},
	{"tags", FIELD_OTHER, .read = read_tags},
	{"multicast", FIELD_BOOLEAN, FIELD_AT(struct device, multicast)},
};

int device_read(struct device *ret, const struct document *document,
		const struct document_node *map, struct complaints *complaints)
{
	struct reading reading = {.document = document, .complaints = complaints};
	struct device device = {0};
	struct error err = {0};
	if (!fields_read(&reading, map, device_fields, ARRAY_SIZE(device_fields), &device))
		return -EINVAL;
	if (device_check(&device, &err) < 0) {
		document_complain(document, map, complaints, NULL, "%s", err.text);
		return -EINVAL;
	}
	*ret = device;
	return 0;
}

void devices_read(const struct document *document, struct complaints *complaints,
		  void (*on_device)(void *data, const struct device *device,
				    const struct document *document,
				    const struct document_node *node),
		  void *data)
{
	struct reading reading = {.document = document, .complaints = complaints};
	const struct document_node *list = document_root(document);
	if (!read_is_list(&reading, list, DEVICES_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct device device;
		if (device_read(&device, document, item, complaints) < 0)
			continue;
		TEXT_COPY(device.file, document_file(document));
		on_device(data, &device, document, item);
	}
}
