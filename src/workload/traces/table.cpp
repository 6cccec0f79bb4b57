// The table of trace formats, in the order in which `auto` tries them.
#include "workload/traces/trace.hpp"

namespace foretoken {

const std::vector<TraceFormat>& trace_formats() {
  static const std::vector<TraceFormat> formats{kAzureFormat, kBurstGptFormat, kPlainFormat, kMooncakeFormat,
                                                kShareGptFormat};
  return formats;
}

}  // namespace foretoken
