/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

enum { NAMES_TOLD = 40 };

static void put_names(struct text *t, const struct snapshot *s)
{
	size_t n = 0;
	vec_each (dp, &s->devices)
		for (size_t i = 0; i < (*dp)->n_rulesets; i++) {
			if ((*dp)->rulesets[i]->glue || n > NAMES_TOLD)
				continue;
			text_putf(t, "%s%s", n++ ? ", " : "", (*dp)->rulesets[i]->name);
		}
	if (n > NAMES_TOLD)
		text_put(t, ", ...");
}

int choose_subject(struct app *app, const struct snapshot *s, const char *name,
		   const struct device **ret_device, const struct ruleset **ret_ruleset)
{
	const struct ruleset *only = NULL;
	size_t n = 0, found = 0;
	vec_each (dp, &s->devices) {
		const struct ruleset *rs = name ? device_ruleset(*dp, name) : NULL;
		if (rs)
			*ret_ruleset = rs, found++;
		for (size_t i = 0; i < (*dp)->n_rulesets; i++)
			if (!(*dp)->rulesets[i]->glue)
				only = (*dp)->rulesets[i], n++;
		*ret_device = *dp;
	}
	struct text t = { 0 };
	int code = 0;
	put_names(&t, s);
	if (name && !found)
		code = usage_error(app, "there is no ruleset \"%s\"; there are: %s", name,
				   t.s ? t.s : "none");
	else if (name && found > 1)
		code = usage_error(app, "%zu devices have a ruleset \"%s\": name one source",
				   found, name);
	else if (!name && !s->devices.n)
		code = EXIT_INPUT;
	else if (!name && s->devices.n > 1)
		code = usage_error(app,
				   "the source holds %zu devices: say --ruleset; there are: %s",
				   s->devices.n, t.s ? t.s : "none");
	else if (!name && n == 1)
		*ret_ruleset = only;
	text_finish(&t);
	return code;
}
