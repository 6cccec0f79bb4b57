// Numbers in sentences.
#pragma once

#include <string>

namespace foretoken {

// So many significant digits (1 to 15) as people write them: 27,840, 19.26, 0.00012; never 2.784e+04. Only what lies
// below 1e-9 or from 1e15 on has an exponent. "nan", "inf" and "-inf" for what is not finite.
[[nodiscard]] std::string plain_figure(double value, int digits = 4);

}  // namespace foretoken
