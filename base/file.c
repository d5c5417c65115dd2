/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

static int write_all(int fd, const char *p, size_t size)
{
	while (size) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n, size -= (size_t)n;
	}
	return 0;
}

/* What isn't a file of its own (a terminal, /dev/null, a pipe) is never put aside by a new one. */
static int write_through(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, data, size);
	return close(fd) && !err ? -errno : err;
}

static int replace(const char *path, const void *data, size_t size)
{
	size_t room = strlen(path) + 8;
	char *tmp = xmalloc(room);
	snprintf(tmp, room, "%s.XXXXXX", path);
	int err = 0, fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
	} else {
		mode_t mask = umask(0);
		umask(mask);
		err = write_all(fd, data, size);
		if (!err && (fchmod(fd, 0666 & ~mask) || fsync(fd)))
			err = -errno;
		if (close(fd) && !err)
			err = -errno;
		if (!err && rename(tmp, path))
			err = -errno;
		if (err)
			unlink(tmp);
	}
	free(tmp);
	return err;
}

int file_write(const char *path, const void *data, size_t size)
{
	struct stat st;
	if (lstat(path, &st))
		return replace(path, data, size);
	if (S_ISLNK(st.st_mode)) {
		/* the file that it stands for, not the link */
		char *target = realpath(path, NULL);
		int err = target ? file_write(target, data, size) : -errno;
		free(target);
		return err;
	}
	return S_ISREG(st.st_mode) ? replace(path, data, size) : write_through(path, data, size);
}
