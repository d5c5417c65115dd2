/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/aws_internal.h"

void aws_read_balance(struct aws *w, enum aws_kind kind, const json_t *o)
{
	(void)w, (void)kind, (void)o;
}

void aws_balance_join(struct aws *w)
{
	(void)w;
}

void aws_balance_ports(struct aws *w, struct aws_vpc *v, struct map *made)
{
	(void)w, (void)v, (void)made;
}

void aws_balance_devices(struct aws *w)
{
	(void)w;
}

void aws_balance_finish(struct aws *w)
{
	(void)w;
}
