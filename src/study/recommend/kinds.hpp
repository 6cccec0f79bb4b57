// The cheapest that meets of each kind of GPU, and why a kind has none.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "study/recommend/search.hpp"

namespace foretoken {

class Kinds {
 public:
  void add(const std::string& gpu, bool competes);
  // No candidate of it meets so far, and it has tries left. The first call of a search is always granted.
  [[nodiscard]] bool wants(const std::string& gpu) const;
  void count_verdict(const std::string& gpu);
  void found(const Candidate& candidate);
  // `other` was answered by the run of `index`.
  void found_same(std::size_t index, std::size_t other);
  void renumber_all(const std::function<std::size_t(std::size_t)>& to);
  // Fills result.kinds; the ranking and the winner are there.
  void conclude(RecommendResult& result, const std::vector<Screened>& screened, const std::vector<Trial>& trials) const;

 private:
  struct Kind {
    BestOfKind known;
    int verdicts = 0;
  };
  [[nodiscard]] const Kind* find(const std::string& gpu) const;
  std::vector<Kind> kinds_;
};

// Gives a candidate its place in a wider domain.
void renumber(Candidate& candidate, const std::function<std::size_t(std::size_t)>& to);

}  // namespace foretoken
