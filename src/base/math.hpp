// The one scalar exp/log/pow of the project. libm picks FMA variants by CPU and
// differs in the last bit; these give the same bits on every machine.
#pragma once

namespace foretoken {

// Relative error below 1e-15 over the normal range; log(x <= 0) is -infinity or NaN as in C.
[[nodiscard]] double exact_exp(double x);
[[nodiscard]] double exact_log(double x);
[[nodiscard]] double exact_pow(double base, double exponent);  // base >= 0

// (a^p + b^p)^(1/p) and with three terms, computed as M*(sum((x/M)^p))^(1/p)
// with M the largest so that p = 16 does not overflow (src/cost/README.md, "Symbols").
[[nodiscard]] double p_norm(double p, double a, double b);
[[nodiscard]] double p_norm(double p, double a, double b, double c);

}  // namespace foretoken
