/* SPDX-License-Identifier: Apache-2.0 */
/* test_gate.c - which frames Suricata is not given.  (The outer tag is beside a frame: a socket
 * that is no packet socket has none.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "frames.h"
#include "gate.h"

static bool is_taken(const struct test_frame *frame)
{
	int ends[2];
	char bytes[2048];
	struct sock_filter code[GATE_STEPS];
	struct sock_fprog program = {.len = GATE_STEPS, .filter = code};
	gate_filter(code, 0, UINT32_MAX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	assert_int_equal(
		setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
	assert_int_equal(send(ends[0], frame->bytes, frame->length, 0), frame->length);
	ssize_t count = recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT);
	close(ends[0]);
	close(ends[1]);
	assert_true(count < 0 || count == frame->length);
	return count > 0;
}

/* A frame with so many tags in it, and behind them a type, or a length and a head of LLC and SNAP.
 */
static bool takes(unsigned tags, uint16_t type, const char *head)
{
	struct test_frame frame;
	start_frame(&frame, tags ? 0x8100 : type);
	for (unsigned i = 0; i < tags; i++) {
		put16(&frame, 0);
		put16(&frame, i + 1 < tags ? 0x88a8 : type);
	}
	if (head) {
		put_bytes(&frame, head, 6);
		put16(&frame, 0x0800);
	}
	put_bytes(&frame, (uint8_t[46]){0}, 46);
	return is_taken(&frame);
}

static void what_hides_ip_is_kept_out(void **state)
{
	static const char *const wraps[] = {"\xaa\xaa\x03\0\0\0", "\xaa\xaa\x03\0\0\xf8"};
	(void)state;
	for (unsigned tags = 0; tags < 2; tags++)
		for (unsigned i = 0; i < 2; i++)
			assert_false(takes(tags, 60, wraps[i]));
	assert_false(takes(2, 0x0800, NULL)); /* a third one, with that beside the frame */
	assert_false(takes(3, 0x0800, NULL));
}

static void all_else_is_taken(void **state)
{
	(void)state;
	assert_true(takes(0, 0x0800, NULL));
	assert_true(takes(0, 0x86dd, NULL));
	assert_true(takes(0, 0x0806, NULL));
	assert_true(takes(1, 0x0800, NULL));
	assert_true(takes(0, 60, "\x42\x42\x03\0\0\0"));
	assert_true(takes(0, 60, "\xaa\xaa\x03\x08\0\x07"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hides_ip_is_kept_out),
		cmocka_unit_test(all_else_is_taken),
	};
	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
