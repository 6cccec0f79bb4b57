#!/bin/bash
# A reader of a text on serving metrics tries every term of it, one command each. `trial_a.sh PROGRAM SOURCE_FOLDER`.
source "$(dirname "$(realpath "$0")")/transcript.sh"
scenarios=$2/scenarios
on='--set model=Llama-2-7B --set hardware.gpu=a100_sxm'

cat >lone.yaml <<'YAML'
version: 1
model: Llama-2-7B
hardware: {gpu: a100_sxm}
workload: {random_input_len: 512, random_output_len: 100, num_prompts: 1}
YAML

heading "Prefill and decode: which is bound by what?"
try 0 run lone.yaml --format csv
holds "prefill is compute-bound" "\"$(csv prefill_bound)\" == \"compute\""
holds "decode is memory-bound" "\"$(csv decode_bound)\" == \"memory\""

heading "TTFT, TPOT and E2E of one request: E2E = TTFT + TPOT x N"
lines=20 try 0 run lone.yaml
try 0 run lone.yaml --format csv
ttft=$(csv mean_ttft_ms) tpot=$(csv mean_tpot_ms) e2e=$(csv mean_e2el_ms)
holds "the parts sum to the whole" "($ttft + 100 * $tpot - $e2e) ^ 2 < 1e-4"
holds "the first token takes longer than the next" "$ttft > $tpot"

heading "Self-check: first token after 0.5 s, all 100 after 2.5 s: what is the TPOT?"
cat >selfcheck.yaml <<'YAML'
version: 1
engine: {name: vllm-v1, num_gpu_blocks_override: 1000, max_num_batched_tokens: 2048, async_scheduling: false}
cost: {level: affine, affine: {per_prefill_token: 0.5 ms, per_decode_token: 20.20202020 ms}}  # 99 gaps in 2 s
workload: {random_input_len: 1000, random_output_len: 100, num_prompts: 1}
YAML
try 0 run selfcheck.yaml --format csv
holds "TTFT 500 ms" "($(csv mean_ttft_ms) - 500) ^ 2 < 0.01"
holds "E2E 2,500 ms" "($(csv mean_e2el_ms) - 2500) ^ 2 < 0.01"
holds "TPOT 20 ms" "($(csv mean_tpot_ms) - 20) ^ 2 < 1e-4"

heading "TPS and RPS of many users"
cat >many.yaml <<'YAML'
version: 1
model: Llama-2-7B
hardware: {gpu: a100_sxm}
workload: {random_input_len: 512, random_output_len: 100, num_prompts: 400, request_rate: 5}
YAML
try 0 run many.yaml --format csv
holds "RPS = finished requests / time" "($(csv request_throughput) * $(csv duration) - $(csv completed)) ^ 2 < 1e-3"
holds "TPS = output tokens / time" "($(csv output_throughput) - 100 * $(csv request_throughput)) ^ 2 < 1e-3"
holds "the speed of one user is 1 / TPOT" "($(csv interactivity_tok_s) * $(csv mean_tpot_ms) - 1000) ^ 2 < 1e-3"

heading "Grades: is that fast for a person?"
lines=0 try 0 run many.yaml --full
grep -E 'excellent|acceptable|slow|stuck|reading' answer | head -n 4
expect 'excellent'
expect 'faster than reading'

heading "The batch trade-off: throughput against the time of a token"
try 0 sweep many.yaml --over engine.max_num_seqs=1,4,16,64 --set workload.request_rate=inf --format csv -q
holds "TPOT grows with the batch" "$(csv mean_tpot_ms 1) < $(csv mean_tpot_ms 2) && $(csv mean_tpot_ms 2) < $(csv mean_tpot_ms 4)"
holds "and so does TPS" "$(csv output_throughput 1) < $(csv output_throughput 2) && $(csv output_throughput 2) < $(csv output_throughput 4)"

heading "The largest batch with TPOT < 50 ms"
lines=6 try 0 batch many.yaml --sizes 1,4,16,64,256 --set 'slo=[mean_tpot < 50 ms]' -q
expect '^BATCH [0-9]'
expect 'mean_tpot_ms is .*\(missed\)'

heading "Three uses: chat, code completion, summaries over night"
for use in chatbot code-completion offline-summarization; do
  try 0 run "$scenarios/$use.yaml" --format csv -q --set workload.num_prompts=300
  printf '   %s: TTFT %s ms, TPOT %s ms, %s tok/s\n' "$use" "$(csv mean_ttft_ms)" "$(csv mean_tpot_ms)" "$(csv output_throughput)"
  holds "$use is served" "$(csv completed) == 300"
  eval "ttft_$(echo $use | cut -c 1-4)=$(csv p99_ttft_ms)"
done
holds "who waits over night waits longest for the first word" "$ttft_offl > $ttft_chat && $ttft_offl > $ttft_code"

heading "KV memory: how much does a request of 4,096 tokens hold?"
try 0 memory $on --context 4096 --quantization none --kv-cache-dtype auto --json
holds "2 GiB in 16 bits" "$(sed -n 's/.*"kv_bytes_per_request": *\([0-9.e+]*\).*/\1/p' answer | head -n 1) == 2 * 1024 ^ 3"

heading "Quantisation: what does it do to memory and to a token?"
lines=14 try 0 memory --set model=Llama-2-7B --gpu h100_sxm --context 4096 --quantization none,fp8 --kv-cache-dtype auto,fp8
try 0 memory --set model=Llama-2-7B --gpu h100_sxm --context 4096 --quantization none,fp8 --kv-cache-dtype auto,fp8 --json
set -- $(sed -n 's/.*"requests": *\([0-9]*\),*/\1/p' answer)
holds "fp8 weights and KV hold more than twice the requests" "$4 > 2 * $1"
set -- $(sed -n 's/.*"tpot_alone_ms": *\([0-9.]*\),*/\1/p' answer)
holds "and a lone token is faster" "$4 < 0.8 * $1"

verdict
