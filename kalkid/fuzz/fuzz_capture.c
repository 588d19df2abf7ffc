/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_capture.c - the ring of frames that a umbox offers: no more comes out than is in it. */
#include <assert.h>

#include "codec/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buffer struct buffer file = {0};
	uint64_t oldest = 0;
	if (size < CAPTURE_HEAD_BYTES)
		return 0;
	if (capture_oldest(&oldest, data, NULL) < 0)
		assert(oldest == 0);
	struct capture_about about = {.comment = "fuzzing", .oldest = oldest};
	int frames = capture_to_pcapng(&file, data, size, &about, NULL);
	assert(frames < 0 || (size_t)frames * 32 <= size);
	assert(file.length <= 1024 + size * 2);
	return 0;
}
