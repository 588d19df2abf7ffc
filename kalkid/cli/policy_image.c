/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_image.c - see policy_image.h. */
#include "cli/policy_image.h"

#include "base/mem.h"
#include "cli/client.h"

enum { HTTP_OK = 200, HTTP_NOT_FOUND = 404 };

enum image_known image_ask(struct image_asker *asker, const char *reference,
			   struct umbox_image *ret, struct error *err)
{
	cleanup_free char *path = mem_printf("/images/%s/json", reference);
	cleanup_buffer struct buffer answer = {0};
	long status = 0;
	if (asker->unreachable)
		return IMAGE_UNKNOWN;
	asker->unreachable = !client_ask(asker->cli, asker->socket, path, &status, &answer);
	if (asker->unreachable)
		return IMAGE_UNKNOWN;
	if (status != HTTP_OK)
		return status == HTTP_NOT_FOUND ? IMAGE_MISSING : IMAGE_UNKNOWN;
	int result = umbox_image_read(ret, answer.bytes ? answer.bytes : "", answer.length, err);
	return result < 0 ? IMAGE_WRONG : IMAGE_READ;
}
