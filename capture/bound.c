/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upper end of Clopper and Pearson's interval: the rate p at which x or fewer of n would
 * come up in one of 20 samples. P(X <= x) = I(1 - p; n - x, x + 1), the regularised incomplete
 * beta function, falls with p: found by halving. Its continued fraction: Press et al.,
 * Numerical Recipes, 3rd ed., 6.4; by Lentz's method.
 */
#include <math.h>

#include "capture/sample.h"

static const double tail = 0.05;

static double fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < tiny ? tiny : d);
	double h = d;
	for (int m = 1; m <= 100000; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		double step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-14)
			break;
	}
	return h;
}

/* I(x; a, b) */
static double beta(double a, double b, double x, double one_less_x)
{
	if (x <= 0)
		return 0;
	if (one_less_x <= 0)
		return 1;
	int sign;
	double log_front = lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
			   a * log(x) + b * log(one_less_x);
	if (x < (a + 1) / (a + b + 2))
		return exp(log_front) * fraction(a, b, x) / a;
	return 1 - exp(log_front) * fraction(b, a, one_less_x) / b;
}

double rate_bound(uint64_t x, uint64_t n)
{
	if (x >= n)
		return 1;
	if (!x)
		return -expm1(log(tail) / (double)n);
	double lo = (double)x / (double)n, hi = 1;
	for (int i = 0; i < 200 && hi - lo > hi * 1e-12; i++) {
		double p = (lo + hi) / 2;
		if (beta((double)x + 1, (double)(n - x), p, 1 - p) < 1 - tail)
			lo = p;
		else
			hi = p;
	}
	return hi;
}
