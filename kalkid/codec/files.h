/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/files.h - what the operator's files say, as values: kalkid.yaml with conf.d, device types
 * (policies), devices.  All complaints of all files are collected; with any, nothing is used. */
#pragma once

#include "codec/document.h"
#include "core/data_plane.h"
#include "core/definitions.h"
#include "core/notifier.h"

enum { POLICIES_MAX = 256, CONFIG_TEXT_BYTES = 256 };

/* /etc/kalki/kalkid.yaml; every field has a default but the device ports. */
struct config {
	char instance[NAME_BYTES];
	struct data_plane data_plane;
	char docker_socket[CONFIG_TEXT_BYTES];
	unsigned starts_at_once;
	unsigned alerts_per_second;
	int64_t heartbeat_timeout_us, ready_timeout_us, drain_quiet_us, drain_max_us,
		observe_every_us;
	int64_t history_age_max_us, history_bytes_max, capture_bytes_max;
	unsigned history_answers_max;        /* of each telemetry source of a device */
	char secrets[CONFIG_TEXT_BYTES];     /* directory of credentials; ROOT/etc/kalki/secrets */
	struct exchange_from telemetry_from; /* source addresses of telemetry */
	unsigned telemetry_at_once;          /* exchanges with devices */
	struct notifier *notifiers;
	unsigned notifier_count;
};

struct files {
	struct config config;
	union { /* `defined` as a whole, and its fields as if they stood here */
		struct definitions defined;
		struct definitions;
	};
};

/* Reads ROOT/etc/kalki (kalkid.yaml, conf.d/, types.d/, devices.d/), in the order of names.
 * -EINVAL with complaints; nothing is left to free then. */
int files_read(struct files *ret, const char *root, struct complaints *complaints,
	       struct error *err) must_check;
/* The same; `remarks` gets what is doubtful in types that can be loaded. */
int files_check(struct files *ret, const char *root, struct complaints *complaints,
		struct complaints *remarks, struct error *err) must_check;
void files_done(struct files *files);
/* Only what kalkid.yaml and conf.d/ say of instance, ports and Docker, all else left at its
 * default: what is needed to take everything away, whatever else is wrong in the files. */
int files_read_place(struct config *ret, const char *root, struct complaints *complaints,
		     struct error *err) must_check;
/* Names the keys of kalkid.yaml, but for `notifiers`, of which two configurations say other things:
 * "data_plane, history"; nothing when they are alike. */
void config_differences(const struct config *a, const struct config *b, struct buffer *ret);
/* Names each credential that the files name, with whoever needs it ("notifier 'operators'"). */
void files_each_credential(const struct files *files,
			   void (*each)(void *data, const char *name, const char *whose),
			   void *data);

/* What conditions may know of other types: only their names, sensors and states. */
struct policy_outlines {
	struct policy **items;
	struct policy_types types;
};
void policy_types_add(struct policy_outlines *outlines, const struct document *document);
void policy_types_done(struct policy_outlines *outlines);
/* Whether it is no type, but made to be included by types. */
bool document_is_included(const struct document *document);

/* One type; NULL with complaints.  Types that it names are looked for in the files beside it. */
struct policy *policy_read(const struct document *document, struct complaints *complaints);
/* The same where the others are known. */
struct policy *policy_read_among(const struct document *document, const struct policy_types *types,
				 struct complaints *complaints);
/* Says what policy_check finds in a policy that was read from the document, each at its place:
 * errors and warnings. */
void policy_remark(const struct document *document, const struct policy *policy,
		   struct complaints *errors, struct complaints *warnings);
/* At the key of a hop of a state's chain, or at the hop where it has no such key. */
void policy_remark_hop(const struct document *document, unsigned state, unsigned hop,
		       const char *key, struct complaints *complaints, const char *right,
		       const char *format, ...) printf_like(7, 8);
/* A device from a map with the keys of devices.d, as the API takes it too. */
int device_read(struct device *ret, const struct document *document,
		const struct document_node *map, struct complaints *complaints) must_check;
/* The devices of one file, a list; calls `on_device` for each good one. */
void devices_read(const struct document *document, struct complaints *complaints,
		  void (*on_device)(void *data, const struct device *device,
				    const struct document *document,
				    const struct document_node *node),
		  void *data);
