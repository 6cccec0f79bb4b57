// Settling accounts: whole nanoseconds per part, the rounding remainder to engine
// overhead, so that the parts sum to the total exactly (INV-12).
#include "serving/requests/attribution.hpp"

#include <utility>

namespace foretoken {
namespace {

Duration whole(FineTotal fine) {
  return Duration{static_cast<std::int64_t>(fine >> FineDuration::kFractionBits)};
}

Duration& part(Attribution& a, AttributionPart p) {
  return a[static_cast<std::size_t>(p)];
}

// Every part is rounded down; the remainder is of the order of a nanosecond per cut.
void close(Attribution& a, Duration total) {
  Duration sum{};
  for (Duration d : a) sum += d;
  part(a, AttributionPart::engine_overhead) += total - sum;
}

// value * numerator / denominator, the same bits everywhere.
std::int64_t share(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  return static_cast<std::int64_t>(static_cast<FineTotal>(value) * numerator / denominator);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::finished:
      return "finished";
    case Outcome::rejected:
      return "rejected";
    case Outcome::timed_out:
      return "timed_out";
    case Outcome::unfinished:
      return "unfinished";
    case Outcome::aborted:
      return "aborted";
    case Outcome::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(AttributionPart p) {
  switch (p) {
    case AttributionPart::queue:
      return "queue";
    case AttributionPart::kv_wait:
      return "kv_wait";
    case AttributionPart::prefill_compute:
      return "prefill_compute";
    case AttributionPart::prefill_memory:
      return "prefill_memory";
    case AttributionPart::interference:
      return "interference";
    case AttributionPart::decode_memory:
      return "decode_memory";
    case AttributionPart::decode_compute:
      return "decode_compute";
    case AttributionPart::communication:
      return "communication";
    case AttributionPart::engine_overhead:
      return "engine_overhead";
    case AttributionPart::preemption_recompute:
      return "preemption_recompute";
    case AttributionPart::kv_transfer:
      return "kv_transfer";
    case AttributionPart::hand_over_wait:
      return "hand_over_wait";
    case AttributionPart::earlier_attempts:
      return "earlier_attempts";
    case AttributionPart::fleet_wait:
      return "fleet_wait";
  }
  return "unknown";
}

DecodeTotals& DecodeTotals::operator+=(const DecodeTotals& o) {
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] += o.parts[i];
  interference += o.interference;
  return *this;
}

DecodeTotals& DecodeTotals::operator-=(const DecodeTotals& o) {
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] -= o.parts[i];
  interference -= o.interference;
  return *this;
}

void Account::prefilled(const StepTime& step, std::int64_t tokens, std::int64_t step_tokens) {
  if (tokens == step_tokens) {
    for (std::size_t i = 0; i < prefill_.size(); ++i) prefill_[i] += step.parts[i].units;
    return;
  }
  std::int64_t others = step.total().units;
  for (std::size_t i = 0; i < prefill_.size(); ++i) {
    const std::int64_t own = share(step.parts[i].units, tokens, step_tokens);
    prefill_[i] += own;
    others -= own;
  }
  prefill_interference_ += others;
}

void Account::decoded_as_chunk(const StepTime& step, std::int64_t tokens, std::int64_t step_tokens) {
  std::int64_t others = step.total().units;
  for (std::size_t i = 0; i < decode_.parts.size(); ++i) {
    const std::int64_t own = share(step.parts[i].units, tokens, step_tokens);
    decode_.parts[i] += own;
    others -= own;
  }
  decode_.interference += others;
}

void Account::first_token(Duration elapsed) {
  part(ttft_, AttributionPart::queue) = std::exchange(queue_, {});
  part(ttft_, AttributionPart::kv_wait) = std::exchange(kv_wait_, {});
  part(ttft_, AttributionPart::kv_transfer) = std::exchange(transfer_, {});
  part(ttft_, AttributionPart::hand_over_wait) = std::exchange(hand_over_, {});
  const auto fine = [&](TimePart p) { return whole(prefill_[static_cast<std::size_t>(p)]); };
  part(ttft_, AttributionPart::prefill_compute) = fine(TimePart::compute);
  part(ttft_, AttributionPart::prefill_memory) = fine(TimePart::memory);
  part(ttft_, AttributionPart::communication) = fine(TimePart::network);
  part(ttft_, AttributionPart::engine_overhead) = fine(TimePart::overhead);
  part(ttft_, AttributionPart::interference) = whole(prefill_interference_);
  part(ttft_, AttributionPart::preemption_recompute) = std::exchange(recovery_, {});
  close(ttft_, elapsed);
}

void Account::left_decode(const DecodeTotals& now) {
  decode_ += now;
}

void Account::sat_out(const DecodeTotals& step, FineDuration time) {
  decode_ -= step;
  decode_.interference += time.units;
}

Attribution Account::total(Duration elapsed) const {
  Attribution a = ttft_;
  const auto fine = [&](TimePart p) { return whole(decode_.parts[static_cast<std::size_t>(p)]); };
  part(a, AttributionPart::decode_compute) += fine(TimePart::compute);
  part(a, AttributionPart::decode_memory) += fine(TimePart::memory);
  part(a, AttributionPart::communication) += fine(TimePart::network);
  part(a, AttributionPart::engine_overhead) += fine(TimePart::overhead);
  part(a, AttributionPart::interference) += whole(decode_.interference);
  part(a, AttributionPart::preemption_recompute) += recovery_;
  part(a, AttributionPart::queue) += queue_;
  part(a, AttributionPart::kv_wait) += kv_wait_;
  part(a, AttributionPart::kv_transfer) += transfer_;
  part(a, AttributionPart::hand_over_wait) += hand_over_;
  close(a, elapsed);
  return a;
}

}  // namespace foretoken
