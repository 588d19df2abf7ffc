/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/device_file.c - devices out of files of devices.d and out of requests. */
#include "codec/files_internal.h"
#include "codec/policy_internal.h"
#include "codec/schema.h"

#include <string.h>

#include "base/mem.h"
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

static void read_hop_parameters(struct reading *reading, const struct document_node *map)
{
	for (const struct document_node *hop = map->first; hop; hop = hop->next) {
		struct error err = {0};
		if (name_check("hop", hop->key, &err) < 0)
			document_complain_key(reading->document, hop, reading->complaints, NULL,
					      "%s", err.text);
		if (hop->kind != DOCUMENT_MAP)
			document_complain(reading->document, hop, reading->complaints, "{}",
					  "parameters are a map");
	}
}

static void read_parameters(struct reading *reading, const struct document_node *map, void *target)
{
	struct device *device = target;
	if (map->kind != DOCUMENT_MAP) {
		document_complain(reading->document, map, reading->complaints,
				  "{HOP: {key: value}}", "parameters are a map of hops");
		return;
	}
	read_hop_parameters(reading, map);
	if (!map->first)
		return;
	json_t *json = document_to_json(map);
	cleanup_free char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(json);
	if (!TEXT_COPY(device->parameters, text))
		document_complain(reading->document, map, reading->complaints, NULL,
				  "is longer than %d bytes as JSON", DEVICE_PARAMETERS_BYTES - 1);
}

static json_t *describe_mac(void)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern",
			 "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$");
}

static json_t *describe_ips(void)
{
	return schema_list(schema_line("^[0-9A-Fa-f:.]+$", IP_TEXT_BYTES - 1), 0, DEVICE_IPS_MAX);
}

static json_t *describe_labels(void)
{
	json_t *labels = schema_list(schema_name(), 0, DEVICE_LABELS_MAX);
	json_object_set_new(labels, "uniqueItems", json_true());
	return labels;
}

static json_t *describe_addresses(void)
{
	json_t *words = json_array();
	for (unsigned i = DEVICE_ADDRESSES_FIXED; i < DEVICE_ADDRESSES_COUNT; i++)
		json_array_append_new(words, json_string(DEVICE_ADDRESSES_NAMES[i]));
	return json_pack("{s:o}", "enum", words);
}

static json_t *describe_parameters(void)
{
	return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type",
			 "object");
}

static void read_own_factor(struct reading *reading, const struct document_node *node, void *target)
{
	double factor = 1;
	read_factor(reading, node, &factor);
	((struct device *)target)->telemetry_factor = factor == 0 ? -1 : factor;
}

static const struct field device_fields[] = {
	{"name", FIELD_NAME, .required = true, FIELD_AT(struct device, name),
	 .about = "of the device, once on this host"},
	{"type", FIELD_NAME, .required = true, FIELD_AT(struct device, type),
	 .about = "its device type"},
	{"description", FIELD_TEXT, FIELD_AT(struct device, description),
	 .about = "what it is, for people"},
	{"port", FIELD_LINK, .required = true, FIELD_AT(struct device, port),
	 .about = "the device port that it is behind"},
	{"mac", FIELD_OTHER, .required = true, .read = read_mac, .about = "its MAC address",
	 .describe = describe_mac},
	{"ips", FIELD_OTHER, .read = read_ips, .about = "its addresses", .describe = describe_ips},
	{"addresses", FIELD_OTHER, .read = read_addresses, .about = "how its addresses are known",
	 .describe = describe_addresses},
	{"groups", FIELD_OTHER, .read = read_groups, .about = "that it belongs to",
	 .describe = describe_labels},
	{"tags", FIELD_OTHER, .read = read_tags, .about = "that it carries",
	 .describe = describe_labels},
	{"multicast", FIELD_BOOLEAN, FIELD_AT(struct device, multicast),
	 .about = "multicast other than ARP, ND and DHCP passes"},
	{"telemetry_factor", FIELD_OTHER, .read = read_own_factor,
	 .about = "ask its sources so much more often: 2 is twice as often, 0 not at all",
	 .describe = describe_factor},
	{"shadow", FIELD_BOOLEAN, FIELD_AT(struct device, shadow),
	 .about = "its policy decides and is recorded, and is not enforced"},
	{"parameters", FIELD_OTHER, .read = read_parameters,
	 .about = "of the hops of its chains, by their names: in place of the type's",
	 .describe = describe_parameters},
};

json_t *schema_of_devices(void)
{
	json_t *schema = schema_list(SCHEMA_MAP(device_fields), 0, DEVICES_MAX);
	json_object_set_new(schema, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(schema, "title", json_string("Devices of KalKi"));
	return schema;
}

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
