/* SPDX-License-Identifier: Apache-2.0 */
/* reset.c - makes a TCP reset from a frame; see umbox_frame.h. */
#include <netinet/in.h>
#include <string.h>

#include "segment.h"

uint32_t umbox_reset_make(uint8_t *bytes, const struct umbox_frame *frame,
			  const struct umbox_headers *headers, bool back, uint32_t sequence,
			  uint32_t acknowledgment)
{
	uint8_t link[SEGMENT_LINK_BYTES];
	if (headers->protocol != IPPROTO_TCP || !headers->transport)
		return 0;
	if (back)
		segment_turn_link(link, frame, headers);
	else
		memcpy(link, frame->bytes, headers->network);
	return segment_make(
		bytes, &(struct segment){
			       .link = link,
			       .link_bytes = headers->network,
			       .source = back ? headers->target : headers->source,
			       .target = back ? headers->source : headers->target,
			       .source_port = back ? headers->target_port : headers->source_port,
			       .target_port = back ? headers->source_port : headers->target_port,
			       .sequence = sequence,
			       .acknowledgment = acknowledgment,
			       .flags = UMBOX_TCP_RST | UMBOX_TCP_ACK,
		       });
}
