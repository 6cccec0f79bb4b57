// Compares what a result file says with what it is taken for.
#include "measurement/calibration/check_measured.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/csv.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

std::pair<std::string, std::string> assignment(const std::string& text) {
  const auto equals = text.find('=');
  return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

std::string unquoted(std::string text) {
  std::erase_if(text, [](char c) { return c == '"' || c == '\'' || c == ' '; });
  return text;
}

bool same_value(const std::string& a, const std::string& b) {
  double x = 0, y = 0;
  const bool numbers = parse_number(unquoted(a), x) && parse_number(unquoted(b), y);
  return numbers ? std::abs(x - y) <= 1e-6 * std::max(std::abs(x), std::abs(y)) : unquoted(a) == unquoted(b);
}

class OriginCheck {
 public:
  OriginCheck(const RunToFit& run, const Scenario& base, MeasuredDoubts& doubts)
      : measured_(run.measured), base_(base), doubts_(doubts) {}

  void model(const Question& question) {
    if (measured_.model.empty()) return;
    const std::string& here = base_.deployment.model.id;
    const auto other = question.with({"model=" + to_text(Json(measured_.model), 0)}).scenario();
    if (other) {
      if (other->deployment.model.id != here)
        error(fmt::format("it was measured with {}; the scenario has {}", measured_.model, here),
              "give each model measurements of its own");
      return;
    }
    const auto slash = measured_.model.find_last_of('/');
    const std::string name = slash == std::string::npos ? measured_.model : measured_.model.substr(slash + 1);
    if (name.find(here) == std::string::npos && here.find(name) == std::string::npos)
      warn(fmt::format("was measured with {}; the scenario has {}", measured_.model, here));
  }

  void overrides(const std::vector<std::string>& given) {
    for (const std::string& said : measured_.overrides) {
      const auto [key, value] = assignment(said);
      for (const std::string& text : given) {
        const auto [other_key, other] = assignment(text);
        if (key == other_key && !same_value(value, other))
          error(fmt::format("the file says {}={}, and was given {}={}", key, value, key, other),
                "leave out what a result file says itself");
      }
      if (key.starts_with("engine.")) engine(key, value);
    }
  }

  void counts() {
    const std::int64_t ended = measured_.completed + measured_.failed;
    if (measured_.num_prompts == 0 || ended == measured_.num_prompts) return;
    const std::string text = fmt::format("{} completed and {} failed requests of {} that were sent",
                                         measured_.completed, measured_.failed, measured_.num_prompts);
    if (ended > measured_.num_prompts)
      error("it counts " + text, "the file is of several runs, or was edited");
    else
      warn("counts " + text);
  }

  void rate(const Scenario& scenario) {
    const auto* renewal = std::get_if<RenewalArrivals>(&scenario.workload.arrivals);
    if (renewal == nullptr || scenario.workload.max_concurrency || !measured_.has_arrivals) return;
    const double seconds = measured_.requests.empty() ? 0 : measured_.requests.back().arrival;
    const auto gaps = static_cast<double>(measured_.requests.size()) - 1;
    const bool says = std::any_of(measured_.overrides.begin(), measured_.overrides.end(),
                                  [](const std::string& o) { return o.starts_with("workload.request_rate="); });
    if (!says || !(seconds > 0) || gaps < 10) return;
    // Sums of gaps stray by 1 / sqrt(gaps) for a Poisson stream, by more for a bursty one.
    const double off = std::abs(std::log(gaps / seconds / renewal->rate));
    if (off > 0.1 + 4 / std::sqrt(gaps))
      warn(fmt::format("sent {:.3g} requests/s by its time stamps and says {:g}", gaps / seconds, renewal->rate));
  }

  void backend() {
    const std::string& name = measured_.backend;
    const std::string& engine = base_.deployment.engine_name;
    const auto is_called = [&](const EngineProfile& profile) {
      return std::any_of(profile.backend_words.begin(), profile.backend_words.end(),
                         [&](std::string_view word) { return name.find(word) != std::string::npos; });
    };
    const auto engines = engine_profiles();
    if (std::any_of(engines.begin(), engines.end(), is_called) && !is_called(find_engine(engine)))
      warn(fmt::format("was measured through the backend {}; the scenario has the engine {}", name, engine));
  }

 private:
  // A recording's own engine arguments are simulated; the fit is written down for the scenario's.
  void engine(const std::string& key, const std::string& value) {
    const auto field =
        std::find_if(base_.fields.begin(), base_.fields.end(), [&](const ResolvedField& f) { return f.path == key; });
    if (field == base_.fields.end() || same_value(to_text(field->value, 0), value)) return;
    const std::string text =
        fmt::format("has {}={}, the scenario {}", key, unquoted(value), unquoted(to_text(field->value, 0)));
    const bool said = field->origin == Origin::file || field->origin == Origin::command_line;
    if (said && (key == "engine.version" || key == "engine.name"))
      error("the recorded run " + text, "give the scenario the engine that was measured");
    else if (said || key == "engine.version" || key == "engine.name")
      warn(text + ": the recorded one is simulated");
  }
  void error(std::string text, std::string hint) {
    doubts_.errors.error({measured_.name, 0, 0}, std::move(text), std::move(hint));
  }
  void warn(const std::string& text) { doubts_.warnings.push_back(measured_.name + " " + text); }

  const MeasuredRun& measured_;
  const Scenario& base_;
  MeasuredDoubts& doubts_;
};

}  // namespace

void check_origin(const RunToFit& run, const Scenario& base, const Question& question,
                  const std::vector<std::string>& given, MeasuredDoubts& doubts) {
  OriginCheck check(run, base, doubts);
  check.model(question);
  check.overrides(given);
  check.counts();
  check.rate(run.scenario);
  check.backend();
}

void check_lengths(const RunToFit& run, const PredictedRun& predicted, MeasuredDoubts& doubts) {
  const MeasuredRun& m = run.measured;
  // Where the file has single requests, their own lengths are simulated.
  if (!m.requests.empty()) return;
  const std::tuple<const char*, double, const std::vector<std::int64_t>*> both[] = {
      {"input", m.mean_prompt_tokens, &predicted.prompt_tokens},
      {"output", m.mean_output_tokens, &predicted.output_tokens}};
  for (const auto& [what, mean, tokens] : both) {
    if (!(mean > 0) || tokens->empty()) continue;
    double sum = 0, squares = 0;
    for (const std::int64_t t : *tokens) {
      sum += static_cast<double>(t);
      squares += static_cast<double>(t) * static_cast<double>(t);
    }
    const auto n = static_cast<double>(tokens->size());
    const double simulated = sum / n;
    const double spread = std::sqrt(std::max(0.0, squares / n / (simulated * simulated) - 1));
    // Both are means of draws; tokenizers and stop tokens add a few percent.
    const double error = spread * std::sqrt(1 / n + 1 / std::max(1.0, static_cast<double>(m.completed)));
    const double off = std::abs(mean / simulated - 1);
    const std::string text =
        fmt::format("{:.4g} {} tokens per request were measured; the scenario has {:.4g}", mean, what, simulated);
    const std::string hint =
        fmt::format("--measured {}:workload.random_{}_len={:.0f} says what was sent", m.name, what, mean);
    if (off > 0.1 + 4 * error)
      doubts.errors.error({m.name, 0, 0}, text, hint);
    else if (off > 0.02 + 3 * error)
      doubts.warnings.push_back(m.name + ": " + text);
  }
}

}  // namespace foretoken
