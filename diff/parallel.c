/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"

struct pool {
	atomic_size_t next, done;
	size_t n;
	void (*fn)(void *user, size_t worker, size_t item);
	void *user;
};

struct member {
	struct pool *pool;
	size_t worker;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct member *m = arg;
	struct pool *p = m->pool;
	size_t item;
	while ((item = atomic_fetch_add(&p->next, 1)) < p->n) {
		p->fn(p->user, m->worker, item);
		atomic_fetch_add(&p->done, 1);
	}
	return NULL;
}

void parallel_each(size_t jobs, size_t n, void (*fn)(void *user, size_t worker, size_t item),
		   void *user, void (*progress)(void *user, size_t done), void *progress_user)
{
	struct pool p = { .n = n, .fn = fn, .user = user };
	struct member *v = xcalloc(jobs ? jobs : 1, sizeof(*v));
	size_t started = 0, item;
	for (size_t i = 1; i < jobs && i < n; i++) {
		v[i] = (struct member){ .pool = &p, .worker = i };
		if (pthread_create(&v[i].thread, NULL, work, &v[i]))
			break;
		started = i;
	}
	while ((item = atomic_fetch_add(&p.next, 1)) < n) {
		fn(user, 0, item);
		size_t done = atomic_fetch_add(&p.done, 1) + 1;
		if (progress && done < n)
			progress(progress_user, done);
	}
	for (size_t i = 1; i <= started; i++)
		pthread_join(v[i].thread, NULL);
	if (progress)
		progress(progress_user, n);
	free(v);
}
