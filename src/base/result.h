// Result<T> and TRY: how every fallible call in Skiff reports.
//
//   Result<std::string> read_name(const Path& p) {
//     std::string text = TRY(read_file(p));                 // returns the Error on failure
//     TRY_CONTEXT(check(text), cat("read ", p));            // ... with context in front
//     return text;
//   }
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace skiff {

template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
  using Base::operator*;
  using Base::value;
  // NOLINTNEXTLINE(google-explicit-constructor): `return Error(...)` is the idiom.
  Result(Error error) : Base(std::unexpect, std::move(error)) {}

  // Out of a temporary by value, where std::expected refers into it and the range of a loop,
  // `for (auto& x : *list())`, would be gone before its first turn.
  T operator*() && {
    if constexpr (!std::is_void_v<T>) return *static_cast<Base&&>(*this);
  }
  T value() && {
    if constexpr (std::is_void_v<T>) {
      static_cast<Base&&>(*this).value();
    } else {
      return static_cast<Base&&>(*this).value();
    }
  }

  // The result with context put before its error, if it is one.
  Result context(std::string_view what) && {
    if (!this->has_value()) std::move(this->error()).with_context(what);  // in place
    return std::move(*this);
  }
};

namespace detail {
template <typename T>
T take(Result<T>&& r) {
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}
}  // namespace detail

}  // namespace skiff

// Evaluates to the value of `expr`, or returns its Error from the calling function.
#define TRY(...) SKIFF_TRY_IMPL(SKIFF_TRY_NAME(__COUNTER__), (__VA_ARGS__), )

// TRY, with `what` (any string expression, evaluated only on failure) put before the error.
#define TRY_CONTEXT(expr, what) \
  SKIFF_TRY_IMPL(SKIFF_TRY_NAME(__COUNTER__), (expr), .with_context(what))

// A name of its own for each use, so that one TRY may stand inside another.
#define SKIFF_TRY_NAME(n) SKIFF_TRY_JOIN(try_result_, n)
#define SKIFF_TRY_JOIN(a, b) a##b
#define SKIFF_TRY_IMPL(name, expr, context)            \
  __extension__({                                      \
    auto&& name = expr;                                \
    if (!name) return std::move(name.error()) context; \
    ::skiff::detail::take(std::move(name));            \
  })
