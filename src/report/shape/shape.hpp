// JSON Schema in the making: what a value of a result document may be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "foretoken/base/json.hpp"

namespace foretoken::shape {

// A figure that does not exist or is infinite is null; a count is always there.
[[nodiscard]] Json any();
[[nodiscard]] Json text();
[[nodiscard]] Json flag();
[[nodiscard]] Json count();
[[nodiscard]] Json figure();
[[nodiscard]] Json constant(std::string_view word);
[[nodiscard]] Json one_of(const std::vector<std::string_view>& words);
[[nodiscard]] Json list_of(Json element);
[[nodiscard]] Json map_of(Json value);  // of keys that the document itself decides: names of classes, fields, axes
[[nodiscard]] Json or_null(Json shape);
[[nodiscard]] Json either(const std::vector<Json>& shapes);
[[nodiscard]] Json ref(std::string_view definition);
[[nodiscard]] Json described(Json shape, std::string_view meaning);

// A key whose name ends in '?' may be absent.
struct Key {
  std::string name;
  Json shape;
};
using Keys = std::vector<Key>;
// These keys and no others.
[[nodiscard]] Json object(const Keys& keys);
// ... and those, which the document has where `flag` is true and may lack otherwise.
[[nodiscard]] Json object_when(const Keys& keys, std::string_view flag, const Keys& then);

// The objects that stand where `to_string` of an enumeration gives the word.
template <class Enum>
[[nodiscard]] Json words_of(std::initializer_list<Enum> values) {
  std::vector<std::string_view> words;
  for (const Enum value : values) words.push_back(to_string(value));
  return one_of(words);
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

// Of a value that a document takes as it is.
template <class Value>
[[nodiscard]] Json of_type() {
  if constexpr (IsOptional<Value>::value) {
    return of_type<typename Value::value_type>();
  } else if constexpr (std::is_same_v<Value, bool>) {
    return flag();
  } else if constexpr (std::is_integral_v<Value>) {
    return count();
  } else if constexpr (std::is_floating_point_v<Value>) {
    return figure();
  } else if constexpr (std::is_convertible_v<Value, std::string_view>) {
    return text();
  } else {
    return any();
  }
}

}  // namespace foretoken::shape
