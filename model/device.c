/* SPDX-License-Identifier: Apache-2.0 */
#include "model/device.h"

#include <string.h>
#include <strings.h>

const struct port *device_port(const struct device *d, const char *name)
{
	/* mostly a port's own name is asked for again */
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].name == name)
			return &d->ports[i];
	for (size_t i = 0; i < d->n_ports; i++)
		if (!strcmp(d->ports[i].name, name))
			return &d->ports[i];
	for (size_t i = 0; i < d->n_ports; i++)
		if (!strcasecmp(d->ports[i].name, name) ||
		    (d->ports[i].alias && !strcasecmp(d->ports[i].alias, name)))
			return &d->ports[i];
	return NULL;
}

const struct ruleset *device_ruleset(const struct device *d, const char *name)
{
	for (size_t i = 0; i < d->n_rulesets; i++)
		if (!strcmp(d->rulesets[i]->name, name))
			return d->rulesets[i];
	for (size_t i = 0; i < d->n_rulesets; i++)
		if (!strcasecmp(d->rulesets[i]->name, name))
			return d->rulesets[i];
	return NULL;
}
