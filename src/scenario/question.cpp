// Questions with changes.
#include "foretoken/scenario/question.hpp"

namespace foretoken {

Question Question::with(const std::vector<std::string>& overrides) const {
  Question changed = *this;
  std::vector<std::string>& set = changed.options.overrides;
  set.insert(set.end(), overrides.begin(), overrides.end());
  return changed;
}

Question Question::without_sweep() const {
  Question one = with({"sweep=null"});
  one.options.over.clear();
  return one;
}

Result<Scenario> Question::scenario(Diagnostics* warnings) const {
  return parse_scenario(text, origin, options, warnings);
}

}  // namespace foretoken
