/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_legacy_request.c - requests to a umbox's endpoint: the same in one piece and in many,
 * in bounds, and what comes of them is a line like any other. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "codec/legacy_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_in_pieces(const uint8_t *data, size_t size, size_t piece, struct umbox_line *ret)
{
	struct legacy_request request;
	struct error err = {0};
	bool done = false;
	legacy_request_begin(&request);
	for (size_t at = 0; at < size && !done; at += piece)
		done = legacy_request_take(&request, (const char *)data + at,
					   min_of(piece, size - at));
	assert(request.body_bytes <= sizeof(request.body));
	int result = legacy_request_read(&request, ret, &err);
	assert(result == 0 || (err.code == result && err.text[0]));
	assert(done || result < 0);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umbox_line whole, pieces;
	if (size > LEGACY_REQUEST_BYTES)
		return 0;
	int result = read_in_pieces(data, size, LEGACY_REQUEST_BYTES, &whole);
	int again = read_in_pieces(data, size, 7, &pieces);
	assert((result < 0) == (again < 0)); /* of several faults the first that is seen is told */
	if (result < 0)
		return 0;
	assert(whole.kind == pieces.kind && whole.kind != UMBOX_LINE_HEARTBEAT);
	assert((whole.kind == UMBOX_LINE_RECORD) == (whole.json != NULL));
	if (whole.kind == UMBOX_LINE_ALERT) {
		assert(name_check("type", whole.alert.type, NULL) == 0);
		assert(memchr(whole.alert.detail, '\0', ALERT_DETAIL_BYTES));
		for (const char *c = whole.alert.detail; *c; c++)
			assert((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
	free(whole.json);
	free(pieces.json);
	return 0;
}
