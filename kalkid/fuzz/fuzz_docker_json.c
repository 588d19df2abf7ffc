/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_docker_json.c - Docker's answers; the first byte says which reader gets the rest. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/docker_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(const char *bytes, size_t count)
{
	struct container *list;
	unsigned listed;
	if (docker_read_list(&list, &listed, "site", bytes, count, NULL) < 0)
		return;
	for (unsigned i = 0; i < listed; i++)
		assert(strcmp(list[i].marks.instance, "site") == 0 && list[i].marks.umbox);
	free(list);
}

static void read_image(const char *bytes, size_t count)
{
	struct umbox_image image;
	if (umbox_image_read(&image, bytes, count, NULL) < 0)
		return;
	int result = umbox_image_check_parameters(&image, "{\"a\":[1,{\"b\":\"c\"}],\"d\":1.5}",
						  NULL);
	assert(result == 0 || result == -EINVAL);
	umbox_image_done(&image);
}

static void read_text(const char *bytes, size_t count)
{
	char words[32];
	docker_error_words(words, sizeof(words), bytes, count);
	assert(strlen(words) < sizeof(words));
	char *text = docker_log_text(bytes, count, 100);
	assert(strlen(text) <= 100);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	const char *bytes = (const char *)data + 1;
	size_t count = size - 1;
	struct container container;
	struct docker_event event;
	char id[CONTAINER_ID_BYTES];
	switch (data[0]) {
	case 'l': read_list(bytes, count); break;
	case 'i': read_image(bytes, count); break;
	case 't': read_text(bytes, count); break;
	case 'c':
		if (docker_read_container(&container, bytes, count, NULL) == 0)
			assert(container.pid >= 0 && container.marks.umbox);
		break;
	case 'e':
		if (docker_read_event(&event, bytes, count, NULL) == 0)
			assert(event.kind < DOCKER_EVENT_KIND_COUNT);
		break;
	case 'n':
		if (docker_read_created(id, bytes, count, NULL) == 0)
			assert(id[0]);
		break;
	}
	return 0;
}
