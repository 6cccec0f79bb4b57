// Runs W1 in the peer @doublewordai/inference-lab: node peer.mjs FOLDER REQUESTS [RATE [OUTPUT]].
// FOLDER holds its node_modules. Prints `requests_per_second X` of the simulation alone, without its start.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, requests, rate = '24.8', output = '256'] = process.argv.slice(2);
const home = resolve(folder, 'node_modules/@doublewordai/inference-lab');
const peer = await import(pathToFileURL(resolve(home, 'inference_lab.js')));
peer.initSync({ module: readFileSync(resolve(home, 'inference_lab_bg.wasm')) });

// Llama-3.1-8B on one H100 SXM, 16 bits; the scheduler's limits are W1's. The KV cache is what W1's memory plan has.
const config = {
  hardware: {
    name: 'H100', compute_flops: 989.4e12, memory_bandwidth: 3.35e12, memory_capacity: 80e9,
    kv_cache_capacity: 460272 * 131072, gpu_memory_utilization: 0.9, bytes_per_param: 2,
  },
  model: {
    name: 'Llama-3.1-8B', num_parameters: 8030261248, num_layers: 32, hidden_dim: 4096,
    num_heads: 32, num_kv_heads: 8, max_seq_len: 8192,
  },
  scheduler: {
    max_num_batched_tokens: 2048, max_num_seqs: 256, policy: 'fcfs', enable_chunked_prefill: true,
    long_prefill_token_threshold: 0, max_num_partial_prefills: 1, block_size: 16,
  },
  workload: {
    arrival_pattern: 'poisson', arrival_rate: Number(rate), num_requests: Number(requests), seed: 0,
    input_len_dist: { type: 'fixed', value: 512 }, output_len_dist: { type: 'fixed', value: Number(output) },
  },
  simulation: { log_interval: 1000000 },
};
const start = process.cpuUsage();
const result = peer.run_simulation(JSON.stringify(config));
const { user, system } = process.cpuUsage(start);
const seconds = (user + system) / 1e6;
const completed = result.metrics?.completed_requests ?? result.completed_requests;
if (completed !== undefined && completed !== Number(requests))
  console.error(`the peer completed ${completed} of ${requests} requests`);
if (process.env.PEER_SHOW) console.error(JSON.stringify(result, null, 1).slice(0, 3000));
console.log(`requests_per_second ${(Number(requests) / seconds).toFixed(0)}`);
