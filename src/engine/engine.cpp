// The engine layer is templates; compiling them here keeps their headers self-contained.
#include "engine/run_loop.hpp"

namespace foretoken {

template class EventQueue<std::variant<std::monostate>>;

}  // namespace foretoken
