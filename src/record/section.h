/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pcapng section on its way into a buffer. Hides that an interface must stand before its packets, what numbers interfaces have in this
 * section, and what is told about them at its end.
 */
#ifndef RECORD_SECTION_H
#define RECORD_SECTION_H

#include "record/pcapng.h"

/* What a section says about an interface. */
struct section_about {
	char name[160];
	char description[256];
	char comment[256]; /* for its statistics; may be empty */
	enum pcapng_link link;
	struct pcapng_name sender;
};

/* Asked whenever a section needs it, so that nobody keeps the texts. */
struct section_describer {
	void (*describe)(void *context, unsigned int id, struct section_about *about);
	void *context;
};

/* All zero: not in the section. */
struct section_interface {
	unsigned int id;
	uint32_t number;  /* in the section + 1; 0: it has no block yet */
	uint64_t packets; /* given to the section */
	uint64_t lost;    /* of them, those that did not get where it is written */
	uint64_t missing; /* numbers missing in the sequence */
	uint64_t first_ns, last_ns;
};

struct section {
	struct section_interface *interfaces; /* memory of the caller's */
	unsigned int slots;
	bool begun;
	uint32_t made; /* interfaces with a block */
};

/* An empty section for that many interfaces. */
void section_reset(struct section *section);

/*
 * Adds the packet (of which interface is ignored) on the interface in slot, with the blocks that must stand before it. False: no room; call
 * again when there is some. Counts nothing.
 */
bool section_put(struct section *section, struct pcapng *pcapng, unsigned int slot, unsigned int id,
		 const struct section_describer *describer, const struct pcapng_packet *packet);

/* Accounts a packet, once, whether or not it could be added; lost says that it could not. */
void section_count(struct section *section, unsigned int slot, const struct pcapng_packet *packet, bool lost);

/* Accounts a packet as lost after all: that of a block, which names its interface by the number. */
void section_lose(struct section *section, uint32_t number);

/*
 * The interface in slot gets no more packets: its statistics are added, and the next packet with this slot is one of another interface.
 * False: no room; call again when there is some.
 */
bool section_end_interface(struct section *section, struct pcapng *pcapng, unsigned int slot, const struct section_describer *describer);

/* The same, but nothing is said of it. */
void section_forget_interface(struct section *section, unsigned int slot);

/* Only that many interface blocks, and the section block if begun, are where they should be. */
void section_cut(struct section *section, bool begun, uint32_t made);

/*
 * Adds the statistics of the interfaces from slot *next on; *next is 0 at first. False: no room; call again when there is some.
 */
bool section_put_statistics(const struct section *section, struct pcapng *pcapng, const struct section_describer *describer,
			    unsigned int *next);

#endif
