// Quantiles by Boost.Math, in double throughout: by default it works in long double,
// whose results depend on the machine and which valgrind cannot run.
#include "foretoken/base/quantiles.hpp"

#include <boost/math/distributions/students_t.hpp>

namespace foretoken {
namespace {

using InDouble = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

}  // namespace

double students_t_quantile(double p, double degrees) {
  return boost::math::quantile(boost::math::students_t_distribution<double, InDouble>(degrees), p);
}

}  // namespace foretoken
