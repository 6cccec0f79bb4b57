// Scenarios that are queues with exact answers, to test verdicts on.
#pragma once

#include <array>
#include <string>

#include "foretoken/scenario/scenario.hpp"
#include "support/queue_answers.hpp"

namespace foretoken::test {

enum class QueueKind { md1, mm1, mg1, mm8, four_mm1 };
inline constexpr std::array kQueueKinds = {QueueKind::md1, QueueKind::mm1, QueueKind::mg1, QueueKind::mm8,
                                           QueueKind::four_mm1};

struct QueueWithAnswer {
  std::string name;
  Scenario scenario;
  // Seconds. A wait that the simulation rounds up to the next step is off by so much at most.
  double mean_wait = 0, p95_wait = 0, p99_wait = 0, mean_service = 0, rounding = 0;
};

namespace queue_details {

// Whole tokens: an exponential of mean 1,000 rounded up.
inline constexpr double kRoundedUp = 1000.4999166666;
inline constexpr double kPerToken = 1e-5;

// One seat, one output token: a request is one prefill step of prompt x 10 µs.
inline Scenario one_seat(const LengthConfig& prompt) {
  Scenario s;
  s.deployment.level = CostLevel::affine;
  s.deployment.affine.per_prefill_token = kPerToken;
  s.engine.max_num_seqs = 1;
  s.engine.max_model_len = 2'000'000;
  s.engine.max_num_batched_tokens = 2'000'000;
  s.engine.num_gpu_blocks = 1'000'000;
  s.workload.lengths.input = prompt;
  s.workload.lengths.output = FixedLength{1};
  return s;
}

// Every step of 0.1 ms gives each of 8 seats a token, so a seat is a server and the output its service time.
inline Scenario eight_seats() {
  Scenario s = one_seat(FixedLength{1});
  s.deployment.affine.per_prefill_token = 0;
  s.deployment.affine.per_step = 1e-4;
  s.engine.max_num_seqs = 8;
  s.workload.lengths.output = ExponentialLength{1000};
  return s;
}

inline void set_exponential(QueueWithAnswer& q, const ExponentialWait& wait) {
  q.mean_wait = wait.mean();
  q.p95_wait = quantile_of(wait.tail(), 0.95);
  q.p99_wait = quantile_of(wait.tail(), 0.99);
}

inline void set_general(QueueWithAnswer& q, double rate, const ServiceTimes& service) {
  q.mean_service = service.moment(1);
  q.mean_wait = mg1_mean(rate, service);
  q.p95_wait = quantile_of(mg1_tail(rate, service), 0.95);
  q.p99_wait = quantile_of(mg1_tail(rate, service), 0.99);
}

}  // namespace queue_details

inline QueueWithAnswer make_queue(QueueKind kind, double load) {
  using namespace queue_details;
  QueueWithAnswer q;
  double service = kRoundedUp * kPerToken;
  int servers = 1;
  switch (kind) {
    case QueueKind::md1:
      service = 1000 * kPerToken;
      q = {.name = "M/D/1", .scenario = one_seat(FixedLength{1000})};
      set_general(q, load / service, {{service}, {1}});
      break;
    case QueueKind::mm1:
      q = {.name = "M/M/1", .scenario = one_seat(ExponentialLength{1000})};
      set_exponential(q, mmc_wait(1, load, service));
      break;
    case QueueKind::mg1:
      service = 1000 * kPerToken;
      q = {.name = "M/G/1", .scenario = one_seat(EmpiricalLength{{200, 4200}, {0.8, 0.2}})};
      set_general(q, load / service, {{200 * kPerToken, 4200 * kPerToken}, {0.8, 0.2}});
      break;
    case QueueKind::mm8:
      service = kRoundedUp * 1e-4;
      servers = 8;
      q = {.name = "M/M/8", .scenario = eight_seats(), .rounding = 1e-4};
      set_exponential(q, mmc_wait(8, load, service));
      // On average half a step.
      q.mean_wait += 0.5e-4, q.p95_wait += 0.5e-4, q.p99_wait += 0.5e-4;
      break;
    case QueueKind::four_mm1:
      servers = 4;
      q = {.name = "4 M/M/1", .scenario = one_seat(ExponentialLength{1000})};
      q.scenario.cluster.replicas = 4;
      q.scenario.cluster.router = "round_robin";
      set_exponential(q, round_robin_wait(4, load, service));
      break;
  }
  q.mean_service = service;
  q.scenario.name = q.name;
  q.scenario.workload.arrivals = RenewalArrivals{servers * load / service, 1, false};
  return q;
}

}  // namespace foretoken::test
