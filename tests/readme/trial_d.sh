#!/bin/bash
# Three knobs, all combinations, and the Pareto front as CSV. `trial_d.sh PROGRAM SOURCE_FOLDER`.
source "$(dirname "$(realpath "$0")")/transcript.sh"

cat >service.yaml <<'YAML'
version: 1
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 1024, random_output_len: 128, num_prompts: 300, request_rate: 25}
slo: [p99_ttft <= 1 s, p95_tpot <= 30 ms]
YAML

heading "Batch, token budget and tensor parallelism: which combinations does no other beat?"
lines=60 try 0 sweep service.yaml -q --over engine.max_num_seqs=8,32,128 --over engine.max_num_batched_tokens=1024,4096 \
  --over engine.tensor_parallel_size=1,2 --front p99_ttft,tokens_per_s_per_gpu
expect '^Pareto front'

heading "The same as a file"
try 0 sweep service.yaml -q --over engine.max_num_seqs=8,32,128 --over engine.max_num_batched_tokens=1024,4096 \
  --over engine.tensor_parallel_size=1,2 --front p99_ttft,tokens_per_s_per_gpu --format csv
cut -d, -f 1-4 answer | head -n 3
cp answer pareto.csv
holds "twelve points" "$(wc -l <pareto.csv) == 13"
# Every point against every other: on the front are those, and only those, that none beats.
awk -F, '
  NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
  { ++n; x[n] = $at["p99_ttft_ms"]; y[n] = $at["tokens_per_s_per_gpu"]; front[n] = $at["on_front"] }
  END {
    wrong = 0; on = 0
    for (i = 1; i <= n; ++i) {
      beaten = 0
      for (j = 1; j <= n; ++j)
        if (x[j] + 0 <= x[i] + 0 && y[j] + 0 >= y[i] + 0 && (x[j] != x[i] || y[j] != y[i])) beaten = 1
      if ((front[i] == "true") == beaten) ++wrong
      on += front[i] == "true"
    }
    print wrong, on
  }' pareto.csv >counted
read -r wrong on <counted
holds "the front is what no point beats" "$wrong == 0"
holds "it has points, and leaves some out" "$on > 0 && $on < 12"

heading "And the load: where do the objectives break?"
lines=40 try 0 sweep service.yaml -q --over workload.request_rate=10,20..60
expect 'objectives met up to'

verdict
