#!/bin/sh
# A reader of a text on serving metrics tries every term of it, one command each. `trial_a.sh PROGRAM SOURCE_FOLDER`.
. "$(dirname "$0")/trial_helpers.sh"
scenarios=$2/scenarios
on='--set model=Llama-2-7B --set hardware.gpu=a100_sxm'

cat >lone.yaml <<'YAML'
version: 1
model: Llama-2-7B
hardware: {gpu: a100_sxm}
workload: {random_input_len: 512, random_output_len: 100, num_prompts: 1}
YAML

ask "Prefill and decode: which is bound by what?"
show run lone.yaml --format csv
expect "prefill is compute-bound" "\"$(figure prefill_bound)\" == \"compute\""
expect "decode is memory-bound" "\"$(figure decode_bound)\" == \"memory\""

ask "TTFT, TPOT and E2E of one request: E2E = TTFT + TPOT x N"
lines=20 show run lone.yaml
show run lone.yaml --format csv
ttft=$(figure mean_ttft_ms) tpot=$(figure mean_tpot_ms) e2e=$(figure mean_e2el_ms)
expect "the parts sum to the whole" "($ttft + 100 * $tpot - $e2e) ^ 2 < 1e-4"
expect "the first token takes longer than the next" "$ttft > $tpot"

ask "Self-check: first token after 0.5 s, all 100 after 2.5 s: what is the TPOT?"
cat >selfcheck.yaml <<'YAML'
version: 1
engine: {name: vllm-v1, num_gpu_blocks_override: 1000, max_num_batched_tokens: 2048, async_scheduling: false}
cost: {level: affine, affine: {per_prefill_token: 0.5 ms, per_decode_token: 20.20202020 ms}}  # 99 gaps in 2 s
workload: {random_input_len: 1000, random_output_len: 100, num_prompts: 1}
YAML
show run selfcheck.yaml --format csv
expect "TTFT 500 ms" "($(figure mean_ttft_ms) - 500) ^ 2 < 0.01"
expect "E2E 2,500 ms" "($(figure mean_e2el_ms) - 2500) ^ 2 < 0.01"
expect "TPOT 20 ms" "($(figure mean_tpot_ms) - 20) ^ 2 < 1e-4"

ask "TPS and RPS of many users"
cat >many.yaml <<'YAML'
version: 1
model: Llama-2-7B
hardware: {gpu: a100_sxm}
workload: {random_input_len: 512, random_output_len: 100, num_prompts: 400, request_rate: 5}
YAML
show run many.yaml --format csv
expect "RPS = finished requests / time" "($(figure request_throughput) * $(figure duration) - $(figure completed)) ^ 2 < 1e-3"
expect "TPS = output tokens / time" "($(figure output_throughput) - 100 * $(figure request_throughput)) ^ 2 < 1e-3"
expect "the speed of one user is 1 / TPOT" "($(figure interactivity_tok_s) * $(figure mean_tpot_ms) - 1000) ^ 2 < 1e-3"

ask "Grades: is that fast for a person?"
lines=0 show run many.yaml --full
grep -E 'excellent|acceptable|slow|stuck|reading' answer | head -n 4
expect_text "a TTFT has a grade" 'excellent'
expect_text "a TPOT has a grade" 'faster than reading'

ask "The batch trade-off: throughput against the time of a token"
show sweep many.yaml --over engine.max_num_seqs=1,4,16,64 --set workload.request_rate=inf --format csv -q
expect "TPOT grows with the batch" "$(figure mean_tpot_ms 1) < $(figure mean_tpot_ms 2) && $(figure mean_tpot_ms 2) < $(figure mean_tpot_ms 4)"
expect "and so does TPS" "$(figure output_throughput 1) < $(figure output_throughput 2) && $(figure output_throughput 2) < $(figure output_throughput 4)"

ask "The largest batch with TPOT < 50 ms"
lines=6 show batch many.yaml --sizes 1,4,16,64,256 --set 'slo=[mean_tpot < 50 ms]' -q
expect_text "there is an answer" '^BATCH [0-9]'
expect_text "and a batch beyond it that misses" 'mean_tpot_ms is .*(missed)'

ask "Three uses: chat, code completion, summaries over night"
for use in chatbot code-completion offline-summarization; do
  show run "$scenarios/$use.yaml" --format csv -q --set workload.num_prompts=300
  printf '   %s: TTFT %s ms, TPOT %s ms, %s tok/s\n' "$use" "$(figure mean_ttft_ms)" "$(figure mean_tpot_ms)" "$(figure output_throughput)"
  expect "$use is served" "$(figure completed) == 300"
  eval "ttft_$(echo $use | cut -c 1-4)=$(figure p99_ttft_ms)"
done
expect "who waits over night waits longest for the first word" "$ttft_offl > $ttft_chat && $ttft_offl > $ttft_code"

ask "KV memory: how much does a request of 4,096 tokens hold?"
show memory $on --context 4096 --quantization none --kv-cache-dtype auto --json
expect "2 GiB in 16 bits" "$(sed -n 's/.*"kv_bytes_per_request": *\([0-9.e+]*\).*/\1/p' answer | head -n 1) == 2 * 1024 ^ 3"

ask "Quantisation: what does it do to memory and to a token?"
lines=14 show memory --set model=Llama-2-7B --gpu h100_sxm --context 4096 --quantization none,fp8 --kv-cache-dtype auto,fp8
show memory --set model=Llama-2-7B --gpu h100_sxm --context 4096 --quantization none,fp8 --kv-cache-dtype auto,fp8 --json
set -- $(sed -n 's/.*"requests": *\([0-9]*\),*/\1/p' answer)
expect "fp8 weights and KV hold more than twice the requests" "$4 > 2 * $1"
set -- $(sed -n 's/.*"tpot_alone_ms": *\([0-9.]*\),*/\1/p' answer)
expect "and a lone token is faster" "$4 < 0.8 * $1"

finish
