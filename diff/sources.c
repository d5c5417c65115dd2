/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "diff/diff.h"

int diff_sources(const struct snapshot *old_s, const struct snapshot *new_s, struct diags *d,
		 const struct check_options *o, struct results *res)
{
	return -ENOSYS;
}
