// One entry per kind of GPU that the domain has.
#include "study/recommend/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

// Verdicts that a kind gets beside the ranking; short runs dismiss most of what cannot meet.
constexpr int kVerdictsOfAKind = 3;

// What came nearest: simulated, else as far as bounds tell.
std::string why_none(const std::string& gpu, const std::vector<Screened>& screened, const std::vector<Trial>& trials) {
  const Candidate* closest = nullptr;
  for (const Trial& t : trials) {
    if (t.candidate.gpu != gpu || t.candidate.objectives.empty()) continue;
    if (closest == nullptr || t.candidate.room > closest->room) closest = &t.candidate;
  }
  if (closest != nullptr)
    return closest->why.empty() ? "not decided in the tries that a kind gets beside the ranking" : closest->why;
  const Screened* best = nullptr;
  for (const Screened& s : screened) {
    if (s.gpu != gpu || s.why.empty() || s.fate == Fate::invalid) continue;
    const bool better = best == nullptr || (s.fate == Fate::impossible && best->fate != Fate::impossible) ||
                        (s.fate == best->fate && s.room > best->room);
    if (better) best = &s;
  }
  return best != nullptr ? best->why : "not reached";
}

}  // namespace

void renumber(Candidate& candidate, const std::function<std::size_t(std::size_t)>& to) {
  candidate.index = to(candidate.index);
  for (std::size_t& i : candidate.same) i = to(i);
}

const Kinds::Kind* Kinds::find(const std::string& gpu) const {
  const auto at = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& k) { return k.known.gpu == gpu; });
  return at == kinds_.end() ? nullptr : &*at;
}

void Kinds::add(const std::string& gpu, bool competes) {
  if (gpu.empty() || find(gpu) != nullptr) return;
  Kind kind;
  kind.known.gpu = gpu;
  kind.known.competes = competes;
  kinds_.push_back(std::move(kind));
}

bool Kinds::wants(const std::string& gpu) const {
  const Kind* kind = find(gpu);
  return kind != nullptr && !kind->known.best && kind->verdicts < kVerdictsOfAKind;
}

void Kinds::count_verdict(const std::string& gpu) {
  for (Kind& k : kinds_) {
    if (k.known.gpu == gpu) ++k.verdicts;
  }
}

void Kinds::found(const Candidate& candidate) {
  for (Kind& k : kinds_) {
    if (k.known.gpu != candidate.gpu) continue;
    // Found later in a widened domain it may be the cheaper one; all of a kind cost the same per GPU.
    const bool better = !k.known.best || candidate.cost.gpus < k.known.best->cost.gpus ||
                        (candidate.cost.gpus == k.known.best->cost.gpus && candidate.room > k.known.best->room);
    if (better) k.known.best = candidate;
  }
}

void Kinds::found_same(std::size_t index, std::size_t other) {
  for (Kind& k : kinds_) {
    if (k.known.best && k.known.best->index == index) k.known.best->same.push_back(other);
  }
}

void Kinds::renumber_all(const std::function<std::size_t(std::size_t)>& to) {
  for (Kind& k : kinds_) {
    if (k.known.best) renumber(*k.known.best, to);
  }
}

void Kinds::conclude(RecommendResult& result, const std::vector<Screened>& screened,
                     const std::vector<Trial>& trials) const {
  for (const Kind& k : kinds_) {
    BestOfKind kind = k.known;
    if (!kind.best) kind.why = why_none(kind.gpu, screened, trials);
    if (!kind.competes && kind.best && !result.ranked.empty() && result.by_money)
      kind.break_even_usd_per_gpu = *result.ranked.front().cost.usd_per_hour / kind.best->cost.gpus;
    result.kinds.push_back(std::move(kind));
  }
  const auto key = [&](const BestOfKind& k) {
    const double cost = !k.best ? INFINITY : k.competes ? k.best->cost.rank(result.by_money) : k.best->cost.gpus;
    return std::pair(!k.competes, cost);
  };
  std::stable_sort(result.kinds.begin(), result.kinds.end(),
                   [&](const BestOfKind& a, const BestOfKind& b) { return key(a) < key(b); });
}

}  // namespace foretoken
