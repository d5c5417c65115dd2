/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ANSWER_H
#define MODEL_ANSWER_H

/*
 * A ruleset asked of the answer: for the first packet of a conversation, what becomes of the
 * packet that answers it. Addresses, ports and interfaces are exchanged; the state is
 * established; of TCP it has SYN and ACK; an echo request (timestamp, information, mask
 * request; RFC 792, RFC 950, RFC 4443) is answered by its reply, other ICMP messages by nothing.
 */

#include "model/rewrite.h"

/* Ids of rulesets are told apart by this. */
enum { ANSWER_IDS = 1 << 29 };

struct rewriter answer_rewriter(struct matches *m);

/* The same where the first packet went another way: what state the answer is in isn't known. */
struct rewriter answer_rewriter_unseen(struct matches *m);

/* ICMP messages that are answered, over FIELD_ICMP_TYPE. */
const struct match *answer_expected(struct matches *m);

#endif
