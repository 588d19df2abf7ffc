/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `pass`: lets everything through; for tests, benchmarks, and as a beginning. */
#include "umbox.h"

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	(void)umbox;
	(void)frame;
	(void)user;
	return UMBOX_PASS;
}

int main(void)
{
	return umbox_run(umbox_open(), &(struct umbox_handler){.on_frame = on_frame});
}
