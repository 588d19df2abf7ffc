/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/deliver.h - carries one notice to whom a notifier says. */
#pragma once

#include "base/error.h"
#include "core/notifier.h"

struct deliverer;

/* Embedded in its user's object. */
struct delivery {
	/* Exactly once, never before `start` returned: 0 when the other side took it; -EBADMSG when
	 * it will never take this notice; else it may be tried again.  The words hold no
	 * credential. */
	void (*done)(struct delivery *delivery, int result, const struct error *err);
	void *own; /* the deliverer's, while it is under way */
	enum notifier_kind kind;
};

struct deliverer_ops {
	/* Notifier and notice are borrowed for the time of the call. */
	void (*start)(struct deliverer *deliverer, const struct notifier *notifier,
		      const struct notice *notice, struct delivery *delivery);
	/* `done` comes soon, with -ECANCELED unless it was on its way. */
	void (*cancel)(struct deliverer *deliverer, struct delivery *delivery);
	/* Cancels what is open; `closed` runs once, after the last `done`. */
	void (*close)(struct deliverer *deliverer, void (*closed)(void *data), void *data);
};

struct deliverer {
	const struct deliverer_ops *ops;
};
