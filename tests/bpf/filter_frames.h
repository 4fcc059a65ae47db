/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of all sorts, always the same ones. */
#ifndef TESTS_FILTER_FRAMES_H
#define TESTS_FILTER_FRAMES_H

#include <stdint.h>

enum {
	FRAMES = 1500,
	FRAME_ROOM = 512,
};

struct frame {
	uint8_t bytes[FRAME_ROOM];
	unsigned int len;
	uint16_t tag_type; /* of a tag that the kernel keeps outside of the frame; 0: none */
	uint16_t tag_tci;
};

void make_frames(struct frame frames[FRAMES]);

#endif
