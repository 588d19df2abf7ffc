/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/handlers.h - the functions of the route table, by file. */
#pragma once

struct api_call;

/* acknowledge.c */
void post_acknowledge(struct api_call *call);

/* site.c */
void get_version(struct api_call *call);
void get_status(struct api_call *call);
void get_openapi(struct api_call *call);

/* devices.c */
void get_devices(struct api_call *call);
void post_device(struct api_call *call);
void get_device(struct api_call *call);
void put_device(struct api_call *call);
void delete_device(struct api_call *call);
void post_state(struct api_call *call);
void post_quarantine(struct api_call *call);
void post_release(struct api_call *call);
void post_shadow(struct api_call *call);
void post_enforce(struct api_call *call);
void post_command(struct api_call *call);

/* reload.c */
void post_reload(struct api_call *call);

/* telemetry.c */
void get_telemetry(struct api_call *call);
void put_telemetry(struct api_call *call);

/* chains.c */
void get_chain(struct api_call *call);
void get_plan(struct api_call *call);
void get_chains(struct api_call *call);
void get_umboxes(struct api_call *call);
void get_umbox(struct api_call *call);
void get_umbox_logs(struct api_call *call);

/* captures.c */
void get_captures(struct api_call *call);
void post_captures(struct api_call *call);
void get_capture(struct api_call *call);
void delete_capture(struct api_call *call);

/* why.c */
void get_why(struct api_call *call);

/* types.c */
void get_types(struct api_call *call);
void get_type(struct api_call *call);

/* history.c */
void get_timeline(struct api_call *call);
void get_alerts(struct api_call *call);
void get_events(struct api_call *call);

/* notifiers.c */
void get_notifiers(struct api_call *call);
void post_notifier_test(struct api_call *call);

/* metrics.c */
void get_metrics(struct api_call *call);
