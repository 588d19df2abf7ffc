/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_wemo.c - arbitrary requests to the decoy: each gets an answer that is whole.
 *
 * Input: three lines (method, path, action), then the body. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wemo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line; the rest stays. */
static char *line_of(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');
	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wemo_answer answer;
	struct wemo wemo = {.serial = "S1", .name = "Lamp", .is_on = true, .power_mw = 12000};
	char *text = calloc(1, size + 1), *rest = text;
	if (size)
		memcpy(text, data, size);
	struct wemo_request request = {.now_s = 1600000000};
	request.method = line_of(&rest);
	request.path = line_of(&rest);
	request.action = line_of(&rest);
	request.body = rest;
	for (int i = 0; i < 2; i++, request.now_s += 90000) {
		wemo_answer(&wemo, &request, &answer);
		assert(answer.status == 200 || answer.status == 404 || answer.status == 500);
		assert(answer.length == strlen(answer.text) &&
		       answer.length < sizeof(answer.text) - 1);
		assert(answer.text[answer.length - 1] == '\n');
	}
	free(text);
	return 0;
}
