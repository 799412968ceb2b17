#include "format/db/berkeley_pairs.h"

#include <algorithm>
#include <map>

namespace cyr::db::berkeley {

namespace {

constexpr std::uint32_t block_size = 512;  // bytes; what a disk writes or loses at once
constexpr std::uint32_t alignment = 4;     // of btree items

bool is_lost(Bytes page, const Item& item) { return has_lost_block(page, item.begin, item.end); }

// Where items begin, by following each one's end to the next, up to the end of the page. With a good head
// from the lowest item on; else the longest chain of items that ends exactly there.
std::vector<Item> tiles(const Page& page, bool head_lost) {
  std::vector<Item> out;
  const auto size = static_cast<std::uint32_t>(page.bytes().size());
  std::uint32_t at = page.head.hf_offset;
  if (head_lost) {
    std::vector<bool> reaches(size / alignment + 1);
    reaches[size / alignment] = true;
    at = size;
    for (std::uint32_t from = size; from > page_head_size + alignment; from -= alignment) {
      const auto item = page.leaf_item_at(from - alignment);
      if (item && item->end <= size && item->end % alignment == 0 && reaches[item->end / alignment]) {
        at = from - alignment;
        reaches[at / alignment] = true;
      }
    }
  }
  while (at < size) {
    auto item = page.leaf_item_at(at);
    if (!item || item->end <= at) {
      if (!out.empty()) {
        out.pop_back();  // ends where no item is: its length, or its end, is damaged
      }
      break;
    }
    at = item->end;
    out.push_back(std::move(*item));
  }
  return out;
}

struct Indexed {
  std::vector<std::optional<Item>> items;
  std::map<std::uint32_t, unsigned> starts;  // where items begin, and how many of the index say so
};

Indexed read_index(const Page& page) {
  Indexed out;
  for (unsigned i = 0; i < page.head.entries; ++i) {
    auto item = page.item(i);
    if (item) {
      ++out.starts[item->begin];
    }
    out.items.push_back(item ? std::optional(std::move(*item)) : std::nullopt);
  }
  return out;
}

bool is_sound(const Page& page, const Indexed& index, const std::optional<Item>& item) {
  if (!item || index.starts.at(item->begin) != 1 || is_lost(page.bytes(), *item)) {
    return false;
  }
  return item->end == page.bytes().size() || index.starts.contains(item->end);
}

// A run of tiles that no sound pair has, as pairs: a value lies before its key, since the key was put in
// first, from the end of the page down. A run with an end that is a key's is counted from there, else from
// its beginning if that is a value's.
void pair_up(const std::vector<Item>& run, bool good_end, bool good_begin, std::vector<PairItems>& out) {
  if (!good_end && !good_begin) {
    return;
  }
  for (std::size_t i = good_end ? run.size() % 2 : 0; i + 1 < run.size(); i += 2) {
    out.push_back({run[i + 1], run[i], false});
  }
}

void find_unindexed(const Page& page, bool head_lost, PagePairs& out) {
  std::map<std::uint32_t, bool> taken;  // whether the item is a value
  for (const PairItems& pair : out.sound) {
    taken[pair.key.begin] = false;
    taken[pair.value.begin] = true;
  }
  std::vector<PairItems> found;
  std::vector<Item> run;
  bool good_begin = !head_lost;
  std::uint32_t end = 0;
  for (const Item& tile : tiles(page, head_lost)) {
    end = tile.end;
    const auto known = taken.find(tile.begin);
    if (known == taken.end()) {
      run.push_back(tile);
      continue;
    }
    pair_up(run, known->second, good_begin, found);
    run.clear();
    good_begin = !known->second;
  }
  pair_up(run, end == page.bytes().size(), good_begin, found);
  for (PairItems& pair : found) {
    if (!is_lost(page.bytes(), pair.key) && !is_lost(page.bytes(), pair.value)) {
      out.unindexed.push_back(std::move(pair));
    }
  }
}

}  // namespace

bool has_lost_block(Bytes page, std::uint32_t begin, std::uint32_t end) {
  for (auto at = static_cast<std::uint32_t>(round_up(begin, block_size)); at + block_size <= end;
       at += block_size) {
    const Bytes block = page.subspan(at, block_size);
    if (std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; })) {
      return true;
    }
  }
  return false;
}

PagePairs leaf_pairs(const Page& page, bool head_lost) {
  PagePairs out;
  if (!head_lost) {
    const Indexed index = read_index(page);
    for (std::size_t i = 0; i + 1 < index.items.size(); i += 2) {
      if (is_sound(page, index, index.items[i]) && is_sound(page, index, index.items[i + 1])) {
        out.sound.push_back({*index.items[i], *index.items[i + 1]});
      } else {
        ++out.unsound;
      }
    }
  }
  if (head_lost || out.unsound > 0) {
    find_unindexed(page, head_lost, out);
  }
  return out;
}

PagePairs hash_pairs(const Page& page) {
  PagePairs out;
  const Indexed index = read_index(page);
  const auto sound = [&](std::size_t i) {
    const auto& item = index.items[i];
    // The item behind it in the page is the one before it in the index.
    return item && !is_lost(page.bytes(), *item) && (i == 0 || index.items[i - 1]);
  };
  for (std::size_t i = 0; i + 1 < index.items.size(); i += 2) {
    if (sound(i) && sound(i + 1)) {
      out.sound.push_back({*index.items[i], *index.items[i + 1]});
    } else {
      ++out.unsound;
    }
  }
  return out;
}

std::vector<bool> in_order(const std::vector<std::string_view>& keys, const KeyOrder& order) {
  // The usual way: tails[n] ends the run of n + 1 keys that ends lowest.
  std::vector<std::size_t> tails;
  std::vector<std::ptrdiff_t> before(keys.size(), -1);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto at =
        std::lower_bound(tails.begin(), tails.end(), keys[i],
                         [&](std::size_t tail, std::string_view key) { return order.less(keys[tail], key); });
    if (at != tails.begin()) {
      before[i] = static_cast<std::ptrdiff_t>(*std::prev(at));
    }
    if (at == tails.end()) {
      tails.push_back(i);
    } else {
      *at = i;
    }
  }
  std::vector<bool> out(keys.size());
  for (auto i = tails.empty() ? -1 : static_cast<std::ptrdiff_t>(tails.back()); i >= 0;
       i = before[static_cast<std::size_t>(i)]) {
    out[static_cast<std::size_t>(i)] = true;
  }
  return out;
}

}  // namespace cyr::db::berkeley
