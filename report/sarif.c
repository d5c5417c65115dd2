/* SPDX-License-Identifier: Apache-2.0 */
#include "report/formats.h"

const struct report_format report_sarif = {
	.name = "sarif",
	.summary = "SARIF 2.1.0 for code hosts",
};
