/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <math.h>

#include "capture/sample.h"

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * b;
}

/* Summed term by term with Python's integers. */
Test(bound, is_exact)
{
	static const struct {
		uint64_t x, n;
		double bound;
	} known[] = {
		{ 0, 1, 0.95 },
		{ 0, 100, 0.02951304960703999 },
		{ 1, 100, 0.04655981145353899 },
		{ 5, 1000, 0.010484076911415676 },
		{ 3, 10, 0.6066242161054135 },
		{ 9, 10, 0.9948838031081764 },
		{ 500, 1000, 0.5264822687643088 },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		cr_expect(near(rate_bound(known[i].x, known[i].n), known[i].bound),
			  "%d of %d: %.15g", (int)known[i].x, (int)known[i].n,
			  rate_bound(known[i].x, known[i].n));
}

Test(bound, nothing_seen_supports_nothing)
{
	cr_expect(rate_bound(0, 0) == 1);
	cr_expect(rate_bound(7, 7) == 1);
}

Test(bound, holds_for_large_samples)
{
	/* three by the number, for none of many */
	cr_expect(fabs(rate_bound(0, 1000000000) * 1e9 - 2.9957) < 1e-3);
	double b = rate_bound(1000000, 1000000000000);
	cr_expect(b > 1e-6 && b < 1.002e-6, "%.15g", b);
}
