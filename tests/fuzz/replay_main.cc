// Runs a fuzz target over files instead of under libFuzzer: the corpus is part of the normal tests, with any
// compiler. Arguments are files or directories; a directory stands for the files below it. No file at all is
// a failure, so that a corpus that went missing is noticed.
#include <boost/filesystem/fstream.hpp>
#include <boost/filesystem/operations.hpp>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = boost::filesystem;

void replay(const fs::path& file) {
  fs::ifstream in(file, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  // A copy of exactly this size, so that a sanitizer sees a read past the end.
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  std::cout << file.filename().string() << " (" << bytes.size() << " bytes)" << std::endl;
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(&nothing, 0);
  std::size_t count = 0;
  for (const auto& argument : arguments) {
    if (!fs::is_directory(argument)) {
      replay(argument);
      ++count;
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argument)) {
      if (fs::is_regular_file(entry.path())) {
        replay(entry.path());
        ++count;
      }
    }
  }
  std::cout << count << " inputs replayed\n";
  return count == 0 ? 1 : 0;
}
