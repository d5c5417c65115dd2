/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_PARALLEL_H
#define DIFF_PARALLEL_H

#include <stddef.h>

/*
 * Items of work over several threads. Whoever is free takes the next item, so that a worker
 * sees its items in ascending order; which items it gets is not told. What comes out must
 * therefore be kept by item and put together by the caller afterwards.
 *
 * fn is called once for every item from 0 to n - 1, with the worker's number (0 to jobs - 1; 0
 * is the caller's own thread). It returns when all are done. Threads that the system refuses
 * (pthread_create(3), EAGAIN) are done without: the others take their items.
 *
 * progress (NULL: none) is called in the caller's thread alone, with how many are done, and
 * at the end with all of them.
 */
void parallel_each(size_t jobs, size_t n, void (*fn)(void *user, size_t worker, size_t item),
		   void *user, void (*progress)(void *user, size_t done), void *progress_user);

#endif
