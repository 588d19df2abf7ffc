/* @name@ - lets nobody connect to some ports of the device, and tells who tries; in the kernel. */
#include <netinet/in.h>
#include <umbox_kernel.h>

enum { PORTS_MAX = 16, TAG_DENIED = 1, TCP_TARGET_PORT = 2 };

/* One of the frames that were denied. */
static void on_told(struct umbox *umbox, const struct umbox_told *told, void *user)
{
	struct umbox_headers headers;
	(void)user;
	umbox_parse(&headers, told->frame.bytes, told->frame.length);
	umbox_alert(umbox, &(struct umbox_alert){.type = "denied-port",
						 .severity = UMBOX_MEDIUM,
						 .source = headers.source,
						 .source_port = headers.source_port,
						 .target = headers.target,
						 .target_port = headers.target_port});
}

static void deny_port(struct umbox_chain *chain, const struct umbox_chain *denied, uint16_t port)
{
	struct umbox_bytes bytes = {2, {(uint8_t)(port >> 8), (uint8_t)port}};
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_protocol(rule, IPPROTO_TCP);
	umbox_if_bytes(rule, UMBOX_TRANSPORT, TCP_TARGET_PORT, &bytes, NULL);
	umbox_goto(rule, denied);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	int64_t ports[PORTS_MAX] = {23};
	size_t port_count = umbox_integers(umbox, "ports", ports, 1, PORTS_MAX, 1, 65535);

	struct umbox_kernel *kernel = umbox_kernel_new(umbox);
	struct umbox_chain *from_network = umbox_chain_of(kernel, UMBOX_OUT);
	struct umbox_chain *denied = umbox_refusal_new(from_network, "denied", TAG_DENIED);
	for (size_t i = 0; i < port_count; i++)
		deny_port(from_network, denied, (uint16_t)ports[i]);
	umbox_pass(umbox_rule(from_network));
	umbox_pass(umbox_rule(umbox_chain_of(kernel, UMBOX_IN)));

	umbox_on_told(kernel, on_told);
	return umbox_run(umbox, &(struct umbox_handler){0});
}
