/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/docker_json.c - see docker_json.h. */
#include "codec/docker_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { FILES_MAX = 1024, LOG_HEADER_BYTES = 8 };

#define LABEL "org.kalki."

static void free_json_at(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(free_json_at)))

static const char *text_in(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

void docker_container_name(char name[static CONTAINER_NAME_BYTES], const char *instance,
			   uint32_t umbox)
{
	snprintf(name, CONTAINER_NAME_BYTES, "%s-umbox-%" PRIu32, instance, umbox);
}

static void set_number(json_t *labels, const char *label, uint32_t number)
{
	char text[16];
	snprintf(text, sizeof(text), "%" PRIu32, number);
	json_object_set_new(labels, label, json_string(text));
}

static json_t *labels_of(const struct container_marks *marks)
{
	json_t *labels = json_pack("{ss ss ss ss ss ss ss}", LABEL "managed", "true",
				   LABEL "instance", marks->instance, LABEL "device-name",
				   marks->device_name, LABEL "state", marks->state, LABEL "hop",
				   marks->hop, LABEL "spec", marks->digest, LABEL "serves",
				   marks->serves);
	set_number(labels, LABEL "umbox", marks->umbox);
	set_number(labels, LABEL "device", marks->device);
	set_number(labels, LABEL "generation", marks->generation);
	if (marks->shadow)
		json_object_set_new(labels, LABEL "shadow", json_string("true"));
	return labels;
}

static json_t *log_config(bool without_log)
{
	if (without_log)
		return json_pack("{ss}", "Type", "none");
	/* One file cannot be compressed. */
	return json_pack("{ss s{ss ss ss}}", "Type", "local", "Config", "max-size", "1m",
			 "max-file", "1", "compress", "false");
}

static json_t *host_config(const struct container_order *order)
{
	const struct umbox_image *image = order->image;
	json_t *capabilities = json_array();
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		if (image->capable[i])
			json_array_append_new(capabilities, json_string(umbox_capability_name(i)));
	json_int_t memory = (json_int_t)image->memory_bytes;
	return json_pack("{s{ss} s[s] so s[s] ss ss sb sb sb s{ss} sI sI sI sI"
			 " s[{ss si si}{ss si si}] so s[{ss ss ss sb}]}",
			 "RestartPolicy", "Name", "no", "CapDrop", "ALL", "CapAdd", capabilities,
			 "SecurityOpt", "no-new-privileges", "NetworkMode", "none", "IpcMode",
			 "none", "Privileged", 0, "ReadonlyRootfs", 1, "Init", 0, "Tmpfs", "/tmp",
			 "rw,noexec,nosuid,nodev,size=4m,mode=1777", "Memory", memory, "MemorySwap",
			 memory, "CpuShares", (json_int_t)image->cpu_shares, "PidsLimit",
			 (json_int_t)image->pids, "Ulimits", "Name", "nofile", "Soft", FILES_MAX,
			 "Hard", FILES_MAX, "Name", "core", "Soft", 0, "Hard", 0, "LogConfig",
			 log_config(order->without_log), "Mounts", "Type", "bind", "Source",
			 order->directory, "Target", "/run/kalki", "ReadOnly", 1);
}

char *docker_create_body(const struct container_order *order)
{
	char hostname[32];
	snprintf(hostname, sizeof(hostname), "umbox-%" PRIu32, order->marks->umbox);
	/* Without a network of the engine's, none of its own set-up runs at start; the mode "none"
	 * says the same to engines that do not know NetworkDisabled. */
	json_t *body = json_pack("{ss ss sb sb ss si s{s[s]} so so}", "Image", order->image->id,
				 "Hostname", hostname, "NetworkDisabled", 1, "Tty", 0, "StopSignal",
				 "SIGTERM", "StopTimeout", 2, "Healthcheck", "Test", "NONE",
				 "Labels", labels_of(order->marks), "HostConfig",
				 host_config(order));
	if (order->argument)
		json_object_set_new(body, "Cmd", json_pack("[s]", order->argument));
	char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

/* A name in a URL is safe only if it is what Docker's ids are. */
static bool copy_id(char *id, size_t id_bytes, const char *text)
{
	if (!text || !*text || strlen(text) >= id_bytes)
		return false;
	if (text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz:+._-")])
		return false;
	return text_copy(id, id_bytes, text);
}

static bool copy_name(char name[static NAME_BYTES], const char *text)
{
	if (!text || name_check("label", text, NULL) < 0)
		return false;
	return text_copy(name, NAME_BYTES, text);
}

static bool read_number(uint32_t *ret, const json_t *labels, const char *label)
{
	const char *text = text_in(labels, label);
	if (!text || !*text || strlen(text) > 10 || text[strspn(text, "0123456789")])
		return false;
	unsigned long long number = strtoull(text, NULL, 10);
	*ret = (uint32_t)number;
	return number <= UINT32_MAX;
}

static bool read_marks(struct container_marks *ret, const json_t *labels)
{
	const char *digest = text_in(labels, LABEL "spec");
	const char *serves = text_in(labels, LABEL "serves");
	ret->shadow = text_equal(text_in(labels, LABEL "shadow"), "true");
	return text_equal(text_in(labels, LABEL "managed"), "true") &&
	       copy_name(ret->instance, text_in(labels, LABEL "instance")) &&
	       copy_name(ret->device_name, text_in(labels, LABEL "device-name")) &&
	       copy_name(ret->state, text_in(labels, LABEL "state")) &&
	       copy_name(ret->hop, text_in(labels, LABEL "hop")) &&
	       read_number(&ret->umbox, labels, LABEL "umbox") && ret->umbox &&
	       read_number(&ret->device, labels, LABEL "device") && ret->device &&
	       ret->device <= DEVICE_NUMBER_MAX &&
	       read_number(&ret->generation, labels, LABEL "generation") && digest &&
	       TEXT_COPY(ret->digest, digest) && TEXT_COPY(ret->serves, serves ? serves : "");
}

/* An engine gives a container its image's labels, too. */
static void read_image_labels(struct container *ret, const json_t *labels)
{
	const char *offload = text_in(labels, "umbox.offload");
	const char *forwards = text_in(labels, "umbox.forwards");
	ret->legacy = text_equal(text_in(labels, "umbox.mode"), "legacy");
	ret->plain_frames = text_equal(offload, "off") || (ret->legacy && !offload);
	ret->ready_wired = text_equal(text_in(labels, "umbox.ready"), "wired");
	ret->direct = ret->legacy || text_equal(text_in(labels, "umbox.direct"), "yes");
	ret->forwards_all = !forwards || text_equal(forwards, "all");
}

static enum container_state state_of(const char *status)
{
	if (text_equal(status, "created"))
		return CONTAINER_CREATED;
	/* A paused one still has its place: its silence condemns it. */
	if (text_equal(status, "running") || text_equal(status, "paused") ||
	    text_equal(status, "restarting"))
		return CONTAINER_RUNNING;
	return CONTAINER_ENDED;
}

int docker_read_created(char id[static CONTAINER_ID_BYTES], const char *bytes, size_t count,
			struct error *err)
{
	cleanup_json json_t *answer = json_loadb(bytes ? bytes : "", count, 0, NULL);
	if (!copy_id(id, CONTAINER_ID_BYTES, text_in(answer, "Id")))
		return error_set(err, -EPROTO, "Docker's answer has no container id");
	return 0;
}

int docker_read_container(struct container *ret, const char *bytes, size_t count, struct error *err)
{
	cleanup_json json_t *answer = json_loadb(bytes ? bytes : "", count, 0, NULL);
	const json_t *state = json_object_get(answer, "State");
	const char *status = text_in(state, "Status"), *started = text_in(state, "StartedAt");
	const json_t *pid = json_object_get(state, "Pid");
	struct container found = {
		.state = state_of(status),
		.exit_code = (int)json_integer_value(json_object_get(state, "ExitCode")),
		.out_of_memory = json_is_true(json_object_get(state, "OOMKilled")),
	};
	if (!copy_id(found.id, sizeof(found.id), text_in(answer, "Id")) ||
	    !copy_id(found.image_id, sizeof(found.image_id), text_in(answer, "Image")) || !status ||
	    !started || !TEXT_COPY(found.started_at, started) || !json_is_integer(pid) ||
	    json_integer_value(pid) < 0 || json_integer_value(pid) > INT32_MAX)
		return error_set(err, -EPROTO, "Docker's answer about a container is incomplete");
	const json_t *labels = json_object_get(json_object_get(answer, "Config"), "Labels");
	if (!read_marks(&found.marks, labels))
		return error_set(err, -ENOKEY, "container %.12s does not carry our labels",
				 found.id);
	read_image_labels(&found, labels);
	if (found.state == CONTAINER_RUNNING)
		found.pid = (pid_t)json_integer_value(pid);
	*ret = found;
	return 0;
}

int docker_read_list(struct container **ret, unsigned *ret_count, const char *instance,
		     const char *bytes, size_t count, struct error *err)
{
	cleanup_json json_t *answer = json_loadb(bytes ? bytes : "", count, 0, NULL);
	size_t size = json_array_size(answer);
	if (!json_is_array(answer) || size > CONTAINERS_MAX)
		return error_set(err, -EPROTO, "Docker's answer is not a list of containers");
	struct container *found = mem_alloc_array(size, sizeof(*found));
	unsigned kept = 0;
	size_t index;
	json_t *item;
	json_array_foreach(answer, index, item)
	{
		struct container *container = &found[kept];
		*container = (struct container){.state = state_of(text_in(item, "State"))};
		if (copy_id(container->id, sizeof(container->id), text_in(item, "Id")) &&
		    copy_id(container->image_id, sizeof(container->image_id),
			    text_in(item, "ImageID")) &&
		    read_marks(&container->marks, json_object_get(item, "Labels")) &&
		    text_equal(container->marks.instance, instance))
			kept++;
	}
	*ret = found;
	*ret_count = kept;
	return 0;
}

static enum docker_event_kind event_kind(const char *type, const char *action)
{
	if (text_equal(type, "image"))
		return DOCKER_EVENT_IMAGES;
	if (!text_equal(type, "container"))
		return DOCKER_EVENT_OTHER;
	if (text_equal(action, "die"))
		return DOCKER_EVENT_DIED;
	if (text_equal(action, "destroy") || text_equal(action, "remove"))
		return DOCKER_EVENT_REMOVED;
	return DOCKER_EVENT_OTHER;
}

int docker_read_event(struct docker_event *ret, const char *bytes, size_t count, struct error *err)
{
	cleanup_json json_t *line = json_loadb(bytes, count, 0, NULL);
	const char *type = text_in(line, "Type");
	const json_t *actor = json_object_get(line, "Actor");
	const json_t *attributes = json_object_get(actor, "Attributes");
	struct docker_event event = {
		.kind = event_kind(type, text_in(line, "Action")),
		.exit_code = -1,
	};
	if (!type)
		return error_set(err, -EPROTO, "Docker's event has no type");
	bool of_container = event.kind == DOCKER_EVENT_DIED || event.kind == DOCKER_EVENT_REMOVED;
	if (of_container &&
	    !copy_id(event.container, sizeof(event.container), text_in(actor, "ID")))
		return error_set(err, -EPROTO, "Docker's event has no container id");
	const char *instance = text_in(attributes, LABEL "instance");
	const char *code = text_in(attributes, "exitCode");
	if (instance)
		TEXT_COPY(event.instance, instance);
	if (code)
		event.exit_code = atoi(code);
	*ret = event;
	return 0;
}

/* Replaces what would spoil a line of a log or a terminal. */
static char printable(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && (unsigned char)c < 0x7f) ? c : '?';
}

void docker_error_words(char *words, size_t words_bytes, const char *bytes, size_t count)
{
	cleanup_json json_t *answer = json_loadb(bytes ? bytes : "", count, 0, NULL);
	const char *message = text_in(answer, "message");
	if (message) {
		bytes = message;
		count = strlen(message);
	}
	assert(bytes || !count);
	while (count && (bytes[count - 1] == '\n' || bytes[count - 1] == '\r'))
		count--;
	size_t length = min_of(count, words_bytes - 1);
	for (size_t i = 0; i < length; i++)
		words[i] = bytes[i] == '\n' ? ' ' : printable(bytes[i]);
	words[length] = '\0';
}

char *docker_log_text(const char *bytes, size_t count, size_t bytes_max)
{
	char *text = mem_alloc(count + 1);
	size_t length = 0;
	for (size_t at = 0; count - at >= LOG_HEADER_BYTES;) {
		const unsigned char *head = (const unsigned char *)bytes + at;
		size_t size = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 |
			      head[7];
		at += LOG_HEADER_BYTES;
		size = min_of(size, count - at);
		for (size_t i = 0; i < size; i++)
			text[length++] = bytes[at + i] == '\n' ? '\n' : printable(bytes[at + i]);
		at += size;
	}
	if (length > bytes_max) {
		memmove(text, text + length - bytes_max, bytes_max);
		length = bytes_max;
	}
	text[length] = '\0';
	return text;
}
