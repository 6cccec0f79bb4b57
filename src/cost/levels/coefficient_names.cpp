// The coefficients of every calibrated formula, in the order the formulas read them.
#include "foretoken/cost/calibration.hpp"

namespace foretoken {

const std::vector<OperationCoefficients>& calibrated_operations() {
  constexpr auto s = CoefficientName::Unit::seconds;
  constexpr auto bw = CoefficientName::Unit::bytes_per_second;
  using Names = std::vector<CoefficientName>;
  static const Names custom = {{"a1", s}, {"b1", s}, {"e1"}, {"a2", s}, {"b2", s}, {"e2"}};
  static const Names nccl = {{"aL", s}, {"bL", s}, {"eL"}, {"aS", s}, {"bS", s}, {"eS"}};
  static const Names elementwise = {{"t0", s}, {"x1"}, {"x2"}, {"x3"}};
  static const std::vector<OperationCoefficients> operations = {
      {"gemm", {{"t0", s}, {"ec"}, {"em"}, {"l2", bw}, {"tk", s}, {"p"}, {"ts", s}, {"bl"}, {"tq", s}, {"cq"}}, 2},
      {"attention_prefill", {{"t0", s}, {"ec"}, {"em"}, {"p"}, {"e64"}, {"tca", s}, {"bl"}, {"tb", s}}, 0},
      // l2 as a multiple of the memory bandwidth.
      {"attention_decode", {{"t0", s}, {"em"}, {"l2"}, {"tca", s}, {"p"}, {"bl"}, {"ts", s}, {"cg"}}, 0},
      {"attention_mixed", {{"t0", s}, {"ec"}, {"tb", s}, {"em"}, {"p"}, {"tca", s}, {"rr"}, {"bl"}}, 0},
      {"mla_prefill", {{"t0", s}, {"em"}, {"ec"}, {"p"}}, 0},
      {"mla_decode", {{"t0", s}, {"em"}, {"ec"}, {"p"}, {"tw", s}, {"rc"}, {"cq"}}, 2},
      // Beside the constant an efficiency of the memory bandwidth, of a scan one of the matrix units and the time of a
      // chunk.
      {"linear_update", {{"t0", s}, {"em"}}, 0},
      {"linear_conv", {{"t0", s}, {"em"}}, 0},
      {"linear_scan", {{"t0", s}, {"ec"}, {"tb", s}}, 0},
      {"moe", {{"t0", s}, {"ec"}, {"em"}, {"l2", bw}, {"p"}, {"ta"}, {"bl"}, {"tk", s}}, 0},
      {"allreduce_custom", custom, 0},
      {"allreduce_eager", custom, 0},
      {"allreduce_nccl", nccl, 0},
      {"allgather_nccl", nccl, 0},
      {"reducescatter_nccl", nccl, 0},
      {"alltoall_nccl", nccl, 0},
      {"elementwise_rmsnorm", elementwise, 0},
      {"elementwise_act", elementwise, 0},
      {"elementwise_add", elementwise, 0},
      {"elementwise_rope", elementwise, 0},
      {"elementwise_pass", elementwise, 0},
      {"p2p_nvlink", {{"t0", s}, {"bw", bw}}, 0},
      {"p2p_internode", {{"t0", s}, {"bw", bw}}, 0},
  };
  return operations;
}

const std::vector<CoefficientName>& roofline_coefficients() {
  static const std::vector<CoefficientName> names = {{"t0", CoefficientName::Unit::seconds}, {"ec"}, {"em"}};
  return names;
}

}  // namespace foretoken
