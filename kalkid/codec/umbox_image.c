/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/umbox_image.c - see umbox_image.h. */
#include "codec/umbox_image.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "codec/parameter_schema.h"

enum { PIDS_DEFAULT = 32, SHARES_OF_A_CPU = 1024 };
#define MEMORY_DEFAULT ((uint64_t)64 << 20)
#define LABEL_PREFIX   "umbox."

const char *umbox_capability_name(enum umbox_capability capability)
{
	static const char *const names[] = {
		[CAPABILITY_NET_RAW] = "NET_RAW",
		[CAPABILITY_NET_ADMIN] = "NET_ADMIN",
		[CAPABILITY_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	};
	return names[capability];
}

const char *const UMBOX_FORWARDS_NAMES[UMBOX_FORWARDS_COUNT] = {
	[UMBOX_FORWARDS_ALL] = "all",
	[UMBOX_FORWARDS_SOME] = "some",
	[UMBOX_FORWARDS_NONE] = "none",
};

static int wrong(const char *label, const char *value, const char *right, struct error *err)
{
	return error_set(err, -EINVAL, "image label %s is '%.64s' (it must be %s)", label, value,
			 right);
}

static int read_contract(struct umbox_image *image, const char *value, struct error *err)
{
	if (!value)
		return error_set(err, -EINVAL,
				 "the image is no umbox: it has no label umbox.contract%s%s",
				 image->doubt[0] ? "; " : "", image->doubt);
	return text_equal(value, "1") ? 0 : wrong("umbox.contract", value, "1", err);
}

static int read_mode(struct umbox_image *image, const char *value, struct error *err)
{
	image->legacy = text_equal(value, "legacy");
	if (value && !image->legacy && !text_equal(value, "inline"))
		return wrong("umbox.mode", value, "inline or legacy", err);
	return 0;
}

static int read_capabilities(struct umbox_image *image, const char *value, struct error *err)
{
	const char *otherwise = image->legacy ? "NET_RAW" : "";
	cleanup_free char *list = mem_copy_text(value ? value : otherwise);
	char *rest = list;
	for (char *word = strtok_r(list, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest)) {
		unsigned i = 0;
		while (i < CAPABILITY_COUNT && !text_equal(umbox_capability_name(i), word))
			i++;
		if (i == CAPABILITY_COUNT)
			return wrong("umbox.capabilities", word,
				     "some of NET_RAW, NET_ADMIN, NET_BIND_SERVICE", err);
		image->capable[i] = true;
	}
	return 0;
}

/* Digits with an optional unit k or m. */
static bool parse_bytes(uint64_t *ret, const char *text)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	unsigned shift = *end == 'k' ? 10 : *end == 'm' ? 20 : 0;
	if (errno || (shift && *++end) || *end || value > UMBOX_MEMORY_MAX_BYTES >> shift)
		return false;
	*ret = value << shift;
	return true;
}

static int read_memory(struct umbox_image *image, const char *value, struct error *err)
{
	if (!value)
		image->memory_bytes = MEMORY_DEFAULT;
	else if (!parse_bytes(&image->memory_bytes, value) ||
		 image->memory_bytes < UMBOX_MEMORY_MIN_BYTES)
		return wrong("umbox.memory", value, "bytes, or with k or m, from 8m to 8192m", err);
	return 0;
}

static int read_pids(struct umbox_image *image, const char *value, struct error *err)
{
	uint64_t pids = PIDS_DEFAULT;
	if (value && (!parse_bytes(&pids, value) || pids < 1 || pids > UMBOX_PIDS_MAX))
		return wrong("umbox.pids", value, "a number from 1 to 4096", err);
	image->pids = (unsigned)pids;
	return 0;
}

static int read_cpus(struct umbox_image *image, const char *value, struct error *err)
{
	char *end = NULL;
	double cpus = value && isdigit((unsigned char)value[0]) ? strtod(value, &end) : 0;
	bool right = end && !*end && !value[strspn(value, "0123456789.")] && cpus >= 0.1 &&
		     cpus <= UMBOX_CPUS_MAX;
	if (value && !right)
		return wrong("umbox.cpus", value, "a number from 0.1 to 16", err);
	image->cpu_shares = value ? (unsigned)(cpus * SHARES_OF_A_CPU) : SHARES_OF_A_CPU;
	return 0;
}

static int read_offload(struct umbox_image *image, const char *value, struct error *err)
{
	image->plain_frames = value ? text_equal(value, "off") : image->legacy;
	if (value && !image->plain_frames && !text_equal(value, "keep"))
		return wrong("umbox.offload", value, "keep or off", err);
	return 0;
}

static int read_direct(struct umbox_image *image maybe_unused, const char *value, struct error *err)
{
	if (value && !text_equal(value, "yes") && !text_equal(value, "no"))
		return wrong("umbox.direct", value, "yes or no", err);
	return 0;
}

static int read_ready(struct umbox_image *image, const char *value, struct error *err)
{
	image->ready_wired = text_equal(value, "wired");
	if (value && !image->ready_wired && !text_equal(value, "socket"))
		return wrong("umbox.ready", value, "socket or wired", err);
	return 0;
}

static int read_shadow(struct umbox_image *image, const char *value, struct error *err)
{
	image->shadow = text_equal(value, "yes");
	if (value && !image->shadow && !text_equal(value, "no"))
		return wrong("umbox.shadow", value, "yes or no", err);
	return 0;
}

static int read_midstream(struct umbox_image *image, const char *value, struct error *err)
{
	image->resets = text_equal(value, "reset");
	if (value && !image->resets && !text_equal(value, "ok"))
		return wrong("umbox.midstream", value, "ok or reset", err);
	return 0;
}

static int read_forwards(struct umbox_image *image, const char *value, struct error *err)
{
	for (unsigned i = 0; i < UMBOX_FORWARDS_COUNT; i++) {
		if (!value || text_equal(value, UMBOX_FORWARDS_NAMES[i])) {
			image->forwards = i;
			return 0;
		}
	}
	return wrong("umbox.forwards", value, "all, some or none", err);
}

static int read_parameters(struct umbox_image *image, const char *value, struct error *err)
{
	if (!value)
		return 0;
	json_error_t json_error;
	if (strlen(value) > UMBOX_LABEL_BYTES_MAX)
		return error_set(err, -EINVAL,
				 "image label umbox.parameters is longer than %d bytes",
				 UMBOX_LABEL_BYTES_MAX);
	image->parameters = json_loads(value, JSON_REJECT_DUPLICATES, &json_error);
	if (!image->parameters)
		return error_set(err, -EINVAL, "image label umbox.parameters is not JSON: %s",
				 json_error.text);
	int result = parameter_schema_check(image->parameters, err);
	if (result < 0)
		error_prefix(err, "image label umbox.parameters: ");
	return result;
}

static const struct {
	const char *label;
	int (*read)(struct umbox_image *image, const char *value, struct error *err);
} LABELS[] = {
	{"umbox.contract", read_contract},
	{"umbox.mode", read_mode},
	{"umbox.capabilities", read_capabilities},
	{"umbox.memory", read_memory},
	{"umbox.pids", read_pids},
	{"umbox.cpus", read_cpus},
	{"umbox.offload", read_offload},
	{"umbox.ready", read_ready},
	{"umbox.direct", read_direct},
	{"umbox.midstream", read_midstream},
	{"umbox.shadow", read_shadow},
	{"umbox.forwards", read_forwards},
	{"umbox.parameters", read_parameters},
};

/* Other labels of that prefix may be of a contract to come. */
static void look_for_misspelt(struct umbox_image *image, json_t *labels)
{
	const char *names[ARRAY_SIZE(LABELS)], *label;
	json_t *value;
	for (size_t i = 0; i < ARRAY_SIZE(LABELS); i++)
		names[i] = LABELS[i].label + strlen(LABEL_PREFIX);
	json_object_foreach(labels, label, value)
	{
		if (!text_starts(label, LABEL_PREFIX))
			continue;
		const char *word = label + strlen(LABEL_PREFIX);
		const char *nearest = text_nearest(word, names, ARRAY_SIZE(names));
		if (nearest && !text_equal(nearest, word))
			snprintf(image->doubt, sizeof(image->doubt),
				 "image label " LABEL_PREFIX "%s means nothing (is " LABEL_PREFIX
				 "%s meant?)",
				 word, nearest);
	}
}

int umbox_image_read(struct umbox_image *ret, const char *bytes, size_t count, struct error *err)
{
	struct umbox_image image = {0};
	json_t *answer = json_loadb(bytes ? bytes : "", count, 0, NULL);
	const char *id = json_string_value(json_object_get(answer, "Id"));
	json_t *labels = json_object_get(json_object_get(answer, "Config"), "Labels");
	int result = 0;
	look_for_misspelt(&image, labels);
	if (!id || !TEXT_COPY(image.id, id))
		result = error_set(err, -EPROTO, "Docker's answer about the image has no id");
	for (size_t i = 0; i < ARRAY_SIZE(LABELS) && result == 0; i++)
		result = LABELS[i].read(
			&image, json_string_value(json_object_get(labels, LABELS[i].label)), err);
	json_decref(answer);
	if (result < 0)
		umbox_image_done(&image);
	else
		*ret = image;
	return result;
}

void umbox_image_done(struct umbox_image *image)
{
	json_decref(image->parameters);
	*image = (struct umbox_image){0};
}

int umbox_image_check_parameters(const struct umbox_image *image, const char *parameters,
				 struct error *err)
{
	json_t *values = json_loads(parameters, JSON_REJECT_DUPLICATES, NULL);
	int result = 0;
	if (!json_is_object(values))
		result = error_set(err, -EINVAL, "parameters: not a JSON object");
	else if (image->parameters)
		result = parameter_schema_match(image->parameters, values, err);
	else if (json_object_size(values))
		result = error_set(err, -EINVAL, "parameters: the image takes none");
	json_decref(values);
	return result;
}

int umbox_image_check_shadow(const struct umbox_image *image, const struct hop *hop,
			     struct error *err)
{
	if (!hop->shadow || image->shadow)
		return 0;
	return error_set(err, -EINVAL,
			 "shadow: the image '%s' cannot run without dropping (it has no label "
			 "umbox.shadow=yes)",
			 hop->image);
}

static json_t *addresses(const struct ip *ips, unsigned count)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < count; i++) {
		char ip[IP_TEXT_BYTES];
		ip_print(ip, &ips[i]);
		json_array_append_new(list, json_string(ip));
	}
	return list;
}

char *umbox_description(uint32_t umbox, uint32_t generation, const struct hop *hop,
			const struct device_identity *device, const struct host_identity *host)
{
	char mac[MAC_TEXT_BYTES];
	mac_print(mac, &device->mac);
	json_t *parameters = json_loads(hop->parameters, 0, NULL);
	json_t *description = json_pack("{si sI ss sI s{ss ss so} so so}", "contract", 1, "umbox",
					(json_int_t)umbox, "hop", hop->name, "generation",
					(json_int_t)generation, "device", "name", device->name,
					"mac", mac, "ips", addresses(device->ips, device->ip_count),
					"host_addresses", addresses(host->ips, host->ip_count),
					"parameters", parameters ? parameters : json_object());
	if (hop->shadow)
		json_object_set_new(description, "shadow", json_true());
	char *text = json_dumps(description, JSON_COMPACT);
	json_decref(description);
	return text;
}
