#!/bin/bash
# We have measured: does the model tell our machine, does a fit help, and does it hold at a load that it has not seen?
# The machine is the simulator with slower memory and a slower host, as nobody tells the fit.
source "$(dirname "$(realpath "$0")")/transcript.sh"

cat > service.yaml <<'YAML'
version: 1
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 800, random_output_len: 150, random_range_ratio: 0.5, num_prompts: 400, request_rate: 6}
YAML
machine="--set cost.memory_efficiency_scale=0.8 --set cost.per_step=900us"
for rate in 3 12 24; do
  "$program" run service.yaml --set cost.memory_efficiency_scale=0.8 --set cost.per_step=900us \
    --set workload.request_rate=$rate --seed $rate --format vllm -o "measured-$rate.json" || problem "no measurement at $rate"
done
echo "measured with $machine at 3, 12 and 24 requests/s"

heading "Is the prediction good enough as it stands?"
lines=20 try 99 validate service.yaml --measured measured-12.json --within 5%
expect '^Within [0-9.]+ % on all'
expect 'warm-up: vllm bench serve'
try 99 validate service.yaml --measured measured-12.json --within 5% --json
before=$(figure largest_error_pct)

heading "Fit two loads, and keep the third"
lines=16 try 0 calibrate service.yaml --measured measured-3.json measured-24.json --terms memory_efficiency_scale,per_step --save fit.yaml
expect 'foretoken validate'
lines=8 try 0 validate service.yaml --set cost.calibration=fit.yaml --measured measured-12.json --within 15%
try 0 validate service.yaml --set cost.calibration=fit.yaml --measured measured-12.json --within 15% --json
after=$(figure largest_error_pct)
echo "  largest error: $before % as it stood, $after % with the fit"
larger "$before" "$after" "the fit helps at a load that it has not seen"

heading "What it is not for is refused"
sed 's/"total_input_tokens": [0-9]*/"total_input_tokens": 100000/' measured-12.json > other.json
try 2 validate service.yaml --measured other.json
expect 'input tokens per request were measured'
try 2 compare service.yaml measured-12.json
expect 'foretoken validate service.yaml --measured measured-12.json'
verdict
