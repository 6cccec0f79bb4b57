// Known answers of queues with many servers.
#pragma once

namespace foretoken::test {

// Erlang C: the probability that all c servers are busy at `offered` = lambda / mu.
inline double erlang_c(int servers, double offered) {
  double term = 1, sum = 0;
  for (int k = 0; k < servers; ++k) {
    sum += term;
    term *= offered / (k + 1);
  }
  const double busy = term / (1 - offered / servers);
  return busy / (sum + busy);
}

}  // namespace foretoken::test
