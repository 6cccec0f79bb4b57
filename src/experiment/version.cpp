// The build system knows the version; results name it.
#include "foretoken/experiment/version.hpp"

namespace foretoken {

std::string_view version() {
  return FORETOKEN_VERSION;
}

}  // namespace foretoken
