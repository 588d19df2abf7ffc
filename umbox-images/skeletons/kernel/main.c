/* @name@ - lets nobody connect to some ports of the device, and tells who tries; in the kernel. */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <umbox_kernel.h>

enum { PORTS_MAX = 16, TAG_DENIED = 1, TCP_TARGET_PORT = 2 };

struct program {
	int64_t ports[PORTS_MAX];
	size_t port_count;
};

static void tell(struct umbox *umbox, const struct umbox_headers *headers)
{
	umbox_alert(umbox, &(struct umbox_alert){.type = "denied-port",
						 .severity = UMBOX_MEDIUM,
						 .source = headers->source,
						 .source_port = headers->source_port,
						 .target = headers->target,
						 .target_port = headers->target_port});
}

/* One of the frames that the rules denied. */
static void on_told(struct umbox *umbox, const struct umbox_told *told, void *user)
{
	struct umbox_headers headers;
	(void)user;
	umbox_parse(&headers, told->frame.bytes, told->frame.length);
	tell(umbox, &headers);
}

static bool is_denied(const struct program *program, const struct umbox_headers *headers)
{
	if (!headers->transport || headers->protocol != IPPROTO_TCP)
		return false;
	for (size_t i = 0; i < program->port_count; i++)
		if (headers->target_port == program->ports[i])
			return true;
	return false;
}

/* What the rules handed up. */
static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct umbox_headers headers;
	umbox_parse(&headers, frame->bytes, frame->length);
	if (headers.evasive)
		return UMBOX_DROP;
	if (!is_denied(user, &headers))
		return UMBOX_PASS;
	tell(umbox, &headers);
	return UMBOX_DROP;
}

static void deny_port(struct umbox_chain *chain, const struct umbox_chain *denied, uint16_t port)
{
	struct umbox_bytes bytes = {2, {(uint8_t)(port >> 8), (uint8_t)port}};
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_protocol(rule, IPPROTO_TCP);
	umbox_if_bytes(rule, UMBOX_TRANSPORT, TCP_TARGET_PORT, &bytes, NULL);
	umbox_goto(rule, denied);
}

static void pass(struct umbox_chain *chain, uint16_t ether_type)
{
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_ether(rule, ether_type);
	umbox_pass(rule);
}

static void write_rules(struct umbox_kernel *kernel, const struct program *program)
{
	struct umbox_chain *from_network = umbox_chain_of(kernel, UMBOX_OUT);
	struct umbox_chain *denied = umbox_refusal_new(from_network, "denied", TAG_DENIED);
	for (size_t i = 0; i < program->port_count; i++)
		deny_port(from_network, denied, (uint16_t)program->ports[i]);
	pass(from_network, ETH_P_IP);
	/* Where a rule may not find the port (more VLAN tags, IPv6 in fragments), on_frame looks.
	 */
	struct umbox_rule *fragment = umbox_rule(from_network);
	umbox_if_extension(fragment, IPPROTO_FRAGMENT);
	umbox_hand_up(fragment);
	pass(from_network, ETH_P_IPV6);
	umbox_hand_up(umbox_rule(from_network));

	umbox_pass(umbox_rule(umbox_chain_of(kernel, UMBOX_IN)));
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct program program = {.ports = {23}};
	program.port_count = umbox_integers(umbox, "ports", program.ports, 1, PORTS_MAX, 1, 65535);
	struct umbox_kernel *kernel = umbox_kernel_new(umbox);
	write_rules(kernel, &program);
	umbox_on_told(kernel, on_told);
	return umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame, .user = &program});
}
