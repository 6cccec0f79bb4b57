#!/bin/bash
# A planner's afternoon: 40 requests/s of Qwen3-32B with 1,500 tokens in and 300 out, p95 TTFT below 1 s and p95 TPOT below
# 40 ms, over four kinds of GPUs at our own prices. What to rent, what if traffic doubles, what if a replica dies, how
# does the day look, and what does a month cost?
source "$(dirname "$(realpath "$0")")/transcript.sh"

cat > service.yaml <<'YAML'
version: 1
model: Qwen3-32B
hardware: {gpu: h100_sxm}
replicas: 2
spare: 1
engine: {max_model_len: 8192}
workload: {random_input_len: 1500, random_output_len: 300, request_rate: 40}
slo: [p95_ttft <= 1 s, p95_tpot <= 40 ms]
study: {max_requests: 150000}   # an afternoon, not a night: the default looks a hundred times as long
prices:
  gpu_hour: {h100_sxm: 2.6, h200_sxm: 3.4, a100_sxm: 1.5, l40s: 0.9}
  load_profile: [0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.7, 0.9, 1, 1, 1, 0.9, 1, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
recommend: {over: {hardware.gpu: [h100_sxm, h200_sxm, a100_sxm, l40s], engine.tensor_parallel_size: [2], replicas: [8, 10, 16]}}
YAML

heading "What should we rent, so that one replica may be down?"
lines=16 try 0 recommend service.yaml --top 3 --emit recommended
expect 'is the cheapest that meets'
expect 'holds with 1 of its replicas down'

heading "Does the winner hold with one down?"
try 0 check recommended/rank-1.yaml
expect 'MEETS its objectives with 1 of [0-9]+ replicas down'

heading "And when traffic doubles, or triples?"
try 0 capacity recommended/rank-1.yaml --precision 0.5 --load-factor 2
expect 'load x 2'
expect 'judged with 1 of [0-9]+ replicas down'
expect 'headroom: none'
try 99 check recommended/rank-1.yaml --load-factor 3 --no-fixes
expect 'MISSES its objectives with 1 of [0-9]+ replicas down'

heading "How does the day look on a tenth of it?"
sed -e 's/request_rate: 40/duration: 24 h, rate_profile: {period: 24 h, rates: [0.8, 0.8, 0.8, 0.8, 0.8, 1.2, 2, 2.8, 3.6, 4, 4, 4, 3.6, 4, 4, 4, 3.6, 3.2, 2.8, 2.4, 2, 1.6, 1.2, 0.8]}/' \
    -e '/^recommend/d' -e '/load_profile/d' service.yaml > day.yaml
lines=50 try 0 run day.yaml --full --set engine.tensor_parallel_size=2
expect 'worst hour [0-9]+:00'
expect 'hour .*req/s .*arrivals'
expect '23:00'
expect 'spare: this run has all 2 replicas'
try 0 run day.yaml --format json --set engine.tensor_parallel_size=2
[ "$(grep -c '"offered_request_rate"' <<<"$answer")" -ge 24 ] || problem "the document has fewer than 24 hours"

heading "What does a month cost, the spare included?"
lines=20 try 0 bill recommended/rank-1.yaml --set prices.capacity_per_replica=6
expect 're-sized every hour'
expect '1 of the replicas stands by'
verdict
