// The measurements: mean acceptance lengths turned to rates where no rates were published.
#include "scenario/measured_acceptance.hpp"

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

using M = DraftMethod;

// EAGLE-3.1 on MiniMax-M3 with 3 drafts (vLLM blog, 2026-05-26): lengths by kind of request, as one rate.
constexpr std::string_view kMiniMax = "MiniMax-M3, EAGLE-3.1 with 3 drafts (vLLM blog, 2026-05-26)";
MeasuredAcceptance by_length(std::string_view dataset, double length) {
  return {M::eagle3, dataset, rates_of(rate_of_length(length, 3), 3), kMiniMax};
}

// P-EAGLE and EAGLE-3 on GPT-OSS-20B: lengths of 3 and of 7 drafts. The first three as one rate, the others as another
// that goes on from there.
constexpr std::string_view kGptOss = "GPT-OSS-20B, lengths of 3 and 7 drafts (vLLM blog, 2026-03-13)";
MeasuredAcceptance by_two_lengths(std::string_view dataset, double of_three, double of_seven, bool parallel) {
  std::vector<double> rates = rates_of(rate_of_length(of_three, 3), 3);
  const double fall = rate_of_length(1 + (of_seven - of_three) / rates.back(), 4);
  while (rates.size() < 7) rates.push_back(rates.back() * fall);
  return {M::eagle3, dataset, rates, kGptOss, parallel};
}

std::vector<MeasuredAcceptance> measured() {
  // Llama-3.1-8B on MT-bench with 2 to 7 drafts (vllm issue 20780): differences of the lengths are the rates of the
  // third draft on; the first two share the length of two as independent ones.
  constexpr std::string_view kLlama = "Llama-3.1-8B on MT-bench (vllm issue 20780)";
  return {
      {M::eagle3, "chat", {.72, .50, .36, .26, .18, .12, .08}, "a guess from several measurements"},
      {M::eagle3, "mt_bench", {.769, .591, .43, .29, .24, .14, .08}, kLlama},
      {M::eagle3, "human_eval", {.70, .53, .42, .20, .10, .05, .03}, kGptOss},
      by_two_lengths("speed_bench", 2.24, 2.59, false),
      by_two_lengths("chat", 2.87, 3.70, true),  // MT-bench
      by_two_lengths("mt_bench", 2.87, 3.70, true),
      by_two_lengths("human_eval", 3.02, 3.94, true),
      by_two_lengths("speed_bench", 2.87, 3.38, true),
      by_length("coding", 3.32),
      by_length("math", 3.14),
      by_length("rag", 3.12),
      by_length("multilingual", 3.04),
      by_length("reasoning", 2.89),
      by_length("stem", 2.86),
      by_length("summary", 2.86),
      by_length("humanities", 2.71),
      by_length("qa", 2.55),
      by_length("writing", 2.33),
      by_length("roleplay", 2.01),
      {M::eagle, "chat", {.62, .33, .17}, "a guess from several measurements"},
      {M::eagle, "mt_bench", {.662, .438, .19, .10, .04, .02, .02}, kLlama},
      {M::mtp,
       "chat",
       {.88, .66, .495, .37, .28, .21},
       "DeepSeek-V3's 0.9 of the first draft (SGLang PR 3582); the fall from "
       "draft to draft is a guess"},
      {M::ngram, "chat", {.3, .2, .15}, "a guess; Magpie's first turns give 1.37 to 1.40 tokens (TensorRT-LLM blog 7)"},
      {M::ngram,
       "summary",
       {.6, .5, .42},
       "a guess; translations with the answer in the prompt give 3.6 tokens (TensorRT-LLM "
       "blog 7)"},
      {M::suffix, "chat", {.3, .2, .15}, "as ngram"},
      {M::suffix, "summary", {.6, .5, .42}, "as ngram"},
      {M::draft_model, "chat", rates_of(.65, 8), "a guess for a drafter of an eighth of the target"},
      {M::medusa, "chat", {.58, .35, .20, .11}, "Vicuna-7B's 2.31 tokens (Spec-Bench); their split is a guess"},
  };
}

const std::vector<MeasuredAcceptance>& table() {
  static const std::vector<MeasuredAcceptance> kTable = measured();
  return kTable;
}

}  // namespace

std::vector<std::string_view> acceptance_dataset_names() {
  std::vector<std::string_view> names;
  for (const MeasuredAcceptance& row : table()) {
    if (std::find(names.begin(), names.end(), row.dataset) == names.end()) names.push_back(row.dataset);
  }
  return names;
}

const MeasuredAcceptance* measured_acceptance(DraftMethod method, std::string_view dataset, bool parallel) {
  const auto at = std::find_if(table().begin(), table().end(), [&](const MeasuredAcceptance& row) {
    return row.method == method && row.dataset == dataset && row.parallel == parallel;
  });
  if (at != table().end()) return &*at;
  return parallel ? measured_acceptance(method, dataset) : nullptr;
}

std::vector<std::string_view> datasets_with(DraftMethod method) {
  std::vector<std::string_view> names;
  for (const MeasuredAcceptance& row : table()) {
    if (row.method == method && !row.parallel) names.push_back(row.dataset);
  }
  return names;
}

double rate_of_length(double length, int drafts) {
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    double sum = 1, power = 1;
    for (int k = 0; k < drafts; ++k) sum += power *= middle;
    (sum < length ? low : high) = middle;
  }
  return low;
}

std::vector<double> rates_of(double rate, std::size_t count) {
  std::vector<double> rates;
  for (double power = rate; rates.size() < count; power *= rate) rates.push_back(power);
  return rates;
}

std::vector<double> rates_of_length(double length, int drafts) {
  std::vector<double> rates(static_cast<std::size_t>(drafts), 0);
  double left = length - 1;
  for (double& rate : rates) {
    rate = std::clamp(left, 0.0, 1.0);
    left -= rate;
  }
  return rates;
}

std::vector<double> continued(std::vector<double> rates, std::size_t count) {
  const std::size_t given = rates.size();
  const double before = given > 1 ? rates[given - 2] : 1;
  const double fall = given > 0 && before > 0 ? std::min(1.0, rates.back() / before) : 0;
  while (rates.size() < count) rates.push_back(rates.back() * fall);
  return rates;
}

}  // namespace foretoken
