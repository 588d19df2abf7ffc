/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_stream.h - TCP connections through the umbox, and the bytes in them: in order, each once,
 * as the receiver will read them.
 *
 *     struct umbox_streams *streams = umbox_streams_new(&watcher);
 *     verdict = umbox_streams_judge(streams, umbox, frame, &headers);   in on_frame
 *
 * What the watcher has not been shown cannot be read by the receiver:
 *
 * - A segment that came too early is let through, but copied; it is shown when the gap before it is
 *   filled, and only then can its receiver read it.  What lies too far ahead to be copied is
 *   dropped, and is sent again.
 * - Bytes stay copied until the receiver has acknowledged them.  A segment that brings other bytes
 *   in the same place is dropped: nobody could say which of them the receiver would take.
 * - Fragments of TCP and data in a SYN are dropped: nobody needs them.  The urgent pointer is
 *   cleared, since what it leaves out of the stream differs from system to system.
 * - A connection that is not known gets a reset, but for those that were there before the umbox: in
 *   the first `midstream_us` they are followed from where the device says that they are.  That time
 *   ends when something is forgotten for want of memory: so that is cut, never let through.
 *   Handshakes have a table of their own: a flood of SYNs pushes out handshakes, not connections.
 * - Copies that fill the memory go, with their connections, when others need it and they have
 *   waited some seconds for a hole to be filled or for an acknowledgment.
 *
 * See RFC 9293; the evasions are those of Ptacek and Newsham (1998). */
#pragma once

#include "umbox.h"

enum {
	UMBOX_STREAMS_MAX = 1 << 16,
	UMBOX_STREAM_WINDOW_BYTES = 256 * 1024, /* of one side: what may be on its way */
};

enum umbox_stream_side { UMBOX_CLIENT, UMBOX_SERVER, UMBOX_SIDE_COUNT };

/* One connection; `client` opened it. */
struct umbox_stream {
	struct umbox_ip client, server;
	uint16_t client_port, server_port;
	enum umbox_leg client_leg; /* UMBOX_OUT: opened from the network to the device */
	/* Its beginning was not seen: who opened it is a guess, and its reader may be out of step.
	 * False again once the time for that is over. */
	bool midstream;
	int64_t since_us;
	void *own; /* `own_bytes` of yours, zeroed */
};

enum umbox_stream_word {
	UMBOX_STREAM_GO_ON,
	UMBOX_STREAM_LET_GO, /* show no more of this connection, let it pass */
	UMBOX_STREAM_CUT,    /* drop this segment and all that follow, reset both ends */
};

struct umbox_watcher {
	/* Whether connections to this port of the server are followed; others pass unseen.  NULL:
	 * all. */
	bool (*follows)(const struct umbox_headers *opening, enum umbox_leg from, void *user);
	/* The handshake is whole (both sides agreed), or a midstream one was found; may be NULL. */
	enum umbox_stream_word (*on_open)(struct umbox_stream *stream, void *user);
	/* The next bytes of one side.  They are let through unless the answer is CUT. */
	enum umbox_stream_word (*on_bytes)(struct umbox_stream *stream, enum umbox_stream_side side,
					   const uint8_t *bytes, size_t count, int64_t now_us,
					   void *user);
	/* The last call for a stream, whose `own` goes now; may be NULL. */
	void (*on_close)(struct umbox_stream *stream, void *user);
	void *user;
	size_t own_bytes;
	bool shown[UMBOX_SIDE_COUNT]; /* whose bytes on_bytes wants */
	uint32_t connections_max;     /* the one unused for the longest time goes; default 4096 */
	uint64_t memory_max;          /* of all copies; default 4 MiB */
	int64_t midstream_us;         /* from the first frame on; default 300 s; -1: none */
};

struct umbox_stream_counts {
	uint64_t opened, midstream, cut;
	uint64_t unknown;   /* dropped and reset: of no known connection */
	uint64_t different; /* dropped: other bytes than before in the same place */
	uint64_t too_far;   /* dropped: no room to keep it; it is sent again */
	uint64_t evasive;   /* dropped: fragments, data in a SYN */
	uint64_t pushed_out;
};

struct umbox_streams;

struct umbox_streams *umbox_streams_new(const struct umbox_watcher *watcher);
void umbox_streams_free(struct umbox_streams *streams);
/* Judges a frame (others than TCP pass).  Resets are sent through `umbox`; NULL: none are. */
enum umbox_verdict umbox_streams_judge(struct umbox_streams *streams, struct umbox *umbox,
				       struct umbox_frame *frame,
				       const struct umbox_headers *headers);
const struct umbox_stream_counts *umbox_streams_counts(const struct umbox_streams *streams);
