// A target and the encoder of images or sound before it (src/cost/README.md, "Encoders").
#include <algorithm>
#include <cmath>
#include <map>

#include "cost/levels/charge.hpp"
#include "cost/levels/levels.hpp"
#include "cost/levels/step_operators.hpp"
#include "cost/operators/attention_encoder.hpp"
#include "model/media.hpp"

namespace foretoken {
namespace {

constexpr double kBidirectional = 2;  // pairs against those of causal attention

// The encoder's layers as those of a model of their own, in 16 bits, on the target's GPUs.
Deployment encoder_of(const Deployment& target) {
  const EncoderSpec& e = target.model.encoder;
  Deployment d = target;
  ModelSpec m;
  m.id = target.model.id + " encoder";
  m.hidden_size = e.hidden_size;
  m.layers = m.full_attention_layers = e.layers;
  m.heads = m.kv_heads = e.heads;
  m.head_dim = e.heads > 0 ? e.hidden_size / e.heads : 0;
  m.intermediate_size = e.intermediate_size;
  m.mlp_matrices = e.mlp_matrices;
  m.vocab_size = 1;
  d.model = m;
  d.dense_format = d.expert_format = WeightFormat::bf16;
  d.kv_format = KvFormat::bf16;
  d.draft = {};
  d.largest_item = 0;
  d.parallelism = {};
  if (!target.encoder_data_parallel) d.parallelism.tensor = target.parallelism.tensor;
  return d;
}

class Encoder {
 public:
  explicit Encoder(const Deployment& target)
      : spec_(target.model.encoder),
        target_hidden_(target.model.hidden_size),
        deal_(target.encoder_data_parallel ? target.parallelism.tensor : 1),
        d_(encoder_of(target)),
        operators_(d_),
        pricing_(make_pricing(d_)),
        launch_(spec_.layers * d_.overhead.per_prefill_layer) {
    const double tp = d_.parallelism.tensor;
    if (d_.level == CostLevel::calibrated) kernel_ = encoder_kernel(gpu_generation(d_.gpu));
    if (kernel_ != nullptr) {
      measured_.level = CostLevel::calibrated;
      measured_.name = std::string(kernel_->name) + ", vLLM 0.24.0";
      measured_.error = kernel_->error;
    }
    heads_ = {std::ceil(spec_.heads / tp), std::ceil(spec_.heads / tp), static_cast<double>(d_.model.head_dim)};
    if (deal_ > 1) {
      gathering_ = target;
      gathering_pricing_ = make_pricing(gathering_);
      group_ = link_group(gathering_, deal_);
    }
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  [[nodiscard]] std::vector<Operator> operators(std::span<const EncodedItem> items) const {
    const std::vector<EncodedItem> mine = of_busiest_rank(items);
    double patches = 0, tokens = 0, all_tokens = 0;
    for (const EncodedItem& item : mine) {
      patches += static_cast<double>(item.sequences) * item.patches;
      tokens += item.tokens;
    }
    for (const EncodedItem& item : items) all_tokens += item.tokens;
    const double pixels = 3.0 * spec_.patch_size * spec_.patch_size;
    const double in = projector_width(spec_);
    std::vector<Operator> out;
    out.push_back(operators_.matrix("encoder_patches", 1, patches, spec_.hidden_size, pixels, WeightFormat::bf16));
    for (Operator& op : operators_.dense(static_cast<std::int64_t>(patches))) {
      const std::string_view name = op.name;
      if (name != "embedding" && name != "kv_write") out.push_back(op);
    }
    add_attention(out, mine);
    out.push_back(operators_.matrix("encoder_project", 1, tokens, in, in, WeightFormat::bf16));
    out.push_back(operators_.matrix("encoder_project", 1, tokens, target_hidden_, in, WeightFormat::bf16));
    if (deal_ > 1) {  // a gathering moves half of what a reduction to all does
      const double bytes = all_tokens * target_hidden_ * 2 / 2;
      out.push_back({"encoder_gather",
                     1,
                     {},
                     all_reduce_estimate(bytes, group_, {nullptr, &gathering_pricing_.nccl}),
                     all_reduce_datasheet(bytes, group_),
                     &gathering_pricing_.nccl});
    }
    return out;
  }

  // Its layers are launched one by one, as those of prompts are: what of that the GPU's work does not hide.
  [[nodiscard]] double launches_not_hidden(double gpu_seconds) const {
    if (!(launch_ > 0)) return 0;
    const double most = std::max(gpu_seconds, launch_), ratio = std::min(gpu_seconds, launch_) / most;
    return most * std::sqrt(std::sqrt(1 + ratio * ratio * ratio * ratio)) - gpu_seconds;
  }
  [[nodiscard]] double scale() const { return d_.overhead.scale; }

  [[nodiscard]] const StepTime& time(std::span<const EncodedItem> items) const {
    std::vector<std::array<std::int32_t, 3>> key;
    for (const EncodedItem& item : items) key.push_back({item.tokens, item.sequences, item.patches});
    std::sort(key.begin(), key.end());
    constexpr std::size_t kRemembered = 4096;
    if (times_.size() > kRemembered) times_.clear();
    const auto [place, is_new] = times_.try_emplace(std::move(key));
    if (is_new) {
      Charge sum;
      for (const Operator& op : operators(items)) sum += charge(op, scale());
      place->second = step_time(sum);
      add(place->second[TimePart::overhead], capped_fine(launches_not_hidden(sum.total())));
    }
    return place->second;
  }

 private:
  // Dealt out, the largest first, to the rank with the least (vLLM's load balancing of mm_encoder_tp_mode data).
  [[nodiscard]] std::vector<EncodedItem> of_busiest_rank(std::span<const EncodedItem> items) const {
    std::vector<EncodedItem> all(items.begin(), items.end());
    if (deal_ == 1) return all;
    const auto size = [](const EncodedItem& i) { return std::int64_t{i.sequences} * i.patches; };
    std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return size(a) > size(b); });
    std::vector<std::vector<EncodedItem>> ranks(static_cast<std::size_t>(deal_));
    std::vector<std::int64_t> load(ranks.size());
    for (const EncodedItem& item : all) {
      const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
      ranks[least].push_back(item);
      load[least] += size(item);
    }
    return ranks[static_cast<std::size_t>(std::max_element(load.begin(), load.end()) - load.begin())];
  }

  // `window`: patches that attend to each other; 0: all of a sequence.
  void add_attention(std::vector<Operator>& out, const std::vector<EncodedItem>& items) const {
    const bool windowed = spec_.window > 0 && spec_.full_layers < spec_.layers;
    const int full = windowed ? spec_.full_layers : spec_.layers;
    if (full > 0) out.push_back(attention("encoder_attention", full, items, 0));
    if (windowed) out.push_back(attention("encoder_attention_windowed", spec_.layers - full, items, spec_.window));
  }
  [[nodiscard]] Operator attention(const char* name, int layers, const std::vector<EncodedItem>& items,
                                   int window) const {
    const ServedSet& set = pricing_.attention_prefill;
    PrefillTerms sum;
    EncoderTiles measured;
    for (const EncodedItem& item : items) {
      const double each = window > 0 ? std::min(window, item.patches) : item.patches;
      const double parts = std::ceil(item.patches / each);
      measured.add(item.sequences * parts, each, heads_.query, heads_.size);
      PrefillTerms terms = prefill_terms({item.sequences * parts, each, 0, heads_}, set);
      // A tile of queries sees all tiles of keys, where causal attention needs (n + 1) / 2 of n; and two of two in
      // the floor, which counts pairs.
      const double tiles = std::ceil(each / 128);
      const double tiled = set.level == CostLevel::calibrated ? 2 * tiles / (tiles + 1) : kBidirectional;
      terms.compute *= tiled;
      terms.work.flops *= kBidirectional;
      sum += terms;
    }
    const Device& d = pricing_.datasheet;
    return {name,
            static_cast<double>(layers),
            sum.work,
            kernel_ != nullptr ? encoder_estimate(measured, heads_.size, *kernel_, d) : prefill_estimate(sum, set),
            datasheet_seconds(sum.work, d.flops_bf16, d.bandwidth),
            kernel_ != nullptr ? &measured_ : &set};
  }

  EncoderSpec spec_;
  double target_hidden_;
  int deal_;  // ranks that items are dealt out to
  Deployment d_;
  StepOperators operators_;
  Pricing pricing_;
  AttentionHeads heads_;
  const EncoderKernel* kernel_ = nullptr;  // null: priced as a prompt's attention
  ServedSet measured_;
  double launch_;
  Deployment gathering_;
  Pricing gathering_pricing_;
  LinkGroup group_;
  mutable std::map<std::vector<std::array<std::int32_t, 3>>, StepTime> times_;
};

// The encoder works first, and the target's layers wait for it.
class EncodingModel final : public CostModel {
 public:
  EncodingModel(std::unique_ptr<CostModel> target, const Deployment& d)
      : target_(std::move(target)), encoder_(d), host_(capped_fine(d.overhead.per_step)) {}

  StepTime step(const StepShape& shape) const override {
    StepTime time = target_->step(shape);
    if (!shape.encodes.empty()) add(time, encoder_.time(shape.encodes));
    return time;
  }
  // An engine for itself: its host schedules it as it would schedule any other step.
  StepTime encode(std::span<const EncodedItem> items) const override {
    StepTime time = encoder_.time(items);
    add(time[TimePart::overhead], host_);
    return time;
  }
  const DecodeCurve& decode(std::int64_t sequences) const override { return target_->decode(sequences); }
  std::int64_t sliding_window() const override { return target_->sliding_window(); }

  StepBreakdown breakdown(const StepShape& shape) const override {
    StepBreakdown result;
    if (!shape.prefill.empty() || shape.decode.sequences > 0) result = target_->breakdown(shape);
    if (shape.encodes.empty()) return result;
    double gpu = 0;
    for (const Operator& op : encoder_.operators(shape.encodes)) {
      const Charge c = charge(op, encoder_.scale());
      OperatorCost line;
      line.name = std::string(op.name).starts_with("encoder_") ? op.name : std::string("encoder_") + op.name;
      line.count = op.count;
      line.flops = c.work.flops;
      line.bytes = c.work.bytes;
      line.seconds = c.total();
      line.datasheet_seconds = op.datasheet * op.count;
      line.bound = op.estimate.bound;
      line.served_by = op.served != nullptr ? op.served->name : "memory bandwidth";
      line.inside_range = op.inside_range;
      line.error = op.served != nullptr ? op.served->error : 0;
      gpu += line.seconds;
      result.seconds += line.seconds;
      result.datasheet_seconds += line.datasheet_seconds;
      result.clamped += c.clamped ? 1 : 0;
      result.operators.push_back(std::move(line));
    }
    if (const double launches = encoder_.launches_not_hidden(gpu); launches > 0) {
      OperatorCost line;
      line.name = "encoder_launches_not_hidden";
      line.count = 1;
      line.seconds = launches;
      line.bound = TimePart::overhead;
      line.served_by = "engine overhead terms";
      result.seconds += launches;
      result.operators.push_back(std::move(line));
    }
    return result;
  }

 private:
  std::unique_ptr<CostModel> target_;
  Encoder encoder_;
  FineDuration host_;
};

}  // namespace

std::unique_ptr<CostModel> make_encoding_model(std::unique_ptr<CostModel> target, const Deployment& deployment) {
  return std::make_unique<EncodingModel>(std::move(target), deployment);
}

}  // namespace foretoken
