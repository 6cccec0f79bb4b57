// What a scenario says of an engine's knobs, for the engine that reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "foretoken/cost/memory_plan.hpp"
#include "foretoken/serving/engine_config.hpp"

namespace foretoken {

// A knob's value where none is given, and why: a rule of the engine, the model or the GPU.
template <class T>
struct KnobRule {
  T value{};
  std::string reason = {};
};

// Contract: a key is one of the field table. Every call but the maybe_ one notes the value as resolved and the key as
// read.
class EngineKnobs {
 public:
  virtual ~EngineKnobs() = default;
  // The given value, or what the engine's rule says.
  virtual std::int64_t integer(const char* key, const KnobRule<std::int64_t>& rule) = 0;
  virtual double number(const char* key, const KnobRule<double>& rule) = 0;
  virtual bool flag(const char* key, const KnobRule<bool>& rule) = 0;
  // The given value, or the default of the field table.
  virtual std::int64_t integer(const char* key) = 0;
  virtual double number(const char* key) = 0;
  virtual bool flag(const char* key) = 0;
  virtual std::string text(const char* key) = 0;
  virtual std::optional<std::int64_t> maybe_integer(const char* key) = 0;
  // At the knob's place in the scenario.
  virtual void error(const char* key, std::string message, std::string hint) = 0;
  virtual void warning(const char* key, std::string message, std::string hint) = 0;
};

// What an engine fills from its knobs, and what its rules may look at. Model, GPU and parallelism are known; of
// `engine`, name, version, data_parallel_size and max_model_len.
struct EngineSetting {
  const Deployment& deployment;
  EngineConfig& engine;
  MemorySettings& memory;
};

}  // namespace foretoken
