/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/mailbox.h - takes mails of devices (SMTP): only from the addresses of devices that have a
 * mailbox there, only for their recipients; nothing is relayed or kept. */
#pragma once

#include <uv.h>

#include "core/device.h"

struct mailboxes;
struct mail_door;

struct mailbox {
	/* Set by the user; they stay until it leaves. */
	const char *listen; /* "127.0.0.1:2525", "[::1]:2525" */
	const char *to;     /* NULL: any recipient */
	const struct device_identity *device;
	void (*on_mail)(struct mailbox *mailbox);
	/* Theirs who carry it out. */
	struct mail_door *door;
	struct mailbox *prev, *next;
};

void mailboxes_open(struct mailboxes **ret, uv_loop_t *loop);
/* Every mailbox has left; `closed` runs once. */
void mailboxes_close(struct mailboxes *mailboxes, void (*closed)(void *data), void *data);

/* An address that the machine does not have yet is tried again until it has it. */
void mailbox_enter(struct mailboxes *mailboxes, struct mailbox *mailbox);
void mailbox_leave(struct mailbox *mailbox);
