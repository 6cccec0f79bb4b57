// One callable from several, for std::visit: a variant's new alternative then fails to compile
// until it is handled.
#pragma once

namespace foretoken {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace foretoken
