#include "format/store/unique_id.h"

#include <random>
#include <string_view>

namespace cyr::store {

std::string make_uniqueid() {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device source;
  std::uniform_int_distribution<std::size_t> pick(0, letters.size() - 1);
  std::string id(24, '0');
  for (auto& c : id) {
    c = letters[pick(source)];
  }
  return id;
}

}  // namespace cyr::store
