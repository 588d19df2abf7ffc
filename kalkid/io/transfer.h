/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/transfer.h - transfers of curl on the loop, several at once: the plumbing below whoever speaks
 * HTTP or SMTP.
 *
 * The user makes and sets up the easy handle, and cleans it up in `done`. */
#pragma once

#include <curl/curl.h>
#include <uv.h>

#include "base/error.h"
#include "io/later.h"

struct transfers;

struct transfer {
	/* Set by the user before transfer_start. */
	CURL *easy;
	/* Exactly once, never before transfer_start returned, and never inside of curl.  The
	 * transfer is the user's again. */
	void (*done)(struct transfer *transfer, CURLcode code);

	/* Theirs who carry it out. */
	struct transfers *transfers;
	struct transfer *next, *previous;
	struct later later; /* to be started, or cancelled */
	bool cancelled;
	char words[CURL_ERROR_SIZE];
};

int transfers_open(struct transfers **ret, uv_loop_t *loop, struct error *err) must_check;
/* Cancels what is open; `closed` runs once, after the last `done`. */
void transfers_close(struct transfers *transfers, void (*closed)(void *data), void *data);

/* Also from inside a callback of curl's, and of `done`. */
void transfer_start(struct transfers *transfers, struct transfer *transfer);
/* `done` comes soon; what still arrives is to be ignored. */
void transfer_cancel(struct transfer *transfer);

/* What an end means: 0, -ECANCELED, -ETIMEDOUT, the errno of a connection that did not come about
 * (nothing was sent then), or -EIO.  `what` stands in front of the words.  Before the easy handle
 * is cleaned up. */
int transfer_result(const struct transfer *transfer, CURLcode code, const char *what,
		    struct error *err);
