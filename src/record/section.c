/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/section.h"

#include <string.h>

void section_reset(struct section *section)
{
	memset(section->interfaces, 0, section->slots * sizeof *section->interfaces);
	section->begun = false;
	section->made = 0;
}

static bool put_interface(struct section *section, struct pcapng *pcapng, unsigned int slot, unsigned int id,
			  const struct section_describer *describer)
{
	struct section_interface *interface = &section->interfaces[slot];
	struct section_about about = {0};
	size_t before = pcapng->len;

	describer->describe(describer->context, id, &about);
	/* The name comes first: wherever a write is cut, an interface that stands has its name. */
	if (about.sender.family && !pcapng_put_name(pcapng, &about.sender))
		return false;
	if (!pcapng_put_interface(pcapng, &(struct pcapng_interface){about.name, about.description, NULL, about.link})) {
		pcapng->len = before;
		return false;
	}
	interface->id = id;
	interface->number = ++section->made;
	return true;
}

bool section_put(struct section *section, struct pcapng *pcapng, unsigned int slot, unsigned int id,
		 const struct section_describer *describer, const struct pcapng_packet *packet)
{
	struct pcapng_packet numbered = *packet;

	if (!section->begun && !pcapng_put_section(pcapng))
		return false;
	section->begun = true;
	if (!section->interfaces[slot].number && !put_interface(section, pcapng, slot, id, describer))
		return false;
	numbered.interface = section->interfaces[slot].number - 1;
	return pcapng_put_packet(pcapng, &numbered);
}

void section_count(struct section *section, unsigned int slot, const struct pcapng_packet *packet, bool lost)
{
	struct section_interface *interface = &section->interfaces[slot];

	if (interface->packets++ == 0)
		interface->first_ns = packet->time_ns;
	interface->last_ns = packet->time_ns;
	interface->missing += packet->dropped;
	interface->lost += lost;
}

void section_lose(struct section *section, uint32_t number)
{
	for (unsigned int i = 0; i < section->slots; i++)
		if (section->interfaces[i].number == number + 1)
			section->interfaces[i].lost++;
}

void section_cut(struct section *section, bool begun, uint32_t made)
{
	section->begun = begun;
	section->made = made;
	for (unsigned int i = 0; i < section->slots; i++)
		if (section->interfaces[i].number > made)
			section->interfaces[i].number = 0;
}

static bool put_statistics(const struct section_interface *interface, struct pcapng *pcapng, const struct section_describer *describer)
{
	struct section_about about = {0};

	if (!interface->number)
		return true;
	describer->describe(describer->context, interface->id, &about);
	return pcapng_put_statistics(pcapng, &(struct pcapng_statistics){
						     .interface = interface->number - 1,
						     .time_ns = interface->last_ns,
						     .start_ns = interface->first_ns,
						     .end_ns = interface->last_ns,
						     .received = interface->packets,
						     .dropped = interface->missing,
						     .os_dropped = interface->lost,
						     .comment = *about.comment ? about.comment : NULL,
					     });
}

bool section_put_statistics(const struct section *section, struct pcapng *pcapng, const struct section_describer *describer,
			    unsigned int *next)
{
	for (; *next < section->slots; ++*next)
		if (!put_statistics(&section->interfaces[*next], pcapng, describer))
			return false;
	return true;
}

void section_forget_interface(struct section *section, unsigned int slot)
{
	section->interfaces[slot] = (struct section_interface){0};
}

bool section_end_interface(struct section *section, struct pcapng *pcapng, unsigned int slot, const struct section_describer *describer)
{
	if (!put_statistics(&section->interfaces[slot], pcapng, describer))
		return false;
	section_forget_interface(section, slot);
	return true;
}
