// The table of commands. A study of a scenario that needs no options of its own is its row alone (`study_command`).
#include "cli/commands.hpp"

#include "cli/judge.hpp"

namespace foretoken {

std::vector<Command> commands(const Invocation& invocation) {
  return {
      {"run", "Simulate a scenario and print its latencies, throughput and objectives",
       "foretoken run chat.yaml --set workload.request_rate=40", add_run_command},
      {"sweep", "Simulate a scenario at every combination of lists and ranges",
       "foretoken sweep chat.yaml --over engine.max_num_seqs=1,2,4..64 --front mean_tpot,mfu",
       [invocation](CLI::App* sweep) { return add_sweep_command(sweep, invocation); }},
      {"merge", "Put the shards of a sweep together", "foretoken merge shard-0.jsonl shard-1.jsonl", add_merge_command},
      {"batch", "Batch sizes side by side, and the largest throughput within the objectives",
       "foretoken batch chat.yaml --sizes 1,2,4..256", add_batch_command},
      {"memory", "What fits by precision, context and GPU: weights, KV cache, requests, TPOT",
       "foretoken memory chat.yaml --context 2048,4096..32768 --gpu h100_sxm,l40s", add_memory_command},
      {"import", "A scenario from an engine's start line, Helm values, a manifest or a config.json",
       "foretoken import --gpu h100_sxm 'vllm serve Qwen/Qwen3-8B --max-num-seqs 64' -o mine.yaml", add_import_command},
      {"init", "A commented scenario to start from: chat, code completion, retrieval, agents ...",
       "foretoken init chatbot -o mine.yaml", add_init_command},
      {"emit", "A start script for vLLM, SGLang or TensorRT-LLM, or manifests of Kubernetes",
       "foretoken emit kubernetes chat.yaml -o chat-k8s.yaml", add_emit_command},
      {"sensitivity", "Move every figure, cost term, knob and load by a step: what moves the objective most",
       "foretoken sensitivity chat.yaml --metric p99_ttft_ms --by 20%", add_sensitivity_command},
      {"check", "Judge the objectives, with fixes: meets (0), misses (99) or not decided (98)",
       "foretoken check chat.yaml --set 'slo=[\"p99_ttft <= 500 ms\"]'", add_check_command},
      {"assert", "Judge the scenario's `assert` lines: all hold (0), one fails (99), not decided (98)",
       "foretoken assert chat.yaml --junit junit.xml", add_assert_command},
      {"bill", "Cost of a month by the hours of the week: a fixed fleet against one re-sized hourly",
       "foretoken bill chat.yaml --set prices.examples=true", add_bill_command},
      {"diff", "Say what two stored results do not share: version, fields, inputs, figures",
       "foretoken diff before.json after.json --exit-code", add_diff_command},
      {"verify", "Make a stored result again: the same figures (0), or what has changed since (99)",
       "foretoken verify result.json", add_verify_command},
      {"capacity", "The largest load that meets the objectives: found (0), none (99) or not decided (98)",
       "foretoken capacity chat.yaml --growth 5%/month", add_capacity_command},
      {"spares", "How many replicas more keep the objectives although replicas die, with a probability",
       "foretoken spares chat.yaml --target 99%", add_spares_command},
      {"placement", "Which model on which GPU, how many replicas, at least cost within the objectives",
       "foretoken placement models.yaml --set 'placement.available={h100_sxm: 8, l4: 16}'", add_placement_command},
      {"promise", "The load that keeps the objectives by prompt and output length; the longest context",
       "foretoken promise chat.yaml --input-len 512,2048 --output-len 128", add_promise_command},
      {"compare", "Two scenarios (or stored results) on the same random numbers: what changes, and why",
       "foretoken compare chat.yaml --set engine.max_num_seqs=16", add_compare_command},
      {"studio", "A page on this computer: move a control, and see at once what it does",
       "foretoken studio chat.yaml --port 8080", add_studio_command},
      {"recommend", "Find the cheapest deployment that meets the objectives: found (0), none (99), not decided (98)",
       "foretoken recommend chat.yaml --over hardware.gpu=h100_sxm,l40s --top 3", add_recommend_command},
      {"explain",
       "Show resolved values with their origin, the memory plan, rooflines and floors; or where the time of slow "
       "requests went (--request)",
       "foretoken explain chat.yaml --request p99", add_explain_command},
      {"accuracy", "Hold predictions against files of measurements", "foretoken accuracy measured.csv --by cell",
       add_accuracy_command},
      {"validate", "Predicted beside measured, figure by figure, without a fit",
       "foretoken validate chat.yaml --measured measured.json --within 10%", add_validate_command},
      {"calibrate", "Fit a handful of cost terms to measured runs of your own deployment",
       "foretoken calibrate chat.yaml --measured measured.json --save my-fit.yaml", add_calibrate_command},
      {"catalog", "List the GPUs, models, links, engines and metrics that foretoken knows",
       "foretoken catalog gpus h100_sxm", add_catalog_command},
      {"schema", "Print the JSON Schema of scenario files, or of results",
       "foretoken schema result > result.schema.json", add_schema_command},
      {"completion", "Print the completion script of a shell",
       "foretoken completion bash > ~/.local/share/bash-completion/completions/foretoken", add_completion_command},
      {"man", "Print the manual page of a command, or of the program (troff)", "foretoken man run | man -l -",
       add_man_command},
  };
}

}  // namespace foretoken
