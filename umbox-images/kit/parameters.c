/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.c - reads umbox.json: who this umbox is, and its parameters. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "kernel.h"

void umbox_fail(struct umbox *umbox, const char *format, ...)
{
	va_list list;
	if (umbox->failure[0])
		return;
	va_start(list, format);
	vsnprintf(umbox->failure, sizeof(umbox->failure), format, list);
	va_end(list);
}

static void get_text(char *room, size_t bytes, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	snprintf(room, bytes, "%s", text ? text : "");
}

static uint32_t get_number(struct umbox *umbox, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(umbox->document, name));
	if (number < 1 || number > UINT32_MAX)
		umbox_fail(umbox, "umbox.json: no '%s'", name);
	return (uint32_t)number;
}

/* Left out by daemons that know of none. */
static void read_addresses(struct umbox *umbox, struct umbox_addresses *addresses,
			   const json_t *object, const char *name)
{
	const json_t *list = json_object_get(object, name);
	size_t count = json_array_size(list);
	if (list && (!json_is_array(list) || count > UMBOX_ADDRESSES_MAX)) {
		umbox_fail(umbox, "umbox.json: '%s' is not a list of at most %d", name,
			   UMBOX_ADDRESSES_MAX);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct umbox_ip *ip = &addresses->ip[addresses->count];
		if (text && inet_pton(AF_INET, text, ip->octet) == 1)
			ip->family = 4;
		else if (text && inet_pton(AF_INET6, text, ip->octet) == 1)
			ip->family = 6;
		else
			umbox_fail(umbox, "umbox.json: '%s' holds what is no address", name);
		addresses->count += ip->family != 0;
	}
}

static void read_document(struct umbox *umbox, const char *path)
{
	json_error_t error;
	umbox->document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!umbox->document) {
		umbox_fail(umbox, "%s:%d:%d: %s", path, error.line, error.column, error.text);
		return;
	}
	if (json_integer_value(json_object_get(umbox->document, "contract")) != 1)
		umbox_fail(umbox, "%s: 'contract' is not 1", path);
	umbox->identity.umbox = get_number(umbox, "umbox");
	umbox->identity.generation = get_number(umbox, "generation");
	get_text(umbox->identity.hop, sizeof(umbox->identity.hop), umbox->document, "hop");
	const json_t *device = json_object_get(umbox->document, "device");
	get_text(umbox->identity.device, sizeof(umbox->identity.device), device, "name");
	read_addresses(umbox, &umbox->device, device, "ips");
	read_addresses(umbox, &umbox->host, umbox->document, "host_addresses");
	umbox->shadow = json_is_true(json_object_get(umbox->document, "shadow"));
	umbox->parameters = json_object_get(umbox->document, "parameters");
	if (umbox->parameters && !json_is_object(umbox->parameters))
		umbox_fail(umbox, "%s: 'parameters' is not an object", path);
}

struct umbox *umbox_open(void)
{
	struct umbox *umbox = calloc(1, sizeof(*umbox));
	const char *folder = getenv("UMBOX_FOLDER");
	char path[sizeof(umbox->control.path)];
	if (!umbox)
		abort();
	umbox->legs[UMBOX_IN].fd = umbox->legs[UMBOX_OUT].fd = umbox->direct.fd = -1;
	umbox->sources = umbox->legs;
	umbox->wake_us = INT64_MAX;
	umbox->watch_fd = umbox->signal_fd = umbox->link_fd = umbox->child_output = -1;
	if (!folder)
		folder = "/run/kalki";
	if (snprintf(path, sizeof(path), "%s/control.sock", folder) >= (int)sizeof(path))
		umbox_fail(umbox, "UMBOX_FOLDER is too long");
	umbox_control_init(&umbox->control, path);
	snprintf(path, sizeof(path), "%s/umbox.json", folder);
	read_document(umbox, path);
	return umbox;
}

void umbox_free(struct umbox *umbox)
{
	kernel_free(umbox->kernel);
	json_decref(umbox->document);
	free(umbox->shadow_room);
	free(umbox);
}

const struct umbox_identity *umbox_identity(const struct umbox *umbox)
{
	return &umbox->identity;
}

bool umbox_is_host(const struct umbox *umbox, const struct umbox_ip *ip)
{
	for (unsigned i = 0; i < umbox->host.count; i++)
		if (umbox_ip_equal(&umbox->host.ip[i], ip))
			return true;
	return false;
}

const struct umbox_addresses *umbox_device_addresses(const struct umbox *umbox)
{
	return &umbox->device;
}

const struct umbox_addresses *umbox_host_addresses(const struct umbox *umbox)
{
	return &umbox->host;
}

static int64_t check_integer(struct umbox *umbox, const char *name, const json_t *value,
			     int64_t fallback, int64_t min, int64_t max)
{
	int64_t number = json_integer_value(value);
	if (json_is_integer(value) && number >= min && number <= max)
		return number;
	umbox_fail(umbox, "parameter '%s': not an integer from %" PRId64 " to %" PRId64, name, min,
		   max);
	return fallback;
}

int64_t umbox_integer(struct umbox *umbox, const char *name, int64_t fallback, int64_t min,
		      int64_t max)
{
	const json_t *value = json_object_get(umbox->parameters, name);
	return value ? check_integer(umbox, name, value, fallback, min, max) : fallback;
}

bool umbox_boolean(struct umbox *umbox, const char *name, bool fallback)
{
	const json_t *value = json_object_get(umbox->parameters, name);
	if (!value)
		return fallback;
	if (!json_is_boolean(value))
		umbox_fail(umbox, "parameter '%s': neither true nor false", name);
	return json_is_true(value);
}

const char *umbox_text(struct umbox *umbox, const char *name, const char *fallback)
{
	const json_t *value = json_object_get(umbox->parameters, name);
	if (!value)
		return fallback;
	if (!json_is_string(value)) {
		umbox_fail(umbox, "parameter '%s': not a text", name);
		return fallback;
	}
	return json_string_value(value);
}

size_t umbox_integers(struct umbox *umbox, const char *name, int64_t *values, size_t count,
		      size_t room, int64_t min, int64_t max)
{
	const json_t *list = json_object_get(umbox->parameters, name);
	if (!list)
		return count;
	if (!json_is_array(list) || json_array_size(list) > room) {
		umbox_fail(umbox, "parameter '%s': not a list of at most %zu integers", name, room);
		return count;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		values[i] = check_integer(umbox, name, json_array_get(list, i), min, min, max);
	return json_array_size(list);
}

size_t umbox_texts(struct umbox *umbox, const char *name, const char **values, size_t count,
		   size_t room)
{
	const json_t *list = json_object_get(umbox->parameters, name);
	size_t length = json_array_size(list);
	if (!list)
		return count;
	for (size_t i = 0; i < length && i < room; i++)
		values[i] = json_string_value(json_array_get(list, i));
	for (size_t i = 0; i < length && i < room; i++)
		if (!values[i])
			length = room + 1;
	if (json_is_array(list) && length <= room)
		return length;
	umbox_fail(umbox, "parameter '%s': not a list of at most %zu texts", name, room);
	return 0;
}
