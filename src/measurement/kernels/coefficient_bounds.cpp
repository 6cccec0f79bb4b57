// The rows: one for an operation's own meaning of a name before that of all operations. Launches take from half a
// microsecond to the fraction of a millisecond that grouped kernels need for routing; no efficiency is above 1.
#include "measurement/kernels/coefficient_bounds.hpp"

#include <algorithm>
#include <iterator>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

struct Row {
  std::string_view operation;  // what it begins with; empty: all
  std::string_view name;
  CoefficientBounds bounds;
};

constexpr Row kRows[] = {
    {"moe", "tk", {1e-12, 1e-6, 5e-9}},  // s per token
    {"moe", "t0", {1e-6, 300e-6, 20e-6}},
    {"attention_decode", "l2", {0.3, 20, 2}},  // a multiple of the memory bandwidth
    {"attention_prefill", "e64", {0.2, 1.5, 0.8}},
    {"allreduce", "a1", {1e-6, 100e-6, 5e-6}},
    {"allreduce", "a2", {1e-6, 100e-6, 8e-6}},
    {"mla_decode", "rc", {1e-3, 1, 0.2}},
    {"mla_decode", "cq", {1e-3, 20, 0.3}},
    {"", "t0", {0.3e-6, 100e-6, 5e-6}},
    {"", "ec", {0.03, 1, 0.6}},
    {"", "em", {0.1, 1, 0.75}},
    {"", "l2", {1e12, 80e12, 15e12}},
    {"", "p", {1, 16, 4}},
    {"", "tk", {1e-9, 20e-6, 0.5e-6}},
    {"", "ts", {1e-9, 20e-6, 1e-6}},
    {"", "bl", {0.05, 3, 0.5}},
    {"", "ta", {0.01, 5, 1}},
    {"", "tq", {1e-8, 30e-6, 1.5e-6}},
    {"", "cq", {0.1, 10, 1}},
    {"", "tca", {1e-9, 20e-6, 1e-6}},
    {"linear_scan", "tb", {1e-9, 30e-6, 4e-6}},
    {"", "tb", {1e-9, 10e-6, 0.5e-6}},
    {"", "cg", {0.01, 10, 1}},
    {"", "rr", {0.001, 10, 0.1}},
    {"", "tw", {1e-9, 200e-6, 5e-6}},
    {"", "aL", {1e-6, 200e-6, 10e-6}},
    {"", "aS", {1e-6, 500e-6, 30e-6}},
    {"", "b1", {1e-9, 20e-6, 0.2e-6}},
    {"", "b2", {1e-9, 20e-6, 0.5e-6}},
    {"", "bL", {1e-9, 50e-6, 2e-6}},
    {"", "bS", {1e-9, 100e-6, 5e-6}},
    {"", "e1", {0.01, 1.5, 0.4}},  // of one link: switches that add up beat the ring's bound
    {"", "e2", {0.01, 1.5, 0.6}},
    {"", "eL", {0.01, 1.5, 0.3}},
    {"", "eS", {0.01, 1.5, 0.8}},
    {"", "x1", {0.05, 1, 0.5}},
    {"", "x2", {0.05, 3, 0.5}},
    {"", "x3", {1, 10, 1.5}},
};

}  // namespace

CoefficientBounds coefficient_bounds(std::string_view operation, std::string_view name) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return r.name == name && operation.starts_with(r.operation); });
  invariant(row != std::end(kRows), "no bounds for a coefficient");
  return row->bounds;
}

}  // namespace foretoken
