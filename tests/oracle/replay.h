/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_REPLAY_H
#define TESTS_ORACLE_REPLAY_H

/*
 * One packet on which kernel and model differ, again and alone: freshly loaded, the ruleset
 * made as small as it goes while they differ, and shown with the kernel's own trace.
 */

#include "tests/oracle/judge.h"

/* Kernel and model can't both be right. */
bool replay_differs(const struct answer *a, bool arrived);
/* Prints to stdout; lines that the mismatch doesn't need are marked as removed. */
void replay(struct kernel *k, struct script *s, enum reading how, const struct shot *shot);

#endif
