// Buckets by the leading bits of a latency in nanoseconds.
#include "metrics/latency_bands.hpp"

#include <bit>
#include <cmath>

namespace foretoken {
namespace {

constexpr int kBits = 6;  // 2^6 buckets an octave

std::size_t bucket_of(Duration latency) {
  const auto ns = static_cast<std::uint64_t>(latency.count() > 0 ? latency.count() : 0);
  const int width = static_cast<int>(std::bit_width(ns));
  if (width <= kBits) return ns;
  const auto octave = static_cast<std::size_t>(width - kBits);
  return (octave << kBits) + (ns >> (octave - 1)) - (std::size_t{1} << kBits);
}

}  // namespace

void LatencyBands::Sums::add(const Sums& other) {
  requests += other.requests;
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] += other.parts[i];
}

void LatencyBands::Sums::add(const Attribution& of_one_request) {
  ++requests;
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] += of_one_request[i].count();
}

void LatencyBands::add(Duration latency, const Attribution& parts) {
  const std::size_t bucket = bucket_of(latency);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  buckets_[bucket].add(parts);
  ++requests_;
}

void LatencyBands::merge(const LatencyBands& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i].add(other.buckets_[i]);
  requests_ += other.requests_;
}

LatencyBands::Sums LatencyBands::slowest(double share) const {
  Sums sums;
  const double wanted = share * static_cast<double>(requests_);
  for (auto at = buckets_.rbegin(); at != buckets_.rend() && static_cast<double>(sums.requests) < wanted; ++at)
    sums.add(*at);
  return sums;
}

}  // namespace foretoken
