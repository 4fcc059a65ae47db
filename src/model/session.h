/* SPDX-License-Identifier: BSD-2-Clause */
/* A session as wanted: sources, shape, destinations. One from interfaces is a mirror, one from tunnels a collector. */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include <net/if.h>

#include "model/cpus.h"
#include "model/endpoint.h"
#include "model/recording.h"
#include "model/shape.h"

enum {
	SESSION_SOURCES_MAX = 64,
	SESSION_DESTINATIONS_MAX = SPREAD_MAX,
	SESSION_TUNNELS_MAX = 16,
	SESSION_NAME_MAX = 64,
	SESSION_DESCRIPTION_MAX = 256,
	SESSION_PATH_MAX = 256,
	SESSION_TUNNEL_MAX = 512,
};

struct carrier;

/* An interface, or all whose names match a pattern of glob(7); or an interface of a container. */
struct session_source {
	char pattern[IFNAMSIZ];
	char netns[NETNS_TEXT_MAX]; /* empty: ours */
};

/* Where its sections stand in its file; 0: not in that one. */
struct session_lines {
	unsigned int destinations[SESSION_DESTINATIONS_MAX];
	unsigned int tunnels[SESSION_TUNNELS_MAX];
	unsigned int recording, device;
};

/* What it points to is its own, the carrier excepted. */
struct session {
	char name[SESSION_NAME_MAX]; /* empty on the command line */
	char description[SESSION_DESCRIPTION_MAX];
	char file[SESSION_PATH_MAX];             /* where it was read; empty: in none */
	unsigned int filter_line, filter_column; /* of the filter in the file */
	struct session_lines lines;
	bool disabled;
	bool states_on_crash; /* says what becomes of it when the daemon is killed */
	bool continues;       /* it goes on then; else it ends */
	struct session_source *sources;
	unsigned int source_count, source_room;
	bool replayed; /* frames come from a capture file, on an interface that is yet to be made and added */
	bool directions[DIRECTIONS];
	struct shape shape;
	struct endpoint *destinations;
	unsigned int destination_count, destination_room;
	bool measure;     /* what it costs */
	bool spread;      /* flows are shared among the destinations; else each gets every copy */
	bool wait;        /* what is not there yet, an interface or a route, is waited for */
	const char *hook; /* object file with the user's hook, see farspan_hook.h; NULL: none */
	struct cpus cpus; /* where copies are segmented, wrapped and sent; none: where the frame was */
	uint64_t count;   /* copies to send to each destination, or frames to collect; 0: no limit */

	/* Of collectors: tunnels in place of interfaces, where they arrive, and a recording besides the destinations. */
	struct endpoint *tunnels;
	unsigned int tunnel_count, tunnel_room;
	char listen_on[IFNAMSIZ]; /* an interface; empty: any */
	unsigned int inner;       /* enum farspan_inner_part: what is undone in the frames */
	bool adapter_times;       /* when packets came is asked of the network card */
	struct session_recording recording;

	/*
	 * Of tunnel devices: the words of "farspan tunnel add", empty if it is none, and the name of the interface. What is sent and what is
	 * received are in destinations and tunnels.
	 */
	char tunnel[SESSION_TUNNEL_MAX];
	char device[IFNAMSIZ];

	/* Of relays. */
	const char *matches;           /* rules, one a line, see match.h; NULL: none */
	const struct carrier *carrier; /* by which it is told what was received, the caller's; NULL: it is not */

	unsigned int shares; /* how many have it besides, see session_share() */
};

enum session_kind {
	SESSION_MIRROR,
	SESSION_COLLECTOR,
	SESSION_TUNNEL,
};

/* A session with the defaults of a file and that name; NULL without memory. session_free() takes NULL too. */
struct session *session_new(const char *name);
void session_free(struct session *session);

/*
 * The session itself, made by session_new(), for one more, who also frees it. Nobody may change it any more, for that it is copied; only
 * where it is kept (file) may be said later.
 */
struct session *session_share(const struct session *session);

/* A copy in place of whatever *copy was, or all zero and -ENOMEM. session_clear() frees what it points to, and leaves it all zero. */
int session_copy(struct session *copy, const struct session *session);
void session_clear(struct session *session);

/* A copy that is the caller's alone, to be freed; NULL without memory. */
struct session *session_duplicate(const struct session *session);

/* Whether two sessions want the same in every respect; and whether they do the same, whatever is said about them. */
bool session_equal(const struct session *a, const struct session *b);
bool session_does_same(const struct session *a, const struct session *b);

/* Adds a copy of a destination, or of a source that is a tunnel. 0, or -EINVAL if there are as many as can be, or -ENOMEM. */
int session_append_destination(struct session *session, const struct endpoint *destination, struct error *error);
int session_append_tunnel(struct session *session, const struct endpoint *tunnel, struct error *error);

/*
 * The place behind the last source, all zero or as it was left; what is there counts when source_count is raised. NULL, with *error, if
 * there are as many as can be, or without memory. It may move the others.
 */
struct session_source *session_next_source(struct session *session, struct error *error);

/* Puts a copy in the place of one of its texts. 0 or -ENOMEM. */
int session_set_text(const char **text, const char *value, struct error *error);

/* Adds a source, destination or source that is a tunnel from its text: 0, or -EINVAL with what is wrong in *error. */
int session_add_source(struct session *session, const char *text, struct error *error); /* IFACE[,netns=NAME] */
int session_add_destination(struct session *session, const char *text, struct error *error);
int session_add_tunnel(struct session *session, const char *text, struct error *error);

/* rx, tx or both; all, or some of farspan_inner_name() with commas between. -EINVAL with what is allowed. */
int session_parse_direction(const char *text, struct session *session, struct error *error);
int session_parse_inner(const char *text, unsigned int *inner, struct error *error);
int session_parse_time_stamp_type(const char *text, bool *adapter, struct error *error); /* host or adapter */

/* Whether its rules can be followed with the destinations it has. */
int session_check_matches(const struct session *session, struct error *error);

/* Whether the session is complete, and no two parts of it contradict each other. */
int session_check(const struct session *session, struct error *error);

/* What spread lacks in this session, as in "needs two or more destinations"; NULL: nothing. collects: it is a collector's. */
const char *session_spread_fault(const struct session *session, bool collects);

/* Whether a collector shapes some of its copies: not those for interfaces of this namespace, which get frames as they are. */
bool session_shapes_relayed(const struct session *session);

/* What is wrong with the VRFs of a collector's sources, as in "must be the same ..."; NULL: nothing. */
const char *session_vrf_fault(const struct endpoint *sources, unsigned int count);

/* No two of them are the same: 0, or -EINVAL with "WHAT 1 and 3 are the same". */
int session_check_different(const char *what, const struct endpoint *all, unsigned int count, struct error *error);

/* Whether frames come out of tunnels, not from interfaces. */
static inline bool session_collects(const struct session *session)
{
	return session->tunnel_count > 0;
}

static inline enum session_kind session_kind(const struct session *session)
{
	return session->tunnel[0] ? SESSION_TUNNEL : session_collects(session) ? SESSION_COLLECTOR : SESSION_MIRROR;
}

/* "mirror", "collector", "tunnel" */
const char *session_kind_name(const struct session *session);

bool session_source_is_pattern(const struct session_source *source);

/* Whether a destination is an interface that the source names, or, if it is a pattern, takes. */
bool session_source_matches(const struct session_source *source, const struct endpoint *destination);

/* Whether an interface of that name is a source: by its own name, or if allowed by a pattern. */
bool session_takes(const struct session *session, const char *interface, bool by_pattern);

#endif
