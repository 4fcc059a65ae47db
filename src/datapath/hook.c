/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/hook.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUNCTION "farspan_hook"

enum {
	PATH_MAX_LEN = 32,
	PARAMETERS = 2,
	VERDICT_LINES = 3,
};

/* libbpf's linker knows files only. */
static int open_memory(char path[PATH_MAX_LEN])
{
	int fd = memfd_create("farspan-hook", MFD_CLOEXEC);

	snprintf(path, PATH_MAX_LEN, "/proc/self/fd/%d", fd);
	return fd;
}

static int check_function(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, FUNCTION, BTF_KIND_FUNC);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);

	return type && btf_vlen(type) == PARAMETERS ? 0 : -EINVAL;
}

/* What the linker would say in many words, or not at all. */
static int check_object(const char *path, struct error *error)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	int code = errno, rc = 0;
	const struct btf *btf = object ? bpf_object__btf(object) : NULL;

	libbpf_set_print(print);
	if (!object)
		rc = fail(error, code, "hook '%s': %s", path,
			  code == ENOENT || code == EACCES ? strerror(code) : "not an eBPF object file");
	else if (!btf)
		rc = fail(error, EINVAL, "hook '%s': has no BTF; compile it with -g", path);
	else if (check_function(btf))
		rc = fail(error, EINVAL, "hook '%s': has no function int " FUNCTION "(struct __sk_buff *, struct farspan_meta *)", path);
	bpf_object__close(object);
	return rc;
}

static int read_all(int fd, void **bytes, size_t *size)
{
	struct stat stat;
	ssize_t got;

	if (fstat(fd, &stat) || stat.st_size <= 0)
		return -EIO;
	*size = (size_t)stat.st_size;
	*bytes = malloc(*size);
	if (!*bytes)
		return -ENOMEM;
	got = pread(fd, *bytes, *size, 0);
	if (got == stat.st_size)
		return 0;
	free(*bytes);
	return -EIO;
}

static int link_files(const char *ours, const char *theirs, const char *out)
{
	struct bpf_linker *linker = bpf_linker__new(out, NULL);
	int rc = linker ? bpf_linker__add_file(linker, ours, NULL) : -errno;

	if (!rc)
		rc = bpf_linker__add_file(linker, theirs, NULL);
	if (!rc)
		rc = bpf_linker__finalize(linker);
	bpf_linker__free(linker);
	return rc;
}

int hook_link(const void *ours, size_t size, const char *path, void **linked, size_t *linked_size, struct error *error)
{
	char in_path[PATH_MAX_LEN], out_path[PATH_MAX_LEN];
	int in, out, rc = check_object(path, error);

	if (rc)
		return rc;
	in = open_memory(in_path);
	out = open_memory(out_path);
	if (in < 0 || out < 0 || write(in, ours, size) != (ssize_t)size) {
		rc = fail(error, errno, "hook '%s': %s", path, strerror(errno));
	} else if ((rc = link_files(in_path, path, out_path))) {
		rc = fail(error, -rc, "hook '%s': cannot be linked with farspan's program (%s); its license must be \"Dual BSD/GPL\"", path,
			  strerror(-rc));
	} else if ((rc = read_all(out, linked, linked_size))) {
		rc = fail(error, -rc, "hook '%s': %s", path, strerror(-rc));
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

const char *hook_verdict(char *log)
{
	char *end = strstr(log, "\nprocessed "), *start;

	if (end)
		*end = '\0';
	start = log + strlen(log);
	for (int lines = 0; start > log && lines < VERDICT_LINES; start--)
		lines += start[-1] == '\n';
	return start == log ? start : start + 1;
}
