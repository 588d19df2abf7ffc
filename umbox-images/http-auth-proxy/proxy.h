/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.h - lets TCP through to the device only from sources that have logged in, at a port that
 * the umbox answers in the device's name, or with each request, at a port where it is an HTTP proxy
 * to the device.
 *
 *   proxy.c   who may send what; sessions
 *   visit.c   one connection to the login page
 *   errand.c  one connection to the HTTP proxy
 *   users.c   the users and their passwords
 */
#pragma once

#include "umbox_guard.h"
#include "umbox_http.h"
#include "umbox_server.h"

enum {
	PROXY_PORTS_MAX = 16,
	PROXY_SESSIONS_MAX = 1024,
	PROXY_SOURCES_MAX = 2048,
	PROXY_BLOCKED_MAX = 2048,
	PROXY_OPENED_MAX = 2048, /* connections of the device's own */
	PROXY_NAME_BYTES = 64,
	PROXY_HOSTS_MAX = 16,
	PROXY_HEAD_BYTES = 8 * 1024, /* of a request to the HTTP proxy */
	/* No password is tried sooner after another: each holds up all frames for some 10 ms. */
	PROXY_CHECK_PAUSE_US = 100 * 1000,
};

struct proxy_settings {
	uint16_t login_port; /* 0: no sessions */
	uint16_t relay_port; /* 0: no HTTP proxy */
	/* What may be asked of the HTTP proxy: the device's address or one of these names, and its
	 * ports. */
	const char *relay_hosts[PROXY_HOSTS_MAX];
	size_t relay_host_count;
	int64_t relay_ports[PROXY_PORTS_MAX];
	size_t relay_port_count;
	int64_t http_ports[PROXY_PORTS_MAX]; /* answered with 401 to who has not logged in */
	size_t http_port_count;
	int64_t first_us;   /* a session that is not used so long after the login ends */
	int64_t session_us; /* from the login on; also of a connection through the HTTP proxy */
	uint32_t attempts;
	uint32_t network_attempts; /* of an IPv6 /64; 0: not counted */
	int64_t interval_us, lockout_us, block_us, alert_pause_us;
	bool (*check)(const void *user, const char *name, const char *password);
	/* Whether the check of this pair was good before; takes no time. */
	bool (*knows)(const void *user, const char *name, const char *password);
	/* Sources that need no login; NULL: none. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *source);
	void (*tell)(const void *user, const struct umbox_alert *alert);
	/* Sends a frame toward the network. */
	void (*send)(const void *user, const struct umbox_frame *frame);
	/* Toward the device. */
	void (*send_in)(const void *user, const struct umbox_frame *frame);
	const void *user;
};

struct proxy_counts {
	uint64_t logins, failures, relayed; /* relayed: connections */
	uint64_t turned_away, blocked;      /* frames */
};

struct proxy;

struct proxy *proxy_new(const struct proxy_settings *settings);
void proxy_free(struct proxy *proxy);
enum umbox_verdict proxy_frame(struct proxy *proxy, struct umbox_frame *frame);
/* Does what is due; returns when it is to be called again. */
int64_t proxy_time(struct proxy *proxy, int64_t now_us);
const struct proxy_counts *proxy_counts(const struct proxy *proxy);

enum proxy_login { PROXY_LOGIN_GOOD, PROXY_LOGIN_BAD, PROXY_LOGIN_LOCKED_OUT, PROXY_LOGIN_BUSY };

/* Somebody brings a name and a password. */
enum proxy_login proxy_check(struct proxy *proxy, const struct umbox_peer *peer, const char *name,
			     const char *password, int64_t now_us);
/* A good pair opens a session of the source. */
enum proxy_login proxy_log_in(struct proxy *proxy, const struct umbox_peer *peer, const char *name,
			      const char *password, int64_t now_us);
const struct proxy_settings *proxy_settings_of(const struct proxy *proxy);
/* Whether it is one of the ports of a list of the settings. */
bool proxy_lists_port(const int64_t *ports, size_t count, int64_t port);

/* A request to the HTTP proxy. */
struct errand {
	char head[PROXY_HEAD_BYTES]; /* as it came, and what came with it */
	size_t head_bytes, body_at;
	bool dialed, tunnel;
	uint64_t body_left; /* to be passed on */
};

/* A connection that the umbox answers itself. */
struct visit {
	struct proxy *proxy;
	struct umbox_peer *peer;
	struct umbox_http http;
	struct umbox_stream stream;
	int64_t now_us;
	struct errand errand;
};

void visit_bytes(struct visit *visit, const uint8_t *bytes, size_t count);
void visit_close(struct visit *visit);
/* `field` is a whole line, or "". */
void visit_answer(struct visit *visit, const char *status, const char *field, const char *text);
/* What there is to say to a login that is not good; `unauthorized` is the status of a bad one. */
void visit_turn_away(struct visit *visit, enum proxy_login login, const char *unauthorized,
		     const char *field);
void errand_bytes(struct visit *visit, const uint8_t *bytes, size_t count);
void errand_dialed(struct visit *visit, bool taken);
