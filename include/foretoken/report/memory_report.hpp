// The memory study as text and as a document.
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/text_style.hpp"
#include "foretoken/study/memory.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const MemoryStudy& study, const TextStyle& style = {});
// Schema foretoken.memory/1.
[[nodiscard]] Json to_json(const MemoryStudy& study);

}  // namespace foretoken
