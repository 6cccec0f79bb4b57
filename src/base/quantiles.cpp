// Quantiles by Boost.Math, in double throughout: by default it works in long double,
// whose results depend on the machine and which valgrind cannot run.
#include "base/quantiles.hpp"

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>

namespace foretoken {
namespace {

using InDouble = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

}  // namespace

double students_t_quantile(double p, double degrees) {
  return boost::math::quantile(boost::math::students_t_distribution<double, InDouble>(degrees), p);
}

double beta_quantile(double p, double a, double b) {
  return boost::math::quantile(boost::math::beta_distribution<double, InDouble>(a, b), p);
}

double binomial_cdf(std::int64_t k, std::int64_t n, double q) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return boost::math::cdf(boost::math::binomial_distribution<double, InDouble>(static_cast<double>(n), q),
                          static_cast<double>(k));
}

}  // namespace foretoken
