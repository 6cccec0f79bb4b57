// Kubernetes: apps/v1 Deployment, v1 Service and ConfigMap, leaderworkerset.x-k8s.io/v1 LeaderWorkerSet.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "report/emit/engine_files.hpp"
#include "study/import/command_words.hpp"

namespace foretoken {
namespace {

constexpr int kPort = 8000;

// A DNS label: lower case, digits and dashes, 63 at most.
std::string dns_label(const std::string& name) {
  std::string label;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain)
      label += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!label.empty() && label.back() != '-')
      label += '-';
  }
  label = label.substr(0, 50);
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label.empty() ? "llm" : label;
}

// The resource that the vendor's device plugin offers.
std::string resource_of(const std::string& gpu) {
  if (gpu.starts_with("mi")) return "amd.com/gpu";
  if (gpu.starts_with("gaudi")) return "habana.ai/gaudi";
  if (gpu.starts_with("tpu")) return "google.com/tpu";
  if (gpu.starts_with("ascend")) return "huawei.com/Ascend910";
  return "nvidia.com/gpu";
}

// Tags as the projects publish them: the first patch release.
std::string image_of(Program program, const std::string& release) {
  const bool patch = std::count(release.begin(), release.end(), '.') >= 2;
  const std::string tag = patch ? release : release + ".0";
  switch (program) {
    case Program::vllm:
      return "vllm/vllm-openai:v" + tag;
    case Program::sglang:
      return "lmsysorg/sglang:v" + tag;
    case Program::tensorrt_llm:
      return "nvcr.io/nvidia/tensorrt-llm/release:" + tag;
    case Program::vllm_bench:
      break;
  }
  return {};
}

std::int64_t resolved_number(const Scenario& s, std::string_view path, std::int64_t otherwise) {
  for (const ResolvedField& field : s.fields) {
    if (field.path == path && field.value.if_int() != nullptr) return *field.value.if_int();
  }
  return otherwise;
}

std::string yaml_word(const std::string& word) {
  return to_text(Json(word), 0);  // JSON is YAML
}

class Manifest {
 public:
  explicit Manifest(const TargetDeployment& target)
      : target_(target), s_(target.scenario), files_(engine_files(target)), name_(dns_label(s_.name)) {
    gpus_ = s_.deployment.parallelism.gpus();
    const auto per_node = static_cast<int>(resolved_number(s_, "hardware.gpus_per_node", 8));
    nodes_ = (gpus_ + per_node - 1) / std::max(1, per_node);
  }
  [[nodiscard]] int nodes() const { return nodes_; }

  std::string text() {
    std::string out = emit_comments(target_, files_);
    out += verification_comment(s_);
    if (!files_.options.empty()) out += "---\n" + config_map();
    out += "---\n" + (nodes_ > 1 ? leader_worker_set() : deployment());
    return out + "---\n" + service();
  }

 private:
  std::string config_map() const {
    std::string out = fmt::format("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}-options}}\ndata:\n  {}: |\n",
                                  name_, kOptionsFile);
    std::string_view rest = files_.options;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      out += fmt::format("    {}\n", rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
  }

  [[nodiscard]] std::vector<std::string> words() const {
    Diagnostics problems;
    std::vector<std::string> list;
    for (const CommandWords& command : split_commands(files_.line, "start line", problems)) {
      for (const CommandWord& word : command) list.push_back(word.text);
    }
    const std::string file(kOptionsFile);
    std::replace(list.begin(), list.end(), file, "/etc/llm/" + file);
    list.insert(list.end(), {"--host", "0.0.0.0", "--port", std::to_string(kPort)});
    return list;
  }

  // `indent`: of the list item.
  [[nodiscard]] std::string container(const std::string& indent, int gpus, const std::string& command,
                                      bool serves) const {
    std::string out = fmt::format("{}- name: engine\n", indent);
    const std::string in = indent + "  ";
    out += fmt::format("{}image: {}\n{}", in, image_of(target_.program, s_.engine.version), command);
    if (serves) {
      out += fmt::format("{}ports: [{{name: http, containerPort: {}}}]\n", in, kPort);
      // Weights of hundreds of GiB take their time.
      out += fmt::format(
          "{}startupProbe: {{httpGet: {{path: /health, port: http}}, periodSeconds: 10, "
          "failureThreshold: 180}}\n",
          in);
      out += fmt::format("{}readinessProbe: {{httpGet: {{path: /health, port: http}}, periodSeconds: 5}}\n", in);
      out += fmt::format(
          "{}livenessProbe: {{httpGet: {{path: /health, port: http}}, periodSeconds: 10, "
          "failureThreshold: 6}}\n",
          in);
    }
    out += fmt::format("{}resources:\n{}  limits: {{{}: {}}}\n{}  requests: {{{}: {}}}\n", in, in,
                       resource_of(s_.deployment.gpu.id), gpus, in, resource_of(s_.deployment.gpu.id), gpus);
    out += fmt::format(
        "{}env:\n{}  - name: HF_TOKEN\n{}    valueFrom: {{secretKeyRef: {{name: hf-token, key: token, "
        "optional: true}}}}\n",
        in, in, in);
    out += fmt::format("{}volumeMounts:\n{}  - {{name: shm, mountPath: /dev/shm}}\n", in, in);
    if (!files_.options.empty()) out += fmt::format("{}  - {{name: options, mountPath: /etc/llm}}\n", in);
    return out;
  }
  // NCCL needs more shared memory than a container has.
  [[nodiscard]] std::string volumes(const std::string& indent) const {
    std::string out = fmt::format("{}volumes:\n{}  - {{name: shm, emptyDir: {{medium: Memory}}}}\n", indent, indent);
    if (!files_.options.empty())
      out += fmt::format("{}  - {{name: options, configMap: {{name: {}-options}}}}\n", indent, name_);
    return out;
  }
  [[nodiscard]] static std::string command_of(const std::string& indent, const std::vector<std::string>& words) {
    std::string out = indent + "command:\n";
    for (const std::string& word : words) out += fmt::format("{}  - {}\n", indent, yaml_word(word));
    return out;
  }

  [[nodiscard]] std::string deployment() const {
    return fmt::format(
               "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {0}, labels: {{app: {0}}}}}\nspec:\n"
               "  replicas: {1}\n  selector: {{matchLabels: {{app: {0}}}}}\n  template:\n"
               "    metadata: {{labels: {{app: {0}}}}}\n    spec:\n      containers:\n",
               name_, replicas_in_all(s_)) +
           container("        ", gpus_, command_of("          ", words()), true) + volumes("      ");
  }

  [[nodiscard]] std::string leader_worker_set() const {
    const int per_node = gpus_ / nodes_;
    const std::string head = fmt::format(
        "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {{name: {}}}\nspec:\n"
        "  replicas: {}\n  leaderWorkerTemplate:\n    size: {}\n",
        name_, replicas_in_all(s_), nodes_);
    const auto pod = [&](const char* which, const std::string& role, const std::string& command, bool serves) {
      return fmt::format(
                 "    {}:\n      metadata: {{labels: {{app: {}, role: {}}}}}\n      spec:\n        containers:\n",
                 which, name_, role) +
             container("          ", per_node, command, serves) + volumes("        ");
    };
    const std::string in = "            ";
    if (target_.program == Program::sglang) {
      std::vector<std::string> list = words();
      list.insert(list.end(), {"--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)",
                               "--dist-init-addr", "$(LWS_LEADER_ADDRESS):20000"});
      return head + pod("leaderTemplate", "leader", command_of(in, list), true) +
             pod("workerTemplate", "worker", command_of(in, list), false);
    }
    // vLLM's ranks meet in a Ray cluster, which the script in its image makes.
    const std::string cluster = "bash /vllm-workspace/examples/online_serving/multi-node-serving.sh ";
    std::string serve;
    for (const std::string& word : words()) serve += (serve.empty() ? "" : " ") + word;
    return head +
           pod("leaderTemplate", "leader",
               command_of(in, {"sh", "-c",
                               cluster + "leader --ray_cluster_size=$(LWS_GROUP_SIZE); " + serve +
                                   " --distributed-executor-backend ray"}),
               true) +
           pod("workerTemplate", "worker",
               command_of(in, {"sh", "-c", cluster + "worker --ray_address=$(LWS_LEADER_ADDRESS)"}), false);
  }

  [[nodiscard]] std::string service() const {
    const std::string role = nodes_ > 1 ? ", role: leader" : "";
    return fmt::format(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {0}}}\nspec:\n  selector: {{app: {0}{1}}}\n"
        "  ports: [{{name: http, port: 80, targetPort: http}}]\n",
        name_, role);
  }

  const TargetDeployment& target_;
  const Scenario& s_;
  EngineFiles files_;
  std::string name_;
  int gpus_ = 1, nodes_ = 1;
};

}  // namespace

Result<std::string> to_manifest(const TargetDeployment& target) {
  Manifest manifest(target);
  if (manifest.nodes() > 1 && target.program == Program::tensorrt_llm) {
    Diagnostics problems;
    problems.error({target.scenario.name, 0, 0},
                   fmt::format("a replica of {} nodes: TensorRT-LLM starts its ranks with MPI, which no manifest of "
                               "containers alone says",
                               manifest.nodes()),
                   "`foretoken emit trtllm` has the line for mpirun or srun; vllm and sglang have manifests");
    return problems;
  }
  return manifest.text();
}

}  // namespace foretoken
