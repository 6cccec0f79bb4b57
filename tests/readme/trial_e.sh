#!/bin/bash
# A gate in a pipeline: a change of the engine's flags must not break the objectives, and a stored answer must be
# the same tomorrow. Exit codes decide, so each is checked: 0 goes on, 99 stops, 98 nobody knows, 2 somebody mistyped.
source "$(dirname "$(realpath "$0")")/transcript.sh"

cat > service.yaml <<'YAML'
version: 1
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
replicas: 2
spare: 1
workload: {random_input_len: 1024, random_output_len: 128, random_range_ratio: 0.3, num_prompts: 1000, request_rate: 8}
slo: [p99_ttft <= 500 ms, p95_tpot <= 20 ms]
assert:
  - {name: answers in time, that: p99_ttft <= 500 ms}
  - {name: reads fluently, that: p95_tpot <= 20 ms}
YAML

heading "The objectives hold, also with a replica down"
try 0 check service.yaml
expect 'MEETS its objectives with 1 of 2 replicas down'
try 0 assert service.yaml --junit junit.xml
grep -q 'failures="0"' junit.xml || problem "junit.xml does not say failures=0"

heading "A change that breaks them stops the pipeline"
try 99 check service.yaml --set engine.max_num_seqs=2
try 99 assert service.yaml --set engine.max_num_seqs=2 --junit junit.xml
grep -q '<failure' junit.xml || problem "junit.xml names no failure"
try 99 check service.yaml --set 'slo=["p99_ttft <= 2 ms"]'
expect 'IMPOSSIBLE'

heading "Too small a budget decides nothing"
try 98 check service.yaml --set study.max_requests=200 --set 'slo=["p99_ttft <= 60 ms"]'

heading "A typing error is told from a miss"
try 2 check service.yaml --set engine.max_num_seq=2
expect 'did you mean'
try 2 check service.yaml --set spare=2
expect 'none is left to serve'

heading "The stored answer is the same, or it is said what changed"
try 0 run service.yaml --format json -o result.json
try 0 verify result.json
try 0 run service.yaml --set engine.max_num_seqs=4 --format json -o other.json
try 99 diff result.json other.json --exit-code

heading "A measurement of last night against the prediction"
"$program" run service.yaml --set cost.memory_efficiency_scale=0.95 --format vllm -o night.json 2>/dev/null || problem "no measurement"
try 0 validate service.yaml --measured night.json --within 20%
try 99 validate service.yaml --measured night.json --within 0.1%
verdict
